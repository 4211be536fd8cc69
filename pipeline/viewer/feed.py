"""Feeds those who follow events: reads once for all of them, and only while there is one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import structlog

from pipeline.errors import StoreError
from pipeline.events import Event, Events, Position, Wanted
from pipeline.metrics import Metrics

_WAIT_SECONDS = 0.4  # a blocking read of the store; stopping takes as long
_RETRY_SECONDS = 1.0
_PAGE = 500

log = structlog.get_logger()


class TooSlow(Exception):
    """Whoever follows takes events less quickly than they come."""


class Feed:
    """Hands events to those who follow them, each at most `waiting` behind.

    The store's calls block, so they run in threads; followers are touched by the event loop alone.

    Args:
        events: where they come from.
        metrics: where followers are counted.
        most: how many may follow at once.
        waiting: how many events may wait for one of them.
        longest_seconds: after which following ends, so that whoever goes on asks for it anew.
    """

    def __init__(
        self,
        events: Events,
        *,
        metrics: Metrics,
        most: int = 100,
        waiting: int = 1000,
        longest_seconds: float = 3600.0,
    ) -> None:
        self._events = events
        self._metrics = metrics
        self._most = most
        self._waiting = waiting
        self._longest = longest_seconds
        self._followers: set[_Follower] = set()
        self._stopped = threading.Event()

    async def follow(
        self, after: Position | None, wanted: Wanted
    ) -> AsyncIterator[Event | str | Position]:
        """The place where it begins, events as they happen, a sentence whenever Redis fails.

        Args:
            after: where to begin; None: with what happens from now on.
            wanted: which events.

        Raises:
            TooSlow: more have come than may wait.
            StoreError: Redis cannot be reached at the start.
        """
        now = await asyncio.to_thread(self._events.now)
        follower, place = _Follower(self._waiting), after or now
        ends = time.monotonic() + self._longest
        self._join(follower, now)  # before catching up: nothing falls in between
        try:
            yield place
            while page := await asyncio.to_thread(self._events.after, place, count=_PAGE):
                place = Position.parse(page[-1].id)
                for event in filter(wanted.holds, page):
                    yield event
            async for item in follower.items(until=ends):
                if isinstance(item, str):
                    yield item
                elif further := place.behind(item):
                    place = further
                    if wanted.holds(item):
                        yield replace(item, id=str(place))
        finally:
            self._leave(follower)

    @property
    def full(self) -> bool:
        """True if nobody else can follow."""
        return len(self._followers) >= self._most

    def _join(self, follower: _Follower, now: Position) -> None:
        self._followers.add(follower)
        self._metrics.gauge("followers", len(self._followers))
        if len(self._followers) == 1:
            self._stopped = threading.Event()
            loop = asyncio.get_running_loop()
            # Not of the pool that answers requests: it would be one thread less for them.
            threading.Thread(
                target=self._read, args=(loop, self._stopped, now), name="feed", daemon=True
            ).start()

    def _leave(self, follower: _Follower) -> None:
        self._followers.discard(follower)
        self._metrics.gauge("followers", len(self._followers))
        if not self._followers:
            self._stopped.set()

    def _read(
        self, loop: asyncio.AbstractEventLoop, stopped: threading.Event, place: Position
    ) -> None:
        """In a thread of its own: reads what happens until nobody follows any more."""
        trouble = ""
        while not stopped.is_set():
            try:
                news = self._events.after(place, wait_seconds=_WAIT_SECONDS)
                trouble = ""
            except StoreError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    self._tell(loop, [trouble])
                stopped.wait(_RETRY_SECONDS)
                continue
            if news:
                place = Position.parse(news[-1].id)
                self._tell(loop, news)

    def _tell(self, loop: asyncio.AbstractEventLoop, items: Iterable[Event | str]) -> None:
        try:
            loop.call_soon_threadsafe(self._put, list(items))
        except RuntimeError:  # the loop has ended, and all who followed with it
            self._stopped.set()

    def _put(self, items: list[Event | str]) -> None:
        for follower in self._followers:
            follower.put(items)


class _Follower:
    """What waits for one who follows."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[Event | str] = deque()
        self._too_slow = False
        self._wake = asyncio.Event()

    def put(self, items: Iterable[Event | str]) -> None:
        """More has happened."""
        if not self._too_slow:
            self._items.extend(items)
        if len(self._items) > self._most:
            self._too_slow = True
            self._items.clear()
        self._wake.set()

    async def items(self, *, until: float) -> AsyncIterator[Event | str]:
        """What has been put, until a time of the monotonic clock."""
        while (left := until - time.monotonic()) > 0:
            if self._too_slow:
                raise TooSlow
            while self._items:
                yield self._items.popleft()
            try:
                await asyncio.wait_for(self._wake.wait(), left)
            except TimeoutError:
                return
            self._wake.clear()
