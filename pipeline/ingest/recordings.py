"""Recordings read as fast as the machine can, every picture of them, in order of capture time."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Hashable, Iterator, Mapping
from queue import Empty, Full, Queue

from pipeline.config import CameraSettings
from pipeline.data import Frame
from pipeline.errors import ConfigError, redact
from pipeline.ingest.failures import Failure
from pipeline.ingest.framing import Framing
from pipeline.ingest.source import Picture, VideoSource
from pipeline.ingest.timing import RecordingClock

AHEAD = 4
"""Pictures decoded ahead of whoever uses them, per recording."""

_POLL_SECONDS = 0.2

Views = dict[str, CameraSettings]
"""Cameras by name that are cut out of the same pictures."""


def read_recordings(cameras: Mapping[str, CameraSettings]) -> Iterator[list[Frame]]:
    """All frames of some recordings, one moment at a time, in order of capture time.

    Cameras that share a source are cut out of one decoding. Decoding runs ahead in a thread per
    recording. Frames of several recordings whose times lie within half a frame interval come in
    one list; the same files always give the same lists.

    Args:
        cameras: the cameras by name; `loop` has no meaning here.

    Yields:
        The frames of one moment, at most one per camera, in the order of the recordings.

    Raises:
        ConfigError: a camera is a live stream, or its region or lens does not fit
            the picture.
        SourceError: a recording cannot be opened, or holds no picture.
    """
    _refuse_streams(cameras)
    recordings = [_Recording(views) for views in group_by_source(cameras).values()]
    try:
        for recording in recordings:
            recording.start()
        yield from _merge(recordings)
    finally:
        for recording in recordings:
            recording.close()


def group_by_source(cameras: Mapping[str, CameraSettings]) -> dict[Hashable, Views]:
    """Puts cameras together that are cut out of the same pictures at the same times."""
    groups: dict[Hashable, Views] = {}
    for name, camera in cameras.items():
        groups.setdefault((camera.source, *_way_of_reading(camera)), {})[name] = camera
    return groups


def _way_of_reading(camera: CameraSettings) -> tuple[Hashable, ...]:
    if not camera.live:
        return camera.fps, camera.start_time, camera.loop
    # The frame rate of a live camera limits what that camera hands out, no more.
    time_outs = camera.connect_timeout, camera.read_timeout
    return camera.transport, *time_outs, camera.hardware_decoding


def _refuse_streams(cameras: Mapping[str, CameraSettings]) -> None:
    for name, camera in cameras.items():
        if camera.live:
            raise ConfigError(
                f"cameras.{name}.source: expected a recording, since this is offline processing, "
                f"found the live source {redact(camera.source)}"
            )


def _merge(recordings: list[_Recording]) -> Iterator[list[Frame]]:
    """Takes the earliest moment, and what others have within half a frame interval of it."""
    heads: list[tuple[float, int, list[Frame]]] = []
    for number, recording in enumerate(recordings):
        _push_next(heads, number, recording)
    while heads:
        time, number, frames = heapq.heappop(heads)
        taken = {number: frames}
        tolerance = min(recording.interval for recording in recordings) / 2
        while heads and heads[0][0] - time < tolerance:
            _, other, others_frames = heapq.heappop(heads)
            taken[other] = others_frames
        yield [frame for other in sorted(taken) for frame in taken[other]]
        for other in taken:
            _push_next(heads, other, recordings[other])


def _push_next(
    heads: list[tuple[float, int, list[Frame]]], number: int, recording: _Recording
) -> None:
    if (frames := recording.next()) is not None:
        heapq.heappush(heads, (frames[0].time, number, frames))


class _Recording(threading.Thread):
    """One recording, decoded ahead in a thread of its own.

    Attributes:
        interval: seconds between two pictures, known when the first has come.
    """

    def __init__(self, views: Views) -> None:
        super().__init__(name=f"decode {', '.join(views)}", daemon=True)
        self._views = views
        self._framings = {name: Framing(name, camera) for name, camera in views.items()}
        self._first = next(iter(views.values()))
        self._ready: Queue[list[Frame] | Exception | None] = Queue(AHEAD)
        self._stopped = threading.Event()
        self.interval = 0.0

    def next(self) -> list[Frame] | None:
        """Frames of the next picture, one per camera, or None at the end.

        Raises:
            Exception: what went wrong in the thread.
        """
        item = self._ready.get()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        """Ends the thread, also in the middle."""
        self._stopped.set()
        while True:  # makes room, should the thread be waiting for it
            try:
                self._ready.get_nowait()
            except Empty:
                break
        if self.is_alive():
            self.join()

    def run(self) -> None:
        try:
            self._decode()
        except Exception as error:  # whatever it is, whoever waits for frames must hear of it
            self._put(error)
        else:
            self._put(None)

    def _decode(self) -> None:
        with VideoSource(self._first.source) as source:
            clock = RecordingClock(fps=self._first.fps, nominal_fps=source.info.fps)
            self.interval = 1.0 / (self._first.fps or source.info.fps)
            for picture in source.pictures():
                time = self._first.start_time + clock.seconds(picture.index, picture.seconds)
                if not self._put(self._cut(picture, time)):
                    return
        if clock.duration_seconds <= 0:
            raise Failure.NOT_VIDEO.error(self._first.source)

    def _cut(self, picture: Picture, time: float) -> list[Frame]:
        for framing in self._framings.values():
            if misfit := framing.misfit(picture.size):
                raise ConfigError(misfit[1])
        return [
            Frame(name, picture.index, time, framing.cut(picture.size).image(picture), arrival=time)
            for name, framing in self._framings.items()
        ]

    def _put(self, item: list[Frame] | Exception | None) -> bool:
        """Waits for room; False if nobody wants any more."""
        while not self._stopped.is_set():
            try:
                self._ready.put(item, timeout=_POLL_SECONDS)
                return True
            except Full:
                continue
        return False
