"""People as evidence about the ground: how high their boxes are, how far they go in a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from pipeline.mot import Table
from pipeline.quality import coverage

Array = NDArray[np.float64]

_BORDER = 3.0  # pixels: a box this near to the border may be cut off by it
_COVERED = 0.15  # share of a box behind somebody else from which its feet may be hidden
_WAVERS = 0.1  # relative: a box that differs more from its neighbours in time lacks a part
_AROUND = 2.0  # seconds of neighbours
_STRIDE = 1.2  # seconds: two steps, during which boxes waver to and fro
_GAP = 0.5  # seconds without a box that end a stride
_FEWEST = 4  # boxes a stride rests on
_MOST_STRIDES = 4000


@dataclass(frozen=True, slots=True)
class Strides:
    """Stretches of a second or so of people who are seen whole, as parallel arrays.

    Attributes:
        person: int64[n], whose stride it is; a track counts as a person.
        begin, end: float64[n, 4], the person's box at both ends, free of jitter, in pixels.
        seconds: float64[n], how long it took.
        jitter: float64[n], standard deviation in pixels of how far the lower edge went.
    """

    person: NDArray[np.int64]
    begin: Array
    end: Array
    seconds: Array
    jitter: Array

    def __len__(self) -> int:
        return len(self.person)

    def __getitem__(self, rows: NDArray[Any] | slice) -> Strides:
        """The strides of some rows, of a mask, or of a slice."""
        return Strides(
            self.person[rows],
            self.begin[rows],
            self.end[rows],
            self.seconds[rows],
            self.jitter[rows],
        )

    @property
    def middle(self) -> Array:
        """float64[n, 4], the person's box half-way."""
        return (self.begin + self.end) / 2

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(np.unique(self.person))

    def resampled(self, random: np.random.Generator) -> Strides:
        """As many people as there are, drawn with replacement; each copy counts as another."""
        drawn = random.choice(np.unique(self.person), self.people)
        order = np.argsort(self.person, kind="stable")
        first = np.searchsorted(self.person[order], drawn, side="left")
        last = np.searchsorted(self.person[order], drawn, side="right")
        rows = [order[a:b] for a, b in zip(first, last, strict=True)]
        copies = np.repeat(np.arange(len(drawn)), last - first)
        return replace(self[np.concatenate(rows)], person=copies)


def gather(table: Table, seconds: Array, size: tuple[int, int]) -> Strides:
    """Picks what can be relied on: boxes inside the picture, behind nobody, of steady height.

    Args:
        table: the boxes of one camera; an identity is a track.
        seconds: capture time of each row.
        size: width and height of the picture in pixels.
    """
    order = np.lexsort((seconds, table.identity))
    order = order[_whole(table, size)[order]]
    order = order[_steady(table.identity[order], seconds[order], table.xyxy[order])]
    track, time, boxes = table.identity[order], seconds[order], table.xyxy[order]
    found = [
        (track[rows[0]], *_stride(time[rows], boxes[rows]))
        for rows in _stretches(track, time)
        if len(rows) >= _FEWEST and np.ptp(time[rows]) >= _STRIDE / 2
    ]
    if not found:
        none = np.zeros(0)
        return Strides(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros((0, 4)), none, none)
    strides = Strides(*(np.array(column) for column in zip(*found, strict=True)))
    return strides[:: -(-len(strides) // _MOST_STRIDES)]


def _whole(table: Table, size: tuple[int, int]) -> NDArray[np.bool_]:
    width, height = size
    x1, y1, x2, y2 = table.xyxy.T
    inside = (x1 >= _BORDER) & (y1 >= _BORDER)
    inside &= (x2 <= width - _BORDER) & (y2 <= height - _BORDER)
    _, starts = np.unique(table.frame, return_index=True)
    frames = np.split(table.xyxy.astype(np.float32), starts[1:])
    covered = np.concatenate([coverage(boxes) for boxes in frames])
    result: NDArray[np.bool_] = inside & (covered < _COVERED)
    return result


def _steady(track: NDArray[np.int64], time: Array, boxes: Array) -> NDArray[np.bool_]:
    """False for boxes much lower or higher than their track's around that time."""
    steady = np.ones(len(track), bool)
    tall = boxes[:, 3] - boxes[:, 1]
    for rows in np.split(np.arange(len(track)), np.flatnonzero(np.diff(track)) + 1):
        if len(rows) >= _FEWEST:
            width = 1 + 2 * max(2, round(_AROUND / 2 / max(np.median(np.diff(time[rows])), 1e-3)))
            usual = median_filter(tall[rows], width, mode="nearest")
            steady[rows] = np.abs(tall[rows] / usual - 1) < _WAVERS
    return steady


def _stretches(track: NDArray[np.int64], time: Array) -> Iterator[NDArray[np.intp]]:
    """Rows of each stretch of `_STRIDE` seconds without a gap."""
    breaks = np.flatnonzero((np.diff(track) != 0) | (np.diff(time) > _GAP)) + 1
    for run in np.split(np.arange(len(track)), breaks):
        pieces = np.floor((time[run] - time[run[:1]]) / _STRIDE)
        yield from np.split(run, np.flatnonzero(np.diff(pieces)) + 1)


def _stride(time: Array, boxes: Array) -> tuple[Array, Array, float, float]:
    """Lines through the four edges over time, by the median slope (Theil and Sen)."""
    earlier, later = np.triu_indices(len(time), 1)
    apart = (time[later] - time[earlier])[:, None]
    slope = np.median((boxes[later] - boxes[earlier]) / apart, axis=0)
    since = (time - time[0])[:, None]
    begin = np.median(boxes - slope * since, axis=0)
    rest = (boxes - begin - slope * since)[:, 3]
    length = float(np.ptp(time))
    deviation = 1.4826 * np.median(np.abs(rest)) * length / (time.std() * np.sqrt(len(time)))
    return begin, begin + slope * length, length, float(deviation)
