"""The number of a picture, written into it so that a program can read it back after compression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 16
_DARK, _BRIGHT = 16, 235


def square(width: int) -> int:
    """Side of a square in pixels, for a picture of this width: whole blocks of the codec."""
    return 16 if width >= 512 else 8


def write_number(image: NDArray[np.uint8], number: int) -> None:
    """Draws 16 squares along the upper border, from the left, the lowest bit first; white is 1."""
    side = square(image.shape[1])
    bits = number >> np.arange(BITS) & 1
    row = np.where(np.repeat(bits, side), _BRIGHT, _DARK).astype(np.uint8)
    image[:side, : BITS * side] = row[None, :, None]


def read_number(image: NDArray[np.uint8]) -> int:
    """The number in a picture uint8[H, W, 3]."""
    side = square(image.shape[1])
    squares = image[:side, : BITS * side].reshape(side, BITS, side, 3)
    inner = squares[side // 4 : -side // 4, :, side // 4 : -side // 4]
    bright = inner.mean(axis=(0, 2, 3)) > 127
    return int(np.sum(bright << np.arange(BITS)))
