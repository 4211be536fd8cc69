"""Sets of one's own: a JSON list of tracklets, or a folder per person and camera."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engines.datasets.layout import DatasetError, natural_order, pictures
from engines.datasets.tracklets import JUNK_PERSON, LabelledTracklet

JUNK_FOLDER = "-1"
"""A person's folder of this name holds what is ignored in the gallery."""

_KEYS = {"pid", "camid", "img_paths"}


def read_tracklet_list(path: Path, *, root: Path) -> list[LabelledTracklet]:
    """Tracklets from a JSON list of objects with `pid`, `camid` and `img_paths`.

    Args:
        path: the JSON file.
        root: what `img_paths` are relative to.

    Raises:
        DatasetError: there is no such file, it is no JSON list, or an entry lacks one of the three
            keys or has no images.
    """
    return [
        LabelledTracklet(
            int(entry["pid"]),
            int(entry["camid"]),
            tuple(root / name for name in entry["img_paths"]),
        )
        for entry in _checked_entries(path)
    ]


def _checked_entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(path.read_text())
    except FileNotFoundError:
        raise DatasetError(f"{path}: expected a JSON list of tracklets, found no file") from None
    except ValueError as error:
        raise DatasetError(f"{path}: expected a JSON list of tracklets, found: {error}") from None
    if not isinstance(entries, list):
        raise DatasetError(
            f"{path}: expected a list of tracklets, found a {type(entries).__name__}"
        )
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry.keys() >= _KEYS or not entry["img_paths"]:
            found = ", ".join(sorted(entry)) if isinstance(entry, dict) else str(entry)
            raise DatasetError(
                f"{path}: entry {number}: expected pid, camid and a list of img_paths, "
                f"found {found}"
            )
    return entries


def read_tracklet_folder(root: Path) -> list[LabelledTracklet]:
    """Tracklets from folders: `PERSON/CAMERA/pictures` or `PERSON/CAMERA/TRACKLET/pictures`.

    The folders may have any names. Folders that are all named by numbers keep them; others are
    numbered from 0 in the order of their names. A person called -1 is junk.

    Raises:
        DatasetError: no pictures lie that deep.
    """
    return read_tracklet_folders([root])[0]


def read_tracklet_folders(roots: Sequence[Path]) -> list[list[LabelledTracklet]]:
    """Several such folders whose people and cameras are the same when they are named alike.

    Raises:
        DatasetError: one of them has no pictures.
    """
    found = [_found_tracklets(root) for root in roots]
    people = _numbers({each.person for part in found for each in part} - {JUNK_FOLDER})
    cameras = _numbers({each.camera for part in found for each in part})
    people[JUNK_FOLDER] = JUNK_PERSON
    return [
        [LabelledTracklet(people[each.person], cameras[each.camera], each.paths) for each in part]
        for part in found
    ]


def read_loose_crops(folder: Path) -> list[Path]:
    """All JPEG crops under `folder`, nobody knows of whom."""
    return sorted(folder.rglob("*.jpg"))


class _Found(NamedTuple):
    """A tracklet by the names of its folders."""

    person: str
    camera: str
    paths: tuple[Path, ...]


def _found_tracklets(root: Path) -> list[_Found]:
    found = [
        _Found(person.name, camera.name, paths)
        for person in _folders(root)
        for camera in _folders(person)
        for paths in _tracklets(camera)
    ]
    if not found:
        raise DatasetError(f"{root}: expected pictures as PERSON/CAMERA/picture.jpg, found none")
    return found


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if path.is_dir()), key=natural_order)


def _tracklets(camera: Path) -> Iterator[tuple[Path, ...]]:
    """The pictures of a camera's folder as one tracklet, those of each folder in it as another."""
    for folder in (camera, *_folders(camera)):
        if paths := pictures(folder):
            yield paths


def _numbers(names: set[str]) -> dict[str, int]:
    if all(name.isdecimal() for name in names) and len({int(name) for name in names}) == len(names):
        return {name: int(name) for name in names}
    ordered = sorted(names, key=lambda name: natural_order(Path(name)))
    return {name: number for number, name in enumerate(ordered)}
