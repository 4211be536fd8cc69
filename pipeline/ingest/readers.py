"""Readers: a thread per source that keeps the board up to date, whatever the source does."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from pipeline.config import CameraSettings
from pipeline.data import CameraState, Clock
from pipeline.errors import HandoffError
from pipeline.ingest.board import Board, Offer, Place
from pipeline.ingest.failures import Failure
from pipeline.ingest.source import Picture, VideoSource, region_problem
from pipeline.ingest.timing import (
    Backoff,
    CaptureClock,
    Pacer,
    RateLimit,
    RecordingClock,
    whole_days,
)

logger = logging.getLogger(__name__)


class View:
    """A camera as its reader sees it: where its pictures go, and which of them.

    Attributes:
        place: its place on the board.
        settings: from cams.yaml.
        limit: leaves out pictures above the frame rate it is to have.
    """

    def __init__(self, place: Place, settings: CameraSettings) -> None:
        self.place = place
        self.settings = settings
        # A recording's `fps` says how fast it is to be played.
        self.limit = RateLimit(settings.fps if settings.live else None)


class Reader(threading.Thread, ABC):
    """Reads one source for the cameras that are cut out of it, until it is stopped.

    A source that fails is tried again for ever, after waiting times that grow. The thread is a
    daemon: opening a host that never answers cannot be interrupted, and must not keep the process
    from ending.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        board: Board,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Prepares to read; `start` begins.

        Args:
            views: cameras by name; all have the same source.
            board: where the pictures go.
            clock: gives seconds since the epoch.
            random: gives numbers from 0 to 1, for the waiting times.
        """
        super().__init__(name=_thread_name(views), daemon=True)
        self._views = dict(views)
        self._settings = next(iter(self._views.values())).settings
        self._board = board
        self._clock = clock
        self._backoff = Backoff(random=random)
        self._stopped = threading.Event()
        self._pictures = 0
        self._saying = threading.Lock()
        self._said: Callable[..., None] = partial(board.report, state=CameraState.CONNECTING)

    def serve(self, views: Mapping[str, View]) -> None:
        """Reads for these cameras from now on; may be called from another thread."""
        with self._saying:
            known = {view.place for view in self._views.values()}
            self._views = dict(views)
            self.name = _thread_name(views)
            self._said(places=[view.place for view in views.values() if view.place not in known])

    def stop(self) -> None:
        """Asks the thread to end; `join` waits for it."""
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._say(CameraState.CONNECTING)
                self._read()
            except HandoffError as error:
                self._rest(str(error))
            except Exception as error:  # a reader that dies would leave its cameras dark for good
                logger.exception("reading %s failed", ", ".join(self._views))
                self._rest(f"reading failed unexpectedly ({type(error).__name__})")
            else:
                return

    @abstractmethod
    def _read(self) -> None:
        """Opens the source and posts its pictures; returns at its end, or when stopped.

        Raises:
            SourceError: it cannot be opened, or broke off.
        """

    def _say(self, state: CameraState, **details: Any) -> None:
        """Reports of all cameras, and of those that join later."""
        with self._saying:
            self._said = partial(self._board.report, state=state, **details)
            self._said(places=[view.place for view in self._views.values()])

    def _rest(self, error: str) -> None:
        seconds = self._backoff.next_seconds()
        if self._stopped.is_set():
            return
        next_try = self._clock() + seconds
        logger.warning("cameras %s: %s, next try in %.0f s", list(self._views), error, seconds)
        self._say(CameraState.WAITING, error=error, next_try=next_try)
        self._stopped.wait(seconds)

    def _post(self, picture: Picture, taken: float, arrival: float, clock: Clock) -> None:
        """Offers a picture to those of the cameras that want it now."""
        self._backoff.reset()
        index, self._pictures = self._pictures, self._pictures + 1
        now = time.monotonic()
        offers: list[Offer] = []
        for camera, view in self._views.items():
            region = view.settings.region
            if problem := region_problem(camera, region, picture.size):
                self._board.report([view.place], CameraState.WAITING, error=problem)
            elif view.limit.allows(now):
                offers.append(Offer(view.place, picture, region, index, taken, arrival, clock, now))
        if offers:
            self._board.post(offers)


class StreamReader(Reader):
    """A live source: everything is read and decoded at once, so that nothing piles up."""

    def __init__(
        self,
        views: Mapping[str, View],
        board: Board,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        super().__init__(views, board, clock=clock, random=random)
        self._capture_clock = CaptureClock()

    def _read(self) -> None:
        with VideoSource(self._settings.source) as source:
            # What has an end is a file behind HTTP: it comes as fast as the network is.
            pacer = Pacer(wait=self._stopped.wait) if source.info.frames else None
            for picture in source.pictures():
                if pacer and picture.seconds is not None:
                    pacer.until_due(picture.seconds)
                if self._stopped.is_set():
                    return
                self._post_now(picture, source.clock_origin)
        raise Failure.ENDED.error(self._settings.source)

    def _post_now(self, picture: Picture, origin: float | None) -> None:
        arrival = self._clock()
        taken, clock = self._capture_clock.capture(
            arrival, presentation_seconds=picture.seconds, origin=origin
        )
        self._post(picture, taken, arrival, clock)


class PlaybackReader(Reader):
    """A recording played in real time, once or, with `loop`, over and over.

    Each pass lies one day after the one before (or as many whole days as the recording is long):
    the people in it come again as they would on another day, not as a jump in time.
    """

    def __init__(
        self,
        views: Mapping[str, View],
        board: Board,
        *,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        super().__init__(views, board, clock=clock, random=random)
        self._pacer = Pacer(wait=self._stopped.wait)
        self._played_seconds = 0.0
        self._pass_start = self._settings.start_time

    def _read(self) -> None:
        while not self._stopped.is_set():
            with VideoSource(self._settings.source) as source:
                place = RecordingClock(fps=self._settings.fps, nominal_fps=source.info.fps)
                try:
                    self._play(source, place)
                finally:  # also after a failure: time never runs backwards
                    self._begin_next_pass(place.duration_seconds)
            if not self._settings.loop:
                self._say(CameraState.ENDED)
                return

    def _play(self, source: VideoSource, place: RecordingClock) -> None:
        for picture in source.pictures():
            seconds = place.seconds(picture.index, picture.seconds)
            late = self._pacer.until_due(self._played_seconds + seconds)
            if self._stopped.is_set():
                return
            arrival = self._clock() - late
            self._post(picture, self._pass_start + seconds, arrival, Clock.FILE)
        if place.duration_seconds <= 0:
            raise Failure.NOT_VIDEO.error(self._settings.source)

    def _begin_next_pass(self, duration_seconds: float) -> None:
        self._played_seconds += duration_seconds
        self._pass_start += whole_days(duration_seconds)


def _thread_name(views: Iterable[str]) -> str:
    return f"read {', '.join(views)}"
