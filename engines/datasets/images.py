"""Sets of single images, Market-1501 and MSMT17: one-frame clips, pseudo-tracklets in training."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from engines.datasets.layout import DatasetError, first_with, lines, pictures, require
from engines.datasets.tracklets import JUNK_PERSON, LabelledTracklet, RetrievalProblem

MARKET_NAME = re.compile(r"(?P<person>-1|\d{4})_c(?P<camera>\d)s(?P<sequence>\d)_(?P<frame>\d{6})")
"""Market-1501's `PPPP_cCsS_FFFFFF_DD.jpg`; -1 is junk, 0000 a distractor."""

MARKET_DISTRACTOR = 0
"""Background and people nobody asks for: they stay in the gallery and are never right."""

MSMT_NAME = re.compile(r"(?P<person>\d{4})_\d+_(?P<camera>\d{2})_(?P<sequence>\w+?)_(?P<frame>\d+)")
"""MSMT17's `PPPP_NNN_CC_MMDDdaytime_FFFF_D.jpg`."""

_MSMT_FOLDERS = {"train": "test", "mask_train_v2": "mask_test_v2"}
"""Version 2 of MSMT17 has the faces hidden."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """What the name of an image says; images of one sequence are near each other in time."""

    person: int
    camera: int
    sequence: str
    path: Path


def read_market1501(folder: Path) -> list[LabelledTracklet]:
    """Market-1501's images as pseudo-tracklets: one per person, camera and sequence.

    Args:
        folder: where the JPEG files lie (`bounding_box_train`).

    Raises:
        DatasetError: no file in `folder` shows a person and is named as in Market-1501.
    """
    people = [image for image in _market_images(folder) if image.person > MARKET_DISTRACTOR]
    return _pseudo_tracklets(people)


def market1501_training_folder(root: Path) -> Path:
    """`bounding_box_train` of the set's folder; or the folder itself if the images lie in it."""
    if root.is_dir() and any(MARKET_NAME.match(path.name) for path in root.iterdir()):
        return root
    return _market_root(root, "bounding_box_train") / "bounding_box_train"


def market1501_problem(root: Path) -> RetrievalProblem:
    """3,368 queries in a gallery of 19,732 images: 13,115 of people, distractors, and junk.

    Args:
        root: the set's folder, with `query` and `bounding_box_test`.

    Raises:
        DatasetError: one of the two is missing or empty.
    """
    root = _market_root(root, "query")
    query, gallery = require("Market-1501", root, ["query", "bounding_box_test"])
    return RetrievalProblem(
        "Market-1501", _single(_market_images(query)), _single(_market_images(gallery))
    )


def read_msmt17(root: Path) -> list[LabelledTracklet]:
    """The 1,041 people to train on, as pseudo-tracklets: one per person, camera and time of day.

    The set's own validation part belongs to them: its paper trains on all 32,621 images.

    Raises:
        DatasetError: a list or the folder of the images is missing.
    """
    root, images, _ = _msmt_folders(root)
    lists = require("MSMT17", root, ["list_train.txt", "list_val.txt"])
    return _pseudo_tracklets([image for path in lists for image in _msmt_images(path, images)])


def msmt17_problem(root: Path) -> RetrievalProblem:
    """11,659 queries in a gallery of 82,161 images of 3,060 people.

    Raises:
        DatasetError: a list or the folder of the images is missing.
    """
    root, _, images = _msmt_folders(root)
    query, gallery = (
        _single(_msmt_images(path, images))
        for path in require("MSMT17", root, ["list_query.txt", "list_gallery.txt"])
    )
    return RetrievalProblem("MSMT17", query, gallery)


def _market_root(root: Path, part: str) -> Path:
    return first_with("Market-1501", [root, root / "Market-1501-v15.09.15"], part)


def _market_images(folder: Path) -> list[LabelledImage]:
    """The images in a folder; files named otherwise (Thumbs.db) are none of the set."""
    images = [
        LabelledImage(int(name["person"]), int(name["camera"]), name["sequence"], path)
        for path in (pictures(folder) if folder.is_dir() else ())
        if (name := MARKET_NAME.match(path.name))
    ]
    if not images:
        raise DatasetError(
            f"{folder}: expected images named like 0002_c1s1_000451_03.jpg, found none"
        )
    return images


def _msmt_folders(root: Path) -> tuple[Path, Path, Path]:
    """Where the lists lie, the images to train on, and those to test on."""
    versions = [root, root / "MSMT17_V1", root / "MSMT17_V2"]
    root = first_with("MSMT17", versions, "list_train.txt")
    for train, test in _MSMT_FOLDERS.items():
        if (root / train).is_dir():
            training, testing = require("MSMT17", root, [train, test])
            return root, training, testing
    raise DatasetError(f"MSMT17: expected the folder train or mask_train_v2 under {root}")


def _msmt_images(path: Path, folder: Path) -> list[LabelledImage]:
    """The images of a list: lines of a path and a person's number."""
    return [_msmt_image(path, number, line, folder) for number, line in enumerate(lines(path), 1)]


def _msmt_image(path: Path, number: int, line: str, folder: Path) -> LabelledImage:
    image, _, person = line.rpartition(" ")
    name = MSMT_NAME.match(Path(image).name)
    if name is None or not person.isdecimal():
        raise DatasetError(
            f"{path}: line {number}: expected a line like "
            f"'0000/0000_000_01_0303morning_0008_0.jpg 0', found {line!r}"
        )
    return LabelledImage(int(person), int(name["camera"]), name["sequence"], folder / image)


def _single(images: Iterable[LabelledImage]) -> tuple[LabelledTracklet, ...]:
    return tuple(LabelledTracklet(image.person, image.camera, (image.path,)) for image in images)


def _pseudo_tracklets(images: Iterable[LabelledImage]) -> list[LabelledTracklet]:
    groups: dict[tuple[int, int, str], list[Path]] = defaultdict(list)
    for image in images:
        if image.person != JUNK_PERSON:
            groups[image.person, image.camera, image.sequence].append(image.path)
    return [
        LabelledTracklet(person, camera, tuple(sorted(paths, key=_frame)))
        for (person, camera, _), paths in sorted(groups.items())
    ]


def _frame(path: Path) -> tuple[int, str]:
    """Place in time; MSMT17 numbers the pictures of a person in another order."""
    names: Iterable[Callable[[str], re.Match[str] | None]] = (MARKET_NAME.match, MSMT_NAME.match)
    matches = (match(path.name) for match in names)
    return next((int(name["frame"]) for name in matches if name), 0), path.name
