"""Whether a window can be opened here, and if not, what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from pipeline.errors import HandoffError

_PROBE = "import cv2; cv2.namedWindow('probe'); cv2.waitKey(1)"
_PROBE_SECONDS = 20.0


def check_windows() -> None:
    """Sees whether a window can be opened here.

    In a process of its own: where there is no screen, the library ends the one that asks.

    Raises:
        HandoffError: it cannot; the message says what to do.
    """
    if "GUI:                           NONE" in cv2.getBuildInformation():
        raise HandoffError(
            "--window: expected an OpenCV that can open windows, found opencv-python-headless: "
            "apt-get install libgl1, then put opencv-python of the same version in its place"
        )
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise HandoffError(
            "--window: expected a screen, found neither DISPLAY nor WAYLAND_DISPLAY: start it on "
            "the machine's own desktop, or open the page in a browser instead"
        )
    if problem := _probe():
        raise HandoffError(f"--window: expected a screen that can be used, found: {problem}")


def _probe() -> str:
    """Why no window can be opened, or ""."""
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_PROBE_SECONDS:.0f} seconds"
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else lines[0] if lines else f"exit code {done.returncode}"
