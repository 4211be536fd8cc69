"""The board: where readers put each camera's newest picture, and the node takes them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import av.error

from pipeline.data import CameraState, CameraStatus, Clock, Frame
from pipeline.errors import HandoffError
from pipeline.film import Stretch
from pipeline.ingest.framing import Cut
from pipeline.ingest.source import Picture
from pipeline.ingest.window import Rhythm, window_seconds

MAX_AGE_SECONDS = 0.5
_RATE_SECONDS = 5.0
_BUSY_WEIGHT = 1 / 8
_LOST = ("corrupt", "skipped")  # what never became a picture
_DOWN = (CameraState.CONNECTING, CameraState.WAITING)

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Place:
    """One camera's place on the board. Readers hold on to it; all else is the board's business.

    A camera that is taken away and comes back has a new place, so whoever still reads for the old
    one can do no harm.

    Attributes:
        camera: name of the camera.
        status: all but the counts.
        offer: the newest picture, if nobody has taken it yet.
        turn: number of the collection in which it was served last, 0: never.
        counts: decoded, frames, left_out.
        drops: pictures that were not analysed, by reason.
        rhythm: when its next picture is due.
        taken: when pictures were taken lately, by the monotonic clock.
    """

    camera: str
    status: CameraStatus
    offer: Offer | None = None
    turn: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    rhythm: Rhythm = field(default_factory=Rhythm)
    taken: deque[float] = field(default_factory=deque)

    def put(self, offer: Offer, now: float) -> None:
        """Puts a picture up in place of the one that lies there."""
        if self.offer is not None:
            self.drops["replaced"] += 1
        self.offer = offer
        self.rhythm.tick(now)
        if offer.size != self.status.size or offer.clock is not self.status.clock:
            self.status = replace(self.status, size=offer.size, clock=offer.clock)

    def drop_if_older(self, than: float) -> None:
        """Drops the picture if it has lain there since before `than`; recordings never."""
        offer = self.offer
        if offer is not None and offer.posted < than and offer.clock is not Clock.FILE:
            self.drops["stale"] += 1
            self.offer = None

    def summary(self, now: float) -> CameraStatus:
        """The status with all that has been counted."""
        return replace(
            self.status,
            fps=self.rate(now),
            received=self.counts["decoded"] + self.drops["corrupt"] + self.drops["skipped"],
            decoded=self.counts["decoded"],
            frames=self.counts["frames"],
            left_out=self.counts["left_out"],
            drops=dict(+self.drops),
        )

    def rate(self, now: float) -> float:
        """Frames taken per second over the last few seconds."""
        while self.taken and now - self.taken[0] > _RATE_SECONDS:
            self.taken.popleft()
        spread = self.taken[-1] - self.taken[0] if self.taken else 0.0
        return (len(self.taken) - 1) / spread if spread > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A camera's picture that nobody has taken yet; it becomes BGR only when it is.

    Attributes:
        place: the camera's place on the board.
        cut: what of the picture is the camera's.
        posted: when it was put there, seconds of the monotonic clock.
        film: what it takes to decode it, if that may be handed on.
    """

    place: Place
    picture: Picture
    cut: Cut
    index: int
    time: float
    arrival: float
    clock: Clock
    posted: float
    film: Stretch | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the camera's part of the picture, pixels."""
        return self.picture.size if self.cut.region is None else self.cut.region[2:]

    def frame(self) -> Frame:
        """The offer as a frame; this is where the pixels are converted."""
        image = self.cut.image(self.picture)
        return Frame(
            self.place.camera, self.index, self.time, image, self.arrival, self.clock, self.film
        )


