"""Augmentation: makes one camera's crops look as if other cameras had seen them.

What a camera or a detector does to a whole clip (light, colour, resolution, box) is drawn once per
clip; what happens to single frames (somebody walks past) is drawn per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from engines.preprocess import Image

Picture = cv2.typing.MatLike
"""An `Image` as OpenCV's type annotations know it."""


class AugmentationSettings(BaseModel):
    """How often, and how much. All probabilities are per clip but `erase`, which is per frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flip: float = 0.5
    """Probability of left and right exchanged."""
    box_jitter: float = Field(default=0.12, ge=0, lt=0.5)
    """Largest shift of each side of the box, as a share of the crop's size."""
    colour: float = 0.8
    """Probability of another brightness, contrast, gamma, saturation and white balance."""
    grey: float = 0.05
    """Probability of no colour at all (infrared)."""
    low_resolution: float = 0.4
    """Probability of being seen from farther away: down to 0.3 of the size and back."""
    blur: float = 0.2
    """Probability of blur by defocus or motion."""
    compress: float = 0.3
    """Probability of JPEG artefacts (quality 15 to 70)."""
    noise: float = 0.15
    """Probability of sensor noise."""
    erase: float = 0.4
    """Probability that a frame has a rectangle hidden."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one clip's camera does to its pictures; drawn once per clip."""

    flip: bool
    sides: npt.NDArray[np.float64]
    table: npt.NDArray[np.uint8] | None
    saturation: float
    scale: float
    blur_kernel: npt.NDArray[np.float32] | None
    jpeg_quality: int
    noise: float


