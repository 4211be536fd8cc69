"""What a crop goes through before the network: one definition, for training and for serving.

Only the size is changed here. Colour order and normalisation are part of graph A, whose input is
uint8[n, H, W, 3] BGR as OpenCV gives it, so they cannot differ between the two. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""Picture of any size: uint8[H, W, 3] BGR."""


def resize_crop(crop: Image, *, height: int, width: int) -> Image:
    """Brings one crop to the network's input size; its aspect is not kept, as in re-ID sets.

    Shrinking averages over the area, because a bilinear sample of a large crop would alias.

    Args:
        crop: uint8[h, w, 3] BGR of any size.
        height: height of the result in pixels.
        width: width of the result in pixels.

    Returns:
        uint8[height, width, 3] BGR; `crop` itself when it has that size already.

    Raises:
        ValueError: `crop` is no uint8 colour picture, or is empty.
    """
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
        raise ValueError(f"crop: expected uint8[h, w, 3], found {crop.dtype}{list(crop.shape)}")
    if crop.shape[:2] == (height, width):
        return crop
    shrinks = crop.shape[0] > height and crop.shape[1] > width
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(crop, (width, height), interpolation=interpolation)
    return np.asarray(resized, dtype=np.uint8)


def stack_crops(crops: Sequence[Image], *, height: int, width: int) -> Image:
    """Resizes crops and stacks them: the input of graph A, uint8[n, height, width, 3] BGR."""
    if not crops:
        return np.empty((0, height, width, 3), dtype=np.uint8)
    return np.stack([resize_crop(crop, height=height, width=width) for crop in crops])