class Board:
    """Holds the newest picture of every camera; what is not taken in time is dropped and counted.

    Readers call `post`, `count` and `report` from their threads, one consumer calls `collect`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        """Begins without cameras.

        Args:
            clock: gives seconds since the epoch, for what is shown.
            monotonic: gives seconds of a clock that nobody sets, for what is measured.
            max_age_seconds: a live picture that has lain here for longer is dropped.
        """
        self._clock = clock
        self._monotonic = monotonic
        self._max_age = max_age_seconds
        self._changed = threading.Condition()
        self._closed = False
        self._places: dict[str, Place] = {}
        self._turn = 0
        self._busy_seconds = 0.0
        self._handed_out_at: float | None = None

    def add(self, camera: str) -> Place:
        """A new place for a camera; one it had before is forgotten with all it counted."""
        status = CameraStatus(camera, CameraState.CONNECTING, since=self._clock())
        with self._changed:
            place = self._places[camera] = Place(camera, status)
        return place

    def remove(self, camera: str) -> None:
        """Forgets a camera."""
        with self._changed:
            self._places.pop(camera, None)
            self._changed.notify_all()

    def post(
        self,
        offers: Iterable[Offer],
        *,
        problem: str | None = None,
        error: str | None = None,
        clock_offset: float | None = None,
    ) -> None:
        """Puts the pictures of one moment on the board; they replace what was not taken.

        Args:
            offers: one per camera.
            problem, error: a word and a sentence for what is wrong all the same.
            clock_offset: seconds by which the cameras' clock is ahead of ours, if it tells.
        """
        with self._changed:
            now = self._monotonic()
            for offer in filter(lambda offer: self._has(offer.place), offers):
                place = offer.place
                place.put(offer, now)
                self._set_state(place, CameraState.RUNNING, problem=problem, error=error)
                place.status = replace(place.status, clock_offset=clock_offset)
            self._changed.notify_all()

    def count(
        self, places: Iterable[Place], counts: Mapping[str, int], *, decoder: str | None = None
    ) -> None:
        """Adds to what became of pictures: decoded, left_out, or a reason why they were dropped."""
        with self._changed:
            for place in places:
                for what, number in counts.items():
                    into = place.drops if what in _LOST else place.counts
                    into[what] += number
                if decoder is not None and decoder != place.status.decoder:
                    place.status = replace(place.status, decoder=decoder)

    def refuse(self, place: Place, problem: str, error: str) -> None:
        """A picture came that the camera has no use for; `problem`, a word, and `error` say why."""
        with self._changed:
            place.drops[problem] += 1
            if self._has(place) and place.status.error != error:
                logger.warning("%s", error)
                self._set_state(place, CameraState.WAITING, problem=problem, error=error)

    def demand(self, places: Iterable[Place]) -> tuple[int, int]:
        """How many pictures these cameras could have had analysed so far, and how many were."""
        with self._changed:
            counts = [place.counts for place in places]
            wanted = sum(count["decoded"] - count["left_out"] for count in counts)
            return wanted, sum(count["frames"] for count in counts)

    def report(
        self,
        places: Iterable[Place],
        state: CameraState,
        *,
        problem: str | None = None,
        error: str | None = None,
        next_try: float | None = None,
    ) -> None:
        """Notes what cameras are doing; `since` stays while they remain up, or down."""
        with self._changed:
            for place in filter(self._has, places):
                self._set_state(place, state, problem=problem, error=error, next_try=next_try)
            self._changed.notify_all()

    def collect(self, timeout_seconds: float, *, most: int | None = None) -> list[Frame]:
        """Takes the newest pictures, waiting until there is one; see `LiveReaders.collect`."""
        with self._changed:
            self._drop_stale()
            if timeout_seconds <= 0 and not self._any_offer():
                return []  # the consumer has other work, and is still busy
            self._note_busy()
            self._changed.wait_for(lambda: self._closed or self._any_offer(), timeout_seconds)
            if timeout_seconds > 0:
                self._wait_for_more(most)
            offers = self._take(most)
        frames = [frame for offer in offers if (frame := self._frame(offer)) is not None]
        self._handed_out_at = self._monotonic() if frames else None
        return frames

    def statuses(self) -> dict[str, CameraStatus]:
        """How every camera is doing; `delay` and `node` are for the node to fill in."""
        with self._changed:
            now, updated = self._monotonic(), self._clock()
            return {
                camera: replace(place.summary(now), updated=updated)
                for camera, place in self._places.items()
            }

    def ended(self) -> bool:
        """True if every camera was a recording, has come to its end, and all has been taken."""
        with self._changed:
            states = {place.status.state for place in self._places.values()}
            return states == {CameraState.ENDED} and not self._any_offer()

    def close(self) -> None:
        """Wakes whoever waits in `collect`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has(self, place: Place) -> bool:
        return self._places.get(place.camera) is place

    def _set_state(
        self,
        place: Place,
        state: CameraState,
        *,
        problem: str | None = None,
        error: str | None = None,
        next_try: float | None = None,
    ) -> None:
        before = place.status
        still_down = before.state in _DOWN and state in _DOWN
        since = before.since if state is before.state or still_down else self._clock()
        if state is CameraState.CONNECTING:  # until it works, the page shows why it did not
            problem, error = before.problem, before.error
        place.status = replace(
            before, state=state, since=since, problem=problem, error=error, next_try=next_try
        )

    def _any_offer(self) -> bool:
        return any(place.offer is not None for place in self._places.values())

    def _note_busy(self) -> None:
        """Learns how long the consumer needs for what it was handed out."""
        if self._handed_out_at is not None:
            seconds = self._monotonic() - self._handed_out_at
            self._busy_seconds += (seconds - self._busy_seconds) * _BUSY_WEIGHT

    def _drop_stale(self) -> None:
        oldest = self._monotonic() - self._max_age
        for place in self._places.values():
            place.drop_if_older(oldest)

    def _wait_for_more(self, most: int | None) -> None:
        """Lets cameras join that are about to have a picture; who has stalled is not waited for."""
        now = self._monotonic()
        present = self._present()
        joining = self._due(now)
        if not present or not joining or (most is not None and present >= most):
            return
        window = window_seconds(
            now=now, present=present, due=joining.values(), busy_seconds=self._busy_seconds
        )
        expected = [p for p in self._places.values() if p.camera in joining]
        enough = len(self._places) if most is None else most
        self._changed.wait_for(
            lambda: (
                self._closed
                or self._present() >= enough
                or all(place.offer is not None for place in expected)
            ),
            window,
        )

    def _present(self) -> int:
        return sum(place.offer is not None for place in self._places.values())

    def _due(self, now: float) -> dict[str, float]:
        """When the cameras that have no picture yet are expected to have one."""
        silent = {c: p.rhythm.due for c, p in self._places.items() if p.offer is None}
        return {camera: due for camera, due in silent.items() if due is not None and due >= now}

    def _take(self, most: int | None) -> list[Offer]:
        """Takes pictures, first of those whose turn is longest ago; in the order of the cameras."""
        self._turn += 1
        offering = [place for place in self._places.values() if place.offer is not None]
        served = set(map(id, sorted(offering, key=lambda place: place.turn)[:most]))
        return [self._serve(place) for place in offering if id(place) in served]

    def _serve(self, place: Place) -> Offer:
        offer, place.offer = place.offer, None
        assert offer is not None
        place.turn = self._turn
        place.counts["frames"] += 1
        place.taken.append(self._monotonic())
        return offer

    def _frame(self, offer: Offer) -> Frame | None:
        """Converts; a picture that cannot be converted costs itself only."""
        try:
            return offer.frame()
        except (av.error.FFmpegError, ValueError, MemoryError, HandoffError) as error:
            camera, kind = offer.place.camera, type(error).__name__
            logger.warning("camera %s: picture %d: %s", camera, offer.index, kind)
        with self._changed:
            offer.place.counts["frames"] -= 1
            offer.place.drops["unconvertible"] += 1
        return None
