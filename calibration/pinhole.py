"""A camera that looks at flat ground: from pixels to metres, and how tall a box in it must be.

The world is the camera's own: the origin is the point of the ground below the camera, y points the
way it looks, x to its right, z up, all in metres. Pixels are square, the lens has no distortion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAN_STEPS = 3


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera above the ground.

    Attributes:
        focal: focal length in pixels.
        pitch: angle in radians by which it looks down; 0 is level.
        roll: angle in radians by which it is turned clockwise about its axis.
        height: metres above the ground.
        centre: the principal point (x, y) in pixels of the picture; may lie outside of a region.
    """

    focal: float
    pitch: float
    roll: float
    height: float
    centre: tuple[float, float]

    @property
    def rotation(self) -> Array:
        """Rows are the camera's right, down and forward in the world: float64[3, 3]."""
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        right, down = np.array([1.0, 0.0, 0.0]), np.array([0.0, -sin, -cos])
        turn, level = np.sin(self.roll), np.cos(self.roll)
        return np.array(
            [level * right + turn * down, level * down - turn * right, [0.0, cos, -sin]]
        )

    @property
    def projection(self) -> Array:
        """From the world to the picture, homogeneous: float64[3, 4], third row in metres."""
        (x, y), f = self.centre, self.focal
        inner = np.array([[f, 0.0, x], [0.0, f, y], [0.0, 0.0, 1.0]])
        shift = -self.rotation @ np.array([0.0, 0.0, self.height])
        return inner @ np.column_stack([self.rotation, shift])

    @property
    def to_picture(self) -> Array:
        """Homography from the ground in metres to pixels: float64[3, 3]."""
        return self.projection[:, [0, 1, 3]]

    @property
    def to_ground(self) -> Array:
        """Homography from pixels to the ground; its third coordinate is 1 / depth in metres."""
        return inverse(self.to_picture)

    def project(self, points: Array) -> Array:
        """Pixels float64[n, 2] of points float64[n, 3] in the world; NaN behind the camera."""
        return apply(self.projection, points)

    def heights(self, boxes: Array) -> tuple[Array, Array]:
        """How tall upright people must be who fill these boxes, and where they stand.

        People away from the middle lean in the picture, so the middle of a box is neither over
        the feet nor over the head, but between the two.

        Args:
            boxes: float64[n, 4], xyxy in pixels.

        Returns:
            heights float64[n] and places float64[n, 2] on the ground, in metres; NaN where there
            is no ground.
        """
        middle, top, bottom = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 1], boxes[:, 3]
        projection = self.projection
        up, place = projection[:, 2], projection[:, [0, 1, 3]]
        to_ground = inverse(place)
        foot = middle
        for _ in range(_LEAN_STEPS):
            ground = apply(to_ground, np.column_stack([foot, bottom]))
            base = ground @ place[:, :2].T + place[:, 2]
            tall = (base[:, 1] - top * base[:, 2]) / (top * up[2] - up[1])
            head = (base[:, 0] + tall * up[0]) / (base[:, 2] + tall * up[2])
            foot = middle - (head - foot) / 2
        return tall, ground


def inverse(matrix: Array) -> Array:
    """The inverse of float64[n, n]."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def apply(matrix: Array, points: Array) -> Array:
    """Projective transformation of points float64[n, k] → float64[n, rows - 1].

    NaN where the last coordinate is not positive: behind the camera, or above the horizon.
    """
    mapped = points @ matrix[:, :-1].T + matrix[:, -1]
    last = mapped[:, -1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Array = np.where(last > 0, mapped[:, :-1] / last, np.nan)
    return result
