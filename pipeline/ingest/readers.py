"""Readers: a thread per source that keeps the board up to date, whatever the source does."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from pipeline.config import CameraSettings
from pipeline.data import CameraState, Clock
from pipeline.errors import HandoffError
from pipeline.film import Stretch
from pipeline.ingest.board import Board, Offer, Place
from pipeline.ingest.clock import Capture, CaptureClock
from pipeline.ingest.failures import Failure, SourceFailure
from pipeline.ingest.framing import Cut, Framing
from pipeline.ingest.hardware import decoding_device
from pipeline.ingest.source import Connection, Picture, VideoSource
from pipeline.ingest.timing import (
    Backoff,
    Effort,
    Pacer,
    RateLimit,
    RecordingClock,
    whole_days,
)

_PERHAPS_HARDWARE = (Failure.CORRUPT, Failure.CODEC, Failure.PERMISSION, Failure.NOT_VIDEO)
_NEWS_SECONDS = 60.0  # a wrong clock is told of again when it has become another

logger = logging.getLogger(__name__)


class View:
    """A camera as its reader sees it: where its pictures go, and which of them.

    Attributes:
        place: its place on the board.
        settings: from cams.yaml.
        framing: cuts them out.
        limit: leaves out pictures above the frame rate it is to have.
    """

    def __init__(self, place: Place, settings: CameraSettings) -> None:
        self.place = place
        self.settings = settings
        self.framing = Framing(place.camera, settings)
        # A recording's `fps` says how fast it is to be played.
        self.limit = RateLimit(settings.fps if settings.live else None)
        self._under_way: str | None = None

    def film(self, picture: Picture, cut: Cut) -> Stretch | None:
        """What it takes to decode a picture, if no more is to be seen in it than the camera shows.

        The group of pictures that was under way when the camera was begun is not handed on: parts
        of it may have been hidden, or another camera's, until then.
        """
        film = picture.film
        if film is None or not cut.whole:
            return None
        self._under_way = self._under_way or film.group.name
        return None if film.group.name == self._under_way else film


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
        film: bool = False,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Prepares to read; `start` begins.

        Args:
            views: cameras by name; all have the same source.
            board: where the pictures go.
            film: True to keep the source's own video with its pictures, where it can be handed on.
            clock: gives seconds since the epoch.
            random: gives numbers from 0 to 1, for the waiting times.
        """
        super().__init__(name=_thread_name(views), daemon=True)
        self._views = dict(views)
        self._settings = next(iter(self._views.values())).settings
        self._board = board
        self._film = film
        self._clock = clock
        self._backoff = Backoff(random=random)
        self._stopped = threading.Event()
        self._pictures = 0
        self._counted: Counter[str] = Counter()
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
            except SourceFailure as error:
                self._rest(error.failure, str(error))
            except HandoffError as error:
                self._rest(Failure.UNEXPECTED, str(error))
            except Exception as error:  # a reader that dies would leave its cameras dark for good
                # Its message may hold anything, an address with a password included.
                kind, where = type(error).__name__, traceback.extract_tb(error.__traceback__)[-1]
                logger.error("%s:%s: %s", where.filename, where.lineno, kind)
                self._rest(Failure.UNEXPECTED, f"{Failure.UNEXPECTED.sentence} ({kind})")
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

    def _rest(self, failure: Failure, error: str) -> None:
        seconds = self._backoff.next_seconds()
        if self._stopped.is_set():
            return
        next_try = self._clock() + seconds
        logger.warning("cameras %s: %s, next try in %.0f s", list(self._views), error, seconds)
        self._say(CameraState.WAITING, problem=failure.word, error=error, next_try=next_try)
        self._stopped.wait(seconds)

    def _account(self, source: VideoSource) -> None:
        """Counts what became of the pictures since the last time."""
        new = source.counts - self._counted
        self._counted = source.counts.copy()
        self._board.count(self._places(), new, decoder=source.decoder)

    def _places(self) -> list[Place]:
        return [view.place for view in self._views.values()]

    def _post(
        self, picture: Picture, capture: Capture, arrival: float, warning: str | None = None
    ) -> None:
        """Offers a picture to those of the cameras that want it now."""
        self._backoff.reset()
        index, self._pictures = self._pictures, self._pictures + 1
        now = time.monotonic()
        offers: list[Offer] = []
        for view in self._views.values():
            if misfit := view.framing.misfit(picture.size):
                self._board.refuse(view.place, misfit[0].word, misfit[1])
            elif not view.limit.allows(now):
                self._board.count([view.place], {"left_out": 1})
            else:
                taken, clock = capture.time, capture.clock
                cut = view.framing.cut(picture.size)
                film = view.film(picture, cut)
                offers.append(
                    Offer(view.place, picture, cut, index, taken, arrival, clock, now, film)
                )
        problem = Failure.CLOCK.word if warning else None
        if offers:
            self._board.post(offers, problem=problem, error=warning, clock_offset=capture.offset)


