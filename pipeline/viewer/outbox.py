"""What one browser is still to be sent: never more than it can take, never older than need be."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping

from pipeline.ingest.timing import RateLimit
from pipeline.onlookers import Look
from pipeline.preview import boxes_only


class Outbox:
    """The messages waiting for one browser.

    Of pictures only the newest of each camera waits, and no more than `window` of a camera are
    under way until the browser says that it has shown one: a slow browser or line sees fewer
    pictures, not older ones, and a tab in the background none. Of a camera that the browser does
    not show it is sent nothing, or the boxes alone. Events keep their order; if more
    than `events` pile up, all are dropped and a snapshot is asked for instead.

    Args:
        window: pictures of one camera that may be under way.
        events: events that may wait.
        clock: gives seconds that never run backwards.
    """

    def __init__(
        self,
        *,
        window: int = 2,
        events: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._limit = events
        self._wake = asyncio.Event()
        self._replies: deque[str] = deque(maxlen=8)
        self._events: deque[str] = deque()
        self._latest: dict[str, str] = {}
        self._pictures: dict[str, tuple[bytes, float | None]] = {}
        self._under_way: dict[str, deque[float | None]] = {}
        self._looks: Mapping[str, Look] | None = None
        self._limits: dict[str, RateLimit] = {}
        self._clock = clock
        self.snapshot_due = True
        self._wake.set()

    @property
    def looks(self) -> Mapping[str, Look] | None:
        """What the browser shows of which camera; None: it has not said yet."""
        return self._looks

    def look(self, looks: Mapping[str, Look]) -> None:
        """The browser says what it shows from now on."""
        self._looks = looks
        self._limits = {camera: RateLimit(look.fps) for camera, look in looks.items()}
        for camera in self._pictures.keys() - looks.keys():
            del self._pictures[camera]

    def put_reply(self, text: str) -> None:
        """An answer that overtakes everything else."""
        self._replies.append(text)
        self._wake.set()

    def put_event(self, text: str) -> None:
        """A message that must arrive, in its order."""
        self._events.append(text)
        if len(self._events) > self._limit:
            self.renew()
        self._wake.set()

    def put_latest(self, kind: str, text: str) -> None:
        """A message that replaces an earlier one of its kind."""
        self._latest[kind] = text
        self._wake.set()

    def put_picture(self, camera: str, message: bytes, arrival: float | None = None) -> None:
        """A picture, instead of an older one of the camera that is still waiting.

        Args:
            camera: whose picture it is.
            message: what the browser is sent.
            arrival: when the picture arrived at its node, seconds since the epoch.
        """
        if self._looks is not None:
            look = self._looks.get(camera)
            if look is None or not self._limits[camera].allows(self._clock()):
                return
            message = message if look.width > 0 else boxes_only(message)
        self._pictures[camera] = message, arrival
        self._wake.set()

    def shown(self, cameras: Iterable[str]) -> list[tuple[str, float]]:
        """The browser has dealt with one picture of each of these cameras.

        Returns:
            the cameras, and when those pictures had arrived at their nodes, as far as is known.
        """
        self._wake.set()
        pictures = [(camera, self._next_under_way(camera)) for camera in cameras]
        return [(camera, arrival) for camera, arrival in pictures if arrival is not None]

    def _next_under_way(self, camera: str) -> float | None:
        arrivals = self._under_way.get(camera)
        return arrivals.popleft() if arrivals else None

    def keep_only(self, cameras: Collection[str]) -> None:
        """Forgets cameras that the site has no more."""
        for waiting in (self._pictures, self._under_way):
            for camera in waiting.keys() - set(cameras):
                del waiting[camera]

    def renew(self) -> None:
        """Forgets the events; a snapshot says all that they would have said."""
        self._events.clear()
        self.snapshot_due = True
        self._wake.set()

    async def wait(self) -> None:
        """Until there may be something to send."""
        await self._wake.wait()
        self._wake.clear()

    def take(self) -> str | bytes | None:
        """The next message, or None; to be called until it gives None."""
        if self._replies:
            return self._replies.popleft()
        if self._events:
            return self._events.popleft()
        if self._latest:
            return self._latest.pop(next(iter(self._latest)))
        return self._take_picture()

    def _take_picture(self) -> bytes | None:
        for camera in self._pictures:
            under_way = self._under_way.setdefault(camera, deque())
            if len(under_way) < self._window:
                message, arrival = self._pictures.pop(camera)
                under_way.append(arrival)
                return message
        return None
