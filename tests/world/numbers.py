"""Random numbers that depend on their name alone: the same for a person whenever one asks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Names = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def scramble(names: Names) -> Names:
    """SplitMix64: neighbouring numbers → numbers that have nothing to do with each other."""
    mixed = names + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def names(seed: int, what: int, numbers: NDArray[np.integer] | int) -> Names:
    """Names for the members of one family of things, such as all people."""
    family = scramble(np.array([(seed << 8) + what], dtype=np.uint64))
    return scramble(np.atleast_1d(np.asarray(numbers)).astype(np.uint64) ^ family)


def uniform(names: Names, count: int = 1) -> NDArray[np.float64]:
    """float64[n, count] from 0 (not included) to 1."""
    bits = scramble(names[:, None] + np.arange(1, count + 1, dtype=np.uint64) * _STEP)
    return np.asarray(((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def normal(names: Names, count: int) -> NDArray[np.float32]:
    """float32[n, count], standard normal, two of each 64 bits (Box and Muller)."""
    half = (count + 1) // 2
    bits = scramble(names[:, None] + np.arange(1, half + 1, dtype=np.uint64) * _STEP)
    radius = ((bits >> np.uint64(32)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-32)
    angle = (bits & np.uint64(0xFFFFFFFF)).astype(np.float32) * np.float32(2 * np.pi * 2**-32)
    length = np.sqrt(np.float32(-2) * np.log(np.minimum(radius, np.float32(1 - 2**-24))))
    return np.hstack([length * np.cos(angle), length * np.sin(angle)])[:, :count]
