"""Letterbox: how a picture of any size is laid into the fixed size a network takes, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Fit = Literal["stretch", "corner", "centre"]
"""Fill the whole input, or keep the proportions and pad right and below, or on both sides."""

PADDING = 114
"""Grey value of the padding; YOLO networks are trained with this one."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where in a network's input a picture comes to lie.

    Attributes:
        source: width and height of the picture in pixels.
        target: width and height of the input in pixels.
        inner: width and height of the resized picture inside the input.
        offset: left and top edge of the resized picture inside the input.
    """

    source: tuple[int, int]
    target: tuple[int, int]
    inner: tuple[int, int]
    offset: tuple[int, int]

    @classmethod
    def fit(cls, source: tuple[int, int], target: tuple[int, int], how: Fit) -> Letterbox:
        """Lays a picture of size `source` into an input of size `target`."""
        if how == "stretch":
            return cls(source, target, target, (0, 0))
        scale = min(target[0] / source[0], target[1] / source[1])
        inner = (_scaled(source[0], scale, target[0]), _scaled(source[1], scale, target[1]))
        margin = (target[0] - inner[0], target[1] - inner[1])
        offset = (margin[0] // 2, margin[1] // 2) if how == "centre" else (0, 0)
        return cls(source, target, inner, offset)

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resizes and pads a picture uint8[H, W, 3] of size `source` to size `target`."""
        (width, height), (left, top) = self.inner, self.offset
        resized = cv2.resize(image, self.inner, interpolation=cv2.INTER_LINEAR)
        if self.inner == self.target:
            return resized.astype(np.uint8, copy=False)
        padded = np.full((self.target[1], self.target[0], 3), PADDING, np.uint8)
        padded[top : top + height, left : left + width] = resized
        return padded

    def to_target(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes float32[n, 4] xyxy in pixels of the picture → in pixels of the input."""
        return (boxes * self._scales + self._offsets).astype(np.float32)

    def to_source(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes float32[n, 4] xyxy in pixels of the input → in pixels of the picture."""
        return ((boxes - self._offsets) / self._scales).astype(np.float32)

    @property
    def _scales(self) -> NDArray[np.float64]:
        # Of each axis on its own: `inner` is rounded to whole pixels, so they differ a little.
        x, y = self.inner[0] / self.source[0], self.inner[1] / self.source[1]
        return np.array([x, y, x, y])

    @property
    def _offsets(self) -> NDArray[np.float64]:
        return np.array([*self.offset, *self.offset], dtype=np.float64)


def _scaled(length: int, scale: float, limit: int) -> int:
    return min(limit, max(1, round(length * scale)))
