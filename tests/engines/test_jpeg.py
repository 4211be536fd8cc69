"""JPEG on the training device loses what a real codec loses."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines.jpeg import compress


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    """Blobs, edges and a little noise, uint8[128, 64, 3]."""
    rng = np.random.default_rng(0)
    smooth = cv2.resize(rng.uniform(0, 255, (8, 4, 3)), (64, 128), interpolation=cv2.INTER_CUBIC)
    smooth[40:90, 20:50] = (200, 40, 30)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [15, 40, 70])
def test_what_is_lost_is_what_libjpeg_loses(picture: NDArray[np.uint8], quality: int) -> None:
    _, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    expected = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=float)
    batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255.0
    found = (compress(batch, torch.tensor([float(quality)])) * 255.0)[0].permute(1, 2, 0).numpy()
    lost = np.abs(expected - picture).mean()
    assert np.abs(found - expected).mean() < 0.35 * lost


def test_every_picture_has_its_own_quality(picture: NDArray[np.uint8]) -> None:
    batch = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255.0).repeat(2, 1, 1, 1)
    altered = compress(batch, torch.tensor([15.0, 90.0]))
    bad, good = (altered - batch).abs().mean(dim=(1, 2, 3)).tolist()
    assert bad > 2 * good
