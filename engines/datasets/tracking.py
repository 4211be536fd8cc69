"""People in annotated video, as a trial of another kind of scene: a track's start against its end.

One camera sees everybody once, so who is searched is separated in time, not by cameras: the first
two fifths of a track count as one camera, the last two fifths as another, of each video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count, groupby
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.datasets.layout import DatasetError
from engines.datasets.tracklets import LabelledTracklet
from pipeline.mot import UNCATEGORISED, Table, read_table

PERSON = 1
"""MOTChallenge class of pedestrians."""

MOST_HIDDEN = 0.5
"""Share of a box that people further in front may cover."""

LEAST_INSIDE = 0.7
"""Share of a box that must lie in the picture."""

WIDEST = 0.8
"""Width of a box by its height; a wider one shows a part of somebody, cut off by the picture."""

LEAST_BOXES = 20
"""A track with fewer usable boxes has no beginning and end apart in time."""

_SMALLEST = (8, 16)
"""Width and height in pixels under which a box shows nobody."""


def cut_tracklets(
    video: Path, truth: Path, folder: Path, *, pictures: int = 12, first_person: int = 0
) -> list[LabelledTracklet]:
    """Cuts the people out of a video, twice each: early and late.

    Args:
        video: any file OpenCV reads; its frame n is frame n of the ground truth.
        truth: MOTChallenge ground truth; only rows of confidence 1, and of class 1 where the file
            has classes, count.
        folder: the pictures are written here.
        pictures: how many of each part, evenly over its time.
        first_person: people are numbered from here, so that several videos make one gallery.

    Returns:
        two tracklets per person: camera 0 is the first two fifths of the track, 1 the last.

    Raises:
        DatasetError: the video cannot be read, or is too short for the ground truth.
    """
    table = _usable(read_table(truth), _size(video))
    parts = list(_parts(table, pictures))
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        row: folder / f"{table.identity[row]}_{table.frame[row]:06d}.png"
        for row in sorted(chain.from_iterable(chain.from_iterable(parts)))
    }
    _cut(video, table, names)
    return [
        LabelledTracklet(first_person + number, part, tuple(names[row] for row in rows))
        for number, halves in enumerate(parts)
        for part, rows in enumerate(halves)
    ]


def _usable(table: Table, size: tuple[int, int]) -> Table:
    """Rows that show a person, mostly in view and large enough; boxes end with the picture."""
    category = (table.category == PERSON) | (table.category == UNCATEGORISED)
    people = table[(table.confidence > 0) & category]
    inside = people.xyxy.clip(min=0, max=[*size, *size])
    sides = inside[:, 2:] - inside[:, :2]
    whole = (people.xyxy[:, 2:] - people.xyxy[:, :2]).prod(axis=1)
    upright = sides[:, 0] <= WIDEST * sides[:, 1]
    large = (sides >= _SMALLEST).all(axis=1)
    usable = large & upright & (sides.prod(axis=1) >= LEAST_INSIDE * whole)
    people = replace(people, xyxy=inside)
    return people[usable & (hidden_shares(people) <= MOST_HIDDEN)]


def hidden_shares(table: Table) -> npt.NDArray[np.float64]:
    """What share of each box those of people further in front cover, float64[N], at most 1.

    Not all ground truth says who is visible. Whoever has the lower feet is nearer to the camera;
    people in front who overlap each other count twice.
    """
    bounds = np.flatnonzero(np.diff(table.frame)) + 1
    frames = np.split(table.xyxy, bounds)
    return np.concatenate([_hidden_in_frame(boxes) for boxes in frames])


def _hidden_in_frame(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    sides = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner
    overlap = sides.clip(min=0).prod(axis=2)
    in_front = boxes[None, :, 3] > boxes[:, None, 3]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    covered = (overlap * in_front).sum(axis=1)
    return np.asarray(np.minimum(1.0, covered / np.maximum(area, 1.0)))


def _parts(table: Table, pictures: int) -> Iterator[tuple[list[int], list[int]]]:
    """Rows of the first and of the last two fifths of each long track."""
    for identity in np.unique(table.identity):
        rows = np.flatnonzero(table.identity == identity)
        if len(rows) >= LEAST_BOXES:
            fifth = len(rows) // 5
            yield _evenly(rows[: 2 * fifth], pictures), _evenly(rows[-2 * fifth :], pictures)


def _evenly(rows: npt.NDArray[np.int64], pictures: int) -> list[int]:
    places = np.unique(np.linspace(0, len(rows) - 1, pictures).round().astype(np.int64))
    return [int(row) for row in rows[places]]


def _cut(video: Path, table: Table, names: dict[int, Path]) -> None:
    """Writes the chosen rows' boxes; rows are sorted by frame."""
    frames = _frames(video)
    for frame, rows in groupby(names, key=lambda row: int(table.frame[row])):
        picture = next((picture for number, picture in frames if number == frame), None)
        if picture is None:
            raise DatasetError(f"{video}: expected a frame {frame}, as in its ground truth")
        for row in rows:
            left, top, right, bottom = table.xyxy[row].round().astype(int)
            cv2.imwrite(str(names[row]), picture[top:bottom, left:right])


def _size(video: Path) -> tuple[int, int]:
    """Width and height of the pictures."""
    capture = cv2.VideoCapture(str(video))
    size = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if not capture.isOpened() or not all(size):
        raise DatasetError(f"{video}: expected a video, found nothing that can be decoded")
    return int(size[0]), int(size[1])


def _frames(video: Path) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The frames with their numbers, from 1."""
    capture = cv2.VideoCapture(str(video))
    for number in count(1):
        found, picture = capture.read()
        if not found:
            return
        yield number, np.asarray(picture, dtype=np.uint8)
