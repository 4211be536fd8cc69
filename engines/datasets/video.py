"""Sets of tracklets with one published split: MARS and LS-VID."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engines.datasets.layout import DatasetError, is_picture, lines, natural_order, require
from engines.datasets.matlab import Numbers, read_matrix
from engines.datasets.tracklets import JUNK_PERSON, LabelledTracklet, RetrievalProblem

_LSVID_LISTS = {
    "list_sequence": "test/data/info_test.mat",
    "info/list_sequence": "info/data/info_test.mat",
}
"""The two ways LS-VID has been packed: folder of the lists, and where the queries' numbers are."""


def read_mars(root: Path) -> list[LabelledTracklet]:
    """The 8,298 tracklets of 625 people to train on.

    Raises:
        DatasetError: a part is missing, or a tracklet mixes people or cameras.
    """
    _, names, info = require(
        "MARS", root, ["bbox_train", "info/train_name.txt", "info/tracks_train_info.mat"]
    )
    tracks = read_matrix(info, "track_train_info", columns=4)
    tracklets = _mars_tracklets(root / "bbox_train", names, tracks)
    return [tracklet for tracklet in tracklets if tracklet.person != JUNK_PERSON]


def mars_problem(root: Path) -> RetrievalProblem:
    """1,980 queries among all 12,180 test tracklets, as the set's own evaluation code has it.

    The queries are part of the gallery: for 140 of them the only other camera's tracklet is
    another query. Of the gallery 870 tracklets are junk and 3,248 are distractors (person 0).

    Raises:
        DatasetError: a part is missing, or a tracklet mixes people or cameras.
    """
    parts = ["info/test_name.txt", "info/tracks_test_info.mat", "info/query_IDX.mat"]
    folder, names, info, query = require("MARS", root, ["bbox_test", *parts])
    gallery = _mars_tracklets(folder, names, read_matrix(info, "track_test_info", columns=4))
    asked = _chosen(query, read_matrix(query, "query_IDX").ravel(), gallery)
    return RetrievalProblem("MARS", asked, tuple(gallery))


def read_lsvid(root: Path) -> list[LabelledTracklet]:
    """The 2,831 tracklets of 842 people to train on.

    Raises:
        DatasetError: a list is missing, or has no pictures for one of its lines.
    """
    lists = _lsvid_lists(root)
    (path,) = require("LS-VID", root, [f"{lists}/list_seq_train.txt"])
    return _lsvid_tracklets(root, path)


def lsvid_problem(root: Path) -> RetrievalProblem:
    """3,504 queries among all test tracklets, themselves and 7,829 others.

    Raises:
        DatasetError: a part is missing, or the list has no pictures for one of its lines.
    """
    lists = _lsvid_lists(root)
    path, info = require("LS-VID", root, [f"{lists}/list_seq_test.txt", _LSVID_LISTS[lists]])
    gallery = _lsvid_tracklets(root, path)
    query = _chosen(info, read_matrix(info, "query").ravel(), gallery)
    return RetrievalProblem("LS-VID", query, tuple(gallery))


def _mars_tracklets(folder: Path, names: Path, tracks: Numbers) -> list[LabelledTracklet]:
    """Rows of `tracks` are first and last line in the list of names, from 1, person and camera."""
    images = lines(names)
    return [
        _mars_tracklet(folder, images[first - 1 : last], person, camera)
        for first, last, person, camera in tracks.tolist()
    ]


def _mars_tracklet(folder: Path, images: list[str], person: int, camera: int) -> LabelledTracklet:
    """One person and one camera per tracklet, which the names of all its images must confirm."""
    views = {(name[:4], name[5:6]) for name in images}
    expected = {(f"{person:04d}" if person != JUNK_PERSON else "00-1", str(camera))}
    if views != expected:
        found = ", ".join(f"{who}C{where}" for who, where in sorted(views)) or "none"
        raise DatasetError(
            f"MARS: {folder.name}: expected images of person {person} in camera {camera} alone, "
            f"found {found}"
        )
    return LabelledTracklet(person, camera, tuple(folder / name[:4] / name for name in images))


def _lsvid_lists(root: Path) -> str:
    """Which of the two ways of packing this is."""
    packed = [lists for lists in _LSVID_LISTS if (root / lists).is_dir()]
    if not packed:
        raise DatasetError(
            f"LS-VID: expected the folder {' or '.join(_LSVID_LISTS)} under {root}, found none"
        )
    return packed[0]


def _lsvid_tracklets(root: Path, path: Path) -> list[LabelledTracklet]:
    """Lines are the beginning of the pictures' paths and the person's number."""
    return [_lsvid_tracklet(root, path, line) for line in lines(path)]


def _lsvid_tracklet(root: Path, path: Path, line: str) -> LabelledTracklet:
    beginning, _, person = line.rpartition(" ")
    start = root / beginning
    found = sorted(filter(is_picture, start.parent.glob(f"{start.name}*")), key=natural_order)
    cameras = {_lsvid_camera(picture) for picture in found}
    if len(cameras) != 1:
        raise DatasetError(
            f"LS-VID: {path.name}: expected pictures of one camera at {beginning}*, "
            f"found {len(found)} pictures of {len(cameras)} cameras"
        )
    return LabelledTracklet(int(person), cameras.pop(), tuple(found))


def _lsvid_camera(picture: Path) -> int:
    """The third number of the name."""
    parts = picture.stem.split("_")
    if len(parts) < 4 or not parts[2].isdecimal():
        raise DatasetError(
            f"LS-VID: expected a picture named like 0001_0000_07_0000012.jpg, found {picture}"
        )
    return int(parts[2])


def _chosen(
    path: Path, numbers: Iterable[int], tracklets: list[LabelledTracklet]
) -> tuple[LabelledTracklet, ...]:
    """Tracklets by their numbers from 1."""
    wanted = [int(number) for number in numbers]
    wrong = [number for number in wanted if not 1 <= number <= len(tracklets)]
    if wrong:
        raise DatasetError(
            f"{path}: expected numbers of tracklets from 1 to {len(tracklets)}, found {wrong[0]}"
        )
    return tuple(tracklets[number - 1] for number in wanted)
