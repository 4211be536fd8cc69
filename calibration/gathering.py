"""Gathering: views of a board from picture files, or from a camera of the site."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from calibration.boards import Board
from calibration.views import Unusable, View, check_new, look
from pipeline.config import CameraSettings
from pipeline.data import CameraState, Frame
from pipeline.errors import ConfigError, SourceError
from pipeline.ingest import LiveReaders, read_recordings

EVERY_SECONDS = 0.5
"""Time between two pictures of a camera that are looked at."""

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)
_CAMERA = "camera"

Say = Callable[[str], None]


@dataclass(slots=True)
class Gathered:
    """What came of the pictures.

    Attributes:
        views: those that can be used.
        rejected: names of the others and why, the newest last.
    """

    views: list[View] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def take(self, name: str, encoded: bytes, board: Board) -> str | None:
        """Takes a picture's file; returns why it cannot be used, or None."""
        try:
            view = look(name, encoded, board)
            check_new(view, self.views)
        except Unusable as reason:
            self.rejected.append((name, str(reason)))
            return str(reason)
        self.views.append(view)
        return None


def from_files(pattern: str, board: Board) -> Gathered:
    """Looks at the pictures that a pattern such as `photos/*.jpg` names, in order of name.

    Raises:
        ConfigError: there are none.
    """
    paths = [Path(path) for path in sorted(glob.glob(pattern, recursive=True))]
    if not paths:
        raise ConfigError(f"--images: expected pictures at {pattern}, found none")
    gathered = Gathered()
    for path in paths:
        gathered.take(path.name, path.read_bytes() if path.is_file() else b"", board)
    return gathered


def from_camera(
    name: str,
    settings: CameraSettings,
    board: Board,
    *,
    wanted: int,
    seconds: float,
    say: Say,
) -> Gathered:
    """Watches a camera, as it is without lens and region, until it has shown enough views.

    Args:
        name: of the camera.
        settings: from cams.yaml.
        board: what to look for.
        wanted: how many views are enough.
        seconds: longest to watch, in the recording's or stream's time.
        say: told what is going on, a line at a time.

    Raises:
        SourceError: the camera cannot be opened, or shows no picture in that time.
    """
    whole = settings.model_copy(update={"lens": None, "region": None, "fps": None})
    frames = _live(name, whole, seconds) if whole.live else _recorded(whole)
    gathered = Gathered()
    began, last = None, ""
    try:
        for frame in frames:
            began = frame.time if began is None else began
            if frame.time - began > seconds or len(gathered.views) >= wanted:
                break
            reason = gathered.take(f"{frame.time - began:.1f} s", _encoded(frame), board)
            news = reason.split(" (")[0] if reason else f"view {len(gathered.views)} of {wanted}"
            if news != last:
                say(f"{frame.time - began:6.1f} s  {news}")
            last = news
    except KeyboardInterrupt:
        say("stopped: going on with the views there are")
    if began is None:
        raise SourceError(f"camera {name}: no picture came in {seconds:g} s")
    return gathered


def _encoded(frame: Frame) -> bytes:
    _, encoded = cv2.imencode(".jpg", frame.image, _JPEG)
    return encoded.tobytes()


def _recorded(settings: CameraSettings) -> Iterator[Frame]:
    """A recording's pictures, one each half second, as fast as it can be read."""
    return _spaced(f for frames in read_recordings({_CAMERA: settings}) for f in frames)


def _live(name: str, settings: CameraSettings, seconds: float) -> Iterator[Frame]:
    """A stream's pictures, one each half second.

    Raises:
        SourceError: it cannot be read.
    """
    return _spaced(_stream(name, settings, seconds))


def _spaced(frames: Iterable[Frame]) -> Iterator[Frame]:
    due = float("-inf")
    for frame in frames:
        if frame.time >= due:
            due = frame.time + EVERY_SECONDS
            yield frame


def _stream(name: str, settings: CameraSettings, seconds: float) -> Iterator[Frame]:
    deadline = time.monotonic() + seconds
    with LiveReaders({_CAMERA: settings}) as readers:
        while time.monotonic() < deadline:
            yield from readers.collect(1.0)
            status = readers.statuses()[_CAMERA]
            if status.state is CameraState.WAITING and not status.frames:
                raise SourceError(f"camera {name}: {status.error}")
