"""Whereabouts: everybody who may be in a picture, whether or not anybody follows them."""

from __future__ import annotations

from collections import deque

import numpy as np
import supervision as sv
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

_SAME = 0.3
"""Overlap from which a box of a moment ago is one of those that are there now."""


class Whereabouts:
    """Gathers one camera's boxes for those who hide people: rather one too many than one too few.

    A box is whatever the detector takes for a person, however unsure it is, and wherever a track
    is thought to be that has no box at the moment. A weak box that nobody follows flickers: it
    counts for some time after it was seen.

    Args:
        memory_seconds: for how long.
    """

    def __init__(self, *, memory_seconds: float = 1.0) -> None:
        self._memory = memory_seconds
        self._past: deque[tuple[float, Boxes]] = deque()

    def update(self, time: float, found: Boxes, presumed: Boxes) -> Boxes:
        """Takes what is known of a picture.

        Args:
            time: its capture time, seconds.
            found: float32[n, 4], every box the detector found in it, in pixels.
            presumed: the same, where tracks are thought to be.

        Returns:
            float32[n, 4], everybody who may be in it.
        """
        while self._past and not 0 <= time - self._past[0][0] <= self._memory:
            self._past.popleft()
        now = np.concatenate([found, _sound(presumed)]).astype(np.float32)
        before = [boxes for _, boxes in self._past]
        self._past.append((time, found))
        return np.concatenate([now, _without(np.concatenate(before), now)]) if before else now


def _sound(boxes: Boxes) -> Boxes:
    """Those that are boxes: a filter that has lost its track may think of anything."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes[np.isfinite(boxes).all(axis=1) & (sizes > 0).all(axis=1)]


def _without(boxes: Boxes, others: Boxes) -> Boxes:
    """The boxes that overlap with none of the others."""
    if not len(boxes) or not len(others):
        return boxes
    return boxes[sv.box_iou_batch(boxes, others).max(axis=1) < _SAME]
