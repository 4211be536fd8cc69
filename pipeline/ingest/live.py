"""Live ingest: all cameras at once, the newest picture of each, never behind."""

from __future__ import annotations

import random as random_module
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from pipeline.config import CameraSettings
from pipeline.data import CameraStatus, Frame
from pipeline.ingest.board import Board
from pipeline.ingest.readers import PlaybackReader, Reader, StreamReader
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
        window_seconds: float = 0.008,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Begins to read, in threads; connecting goes on in the background.

        Args:
            cameras: the cameras by name.
            window_seconds: how long, after the first camera has a picture, others may join.
            clock: gives seconds since the epoch.
            random: gives numbers from 0 to 1, for the waiting times after failures.
        """
        self._window_seconds = window_seconds
        self._board = Board(list(cameras), clock=clock)
        self._readers: list[Reader] = []
        for views in group_by_source(cameras):
            live = next(iter(views.values())).live
            kind = StreamReader if live else PlaybackReader
            self._readers.append(kind(views, self._board, clock=clock, random=random))
        for reader in self._readers:
            reader.start()

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

    def collect(self, timeout_seconds: float) -> list[Frame]:
        """Waits until a camera has a new picture; returns at most one, the newest, per camera.

        Empty when nothing came for `timeout_seconds`, or when `close` was called meanwhile.
        """
        return self._board.collect(timeout_seconds, window_seconds=self._window_seconds)

    def statuses(self) -> dict[str, CameraStatus]:
        """How each camera is doing; all but `delay` is filled in."""
        return self._board.statuses()

    def close(self) -> None:
        """Stops reading, within 2 s whatever the sources are doing.

        A thread that is still waiting for a host that never answers is left to itself: it hands
        out nothing any more and ends when its time-out is over.
        """
        self._board.close()
        for reader in self._readers:
            reader.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