class StreamReader(Reader):
    """A live source: everything is read and decoded at once, so that nothing piles up."""

    def __init__(
        self,
        views: Mapping[str, View],
        board: Board,
        *,
        film: bool = False,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        super().__init__(views, board, film=film, clock=clock, random=random)
        self._capture_clock = CaptureClock()
        self._effort = Effort()
        self._hardware = self._settings.hardware_decoding == "auto"
        self._doubted: float | None = None

    def _read(self) -> None:
        self._capture_clock.reconnect()
        try:
            with VideoSource(self._settings.source, self._connection()) as source:
                self._counted = Counter()
                try:
                    self._drain(source)
                finally:
                    self._account(source)
        except SourceFailure as error:
            self._doubt_hardware(error.failure)
            raise
        if not self._stopped.is_set():
            raise Failure.ENDED.error(self._settings.source)

    def _connection(self) -> Connection:
        camera = self._settings
        return Connection(
            camera.transport,
            camera.connect_timeout,
            camera.read_timeout,
            hardware=self._hardware and decoding_device() is not None,
            film=self._film,
        )

    def _doubt_hardware(self, failure: Failure) -> None:
        """What a device cannot decode, or refuses to open, is tried in software from now on."""
        if failure in _PERHAPS_HARDWARE and self._connection().hardware:
            logger.warning("cameras %s: decoded in software from now on", list(self._views))
            self._hardware = False

    def _drain(self, source: VideoSource) -> None:
        # What has an end is a file behind HTTP: it comes as fast as the network is.
        pacer = Pacer(wait=self._stopped.wait) if source.info.frames else None
        for picture in source.pictures():
            if pacer and picture.seconds is not None:
                pacer.until_due(picture.seconds)
            if self._stopped.is_set():
                return
            self._account(source)
            self._post_now(picture, source.clock_origin)
            wanted, taken = self._board.demand(self._places())
            source.skip_what_can_be(self._effort.too_much(time.monotonic(), wanted, taken))

    def _post_now(self, picture: Picture, origin: float | None) -> None:
        arrival = self._clock()
        capture = self._capture_clock.capture(
            arrival,
            monotonic=time.monotonic(),
            presentation_seconds=picture.seconds if self._stamped else None,
            origin=origin,
        )
        self._post(picture, capture, arrival, self._warning(capture))

    @property
    def _stamped(self) -> bool:
        """RTP's time stamps are the sender's; those of other streams are often made up here."""
        return self._settings.source.startswith("rtsp")

    def _warning(self, capture: Capture) -> str | None:
        """A sentence if the camera's clock is wrong, which is logged once."""
        if capture.believed or capture.offset is None:
            self._doubted = None
            return None
        if self._doubted is None or abs(capture.offset - self._doubted) > _NEWS_SECONDS:
            self._doubted = capture.offset
            logger.warning("cameras %s: %s", list(self._views), _clock_sentence(capture.offset))
        return _clock_sentence(self._doubted)


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
        film: bool = False,
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        super().__init__(views, board, film=film, clock=clock, random=random)
        self._pacer = Pacer(wait=self._stopped.wait)
        self._played_seconds = 0.0
        self._pass_start = self._settings.start_time

    def _read(self) -> None:
        while not self._stopped.is_set():
            with VideoSource(self._settings.source, Connection(film=self._film)) as source:
                self._counted = Counter()
                place = RecordingClock(fps=self._settings.fps, nominal_fps=source.info.fps)
                try:
                    self._play(source, place)
                finally:  # also after a failure: time never runs backwards
                    self._account(source)
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
            self._account(source)
            capture = Capture(self._pass_start + seconds, Clock.FILE, None, believed=True)
            self._post(picture, capture, arrival)
        if place.duration_seconds <= 0:
            raise Failure.NOT_VIDEO.error(self._settings.source)

    def _begin_next_pass(self, duration_seconds: float) -> None:
        self._played_seconds += duration_seconds
        self._pass_start += whole_days(duration_seconds)


def _thread_name(views: Iterable[str]) -> str:
    return f"read {', '.join(views)}"


def _clock_sentence(offset: float) -> str:
    """
    >>> _clock_sentence(-7200.4)
    'its own clock is 7200 s behind ours; it serves as a stopwatch only'
    """
    where = "ahead of" if offset > 0 else "behind"
    return f"its own clock is {abs(offset):.0f} s {where} ours; it serves as a stopwatch only"
