"""Live ingest: all cameras at once, the newest picture of each, never behind."""

from __future__ import annotations

import random as random_module
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from types import TracebackType
from typing import Self

from pipeline.config import CameraSettings
from pipeline.data import CameraStatus, Frame
from pipeline.ingest.board import MAX_AGE_SECONDS, Board
from pipeline.ingest.readers import PlaybackReader, Reader, StreamReader, View
from pipeline.ingest.recordings import group_by_source

CLOSE_SECONDS = 1.5
"""How long `close` waits for the readers."""


class LiveReaders:
    """Reads all cameras of a node, a thread per source; cameras that share one share its decoding.

    Streams that fail come back by themselves and disturb no other. Recordings are played in real
    time. Whatever the consumer is too slow for is dropped, and counted by camera.

    >>> with LiveReaders(site.enabled_cameras) as readers:  # doctest: +SKIP
    ...     frames = readers.collect(1.0)
    """

    def __init__(
        self,
        cameras: Mapping[str, CameraSettings],
        *,
        max_age_seconds: float = MAX_AGE_SECONDS,
        film: bool = False,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Begins to read, in threads; connecting goes on in the background.

        Args:
            cameras: the cameras by name; may be empty.
            max_age_seconds: a live picture that nobody has taken for so long is dropped.
            film: True to hand on the cameras' own video with their pictures, where it can be.
            clock: gives seconds since the epoch.
            random: gives numbers from 0 to 1, for the waiting times after failures.
        """
        self._clock = clock
        self._random = random
        self._film = film
        self._board = Board(clock=clock, max_age_seconds=max_age_seconds)
        self._changing = threading.Lock()
        self._views: dict[str, View] = {}
        self._readers: dict[Hashable, Reader] = {}
        self._leaving: list[Reader] = []
        self.change(cameras)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def ended(self) -> bool:
        """True once every camera was a recording, has ended, and its last picture was taken."""
        return self._board.ended()

    def change(self, cameras: Mapping[str, CameraSettings]) -> None:
        """Reads these cameras from now on; returns at once.

        A camera whose settings are what they were goes on without a pause, also if others of the
        same source come and go. All others begin anew, with counts from 0.

        Args:
            cameras: all cameras by name, not only the new ones; may be empty.
        """
        with self._changing:
            views = {name: self._view(name, settings) for name, settings in cameras.items()}
            for name in self._views.keys() - views.keys():
                self._board.remove(name)
            self._views = views
            groups = group_by_source(cameras)
            for key in self._readers.keys() - groups.keys():
                self._leave(self._readers.pop(key))
            for key, group in groups.items():
                self._read(key, {name: views[name] for name in group})

    def collect(self, timeout_seconds: float, *, most: int | None = None) -> list[Frame]:
        """Waits until a camera has a new picture; returns at most one, the newest, per camera.

        Once one has, others that are due may join within 2 to 100 ms, as long as that costs less
        than it gains (see `pipeline.ingest.window`).

        Args:
            timeout_seconds: gives up after so long and returns an empty list, as it does when
                `close` is called meanwhile. 0: takes what is there and waits for nobody.
            most: takes no more than this, of the cameras that were served longest ago. The others
                go on holding their newest picture: with too many cameras all of them are seen
                less often, and none later.
        """
        return self._board.collect(timeout_seconds, most=most)

    def statuses(self) -> dict[str, CameraStatus]:
        """How each camera is doing; all but `delay` and `node` is filled in."""
        return self._board.statuses()

    def close(self) -> None:
        """Stops reading, within 2 s whatever the sources are doing.

        A thread that is still waiting for a host that never answers is left to itself: it hands
        out nothing any more and ends when its time-out is over.
        """
        self._board.close()
        with self._changing:
            for reader in self._readers.values():
                self._leave(reader)
            self._readers.clear()
            leaving = list(self._leaving)
        deadline = time.monotonic() + CLOSE_SECONDS
        for reader in leaving:
            reader.join(max(0.0, deadline - time.monotonic()))

    def _view(self, name: str, settings: CameraSettings) -> View:
        """The camera as it is read already, if nothing about it has changed, else a new one."""
        known = self._views.get(name)
        if known is not None and known.settings == settings:
            return known
        return View(self._board.add(name), settings)

    def _read(self, key: Hashable, views: Mapping[str, View]) -> None:
        """Lets the reader of a source serve these cameras; starts one if there is none."""
        reader = self._readers.get(key)
        if reader is not None:
            reader.serve(views)
            return
        live = next(iter(views.values())).settings.live
        kind = StreamReader if live else PlaybackReader
        reader = kind(views, self._board, film=self._film, clock=self._clock, random=self._random)
        self._readers[key] = reader
        reader.start()

    def _leave(self, reader: Reader) -> None:
        """Stops a reader without waiting for it: it may be stuck in its source for seconds."""
        reader.stop()
        self._leaving = [r for r in self._leaving if r.is_alive()] + [reader]
