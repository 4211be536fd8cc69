"""Augmentation: makes one camera's crops look as if other cameras had seen them.

What a camera or a detector does to a whole clip (light, colour, resolution, box) is drawn once per
clip; what happens to single frames (somebody walks past) is drawn per frame. Works on whole batches
on the device that trains; what is random is drawn by one generator on the CPU, so that a seed means
the same on every device, apart from rounding.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from engines.jpeg import compress

Numbers = npt.NDArray[np.int64]
Alteration = Callable[[Tensor, Numbers], Tensor]

BLUR_SIZE = 5
SCALES = (0.3, 0.4, 0.5, 0.65, 0.8)
"""Sizes a crop is brought down to; a few fixed ones, so that crops of one size go together."""


class AugmentationSettings(BaseModel):
    """How often, and how much. All probabilities are per clip but `erase`, which is per frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flip: float = 0.5
    """Probability of left and right exchanged."""
    box_jitter: float = Field(default=0.12, ge=0, lt=0.5)
    """Largest shift of each side of the box, as a share of the crop's size."""
    colour: float = 0.8
    """Probability of another brightness, contrast, gamma, saturation and white balance."""
    recolour: float = 0.0
    """Probability of other colours altogether; only for crops whose identity is not learned."""
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
    erase_area: float = Field(default=0.25, gt=0, lt=1)
    """Largest rectangle, as a share of the crop's area."""
    mix: float = 0.0
    """Probability that a crop is blended with another, or gets another's lower half; only for
    crops whose identity is not learned."""


