"""Sets of two cameras whose people are halved ten times: iLIDS-VID and PRID2011.

The mean over the ten splits is the protocol; a single split is not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.datasets.layout import DatasetError, first_with, pictures, require
from engines.datasets.matlab import read_matrix
from engines.datasets.tracklets import LabelledTracklet, RetrievalProblem

SPLITS = 10

Halves = tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]
"""Names of the people to train on and to test on, split by split."""

PRID_LEAST_FRAMES = 28
"""People with more than 27 frames in both cameras: 178 of the first 200."""

_PRID_SPLITS = "splits_prid2011.json"
_ILIDS_SPLITS = "train-test people splits/train_test_splits_ilidsvid.mat"


@dataclass(frozen=True, slots=True)
class SplitSet:
    """A set of two cameras.

    Attributes:
        name: what it is called in tables.
        cameras: folders of the two; each has a folder per person.
        train, test: names of the people of each split.
    """

    name: str
    cameras: tuple[Path, Path]
    train: tuple[tuple[str, ...], ...]
    test: tuple[tuple[str, ...], ...]

    def training(self, split: int) -> list[LabelledTracklet]:
        """The tracklets to train on.

        Raises:
            DatasetError: there is no such split, or somebody in it has no pictures.
        """
        if not 0 <= split < len(self.train):
            raise DatasetError(
                f"{self.name}: expected a split from 0 to {len(self.train) - 1}, found {split}"
            )
        both = (self._tracklets(self.train[split], camera) for camera in (0, 1))
        return [tracklet for pair in zip(*both, strict=True) for tracklet in pair]

    def problems(self) -> list[RetrievalProblem]:
        """One problem per split: the first camera's people are searched in the second."""
        return [
            RetrievalProblem(
                f"{self.name} split {number}",
                self._tracklets(people, 0),
                self._tracklets(people, 1),
            )
            for number, people in enumerate(self.test)
        ]

    def _tracklets(self, people: Sequence[str], camera: int) -> tuple[LabelledTracklet, ...]:
        return tuple(self._tracklet(person, camera) for person in people)

    def _tracklet(self, person: str, camera: int) -> LabelledTracklet:
        """Numbers are the same in every split, so that a tracklet is embedded only once."""
        folder = self.cameras[camera] / person
        paths = pictures(folder) if folder.is_dir() else ()
        if not paths:
            raise DatasetError(
                f"{self.name}: expected pictures of {person} at {folder}, found none"
            )
        return LabelledTracklet(_number(person), camera, paths)


def read_ilidsvid(root: Path) -> SplitSet:
    """300 people in two cameras of an airport; half of them are trained on, ten times.

    The official file names people by their place in the sorted list of folders; the first half of
    each row is tested on.

    Args:
        root: holds `i-LIDS-VID` and `train-test people splits`.

    Raises:
        DatasetError: a part is missing, or the file of splits does not fit the folders.
    """
    parts = ["i-LIDS-VID/sequences/cam1", "i-LIDS-VID/sequences/cam2", _ILIDS_SPLITS]
    first, second, file = require("iLIDS-VID", root, parts)
    rows = read_matrix(file, "ls_set").tolist()
    people = sorted(path.name for path in first.iterdir() if path.is_dir())
    if sorted(rows[0]) != list(range(1, len(people) + 1)):
        raise DatasetError(
            f"{file}: expected every one of the {len(people)} people of cam1 once in a split, "
            f"found {len(rows[0])} numbers up to {max(rows[0])}"
        )
    named = [[people[number - 1] for number in row] for row in rows]
    half = len(people) // 2
    return SplitSet(
        "iLIDS-VID",
        (first, second),
        train=tuple(tuple(row[half:]) for row in named),
        test=tuple(tuple(row[:half]) for row in named),
    )


def read_prid2011(root: Path) -> SplitSet:
    """178 people who are long enough in both of two street cameras; 89 are trained on, ten times.

    Args:
        root: holds `prid_2011/multi_shot` and the published `splits_prid2011.json`, a list of
            objects with the folders of the people to `train` and to `test`. Without that file the
            people are halved at random, always the same way, and the name of the set says so:
            such figures are close to published ones, not the same.

    Raises:
        DatasetError: a camera is missing, or the file of splits is not one.
    """
    cameras = first_with("PRID2011", [root / "prid_2011", root], "multi_shot") / "multi_shot"
    first, second = require("PRID2011", cameras, ["cam_a", "cam_b"])
    file = root / _PRID_SPLITS
    if file.exists():
        train, test = _prid_splits(file)
        return SplitSet("PRID2011", (first, second), train, test)
    train, test = _random_halves(_long_enough(first, second))
    return SplitSet("PRID2011 (own splits)", (first, second), train, test)


def _prid_splits(file: Path) -> Halves:
    try:
        splits = json.loads(file.read_text())
        train, test = (tuple(tuple(split[part]) for split in splits) for part in ("train", "test"))
    except (ValueError, TypeError, KeyError):
        raise DatasetError(
            f"{file}: expected a list of objects with train and test, each a list of folders"
        ) from None
    return train, test


def _long_enough(first: Path, second: Path) -> list[str]:
    """People with enough frames in both cameras, by the names of their folders."""
    people = [path.name for path in sorted(first.iterdir()) if (second / path.name).is_dir()]
    long = [
        person
        for person in people
        if min(len(pictures(first / person)), len(pictures(second / person))) >= PRID_LEAST_FRAMES
    ]
    if len(long) < 2:
        raise DatasetError(
            f"PRID2011: expected people with {PRID_LEAST_FRAMES} frames in both cameras under "
            f"{first.parent}, found {len(long)}"
        )
    return long


def _random_halves(people: Sequence[str]) -> Halves:
    rng = np.random.default_rng(0)
    draws = [rng.permutation(people).tolist() for _ in range(SPLITS)]
    half = len(people) // 2
    return (
        tuple(tuple(sorted(draw[:half])) for draw in draws),
        tuple(tuple(sorted(draw[half:])) for draw in draws),
    )


def _number(person: str) -> int:
    """The number in a folder's name, such as person001."""
    digits = "".join(character for character in person if character.isdecimal())
    if not digits:
        raise DatasetError(
            f"expected a person's folder with a number in its name, found {person!r}"
        )
    return int(digits)
