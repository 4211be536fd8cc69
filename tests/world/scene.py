"""One camera's pictures of the people in front of it, and the truth about each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .bodies import Pose, parts
from .drawing import Patch, draw
from .plan import Camera, Floats
from .scenery import WALL, Image, Sensor, backdrop, light
from .strip import write_number
from .wardrobe import Outfit

_SHADOW, _DARKER = 0.32, 0.62  # metres around the feet; times as bright


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody on the site at one moment."""

    person: int
    outfit: Outfit
    pose: Pose


@dataclass(frozen=True, slots=True)
class Box:
    """Somebody in a picture.

    Attributes:
        person: who.
        xyxy: the box around what of them would be seen if nobody stood in front, pixels.
        visible: share of the whole body that is seen.
    """

    person: int
    xyxy: tuple[float, float, float, float]
    visible: float


class Scene:
    """What one camera sees.

    Args:
        camera: who looks.
        number: of the camera.
        size: width and height of its pictures, pixels.
        seed: of the site.
    """

    def __init__(self, camera: Camera, number: int, size: tuple[int, int], seed: int) -> None:
        self.light = light(number, seed)
        self._camera = camera
        self._size = size
        self._backdrop = backdrop(camera, number, size, seed)
        self._sensor = Sensor(self.light, size, seed + number)

    def picture(self, figures: Sequence[Figure], number: int) -> tuple[Image, list[Box]]:
        """The picture of this number with these people, and where they are in it.

        Returns:
            uint8[H, W, 3] BGR; a box for everybody who is in it, at least in part.
        """
        image = self._backdrop.copy()
        owner = np.full(image.shape[:2], -1, np.int16)
        drawn: list[tuple[int, Patch]] = []
        for figure in self._in_order(figures):
            patch = draw(parts(figure.outfit, figure.pose), self._camera, self._size)
            if patch is not None:
                self._cast_shadow(image, figure.pose)
                drawn.append((figure.person, patch))
        for place, (_, patch) in enumerate(drawn):
            _paste(image, owner, patch, place)
        shown = self._sensor.take(image, number)
        write_number(shown, number)
        boxes = [_box(person, patch, owner, place) for place, (person, patch) in enumerate(drawn)]
        return shown, [box for box in boxes if box is not None]

    def _in_order(self, figures: Sequence[Figure]) -> list[Figure]:
        """Those before the wall who may be in the picture, the farthest first."""
        camera = self._camera
        ahead = np.array([np.cos(camera.heading), np.sin(camera.heading)])
        apart = np.array([figure.pose.place for figure in figures]).reshape(-1, 2) - camera.place
        distance, aside = apart @ ahead, np.abs(apart @ [ahead[1], -ahead[0]])
        widest = np.tan(camera.opening / 2) * camera.aspect * (distance + camera.height) + 1.0
        near = (distance > 0) & (distance < camera.far + WALL) & (aside < widest)
        return [figures[i] for i in np.argsort(-distance) if near[i]]

    def _cast_shadow(self, image: Image, pose: Pose) -> None:
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        rim = np.stack([np.cos(angles), np.sin(angles)], axis=1) * _SHADOW + pose.place
        points = (self._camera.see(rim) * self._size).clip(-4000, 4000)
        low = np.floor(points.min(axis=0)).astype(int).clip(0) - 6
        high = np.ceil(points.max(axis=0)).astype(int) + 6
        left, top = low.clip(0)
        right, bottom = high.clip(0, self._size)
        if right - left < 2 or bottom - top < 2:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [np.round(points - [left, top]).astype(np.int32)], 255)
        soft = cv2.blur(mask, (7, 5)).astype(np.float32)[..., None] / 255
        part = image[top:bottom, left:right]
        part[:] = (part * (1 - (1 - _DARKER) * soft)).astype(np.uint8)


def _paste(image: Image, owner: NDArray[np.int16], patch: Patch, place: int) -> None:
    """Puts a body into a picture, over whoever is there already."""
    window, part = _overlap(image.shape[:2], patch)
    cover = patch.cover[part][..., None]
    image[window] = (image[window] * (1 - cover) + patch.colour[part] * cover).astype(np.uint8)
    owner[window][patch.cover[part] > 0.5] = place


def _overlap(
    shape: tuple[int, ...], patch: Patch
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rows and columns of the picture a patch lies on, and its own there."""
    (x, y), (height, width) = patch.corner, patch.cover.shape
    left, right = max(0, x), min(shape[1], x + width)
    top, bottom = max(0, y), min(shape[0], y + height)
    return (slice(top, bottom), slice(left, right)), (
        slice(top - y, bottom - y),
        slice(left - x, right - x),
    )


def _box(person: int, patch: Patch, owner: NDArray[np.int16], place: int) -> Box | None:
    """Where somebody is, or None if no pixel of theirs is inside the picture."""
    window, part = _overlap(owner.shape, patch)
    inside = patch.cover[part] > 0.5
    if not inside.any():
        return None
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    left, top = window[1].start + columns[0], window[0].start + rows[0]
    right, bottom = window[1].start + columns[-1] + 1, window[0].start + rows[-1] + 1
    seen = int((owner[window] == place).sum())
    xyxy: Floats = np.array([left, top, right, bottom], np.float64)
    return Box(person, tuple(xyxy.tolist()), seen / max(1, int((patch.cover > 0.5).sum())))
