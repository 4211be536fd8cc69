"""Where no window can be opened, a sentence says what to do about it."""

from __future__ import annotations

import cv2
import pytest

from pipeline.errors import HandoffError
from pipeline.window_check import check_windows


def test_an_opencv_without_windows_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    headless = "  GUI:                           NONE\n"
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: headless)
    with pytest.raises(HandoffError, match="found opencv-python-headless: apt-get install libgl1"):
        check_windows()
