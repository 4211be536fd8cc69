"""What the tests of detectors share."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def street_300(vtest_path: Path) -> NDArray[np.uint8]:
    """The right part of the sample clip's 50th picture, uint8[300, 300, 3] BGR."""
    clip = cv2.VideoCapture(str(vtest_path))
    clip.set(cv2.CAP_PROP_POS_FRAMES, 49)
    _, picture = clip.read()
    return cv2.resize(picture[:, 440:], (300, 300)).astype(np.uint8)
