"""Heads: what a detector's raw outputs mean, and what it wants its pictures to look like.

The head is recognised by the shapes of the outputs, never by the name of the file:

| outputs | head |
|---|---|
| [1, A, 4] boxes and [1, A, classes] scores, cut out of a TensorFlow graph | SSD, before its NMS |
| `detection_boxes`, `detection_scores`, `detection_classes` | SSD, after its NMS |
| [1, A, 5 + classes] | YOLOX, raw grid |
| [1, 4 + classes, A] | YOLOv8, YOLO11 |
| [1, N, 6] | YOLO26, YOLOv10: end to end |

A is the number of positions in the grids of stride 8, 16 and 32.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.letterbox import Fit

Outputs = Mapping[str, NDArray[Any]]
Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]

STRIDES = (8, 16, 32)


class Head(ABC):
    """Decodes the outputs of one picture and says how the picture must be prepared.

    Attributes:
        fit: how a picture is laid into the input.
        rgb: True if the network takes RGB, False for BGR.
        divisor: pixel values are divided by this.
        suppresses: True if the network has done its own non-maximum suppression.
    """

    fit: ClassVar[Fit]
    rgb: ClassVar[bool]
    divisor: ClassVar[float]
    suppresses: ClassVar[bool] = False

    @abstractmethod
    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        """Finds the people in the outputs of one picture.

        Args:
            outputs: the network's outputs by name, for a batch of one.
            size: width and height of the network's input in pixels.
            confidence: weaker people are left out.

        Returns:
            boxes float32[n, 4] xyxy in pixels of the input, and scores float32[n]; in no
            particular order.
        """


class YoloxHead(Head):
    """YOLOX (arXiv 2107.08430): offsets and log sizes per grid cell, objectness times class."""

    fit = "corner"
    rgb = False
    divisor = 1.0

    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        (raw,) = outputs.values()
        scores = raw[0, :, 4] * raw[0, :, 5]  # objectness × person
        found = scores >= confidence
        cells, strides = grid(size)
        centres = (raw[0, found, 0:2] + cells[found]) * strides[found]
        sizes = np.exp(raw[0, found, 2:4]) * strides[found]
        return _from_centres(centres, sizes), scores[found]


class YoloHead(Head):
    """YOLOv8, YOLO11: centres and sizes in pixels, one score per class, NMS still to be done."""

    fit = "centre"
    rgb = True
    divisor = 255.0

    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        (raw,) = outputs.values()
        scores = raw[0, 4]
        found = scores >= confidence
        boxes = raw[0, :4, found]  # the mask comes last: [n, 4]
        return _from_centres(boxes[:, :2], boxes[:, 2:]), scores[found]


class EndToEndHead(Head):
    """YOLO26, YOLOv10: the best N boxes with score and class, already without duplicates."""

    fit = "centre"
    rgb = True
    divisor = 255.0
    suppresses = True

    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        (rows,) = outputs.values()
        people = rows[0, (rows[0, :, 4] >= confidence) & (rows[0, :, 5] == 0)]
        return people[:, :4], people[:, 4]


class SsdGridHead(Head):
    """SSD cut off before its own NMS: decoded boxes as fractions, one score per class."""

    fit = "stretch"
    rgb = True
    divisor = 1.0
    person = 1
    """The class after `background`."""

    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        scores = outputs["ssd_scores"][0, :, self.person]
        found = scores >= confidence
        return _from_fractions(outputs["ssd_boxes"][0, found], size), scores[found]


class SsdHead(Head):
    """SSD as the TensorFlow Object Detection API exports it, its NMS included."""

    fit = "stretch"
    rgb = True
    divisor = 1.0
    suppresses = True
    person = 1

    def decode(
        self, outputs: Outputs, *, size: tuple[int, int], confidence: float
    ) -> tuple[Boxes, Scores]:
        scores = outputs["detection_scores"][0]
        found = (scores >= confidence) & (outputs["detection_classes"][0] == self.person)
        return _from_fractions(outputs["detection_boxes"][0, found], size), scores[found]


def positions(size: tuple[int, int]) -> int:
    """Number of grid cells an input of this width and height has over all strides."""
    return sum((size[0] // stride) * (size[1] // stride) for stride in STRIDES)


@lru_cache(maxsize=32)
def grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cells float32[A, 2] (column, row) and their strides float32[A, 1], stride by stride."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : size[1] // stride, 0 : size[0] // stride]
        cells.append(np.stack([columns.ravel(), rows.ravel()], axis=1))
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _from_centres(centres: NDArray[np.float32], sizes: NDArray[np.float32]) -> Boxes:
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def _from_fractions(boxes: NDArray[np.float32], size: tuple[int, int]) -> Boxes:
    """y1, x1, y2, x2 as fractions → x1, y1, x2, y2 in pixels."""
    width, height = size
    scaled: Boxes = boxes[:, [1, 0, 3, 2]] * np.array([width, height, width, height], np.float32)
    return scaled
