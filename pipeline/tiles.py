"""Tiles: a large picture cut into overlapping parts for a small detector, and its boxes put
together again.

A person on a border between tiles is seen by several of them, whole by some and cut by others.
The whole ones win; of somebody whom no tile saw whole, the parts are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.25
"""Part of a tile that it shares with the next one."""

MAX_COLUMNS = 4
"""`auto` never makes more: every tile costs as much time as a whole picture."""

SAME_PERSON_IOU = 0.6
"""Two boxes that overlap more are the same person (intersection over union)."""

PART_INSIDE = 0.7
"""A cut box that lies inside another box to this extent is a part of it."""

PARTS_ALIGNED = 0.5
"""Two cut boxes from both sides of a border are one person if they share this part of the
shorter one's extent along the border."""

_WIDEST = 1.05
"""A tile of `auto` may be this much wider than high: two columns of 16:9 are 1.02 times."""

_TOUCHES = 0.02
"""A box that ends this close to the border of its tile, as a part of the tile, is cut by it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture, in whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """This part of a picture uint8[H, W, 3]; a view, nothing is copied."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def cut_grid(size: tuple[int, int], columns: int, rows: int) -> tuple[Tile, ...]:
    """Covers a picture with a grid of equal tiles that overlap by `OVERLAP`, row by row.

    Several rows are followed by one tile that is the whole picture.
    """
    width, height = size
    grid = [
        Tile(x, y, right - x, bottom - y)
        for y, bottom in _spans(height, rows)
        for x, right in _spans(width, columns)
    ]
    return (*grid, Tile(0, 0, width, height)) if rows > 1 else tuple(grid)


def auto_columns(size: tuple[int, int]) -> int:
    """The least number of columns whose tiles are hardly wider than they are high, at most 4."""
    width, height = size
    widest = (part(width, columns) for columns in range(1, MAX_COLUMNS + 1))
    return next((i for i, tile in enumerate(widest, 1) if tile <= _WIDEST * height), MAX_COLUMNS)


def part(length: int, count: int) -> float:
    """Length of each of `count` overlapping parts of `length`."""
    return length / (count - (count - 1) * OVERLAP)


def _spans(length: int, count: int) -> list[tuple[int, int]]:
    extent = part(length, count)
    starts = np.linspace(0, length - extent, count)
    return [(round(start), min(length, round(start + extent))) for start in starts]


@dataclass(slots=True)
class Found:
    """People found in one picture: parallel arrays.

    Attributes:
        boxes: float32[n, 4] xyxy in pixels of the picture.
        scores: float32[n].
        cuts: bool[n, 4], which sides of a box (left, top, right, bottom) lie on a border of its
            tile that is not a border of the picture.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    cuts: NDArray[np.bool_]

    @classmethod
    def in_tile(
        cls,
        boxes: NDArray[np.float32],
        scores: NDArray[np.float32],
        tile: Tile,
        size: tuple[int, int],
    ) -> Found:
        """Boxes in pixels of `tile` → in pixels of the picture of this size it was cut from."""
        moved = boxes + np.array([tile.x, tile.y, tile.x, tile.y], np.float32)
        borders = np.array([tile.x, tile.y, tile.x + tile.width, tile.y + tile.height])
        inner = borders != np.array([0, 0, *size])
        tolerance = _TOUCHES * np.array([*tile.size, *tile.size])
        beyond = (moved - borders) * np.array([-1, -1, 1, 1])  # how far a side sticks out
        return cls(moved, scores, (beyond >= -tolerance) & inner)

    @classmethod
    def join(cls, parts: Sequence[Found]) -> Found:
        """One list of what has been found in several tiles."""
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.cuts for part in parts]),
        )

    def take(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> Found:
        """Those of the given indices, or where a mask is True."""
        return Found(self.boxes[chosen], self.scores[chosen], self.cuts[chosen])

    def __len__(self) -> int:
        return len(self.scores)


def suppress(found: Found) -> Found:
    """Non-maximum suppression: of boxes on the same person the strongest stays."""
    if len(found) < 2:
        return found
    corners, sizes = found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]
    kept = cv2.dnn.NMSBoxes(
        np.concatenate([corners, sizes], axis=1),  # type: ignore[arg-type]
        found.scores,  # type: ignore[arg-type]
        score_threshold=0.0,
        nms_threshold=SAME_PERSON_IOU,
    )
    return found.take(np.asarray(kept, dtype=np.intp).ravel())


def merge(found: Found) -> Found:
    """Puts together what overlapping tiles have found, so that each person is there once.

    Args:
        found: each tile's boxes, already without duplicates within the tile.
    """
    is_cut = np.asarray(found.cuts.any(axis=1))
    merged = suppress(found.take(~is_cut))
    for part in _strongest_first(found.take(is_cut)):
        merged = _add_part(merged, part)
    return suppress(merged)


def _strongest_first(found: Found) -> list[Found]:
    return [found.take(np.array([index])) for index in np.argsort(-found.scores, kind="stable")]


def _add_part(merged: Found, part: Found) -> Found:
    """Adds a cut box, unless it is a part of what is there; joins it to its other half."""
    if len(merged) == 0:
        return part
    if (_inside(part.boxes[0], merged.boxes) > PART_INSIDE).any():
        return merged
    halves = np.flatnonzero(_continues(part, merged))
    if len(halves) == 0:
        return Found.join([merged, part])
    return _joined(merged, int(halves[0]), part)


def _inside(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of `box`'s area that lies inside each of the others, [m]."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    area = np.prod(box[2:] - box[:2])
    return np.prod(np.clip(shared, 0, None), axis=1) / max(area, 1e-6)


def _continues(part: Found, merged: Found) -> NDArray[np.bool_]:
    """Which boxes go on where `part` was cut: cut on the other side, overlapping, aligned."""
    opposite = merged.cuts[:, [2, 3, 0, 1]] & part.cuts[0]
    box, others = part.boxes[0], merged.boxes
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    extent = np.minimum(box[2:] - box[:2], others[:, 2:] - others[:, :2])
    touching = (shared > 0).all(axis=1)
    aligned = shared > PARTS_ALIGNED * extent
    beside = (opposite[:, 0] | opposite[:, 2]) & aligned[:, 1]
    stacked = (opposite[:, 1] | opposite[:, 3]) & aligned[:, 0]
    return touching & (beside | stacked)


def _joined(merged: Found, half: int, part: Found) -> Found:
    boxes, scores, cuts = merged.boxes.copy(), merged.scores.copy(), merged.cuts.copy()
    boxes[half, :2] = np.minimum(boxes[half, :2], part.boxes[0, :2])
    boxes[half, 2:] = np.maximum(boxes[half, 2:], part.boxes[0, 2:])
    scores[half] = max(scores[half], part.scores[0])
    cuts[half] &= part.cuts[0]
    return Found(boxes, scores, cuts)
