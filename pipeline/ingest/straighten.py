"""Straightening: a picture as a lens without distortion would have drawn it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.lens import Lens

WIDEST = 2.0
"""The middle of a picture is made smaller by this factor at most. A fisheye's rim would otherwise
take all the room: seen straight, 90° to the side is infinitely far away."""

_EDGE_POINTS = 65
_LOST_PIXELS = 0.5  # a point that does not come back to where it was cannot be straightened
_EXACT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-6)


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Where each pixel of a straightened picture, or of a region of it, comes from.

    Attributes:
        whole, fraction: OpenCV's fixed-point maps, int16[h, w, 2] and uint16[h, w].
    """

    whole: NDArray[np.int16]
    fraction: NDArray[np.uint16]

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The straightened picture uint8[h, w, 3] of a whole one as the camera sent it."""
        return np.asarray(
            cv2.remap(
                image, self.whole, self.fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            ),
            np.uint8,
        )


class Straightening:
    """A lens at one size of picture: what it bends, and the straight picture to make of that.

    The straight picture has the size of the original and no black borders: it shows the largest
    part with the same proportions that the original covers everywhere.

    Attributes:
        matrix: float64[3, 3], camera matrix of the original.
        straight: float64[3, 3], camera matrix of the straightened picture.
    """

    def __init__(self, lens: Lens, size: tuple[int, int]) -> None:
        """`size`: width and height of the pictures in pixels."""
        self._fisheye = lens.model == "fisheye"
        self._coefficients = lens.coefficients
        self._size = size
        self.matrix = lens.camera_matrix(size)
        self.straight = self._without_borders()

    def maps(self, region: tuple[int, int, int, int] | None = None) -> Maps:
        """What it takes to straighten pictures, or only [x, y, width, height] of the result."""
        x, y, width, height = region or (0, 0, *self._size)
        wanted = self.straight - np.array([[0, 0, x], [0, 0, y], [0, 0, 0]])
        make = cv2.fisheye.initUndistortRectifyMap if self._fisheye else cv2.initUndistortRectifyMap
        whole, fraction = make(
            self.matrix, self._coefficients, np.eye(3), wanted, (width, height), cv2.CV_16SC2
        )
        return Maps(np.asarray(whole, np.int16), np.asarray(fraction, np.uint16))

    def bend(self, rays: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where in the original rays (x/z, y/z) are seen, float64[n, 2] → pixels float64[n, 2]."""
        points = cv2.convertPointsToHomogeneous(rays.reshape(-1, 1, 2))
        none = np.zeros((3, 1))
        if self._fisheye:
            seen, _ = cv2.fisheye.projectPoints(points, none, none, self.matrix, self._coefficients)
        else:
            seen, _ = cv2.projectPoints(points, none, none, self.matrix, self._coefficients)
        return np.asarray(seen, np.float64).reshape(-1, 2)

    def rays(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rays (x/z, y/z) of the original's pixels, float64[n, 2]; NaN where there is none."""
        points = pixels.reshape(-1, 1, 2).astype(np.float64)
        if self._fisheye:
            found = cv2.fisheye.undistortPoints(
                points, self.matrix, self._coefficients, criteria=_EXACT
            )
        else:
            found = cv2.undistortPoints(points, self.matrix, self._coefficients, criteria=_EXACT)
        rays = np.asarray(found, np.float64).reshape(-1, 2)
        off = np.linalg.norm(self.bend(rays) - pixels.reshape(-1, 2), axis=1)
        rays[~(off <= _LOST_PIXELS)] = np.nan
        return rays

    def points(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the original's pixels lie in the straightened picture, float64[n, 2]."""
        rays = self.rays(pixels)
        return rays * self.straight.diagonal()[:2] + self.straight[:2, 2]

    def _without_borders(self) -> NDArray[np.float64]:
        width, height = self._size
        low, high = self._covered()
        focal = self.matrix.diagonal()[:2]
        scale = float(min(*((high - low) * focal / (width, height)), WIDEST))
        focal = focal / scale
        centre = (np.array([width, height]) - 1) / 2 - focal * (low + high) / 2
        return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])

    def _covered(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smallest and largest (x/z, y/z) of a rectangle that the original covers everywhere."""
        right, bottom = self._size[0] - 0.5, self._size[1] - 0.5
        along_x, along_y = (np.linspace(-0.5, end, _EDGE_POINTS) for end in (right, bottom))
        sides = {
            "left": np.stack([np.full_like(along_y, -0.5), along_y], axis=1),
            "right": np.stack([np.full_like(along_y, right), along_y], axis=1),
            "top": np.stack([along_x, np.full_like(along_x, -0.5)], axis=1),
            "bottom": np.stack([along_x, np.full_like(along_x, bottom)], axis=1),
        }
        rays = {side: self.rays(pixels) for side, pixels in sides.items()}
        # Wider than `WIDEST` could ever show: stands for no bound at all.
        most = WIDEST * 1.5 * np.array(self._size) / self.matrix.diagonal()[:2]
        low = [
            np.nanmax([*rays["left"][:, 0], -most[0]]),
            np.nanmax([*rays["top"][:, 1], -most[1]]),
        ]
        high = [
            np.nanmin([*rays["right"][:, 0], most[0]]),
            np.nanmin([*rays["bottom"][:, 1], most[1]]),
        ]
        return np.array(low), np.array(high)