class Augmentation:
    """Draws a look for each clip and applies it to the clip's frames."""

    def __init__(self, settings: AugmentationSettings, rng: np.random.Generator) -> None:
        self._settings = settings
        self._rng = rng

    def __call__(self, clip: Sequence[Image]) -> list[Image]:
        """Alters the frames of one clip alike.

        Args:
            clip: uint8[H, W, 3] BGR each; not changed.

        Returns:
            As many pictures of the same size.
        """
        look = self._draw()
        return [self._apply(look, frame) for frame in clip]

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def _draw(self) -> _Look:
        rng, settings = self._rng, self._settings
        colour = self._chance(settings.colour)
        saturation = rng.uniform(0.5, 1.5) if colour else 1.0
        return _Look(
            flip=self._chance(settings.flip),
            sides=rng.uniform(-settings.box_jitter, settings.box_jitter, size=4),
            table=self._tone_table() if colour else None,
            saturation=0.0 if self._chance(settings.grey) else saturation,
            scale=rng.uniform(0.3, 0.9) if self._chance(settings.low_resolution) else 1.0,
            blur_kernel=self._blur_kernel() if self._chance(settings.blur) else None,
            jpeg_quality=int(rng.integers(15, 71)) if self._chance(settings.compress) else 0,
            noise=rng.uniform(2.0, 10.0) if self._chance(settings.noise) else 0.0,
        )

    def _tone_table(self) -> npt.NDArray[np.uint8]:
        """Tone curve per channel, uint8[256, 1, 3]: gamma, contrast, brightness, white balance."""
        rng = self._rng
        gamma = np.exp(rng.uniform(-0.4, 0.4))
        contrast = rng.uniform(0.7, 1.3)
        brightness = rng.uniform(-0.2, 0.2)
        balance = rng.uniform(0.9, 1.1, size=3)
        tone = np.linspace(0.0, 1.0, 256)[:, None] ** gamma
        curve = ((tone - 0.5) * contrast + 0.5 + brightness) * balance
        return (np.clip(curve, 0.0, 1.0) * 255).astype(np.uint8)[:, None, :]

    def _blur_kernel(self) -> npt.NDArray[np.float32]:
        """Defocus (round) or motion (a line at some angle), 3 or 5 pixels wide."""
        size = int(self._rng.choice([3, 5]))
        if self._chance(0.5):
            line = cv2.getGaussianKernel(size, 0)
            return np.asarray(line @ line.T, dtype=np.float32)
        kernel = np.zeros((size, size), dtype=np.float32)
        angle = self._rng.uniform(0.0, np.pi)
        reach = (size // 2) * np.array([np.cos(angle), np.sin(angle)])
        begin, end = (np.round(size // 2 + sign * reach).astype(int).tolist() for sign in (-1, 1))
        cv2.line(kernel, begin, end, 1.0)
        return kernel / kernel.sum()

    def _apply(self, look: _Look, frame: Image) -> Image:
        picture: Picture = _move_box(frame, look.sides)
        if look.flip:
            picture = picture[:, ::-1]
        if look.table is not None:
            picture = cv2.LUT(np.ascontiguousarray(picture), look.table)
        if look.saturation != 1.0:
            picture = _saturate(picture, look.saturation)
        picture = self._degrade(look, picture)
        if self._chance(self._settings.erase):
            picture = self._hide(picture)
        return np.ascontiguousarray(picture, dtype=np.uint8)

    def _degrade(self, look: _Look, picture: Picture) -> Picture:
        """Optics first, then sensor, then codec: the order in which a camera does it."""
        height, width = picture.shape[:2]
        if look.scale < 1.0:
            small = (max(8, round(width * look.scale)), max(16, round(height * look.scale)))
            picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        if look.blur_kernel is not None:
            picture = cv2.filter2D(picture, -1, look.blur_kernel)
        if look.noise > 0.0:
            noisy = picture + self._rng.normal(0.0, look.noise, size=picture.shape)
            picture = np.clip(noisy, 0, 255).astype(np.uint8)
        if look.jpeg_quality > 0:
            picture = _compress(picture, look.jpeg_quality)
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)

    def _hide(self, frame: Picture) -> Picture:
        """Hides 2 to 25 % of the frame behind its mean colour, noise, or something of itself."""
        height, width = frame.shape[:2]
        area = self._rng.uniform(0.02, 0.25) * height * width
        ratio = np.exp(self._rng.uniform(-1.1, 1.1))
        tall = int(np.clip(np.sqrt(area * ratio), 2, height - 1))
        wide = int(np.clip(np.sqrt(area / ratio), 2, width - 1))
        top, left = self._rng.integers(0, height - tall), self._rng.integers(0, width - wide)
        frame = frame.copy()
        frame[top : top + tall, left : left + wide] = self._cover(frame, tall, wide)
        return frame

    def _cover(self, frame: Picture, tall: int, wide: int) -> Picture:
        kind = self._rng.integers(3)
        if kind == 0:
            return frame.mean(axis=(0, 1)).astype(np.uint8)
        if kind == 1:
            return self._rng.integers(0, 256, size=(tall, wide, 3), dtype=np.uint8)
        top = self._rng.integers(0, frame.shape[0] - tall + 1)
        left = self._rng.integers(0, frame.shape[1] - wide + 1)
        return frame[top : top + tall, left : left + wide].copy()


def _move_box(frame: Image, sides: npt.NDArray[np.float64]) -> Image:
    """Moves the four sides of the box (left, top, right, bottom; outward pads by the edge)."""
    height, width = frame.shape[:2]
    left, right = sides[0] * width, width * (1 + sides[2])
    top, bottom = sides[1] * height, height * (1 + sides[3])
    scale_x, scale_y = width / (right - left), height / (bottom - top)
    matrix = np.array([[scale_x, 0, -left * scale_x], [0, scale_y, -top * scale_y]])
    moved = cv2.warpAffine(
        frame, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, dtype=np.uint8)


def _saturate(frame: Picture, factor: float) -> Picture:
    """Scales the distance to grey; 0 gives a grey picture."""
    grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.addWeighted(frame, factor, grey, 1.0 - factor, 0.0)


def _compress(picture: Picture, quality: int) -> Picture:
    """JPEG and back."""
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded
