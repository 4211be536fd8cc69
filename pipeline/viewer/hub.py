"""From the store to the browsers: reads once for all of them, and only while there is one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from pipeline.data import IdentityRecord
from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.viewer.messages import Cameras, CameraView, IdentityView, News, Snapshot, Trouble
from pipeline.viewer.outbox import Outbox

_log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0  # between two looks at what no event announces
_WAIT_SECONDS = 0.4  # a blocking read of the store; stopping takes as long
_RECENT = 50  # identities looked at in every tick
_SNAPSHOT = 100  # identities a page begins with


class Hub:
    """Keeps every browser's outbox filled.

    The store's calls block, so they run in threads; outboxes are touched by the event loop alone.

    Args:
        store: where everything comes from.
        site: name of the site.
        cameras: their names, in the order in which they are shown.
    """

    def __init__(self, store: Store, *, site: str, cameras: Sequence[str]) -> None:
        self._store = store
        self._site = site
        self._cameras = tuple(cameras)
        self._outboxes: set[Outbox] = set()
        self._reader: _Reader | None = None

    def join(self, outbox: Outbox) -> None:
        """A browser has come."""
        self._outboxes.add(outbox)
        if self._reader is None:
            self._reader = _Reader(self._store, self._cameras, self._outboxes)

    def leave(self, outbox: Outbox) -> None:
        """A browser has gone; with the last one reading ends."""
        self._outboxes.discard(outbox)
        if not self._outboxes and self._reader is not None:
            self._reader.stop()
            self._reader = None

    async def snapshot(self) -> Snapshot:
        """Everything a page needs to begin with.

        Raises:
            StoreError: Redis cannot be reached.
        """
        return await asyncio.to_thread(self._read_snapshot)

    def _read_snapshot(self) -> Snapshot:
        return Snapshot(
            site=self._site,
            cameras=camera_views(self._store, self._cameras),
            identities=[IdentityView.of(r) for r in self._store.identities(_SNAPSHOT)],
        )


def camera_views(store: Store, cameras: Sequence[str]) -> list[CameraView]:
    """The cameras in the order given, each with its status if a node reports one."""
    statuses = {status.camera: status for status in store.statuses(cameras)}
    return [CameraView(name=name, status=statuses.get(name)) for name in cameras]


class _Reader:
    """Reads the store and fills the outboxes, from its creation until it is stopped."""

    def __init__(self, store: Store, cameras: Sequence[str], outboxes: set[Outbox]) -> None:
        self._store = store
        self._cameras = cameras
        self._outboxes = outboxes
        self._stopped = threading.Event()
        self._recent: dict[int, IdentityRecord] = {}
        self._trouble: str | None = None
        self._loop = asyncio.get_running_loop()
        self._work = [
            asyncio.create_task(asyncio.to_thread(self._until_stopped, read))
            for read in (self._read_views, self._read_decisions, self._read_state)
        ]

    def stop(self) -> None:
        """Ends reading within half a second; does not wait for it."""
        self._stopped.set()

    # ── in threads ──────────────────────────────────────────────────────────────────────────

    def _until_stopped(self, read: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            try:
                read()
            except StoreError as error:
                self._call(self._tell_trouble, str(error))
            except Exception:  # one entry that cannot be read must not blind the page
                _log.exception("reading failed, trying again")
            self._stopped.wait(_TICK_SECONDS)

    def _read_views(self) -> None:
        with self._store.views(self._cameras, idle_seconds=_WAIT_SECONDS) as views:
            for view in views:
                if self._stopped.is_set():
                    return
                if view is not None:
                    self._call(self._show, *view)

    def _read_decisions(self) -> None:
        after = self._store.last_decision()  # what came before is in the snapshots
        while not self._stopped.is_set():
            news = self._store.decisions(after, _WAIT_SECONDS)
            if news:
                after = news[-1][0]
                decisions = [decision for _, decision in news]
                records = self._store.members({d.identity for d in decisions})
                identities = [IdentityRecord(n, tracklets) for n, tracklets in records.items()]
                views = [IdentityView.of(record) for record in identities]
                self._call(self._tell_news, News(decisions=decisions, identities=views))

    def _read_state(self) -> None:
        while not self._stopped.is_set():
            started = time.monotonic()
            cameras = Cameras(cameras=camera_views(self._store, self._cameras))
            recent = {r.identity: r for r in self._store.identities(_RECENT)}
            changed = [r for n, r in recent.items() if self._recent.get(n) != r]
            self._recent = recent
            self._call(self._tell_state, cameras, [IdentityView.of(r) for r in changed])
            self._stopped.wait(_TICK_SECONDS - (time.monotonic() - started))

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    # ── in the event loop ───────────────────────────────────────────────────────────────────

    def _show(self, camera: str, message: bytes) -> None:
        for outbox in self._outboxes:
            outbox.put_picture(camera, message)

    def _tell_news(self, news: News) -> None:
        text = news.model_dump_json()
        for outbox in self._outboxes:
            outbox.put_event(text)

    def _tell_state(self, cameras: Cameras, changed: list[IdentityView]) -> None:
        self._tell_trouble(None)
        text = cameras.model_dump_json()
        for outbox in self._outboxes:
            outbox.put_latest("cameras", text)
        if changed:
            self._tell_news(News(decisions=[], identities=changed))

    def _tell_trouble(self, sentence: str | None) -> None:
        if sentence == self._trouble:
            return
        self._trouble = sentence
        _log.warning("store is back" if sentence is None else "store fails", error=sentence)
        text = Trouble(sentence=sentence).model_dump_json()
        for outbox in self._outboxes:
            outbox.put_latest("trouble", text)
