"""How much a crop says about a person's looks."""

from __future__ import annotations

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

_FULL_HEIGHT = 128.0  # pixels: as high as the network's input; larger crops gain little
_FULL_SHARPNESS = 150.0  # variance of the Laplacian of a crop in focus, at 64×32
_THUMBNAIL = (32, 64)


def crop_quality(
    image: NDArray[np.uint8], *, confidence: float, truncated: bool, covered: float
) -> float:
    """Judges a crop by confidence, size, sharpness, truncation and overlap.

    Args:
        image: uint8[h, w, 3] BGR.
        confidence: of the detection, 0 to 1.
        truncated: True if the box touches the border of the picture.
        covered: largest share of the box that another box covers, 0 to 1.

    Returns:
        0 (useless) to 1: the product of the five, each softened, so that one flaw alone
        never rules a crop out.
    """
    size = min(1.0, image.shape[0] / _FULL_HEIGHT)
    focus = min(1.0, sharpness(image) / _FULL_SHARPNESS)
    wholeness = 0.5 if truncated else 1.0
    return (
        (0.3 + 0.7 * confidence)
        * (0.3 + 0.7 * size)
        * (0.5 + 0.5 * focus)
        * wholeness
        * (1.0 - 0.8 * covered)
    )


def sharpness(image: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian, at one size for all crops so that they can be compared."""
    small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def coverage(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each box the largest share of its area that one other box covers.

    Only boxes whose lower edge is further down cover others: they are nearer to the camera.

    Args:
        boxes: float32[n, 4], xyxy.

    Returns:
        float32[n], 0 to 1.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.float32)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 1e-6, None), axis=1)
    nearer = boxes[None, :, 3] > boxes[:, None, 3]
    share: NDArray[np.float32] = (shared * nearer / area[:, None]).max(axis=1).astype(np.float32)
    return share


def nearness(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each box its largest overlap with another one (IoU): float32[n].

    Args:
        boxes: float32[n, 4], xyxy.
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.float32)
    overlap = sv.box_iou_batch(boxes, boxes)
    np.fill_diagonal(overlap, 0.0)
    return np.asarray(overlap.max(axis=1), np.float32)
