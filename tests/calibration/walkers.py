"""People who walk in front of a known camera, and the boxes a detector would put around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.pinhole import Pinhole
from pipeline.mot import Table

Array = NDArray[np.float64]


def walk(
    camera: Pinhole,
    size: tuple[int, int],
    *,
    people: int = 40,
    fps: float = 10.0,
    seconds: float = 12.0,
    noise: float = 0.02,
    outliers: float = 0.1,
    seed: int = 0,
) -> tuple[Table, Array]:
    """Boxes of people 1.70 ± 0.08 m tall who walk at 1.3 ± 0.25 m/s, each in a curve of their own.

    Args:
        camera: what sees them.
        size: of its picture in pixels; boxes are clipped to it.
        noise: standard deviation of each edge, of the box's height.
        outliers: share of the boxes that lack up to half of their height, at either end.

    Returns:
        the boxes, and the capture time of each row in seconds.
    """
    random = np.random.default_rng(seed)
    rows = []
    for person in range(1, people + 1):
        places = _path(camera, size, random, int(seconds * fps), fps)
        boxes = _boxes(camera, places, random.normal(1.70, 0.08))
        boxes += random.normal(0, noise, boxes.shape) * (boxes[:, 3] - boxes[:, 1])[:, None]
        _spoil(boxes, random, outliers)
        seen = _clipped(boxes, size)
        start = int(random.integers(0, 600))
        frames = start + 1 + np.flatnonzero(seen)
        rows.append(np.column_stack([frames, np.full(seen.sum(), person), boxes[seen]]))
    table = np.vstack(rows)
    built = Table.build(frame=table[:, 0].astype(int), identity=table[:, 1].astype(int),
                        xyxy=table[:, 2:])  # fmt: skip
    return built, built.frame / fps


def _path(
    camera: Pinhole, size: tuple[int, int], random: np.random.Generator, steps: int, fps: float
) -> Array:
    """Places float64[steps, 2], one of them somewhere in the lower half of what is seen."""
    width, height = size
    while True:
        pixel = np.array([[random.uniform(0, width), random.uniform(0.3, 1.0) * height]])
        mapped = np.column_stack([pixel, [1.0]]) @ camera.to_ground.T
        if mapped[0, 2] > 1 / 30.0:
            break
    heading = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.2 / np.sqrt(fps), steps))
    pace = max(0.5, random.normal(1.3, 0.25))
    path = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * pace / fps, axis=0)
    return path - path[steps // 2] + mapped[0, :2] / mapped[0, 2]


def _boxes(camera: Pinhole, places: Array, height: float) -> Array:
    level = np.zeros((len(places), 1))
    foot = camera.project(np.hstack([places, level]))
    head = camera.project(np.hstack([places, level + height]))
    middle, tall = (foot[:, 0] + head[:, 0]) / 2, foot[:, 1] - head[:, 1]
    return np.column_stack([middle - 0.18 * tall, head[:, 1], middle + 0.18 * tall, foot[:, 1]])


def _spoil(boxes: Array, random: np.random.Generator, share: float) -> None:
    spoilt = random.random(len(boxes)) < share
    tall = boxes[:, 3] - boxes[:, 1]
    lost = random.uniform(0.1, 0.5, len(boxes)) * tall * spoilt
    lower = random.random(len(boxes)) < 0.7
    boxes[:, 3] -= lost * lower
    boxes[:, 1] += lost * ~lower


def _clipped(boxes: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Clips in place; True for what is left of a person."""
    width, height = size
    seen = np.isfinite(boxes).all(axis=1) & (boxes[:, 3] - boxes[:, 1] > 12)
    boxes[:] = np.clip(np.nan_to_num(boxes), 0, [width, height, width, height])
    seen &= (boxes[:, 2] - boxes[:, 0] > 4) & (boxes[:, 3] - boxes[:, 1] > 12)
    return seen
