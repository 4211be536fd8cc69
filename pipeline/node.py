"""The node: carries its cameras from the stream to the embedding, live."""

from __future__ import annotations

import secrets
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog

from pipeline.data import CameraStatus, Frame, Sighting
from pipeline.errors import StoreError
from pipeline.ingest import LiveReaders
from pipeline.perceive import Observation, Perception
from pipeline.preview import encode_preview
from pipeline.store import Store

_COLLECT_SECONDS = 0.2
_HOUSEKEEPING_SECONDS = 1.0
_UNSENT = 10_000  # sightings kept while Redis is away: minutes of a busy node, some 40 MB
_RECENT = 64  # pictures whose delays a status sums up

log = structlog.get_logger()


def new_run() -> str:
    """A name for this start of a node that no other start ever had or will have."""
    return f"{int(time.time()):x}{secrets.token_hex(3)}"


class Outbox:
    """Sightings on their way to Redis: kept, up to a bound, while it is away."""

    def __init__(self, store: Store, *, capacity: int = _UNSENT) -> None:
        self._store = store
        self._waiting: deque[Sighting] = deque(maxlen=capacity)
        self._retry_at = 0.0

    @property
    def waiting(self) -> tuple[Sighting, ...]:
        """What could not be sent yet, oldest first."""
        return tuple(self._waiting)

    def send(self, sightings: Sequence[Sighting], *, now: float) -> None:
        """Sends what waits and what is new, in order; keeps what cannot be sent."""
        self._waiting.extend(sightings)
        if now < self._retry_at:
            return
        try:
            while self._waiting:
                self._store.send_sighting(self._waiting[0])
                self._waiting.popleft()
        except StoreError as error:
            self._retry_at = now + _HOUSEKEEPING_SECONDS
            log.warning("node keeps its sightings", waiting=len(self._waiting), error=str(error))


class Node:
    """Runs the cameras of one process.

    Args:
        store: where sightings, previews and statuses go.
        readers: the cameras' streams; closed by whoever opened them.
        perception: what happens to a picture.
        cameras: names of the cameras.
    """

    def __init__(
        self, store: Store, readers: LiveReaders, perception: Perception, cameras: Sequence[str]
    ) -> None:
        self._store = store
        self._readers = readers
        self._perception = perception
        self._cameras = list(cameras)
        self._outbox = Outbox(store)
        self._delays = {camera: deque[float](maxlen=_RECENT) for camera in cameras}
        self._watched: set[str] = set()
        self._housekeeping_at = 0.0

    def run(self, stopping: Callable[[], bool]) -> None:
        """Works until told to stop, then ends all tracklets."""
        while not stopping():
            self.step(self._readers.collect(_COLLECT_SECONDS))
        self._outbox.send(self._perception.close(), now=time.time())
        self._housekeep(time.time())

    def step(self, frames: Sequence[Frame]) -> None:
        """Takes the newest frames, at most one per camera, and passes on what came of them."""
        if frames:
            observations, sightings = self._perception.update(frames)
            self._show(observations)
            now = time.time()
            for frame in frames:
                self._delays[frame.camera].append(now - frame.arrival)
            self._outbox.send(sightings, now=now)
        if time.time() >= self._housekeeping_at:
            self._housekeep(time.time())

    def _show(self, observations: Sequence[Observation]) -> None:
        """Sends previews of the cameras that somebody is looking at."""
        for observation in observations:
            camera = observation.frame.camera
            if camera in self._watched:
                message = encode_preview(
                    observation.frame, observation.tracks, observation.tracklets
                )
                self._attempt(partial(self._store.send_view, camera, message))

    def _housekeep(self, now: float) -> None:
        self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
        self._outbox.send([], now=now)
        self._attempt(self._look_who_watches)
        statuses = [self._measured(s, now) for s in self._readers.statuses().values()]
        self._attempt(partial(self._store.put_statuses, statuses))

    def _look_who_watches(self) -> None:
        self._watched = self._store.watched(self._cameras)

    def _measured(self, status: CameraStatus, now: float) -> CameraStatus:
        delays = self._delays[status.camera]
        return replace(status, delay=statistics.median(delays) if delays else 0.0, updated=now)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Does what may be lost when Redis is away: pictures and statuses are renewed anyway."""
        try:
            action()
        except StoreError as error:
            self._watched = set()
            log.debug("Redis is away", error=str(error))
