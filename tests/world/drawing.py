"""Draws bodies: rounded, shaded parts, the far ones first, as a patch of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .bodies import Part
from .plan import Camera, Floats
from .wardrobe import Colour, Pattern

FINER = 3
"""Parts are drawn so many times as large as they will be, for smooth edges."""

_NEAREST = 0.8  # metres: whatever is nearer to the lens is not drawn
_CIRCLE = np.stack([np.cos(np.arange(18) * np.pi / 9), np.sin(np.arange(18) * np.pi / 9)], axis=1)
_LIGHT = np.array([-0.35, -0.5])  # where the light comes from, in the picture


@dataclass(frozen=True, slots=True)
class Patch:
    """A drawn body.

    Attributes:
        corner: x and y of its upper left pixel in the picture; may lie outside.
        colour: uint8[h, w, 3] BGR.
        cover: float32[h, w], how much of each pixel it covers, 0 to 1.
    """

    corner: tuple[int, int]
    colour: NDArray[np.uint8]
    cover: NDArray[np.float32]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what is covered, in pixels of the picture."""
        rows, columns = (np.flatnonzero((self.cover > 0.4).any(axis=axis)) for axis in (1, 0))
        x, y = self.corner
        return (
            float(x + columns[0]),
            float(y + rows[0]),
            float(x + columns[-1] + 1),
            float(y + rows[-1] + 1),
        )


def project(camera: Camera, balls: Floats, size: tuple[int, int]) -> Floats:
    """Balls float64[n, 4] in space → float64[n, 4]: x, y, radius in pixels, distance in metres."""
    seen = np.hstack([balls[:, :3], np.ones((len(balls), 1))]) @ camera.projection.T
    depth = np.maximum(seen[:, 2], 0.1)
    scale = size[1] * 0.5 / np.tan(camera.opening / 2) / depth
    x, y = seen[:, 0] / depth * size[0], seen[:, 1] / depth * size[1]
    return np.stack([x, y, balls[:, 3] * scale, seen[:, 2]], axis=1)


def draw(parts: Sequence[Part], camera: Camera, size: tuple[int, int]) -> Patch | None:
    """Draws one body, or None if nothing of it is in front of the camera and in the picture.

    Args:
        parts: of the body.
        camera: who looks.
        size: width and height of the picture, pixels.
    """
    every = project(camera, np.vstack([part.balls for part in parts]), size)
    placed = np.split(every, np.cumsum([len(part.balls) for part in parts])[:-1])
    low, high = every[:, :2] - every[:, 2:3], every[:, :2] + every[:, 2:3]
    left, top = np.floor(low.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(high.max(axis=0)).astype(int) + 2
    outside = right <= 0 or bottom <= 0 or left >= size[0] or top >= size[1]
    if every[:, 3].min() < _NEAREST or outside:
        return None
    canvas = np.zeros(((bottom - top) * FINER, (right - left) * FINER, 3), np.uint8)
    cover = np.zeros(canvas.shape[:2], np.uint8)
    depth = [
        circles[:, 3].mean() + 10 * part.under for circles, part in zip(placed, parts, strict=True)
    ]
    for number in np.argsort(depth)[::-1]:
        circles = (placed[number][:, :3] - [left, top, 0]) * FINER
        _paint(canvas, cover, circles, parts[number], shown=_shows(parts[number], camera))
    shape = right - left, bottom - top
    whole = cv2.resize(cover, shape, interpolation=cv2.INTER_AREA) / np.float32(255)
    shown = cv2.resize(canvas, shape, interpolation=cv2.INTER_AREA).astype(np.float32)
    shown /= np.maximum(whole, 1e-3)[..., None]  # colours of the rim without the black around it
    shown *= _cloth(whole.shape)
    return Patch((int(left), int(top)), np.clip(shown, 0, 255).astype(np.uint8), whole)


@cache
def _folds() -> NDArray[np.float32]:
    """Light and dark of folds and weave, the same for everybody: float32[1024, 1024] about 1."""
    rng = np.random.default_rng(0)
    grain = rng.standard_normal((1024, 1024), dtype=np.float32)
    weave = cv2.GaussianBlur(grain, (0, 0), 0.8)
    folds = cv2.GaussianBlur(grain.T.copy(), (0, 0), 2.2, sigmaY=5.0)
    return np.asarray(1 + 0.06 * weave / weave.std() + 0.1 * folds / folds.std(), np.float32)


def _cloth(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """How light a patch of this height and width is: from above, and by its folds."""
    height, width = (min(side, 1024) for side in shape)
    light = np.linspace(1.15, 0.92, height, dtype=np.float32)[:, None] * _folds()[:height, :width]
    return np.asarray(cv2.resize(light, shape[::-1]) if light.shape != shape else light)[..., None]


def _shows(part: Part, camera: Camera) -> bool:
    """True if a part has a pattern and the camera is on the side it is on."""
    if part.pattern is Pattern.PLAIN or part.facing is None:
        return part.pattern is not Pattern.PLAIN
    return float((np.array(camera.place) - part.balls[0, :2]) @ np.array(part.facing)) > 0


def _paint(
    canvas: NDArray[np.uint8],
    cover: NDArray[np.uint8],
    circles: Floats,
    part: Part,
    *,
    shown: bool,
) -> None:
    """Fills a hull, dark at the rim and lighter towards the light."""
    _fill(cover, circles, 255)
    for shrink, light in ((1.0, 0.68), (0.82, 0.84), (0.6, 0.97), (0.3, 1.06)):
        moved = circles.copy()
        moved[:, :2] += _LIGHT * (1 - shrink) * circles[:, 2:3]
        moved[:, 2] *= shrink
        _fill(canvas, moved, _lit(part.colour, light))
    if shown:
        _decorate(canvas, circles, part)


def _fill(target: NDArray[np.uint8], circles: Floats, colour: int | Colour) -> None:
    rim = circles[:, None, :2] + _CIRCLE * circles[:, None, 2:3]
    hull = cv2.convexHull(np.round(rim.reshape(-1, 2)).astype(np.int32))
    cv2.fillConvexPoly(target, hull, colour)


def _decorate(canvas: NDArray[np.uint8], circles: Floats, part: Part) -> None:
    """Draws the pattern of an upper body whose four corners are given."""
    left_above, right_above, left_below, right_below = circles[:4]
    if part.pattern is Pattern.STRIPES:
        for share in np.arange(0.08, 0.95, 0.2):
            ends = _across(circles, share)
            ends[:, 2] = 0.045 * np.linalg.norm(left_above[:2] - left_below[:2])
            _band(canvas, circles, ends, part.second)
    else:
        middle = np.stack([(left_above + right_above) / 2, (left_below + right_below) / 2])
        middle[:, 2] *= 0.55
        _fill(canvas, middle, _lit(part.second, 0.95))


def _band(canvas: NDArray[np.uint8], circles: Floats, ends: Floats, colour: Colour) -> None:
    """A stripe from rim to rim of a body."""
    apart = ends[1, :2] - ends[0, :2]
    length = np.linalg.norm(apart)
    if length > 1e-6:
        reach = 0.8 * circles[:2, 2].mean() * apart / length
        ends[0, :2] -= reach
        ends[1, :2] += reach
    _fill(canvas, ends, _lit(colour, 0.9))


def _across(circles: Floats, share: float) -> Floats:
    """The left and the right end of a line across a body, by how far down it is."""
    return np.asarray(circles[:2] + share * (circles[2:4] - circles[:2]))


def _lit(colour: Colour, light: float) -> Colour:
    blue, green, red = (min(255, int(value * light)) for value in colour)
    return blue, green, red
