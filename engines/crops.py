"""The training's pictures: decoded at one size, on the device that trains when they fit there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.datasets import read_crop
from engines.preprocess import resize_crop

DECODERS = 8
"""Threads; OpenCV decodes outside Python's lock."""


class CropStore:
    """Crops by path.

    Args:
        paths: all crops that will be asked for; a path may come up more than once.
        height: height of the crops in pixels.
        width: width of the crops in pixels.
        device: where they are wanted.
        capacity_bytes: decoded crops are kept as long as they take no more than this (13,000 at
            256×128 take 1.3 GB); otherwise each is decoded whenever it is asked for.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        height: int,
        width: int,
        device: torch.device,
        capacity_bytes: float = 16e9,
    ) -> None:
        self._size = {"height": height, "width": width}
        self._device = device
        self._decoders = ThreadPoolExecutor(DECODERS)
        unique = list(dict.fromkeys(paths))
        self._rows = {path: row for row, path in enumerate(unique)}
        fits = len(unique) * height * width * 3 <= capacity_bytes
        self._decoded = self._decode(unique) if fits and unique else None

    def __getitem__(self, paths: Sequence[Path]) -> Tensor:
        """uint8[n, H, W, 3] BGR on the device."""
        if self._decoded is None:
            return self._decode(paths)
        rows = torch.tensor([self._rows[path] for path in paths], dtype=torch.int64)
        return self._decoded[rows.to(self._device)]

    def _decode(self, paths: Sequence[Path]) -> Tensor:
        crops = list(self._decoders.map(lambda p: resize_crop(read_crop(p), **self._size), paths))
        shape = (0, self._size["height"], self._size["width"], 3)
        stacked = np.stack(crops) if crops else np.empty(shape, np.uint8)
        return torch.from_numpy(stacked).to(self._device)
