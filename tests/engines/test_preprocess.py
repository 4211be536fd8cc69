"""Preprocessing: sizes, types, and what is refused."""

from __future__ import annotations

import sys
from subprocess import run

import numpy as np
import pytest

from engines.preprocess import Image, resize_crop, stack_crops


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (90, 31), (128, 64), (600, 200)])
def test_every_crop_comes_out_at_the_networks_size(size: tuple[int, int]) -> None:
    resized = resize_crop(noise(*size), height=128, width=64)
    assert resized.shape == (128, 64, 3)
    assert resized.dtype == np.uint8


def test_a_large_crop_is_averaged_and_not_sampled() -> None:
    stripes = np.zeros((512, 256, 3), dtype=np.uint8)
    stripes[::2] = 200
    assert np.unique(resize_crop(stripes, height=128, width=64)).tolist() == [100]


@pytest.mark.parametrize(
    "crop",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)],
    ids=["grey", "float", "empty"],
)
def test_what_is_no_crop_is_refused(crop: Image) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        resize_crop(crop, height=128, width=64)


def test_no_crops_make_an_empty_batch() -> None:
    assert stack_crops([], height=128, width=64).shape == (0, 128, 64, 3)


@pytest.mark.parametrize("module", ["engines.preprocess", "engines.card", "engines.runtime"])
def test_serving_imports_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
