"""What the tests of live ingest share: cameras, and their frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.config import CameraSettings
from pipeline.data import Frame
from pipeline.ingest import LiveReaders

COUNT, FPS = 8, 10
"""Pictures of the clip, and how many a second."""


def camera(source: Path | str, **settings: Any) -> CameraSettings:
    return CameraSettings(source=str(source), **settings)


def collect(
    readers: LiveReaders, *, seconds: float, enough: Callable[[list[Frame]], bool] = lambda _: False
) -> list[Frame]:
    """Takes frames until there are enough, or the time is up."""
    frames: list[Frame] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not enough(frames):
        frames += readers.collect(min(left, 0.1))
    return frames


def last_of(count: int) -> Callable[[list[Frame]], bool]:
    """True when the picture with the number `count - 1` or a later one has come."""
    return lambda frames: bool(frames) and frames[-1].index >= count - 1