class Augmentation:
    """Alters batches of crops.

    Args:
        settings: what to do how often.
        rng: source of all that is random here.
    """

    def __init__(self, settings: AugmentationSettings, rng: np.random.Generator) -> None:
        self._settings = settings
        self._rng = rng

    def __call__(self, crops: Tensor, clips: Numbers) -> Tensor:
        """Alters the crops, those of one clip alike.

        Args:
            crops: uint8[n, H, W, 3] BGR; not changed.
            clips: int64[n], number of the clip each crop belongs to, counted from 0.

        Returns:
            uint8[n, H, W, 3].
        """
        if len(crops) == 0:
            return crops
        pictures = crops.permute(0, 3, 1, 2).float() / 255.0
        pictures = self._move(pictures, clips)
        pictures = self._some(pictures, clips, self._settings.mix, self._mix)
        pictures = self._some(pictures, clips, self._settings.recolour, self._recolour)
        pictures = self._some(pictures, clips, self._settings.colour, self._tone)
        pictures = self._some(pictures, clips, self._settings.grey, _without_colour)
        # Optics first, then sensor, then codec: the order in which a camera does it.
        pictures = self._some(pictures, clips, self._settings.low_resolution, self._from_afar)
        pictures = self._some(pictures, clips, self._settings.blur, self._blur)
        pictures = self._some(pictures, clips, self._settings.noise, self._add_noise)
        pictures = self._some(pictures, clips, self._settings.compress, self._compress)
        frames = np.arange(len(clips))
        pictures = self._some(pictures, frames, self._settings.erase, self._hide)
        altered = (pictures * 255.0).round().clamp(0, 255).to(torch.uint8)
        return altered.permute(0, 2, 3, 1).contiguous()

    def _some(
        self, pictures: Tensor, clips: Numbers, probability: float, alter: Alteration
    ) -> Tensor:
        """Alters some of the clips, each with this probability."""
        chosen = self._rng.random(clips.max() + 1) < probability
        rows = np.flatnonzero(chosen[clips])
        if len(rows) == 0:
            return pictures
        places = torch.from_numpy(rows).to(pictures.device)
        altered = alter(pictures[places], np.unique(clips[rows], return_inverse=True)[1])
        return pictures.index_copy(0, places, altered)

    def _draw(
        self, clips: Numbers, low: float, high: float, *, like: Tensor, columns: int = 1
    ) -> Tensor:
        """One draw per clip, given to each of its crops: float32[n, columns, 1, 1]."""
        drawn = self._rng.uniform(low, high, size=(clips.max() + 1, columns))[clips]
        return torch.from_numpy(drawn).to(like.device, torch.float32)[:, :, None, None]

    def _move(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Moves the four sides of the box, and exchanges left and right; pads by the edge."""
        jitter, count = self._settings.box_jitter, clips.max() + 1
        left, top, right, bottom = self._rng.uniform(-jitter, jitter, size=(4, count)) * 2.0
        mirror = np.where(self._rng.random(count) < self._settings.flip, -1.0, 1.0)
        matrix = np.zeros((count, 2, 3), dtype=np.float32)  # of the new picture into the old one
        matrix[:, 0, 0] = mirror * (2.0 + right - left) / 2.0
        matrix[:, 0, 2] = (left + right) / 2.0
        matrix[:, 1, 1] = (2.0 + bottom - top) / 2.0
        matrix[:, 1, 2] = (top + bottom) / 2.0
        transforms = torch.from_numpy(matrix[clips]).to(pictures.device)
        grid = F.affine_grid(transforms, list(pictures.shape), align_corners=False)
        return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

    def _mix(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Blends with another crop, or puts another's legs under this one's body."""
        others = pictures.roll(1, dims=0)
        share = self._draw(clips, 0.0, 1.0, like=pictures)
        rows = torch.linspace(0.0, 1.0, pictures.shape[2], device=pictures.device)[:, None]
        cut = (rows < 0.2 + 0.6 * share).float()
        blend = (self._draw(clips, 0.0, 1.0, like=pictures) < 0.5).float()
        weight = blend * share + (1.0 - blend) * cut
        return weight * pictures + (1.0 - weight) * others

    def _recolour(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Turns the colours around the grey axis."""
        angle = self._rng.uniform(0.0, 2.0 * np.pi, size=clips.max() + 1)[clips]
        turn = torch.from_numpy(_turn_about_grey(angle)).to(pictures.device, torch.float32)
        return torch.einsum("nij,njhw->nihw", turn, pictures).clamp(0.0, 1.0)

    def _tone(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Gamma, contrast, brightness, white balance, saturation."""
        gamma = self._draw(clips, -0.4, 0.4, like=pictures).exp()
        contrast = self._draw(clips, 0.7, 1.3, like=pictures)
        brightness = self._draw(clips, -0.2, 0.2, like=pictures)
        balance = self._draw(clips, 0.9, 1.1, like=pictures, columns=3)
        saturation = self._draw(clips, 0.5, 1.5, like=pictures)
        curve = ((pictures.clamp(1e-4, 1.0) ** gamma - 0.5) * contrast + 0.5 + brightness) * balance
        toned = curve.clamp(0.0, 1.0)
        return (grey_of(toned).lerp(toned, saturation)).clamp(0.0, 1.0)

    def _from_afar(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Down to a smaller size and back."""
        scales = self._rng.integers(len(SCALES), size=clips.max() + 1)[clips]
        result = torch.empty_like(pictures)
        for index, scale in enumerate(SCALES):
            rows = torch.from_numpy(np.flatnonzero(scales == index)).to(pictures.device)
            if len(rows):
                result[rows] = _shrink_and_grow(pictures[rows], scale)
        return result

    def _blur(self, pictures: Tensor, clips: Numbers) -> Tensor:
        """Defocus (round) or motion (a line at some angle)."""
        kernels = np.stack([self._blur_kernel() for _ in range(clips.max() + 1)])[clips]
        weight = torch.from_numpy(kernels).to(pictures.device).repeat_interleave(3, dim=0)
        padded = F.pad(pictures, [BLUR_SIZE // 2] * 4, mode="replicate")
        blurred = F.conv2d(padded.flatten(0, 1)[None], weight[:, None], groups=len(weight))
        return blurred[0].unflatten(0, (len(pictures), 3))

    def _blur_kernel(self) -> npt.NDArray[np.float32]:
        """Weights float32[BLUR_SIZE, BLUR_SIZE] that sum to 1."""
        spread = self._rng.uniform(0.5, 1.5)
        along = self._rng.uniform(0.0, np.pi)
        narrow = spread if self._rng.random() < 0.5 else 0.3
        y, x = np.mgrid[:BLUR_SIZE, :BLUR_SIZE] - BLUR_SIZE // 2
        u = x * np.cos(along) + y * np.sin(along)
        v = y * np.cos(along) - x * np.sin(along)
        kernel = np.exp(-0.5 * ((u / spread) ** 2 + (v / narrow) ** 2))
        return (kernel / kernel.sum()).astype(np.float32)

    def _add_noise(self, pictures: Tensor, clips: Numbers) -> Tensor:
        strength = self._draw(clips, 0.008, 0.04, like=pictures)
        return (pictures + strength * self._noise(pictures)).clamp(0.0, 1.0)

    def _noise(self, like: Tensor) -> Tensor:
        """Normal numbers, different for every pixel."""
        generator = torch.Generator(like.device).manual_seed(int(self._rng.integers(2**62)))
        return torch.randn(like.shape, generator=generator, device=like.device)

    def _compress(self, pictures: Tensor, clips: Numbers) -> Tensor:
        return compress(pictures, self._draw(clips, 15.0, 70.0, like=pictures).flatten())

    def _hide(self, pictures: Tensor, frames: Numbers) -> Tensor:
        """Hides a rectangle behind the mean colour, noise, or a piece of another crop."""
        hidden = self._rectangles(len(frames), *pictures.shape[2:]).to(pictures.device)
        kind = self._rng.integers(3, size=len(frames))
        kinds = torch.from_numpy(kind).to(pictures.device)[:, None, None, None]
        mean = pictures.mean(dim=(2, 3), keepdim=True).expand_as(pictures)
        noise = (0.5 + 0.25 * self._noise(pictures)).clamp(0.0, 1.0)
        others = pictures.roll(1, dims=0).roll(pictures.shape[3] // 3, dims=3)
        cover = torch.where(kinds == 0, mean, torch.where(kinds == 1, noise, others))
        return torch.where(hidden, cover, pictures)

    def _rectangles(self, count: int, height: int, width: int) -> Tensor:
        """One rectangle each, bool[count, 1, height, width]."""
        rng = self._rng
        area = rng.uniform(0.02, self._settings.erase_area, size=count) * height * width
        ratio = np.exp(rng.uniform(-1.1, 1.1, size=count))
        tall = np.clip(np.sqrt(area * ratio), 2, height - 1).astype(int)
        wide = np.clip(np.sqrt(area / ratio), 2, width - 1).astype(int)
        top, left = rng.integers(0, height - tall), rng.integers(0, width - wide)
        rows, columns = np.arange(height), np.arange(width)
        inside_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
        inside_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
        return torch.from_numpy(inside_rows[:, None, :, None] & inside_columns[:, None, None, :])


def grey_of(pictures: Tensor) -> Tensor:
    """Luma of BGR pictures in all three channels."""
    weights = pictures.new_tensor([0.114, 0.587, 0.299])[:, None, None]
    return (pictures * weights).sum(dim=1, keepdim=True).expand_as(pictures)


def _without_colour(pictures: Tensor, clips: Numbers) -> Tensor:
    del clips
    return grey_of(pictures)


def _shrink_and_grow(pictures: Tensor, scale: float) -> Tensor:
    height, width = pictures.shape[2:]
    small = (max(16, round(height * scale)), max(8, round(width * scale)))
    shrunk = F.interpolate(pictures, small, mode="area")
    return F.interpolate(shrunk, (height, width), mode="bilinear", align_corners=False)


def _turn_about_grey(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rotations of colour space about its grey axis, float64[n, 3, 3] (Rodrigues' formula)."""
    axis = np.full(3, 3.0**-0.5)
    cross = np.cross(np.eye(3), axis)
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    return cosine * np.eye(3) + sine * cross + (1.0 - cosine) * np.outer(axis, axis)
