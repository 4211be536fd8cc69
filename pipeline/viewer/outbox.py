"""What one browser is still to be sent: never more than it can take, never older than need be."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Set

from pipeline.film import FilmMessage, Place
from pipeline.ingest.timing import RateLimit
from pipeline.onlookers import Look
from pipeline.preview import boxes_only


class Outbox:
    """The messages waiting for one browser.

    Of pictures only the newest of each camera waits, and no more than `window` of a camera are
    under way until the browser says that it has shown one: a slow browser or line sees fewer
    pictures, not older ones, and a tab in the background none. Of a camera that the browser does
    not show it is sent nothing, or the boxes alone. Of a camera's own video nothing can be left
    out: what comes while some of it waits is sent along with that, until the next key frame takes
    the place of all of it. Events keep their order; if more than `events` pile up, all are dropped
    and a snapshot is asked for instead.

    Args:
        window: pictures of one camera that may be under way.
        films: the same of its own video, which decoders need more than one of at a time.
        events: events that may wait.
        clock: gives seconds that never run backwards.
    """

    def __init__(
        self,
        *,
        window: int = 2,
        films: int = 8,
        events: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._windows = {False: window, True: films}
        self._limit = events
        self._wake = asyncio.Event()
        self._replies: deque[str] = deque(maxlen=8)
        self._events: deque[str] = deque()
        self._latest: dict[str, str] = {}
        self._pictures: dict[str, tuple[bytes, float | None]] = {}
        self._films: dict[str, tuple[FilmMessage, float | None]] = {}
        self._places: dict[str, Place] = {}
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
        for camera in self._places.keys() - self._filmed:
            self._forget_film(camera)

    @property
    def to_begin(self) -> Set[str]:
        """Cameras whose own video it wants and has nothing of yet."""
        return self._filmed - self._places.keys()

    @property
    def _filmed(self) -> Set[str]:
        return {camera for camera, look in (self._looks or {}).items() if look.video is not None}

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

    def put_picture(
        self, camera: str, message: bytes, arrival: float | None = None, *, filmed: bool = False
    ) -> None:
        """A picture, instead of an older one of the camera that is still waiting.

        Args:
            camera: whose picture it is.
            message: what the browser is sent.
            arrival: when the picture arrived at its node, seconds since the epoch.
            filmed: True if it comes as video as well, for those who want that.
        """
        if self._looks is not None:
            look = self._looks.get(camera)
            if look is None or (filmed and look.video is not None):
                return
            if not self._limits[camera].allows(self._clock()):
                return
            message = message if look.without_video.width else boxes_only(message)
        self._forget_film(camera)
        self._pictures[camera] = message, arrival
        self._wake.set()

    def put_film(self, camera: str, message: FilmMessage, arrival: float | None = None) -> None:
        """Some of a camera's own video, for a browser that wants it and has what is before it.

        Args:
            camera: whose video it is.
            message: the video; what of it the browser has got already is left out.
            arrival: when its last picture arrived at its node, seconds since the epoch.
        """
        if camera not in self._filmed:
            return
        new = message.since(self._places.get(camera))
        if new is None:
            return
        waiting = self._films.get(camera)
        self._films[camera] = (waiting[0].then(new) if waiting else new), arrival
        self._places[camera] = new.film.place
        self._pictures.pop(camera, None)
        self._wake.set()

    def _forget_film(self, camera: str) -> None:
        self._films.pop(camera, None)
        self._places.pop(camera, None)

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
        for camera in self._places.keys() - set(cameras):
            self._forget_film(camera)
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
        for camera in (*self._pictures, *self._films):
            under_way = self._under_way.setdefault(camera, deque())
            if len(under_way) < self._windows[camera in self._films]:
                message, arrival = self._next(camera)
                under_way.append(arrival)
                return message
        return None

    def _next(self, camera: str) -> tuple[bytes, float | None]:
        if camera in self._pictures:
            return self._pictures.pop(camera)
        film, arrival = self._films.pop(camera)
        return film.data, arrival
