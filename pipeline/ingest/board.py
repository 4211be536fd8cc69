"""The board: where readers put each camera's newest picture, and the node takes them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import av.error

from pipeline.data import CameraState, CameraStatus, Clock, Frame
from pipeline.errors import HandoffError
from pipeline.ingest.source import Picture, Region

_RATE_SECONDS = 5.0
_DOWN = (CameraState.CONNECTING, CameraState.WAITING)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """A camera's picture that nobody has taken yet; it becomes BGR only when it is."""

    camera: str
    picture: Picture
    region: Region | None
    index: int
    time: float
    arrival: float
    clock: Clock

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the camera's part of the picture, pixels."""
        return self.picture.size if self.region is None else self.region[2:]

    def frame(self) -> Frame:
        """The offer as a frame; this is where the pixels are converted."""
        image = self.picture.image(self.region)
        return Frame(self.camera, self.index, self.time, image, self.arrival, self.clock)


@dataclass(slots=True)
class _Place:
    """One camera's place on the board."""

    status: CameraStatus
    offer: Offer | None = None
    taken: deque[float] = field(default_factory=deque)

    def put(self, offer: Offer) -> None:
        drops = dict(self.status.drops)
        if self.offer is not None:
            drops["replaced"] = drops.get("replaced", 0) + 1
        self.offer = offer
        self.status = replace(self.status, drops=drops, size=offer.size)

    def take(self, now: float) -> Offer | None:
        offer, self.offer = self.offer, None
        if offer is not None:
            self.taken.append(now)
            self.status = replace(self.status, frames=self.status.frames + 1)
        return offer

    def rate(self, now: float) -> float:
        """Frames taken per second over the last few seconds."""
        while self.taken and now - self.taken[0] > _RATE_SECONDS:
            self.taken.popleft()
        spread = self.taken[-1] - self.taken[0] if self.taken else 0.0
        return (len(self.taken) - 1) / spread if spread > 0 else 0.0


class Board:
    """Holds the newest picture of every camera; what is not taken in time is dropped and counted.

    Readers call `post` and `report` from their threads, one consumer calls `collect`.
    """

    def __init__(self, cameras: Sequence[str], *, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        now = clock()
        self._places = {
            camera: _Place(CameraStatus(camera, CameraState.CONNECTING, since=now))
            for camera in cameras
        }

    def post(self, offers: Iterable[Offer]) -> None:
        """Puts the pictures of one moment on the board; they replace what was not taken."""
        with self._changed:
            for offer in offers:
                self._places[offer.camera].put(offer)
                self._set_state(offer.camera, CameraState.RUNNING)
            self._changed.notify_all()

    def report(
        self,
        cameras: Iterable[str],
        state: CameraState,
        *,
        error: str | None = None,
        next_try: float | None = None,
    ) -> None:
        """Notes what cameras are doing; `since` stays while they remain up, or down."""
        with self._changed:
            for camera in cameras:
                self._set_state(camera, state, error=error, next_try=next_try)
            self._changed.notify_all()

    def collect(self, timeout_seconds: float, *, window_seconds: float) -> list[Frame]:
        """Takes the newest picture of each camera that has one, waiting until one has.

        Args:
            timeout_seconds: gives up after so long and returns an empty list.
            window_seconds: how long, after the first, the other running cameras may join.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._any_offer(), timeout_seconds)
            if self._any_offer():
                self._changed.wait_for(self._all_running_offer, window_seconds)
            now = self._clock()
            offers = [place.take(now) for place in self._places.values()]
        return [f for offer in offers if offer is not None and (f := _frame(offer)) is not None]

    def statuses(self) -> dict[str, CameraStatus]:
        """How every camera is doing; `delay` is for the node to fill in."""
        with self._changed:
            now = self._clock()
            return {
                camera: replace(place.status, fps=place.rate(now), updated=now)
                for camera, place in self._places.items()
            }

    def ended(self) -> bool:
        """True if every camera was a recording, has come to its end, and all has been taken."""
        with self._changed:
            return not self._any_offer() and all(
                place.status.state is CameraState.ENDED for place in self._places.values()
            )

    def close(self) -> None:
        """Wakes whoever waits in `collect`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _set_state(
        self,
        camera: str,
        state: CameraState,
        *,
        error: str | None = None,
        next_try: float | None = None,
    ) -> None:
        place = self._places[camera]
        before = place.status
        still_down = before.state in _DOWN and state in _DOWN
        since = before.since if state is before.state or still_down else self._clock()
        if state is CameraState.CONNECTING:
            error = before.error  # until it works, the page shows why it did not
        place.status = replace(before, state=state, since=since, error=error, next_try=next_try)

    def _any_offer(self) -> bool:
        return any(place.offer is not None for place in self._places.values())

    def _all_running_offer(self) -> bool:
        running = (p for p in self._places.values() if p.status.state is CameraState.RUNNING)
        return self._closed or all(place.offer is not None for place in running)


def _frame(offer: Offer) -> Frame | None:
    """Converts; a picture that cannot be converted costs itself only."""
    try:
        return offer.frame()
    except (av.error.FFmpegError, ValueError, MemoryError, HandoffError) as error:
        logger.warning("camera %s: picture %d: %s", offer.camera, offer.index, type(error).__name__)
        return None
