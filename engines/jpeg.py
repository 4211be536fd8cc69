"""JPEG's losses, on a whole batch and on the device that trains.

The codec's lossy steps alone (ITU-T T.81): chroma at half the resolution, blocks of 8×8 through
the cosine transform, rounding to the quantisation table of a quality. What follows in a codec,
entropy coding, loses nothing.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Table K.1 of the standard."""
CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""Table K.2 of the standard."""
FROM_BGR = (
    (0.114, 0.587, 0.299),
    (0.5, -0.331264, -0.168736),
    (-0.081312, -0.418688, 0.5),
)
"""Luma, blue difference, red difference."""
BLOCK = 8


def compress(pictures: Tensor, quality: Tensor) -> Tensor:
    """What JPEG leaves of pictures.

    Args:
        pictures: float32[n, 3, H, W] BGR, 0 to 1; H and W are multiples of 16.
        quality: float32[n], 1 to 100 as in libjpeg.

    Returns:
        float32[n, 3, H, W].
    """
    matrix = pictures.new_tensor(FROM_BGR)
    planes = torch.einsum("ij,njhw->nihw", matrix, pictures) * 255.0
    luma = _quantise(planes[:, :1] - 128.0, _table(LUMA_TABLE, quality)) + 128.0
    small = _quantise(F.avg_pool2d(planes[:, 1:], 2), _table(CHROMA_TABLE, quality))
    chroma = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
    restored = torch.cat([luma, chroma], dim=1) / 255.0
    return torch.einsum("ij,njhw->nihw", matrix.inverse(), restored).clamp(0.0, 1.0)


def _table(base: tuple[tuple[int, ...], ...], quality: Tensor) -> Tensor:
    """Quantisation steps of each picture, float32[n, 1, 1, 1, 8, 8], by libjpeg's rule."""
    percent = torch.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality)
    steps = (quality.new_tensor(base) * percent[:, None, None] / 100.0).round().clamp(1.0, 255.0)
    return steps[:, None, None, None]


def _quantise(planes: Tensor, steps: Tensor) -> Tensor:
    """Rounds the blocks' cosine coefficients: float32[n, c, H, W] → the same shape."""
    rows, columns = planes.shape[2] // BLOCK, planes.shape[3] // BLOCK
    blocks = planes.unflatten(2, (rows, BLOCK)).unflatten(4, (columns, BLOCK)).transpose(3, 4)
    transform = _cosines(planes)
    rounded = (transform @ blocks @ transform.T / steps).round() * steps
    restored = transform.T @ rounded @ transform
    return restored.transpose(3, 4).flatten(4, 5).flatten(2, 3)


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal cosine transform (DCT-II) of 8 values, float32[8, 8]."""
    position = torch.arange(BLOCK, device=like.device, dtype=like.dtype)
    waves = torch.cos(math.pi / BLOCK * (position + 0.5) * position[:, None])
    waves[0] *= 0.5**0.5
    return waves * (2.0 / BLOCK) ** 0.5
