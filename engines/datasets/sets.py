"""Every kind of set by its name: what to train on, and what to measure."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from engines.datasets.images import (
    market1501_problem,
    market1501_training_folder,
    msmt17_problem,
    read_market1501,
    read_msmt17,
)
from engines.datasets.layout import DatasetError, first_with
from engines.datasets.lists import read_tracklet_folder, read_tracklet_folders, read_tracklet_list
from engines.datasets.splits import read_ilidsvid, read_prid2011
from engines.datasets.tracklets import JUNK_PERSON, LabelledTracklet, RetrievalProblem
from engines.datasets.video import lsvid_problem, mars_problem, read_lsvid, read_mars

Kind = Literal["market1501", "msmt17", "mars", "lsvid", "ilidsvid", "prid2011", "folder", "list"]
KINDS: tuple[str, ...] = get_args(Kind)


def read_training_set(kind: str, folder: Path, *, split: int = 0) -> list[LabelledTracklet]:
    """The part of a set that is trained on; nobody in it is junk or a distractor.

    Args:
        kind: one of `KINDS`.
        folder: where the set lies; for `list` a single JSON file will do as well.
        split: of iLIDS-VID and PRID2011, 0 to 9.

    Raises:
        DatasetError: there is no such kind, or a part of the set is missing.
    """
    everybody = _read_training_set(_checked(kind), folder, split)
    return [tracklet for tracklet in everybody if tracklet.person != JUNK_PERSON]


def read_problems(kind: str, folder: Path) -> list[RetrievalProblem]:
    """What a set is measured by.

    Args:
        kind: one of `KINDS`.
        folder: where the set lies.

    Returns:
        one problem; for iLIDS-VID and PRID2011 one per split, whose scores are to be averaged.

    Raises:
        DatasetError: there is no such kind, or a part of the set is missing.
    """
    match _checked(kind):
        case "market1501":
            return [market1501_problem(folder)]
        case "msmt17":
            return [msmt17_problem(folder)]
        case "mars":
            return [mars_problem(folder)]
        case "lsvid":
            return [lsvid_problem(folder)]
        case "ilidsvid":
            return read_ilidsvid(folder).problems()
        case "prid2011":
            return read_prid2011(folder).problems()
        case "folder":
            return [_folder_problem(folder)]
        case _:
            return [_list_problem(folder)]


def _read_training_set(kind: str, folder: Path, split: int) -> list[LabelledTracklet]:
    match kind:
        case "market1501":
            return read_market1501(market1501_training_folder(folder))
        case "msmt17":
            return read_msmt17(folder)
        case "mars":
            return read_mars(folder)
        case "lsvid":
            return read_lsvid(folder)
        case "ilidsvid":
            return read_ilidsvid(folder).training(split)
        case "prid2011":
            return read_prid2011(folder).training(split)
        case "folder":
            return read_tracklet_folder(folder / "train" if _has_parts(folder) else folder)
        case _:
            return _read_list(folder, "train")


def _checked(kind: str) -> str:
    if kind not in KINDS:
        raise DatasetError(f"expected a kind of set ({', '.join(KINDS)}), found {kind!r}")
    return kind


def _has_parts(folder: Path) -> bool:
    return (folder / "train").is_dir() or (folder / "query").is_dir()


def _folder_problem(folder: Path) -> RetrievalProblem:
    """`query` and `gallery`, or everybody against everybody; cameras are numbered over both."""
    if not _has_parts(folder):
        everybody = tuple(read_tracklet_folder(folder))
        return RetrievalProblem(folder.name, everybody, everybody)
    query, gallery = read_tracklet_folders([folder / "query", folder / "gallery"])
    return RetrievalProblem(folder.name, tuple(query), tuple(gallery))


def _list_problem(folder: Path) -> RetrievalProblem:
    if folder.is_file():
        everybody = tuple(_read_list(folder, ""))
        return RetrievalProblem(folder.stem, everybody, everybody)
    query, gallery = (tuple(_read_list(folder, part)) for part in ("query", "gallery"))
    return RetrievalProblem(folder.name, query, gallery)


def _read_list(path: Path, part: str) -> list[LabelledTracklet]:
    """A JSON file, or the one called `part` in a folder or its `gtPepper`."""
    if path.is_file():
        root = path.parent.parent if path.parent.name == "gtPepper" else path.parent
        return read_tracklet_list(path, root=root)
    name = f"{part}.json"
    lists = first_with("list of tracklets", [path, path / "gtPepper"], name)
    return read_tracklet_list(lists / name, root=path)
