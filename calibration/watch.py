"""A camera looked at for a while: its pictures, and the boxes of whoever walks by."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from calibration.pinhole import Array
from engines.zoo import resolve_detector
from pipeline.config import CameraSettings, Site
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.errors import SourceError
from pipeline.ingest import LiveReaders, probe, read_recordings
from pipeline.ingest.straighten import Straightening
from pipeline.mot import Table
from pipeline.track import Tracker, track_numbers
from pipeline.vet import Vetting

_PATIENCE = 20.0  # seconds without a picture after which a stream is given up
_LIVE_FPS = 15.0
_FPS = 10.0  # pictures a second that are analysed of a recording: steps are seen with fewer


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen.

    Attributes:
        image: uint8[H, W, 3] BGR, a picture after the region; the one with most people.
        table: the tracks; an identity is a track.
        seconds: float64[n], capture time of each row of the table.
    """

    image: NDArray[np.uint8]
    table: Table
    seconds: Array


def whole_size(camera: CameraSettings) -> tuple[int, int]:
    """Width and height in pixels of the camera's picture before its region."""
    info = probe(camera.source)
    return info.width, info.height


def lens_centre(camera: CameraSettings, whole: tuple[int, int]) -> tuple[float, float]:
    """Middle of the lens in pixels of the picture after the region.

    By its calibration if there is one; otherwise the middle of the whole picture.
    """
    x, y = camera.region[:2] if camera.region else (0, 0)
    lens = camera.read_lens()
    if lens is None:
        return whole[0] / 2 - x, whole[1] / 2 - y
    straight = Straightening(lens, whole).straight
    return float(straight[0, 2]) + 0.5 - x, float(straight[1, 2]) + 0.5 - y


def known_focal(camera: CameraSettings, whole: tuple[int, int]) -> float | None:
    """Focal length in pixels of the straightened picture, if the lens is calibrated."""
    lens = camera.read_lens()
    return None if lens is None else float(Straightening(lens, whole).straight[0, 0])


def first_picture(name: str, camera: CameraSettings) -> NDArray[np.uint8]:
    """A picture of the camera after its region, uint8[H, W, 3] BGR."""
    return next(frames(name, camera, seconds=_PATIENCE)).image


def frames(name: str, camera: CameraSettings, *, seconds: float) -> Iterator[Frame]:
    """The pictures of so many seconds, of a stream or a recording.

    Raises:
        SourceError: a stream that shows nothing.
    """
    source = _live(name, camera) if camera.live else _recorded(name, camera)
    begin: float | None = None
    for frame in source:
        begin = frame.time if begin is None else begin
        if frame.time - begin > seconds:
            return
        yield frame


def _recorded(name: str, camera: CameraSettings) -> Iterator[Frame]:
    for moment in read_recordings({name: camera}):
        yield from moment


def _live(name: str, camera: CameraSettings) -> Iterator[Frame]:
    with LiveReaders({name: camera}) as readers:
        heard = time.monotonic()
        while time.monotonic() - heard < _PATIENCE:
            for frame in readers.collect(1.0):
                heard = time.monotonic()
                yield frame
        raise SourceError(
            f"camera {name}: expected pictures, found none for {_PATIENCE:g} s: "
            f"{readers.statuses()[name].error or 'the stream is silent'}"
        )


def watch(site: Site, name: str, *, seconds: float) -> Watched:
    """Finds and follows the people in one camera, with the site's own detector and tracker."""
    camera = site.cameras[name]
    choice = resolve_detector(site.detector.model)
    detector = Detector(choice.path, settings=site.detector, device=site.device)
    rate = camera.fps or (_LIVE_FPS if camera.live else probe(camera.source).fps)
    every = 1 if camera.live else max(1, round(rate / _FPS))
    tracker = Tracker(name, site.tracker, fps=rate / every)
    vetting = Vetting(certain=site.tracker.certain)
    gathered = _Gathered()
    for frame in frames(name, camera, seconds=seconds):
        if frame.index % every == 0:
            tracks = tracker.update(frame, detector.detect([frame])[0])
            people, earlier = vetting.update(frame, tracks, tracker.recovered)
            for past in earlier:
                gathered.take(past.index, past.time, past.tracks)
            gathered.take(frame.index, frame.time, people)
            gathered.show(frame.image, len(people))
    return gathered.result()


class _Gathered:
    """Boxes as they come."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, float, *tuple[float, ...]]] = []
        self._image = np.zeros((1, 1, 3), np.uint8)
        self._most = -1

    def take(self, index: int, moment: float, tracks: sv.Detections) -> None:
        """Adds the tracks of a picture."""
        for number, box in zip(track_numbers(tracks), tracks.xyxy, strict=True):
            self._rows.append((index + 1, int(number), moment, *map(float, box)))

    def show(self, image: NDArray[np.uint8], people: int) -> None:
        """Keeps the picture with most people."""
        if people > self._most:
            self._image, self._most = image.copy(), people

    def result(self) -> Watched:
        """All of it."""
        rows = sorted(self._rows)
        table = Table.build(
            frame=[row[0] for row in rows],
            identity=[row[1] for row in rows],
            xyxy=[row[3:] for row in rows],
        )
        return Watched(self._image, table, np.array([row[2] for row in rows], np.float64))
