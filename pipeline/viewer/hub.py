"""From the store to the browsers: reads once for all of them, and only while there is one."""

from __future__ import annotations

import asyncio
import secrets
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from pipeline.data import IdentityRecord
from pipeline.errors import StoreError
from pipeline.film import FilmMessage
from pipeline.metrics import Metrics
from pipeline.onlookers import SECONDS as LOOK_SECONDS
from pipeline.onlookers import Look, together
from pipeline.preview import decode_header
from pipeline.store import Store
from pipeline.viewer.cutting import Cutting
from pipeline.viewer.messages import Cameras, CameraView, IdentityView, News, Snapshot, Trouble
from pipeline.viewer.outbox import Outbox
from pipeline.viewer.source import SiteSource
from pipeline.viewer.watch import Watch

_log = structlog.get_logger(__name__)

_HEALTH_SECONDS = 2.0  # between two looks at how processes are doing
_TICK_SECONDS = 1.0  # between two looks at what no event announces
_BEGIN_SECONDS = 2.0  # a snapshot waits so long for news to be read
_WAIT_SECONDS = 0.4  # a blocking read of the store; stopping takes as long
_RECENT = 50  # identities looked at in every tick
_SNAPSHOT = 100  # identities a page begins with


class Hub:
    """Keeps every browser's outbox filled.

    The store's calls block, so they run in threads; outboxes are touched by the event loop alone.

    Args:
        store: where everything comes from.
        site: cams.yaml as it is now; its cameras may change while browsers look.
        watch: how processes and cameras are doing.
        metrics: where browsers are counted, and how long pictures take to them.
    """

    def __init__(self, store: Store, site: SiteSource, *, watch: Watch, metrics: Metrics) -> None:
        self._store = store
        self._site = site
        self._watch = watch
        self._metrics = metrics
        self._outboxes: set[Outbox] = set()
        self._reader: _Reader | None = None

    def join(self, outbox: Outbox) -> None:
        """A browser has come."""
        self._outboxes.add(outbox)
        self._metrics.gauge("browsers", len(self._outboxes))
        if self._reader is None:
            self._reader = _Reader(self._store, self._site, self._watch, self._outboxes)
        self.looked()

    def leave(self, outbox: Outbox) -> None:
        """A browser has gone; with the last one reading ends."""
        self._outboxes.discard(outbox)
        self._metrics.gauge("browsers", len(self._outboxes))
        if not self._outboxes and self._reader is not None:
            self._reader.stop()
            self._reader = None
        self.looked()

    def looked(self) -> None:
        """What the browsers show has changed."""
        if self._reader is not None:
            self._reader.looked()

    def measure(self, shown: Iterable[tuple[str, float]]) -> None:
        """Pictures of these cameras, with their arrival at the node, are on a screen now."""
        for camera, arrival in shown:
            self._metrics.delay("page", time.time() - arrival, camera=camera)

    async def snapshot(self) -> Snapshot:
        """Everything a page needs to begin with.

        Raises:
            StoreError: Redis cannot be reached.
        """
        return await asyncio.to_thread(self._read_snapshot)

    def _read_snapshot(self) -> Snapshot:
        if (reader := self._reader) is not None:
            reader.begun.wait(_BEGIN_SECONDS)  # else what happens before it begins is never told
        site = self._site.site
        return Snapshot(
            site=site.site,
            cameras=camera_views(self._store, tuple(site.enabled_cameras)),
            identities=[IdentityView.of(r) for r in self._store.identities(_SNAPSHOT)],
        )


def camera_views(store: Store, cameras: Sequence[str]) -> list[CameraView]:
    """The cameras in the order given, each with its status if a node reports one."""
    statuses = {status.camera: status for status in store.statuses(cameras)}
    return [CameraView(name=name, status=statuses.get(name)) for name in cameras]


def _arrival(header: Mapping[str, object]) -> float | None:
    """When the picture arrived at its node, seconds since the epoch, if it says so."""
    arrival = header.get("arrival")
    return arrival if isinstance(arrival, float) and arrival > 0 else None


def _header(message: bytes) -> Mapping[str, object]:
    try:
        return decode_header(message)
    except (ValueError, struct.error):
        return {}


class _Reader:
    """Reads the store and fills the outboxes, from its creation until it is stopped."""

    def __init__(self, store: Store, site: SiteSource, watch: Watch, outboxes: set[Outbox]) -> None:
        self._store = store
        self._site = site
        self._watch = watch
        self._outboxes = outboxes
        self._stopped = threading.Event()
        self._recent: dict[int, IdentityRecord] = {}
        self._trouble: str | None = None
        self._after: str | None = None
        self.begun = threading.Event()
        self._wanted: dict[str, Look] = {}
        self._cutting = Cutting(outboxes)
        self._looked = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._work = [
            asyncio.create_task(asyncio.to_thread(self._until_stopped, read))
            for read in (
                self._read_views,
                self._read_decisions,
                self._read_state,
                self._read_health,
                self._say_looks,
            )
        ]

    def stop(self) -> None:
        """Ends reading within half a second; does not wait for it."""
        self._stopped.set()
        self._looked.set()

    def looked(self) -> None:
        """What the browsers show may have changed: the nodes are told."""
        usual = dict.fromkeys(self._cameras(), Look())
        looks = [usual if o.looks is None else o.looks for o in self._outboxes]
        self._cutting.looked()
        self._say(together(looks))

    def _say(self, looks: Mapping[str, Look]) -> None:
        self._wanted = self._cutting.begun(looks)
        self._looked.set()

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

    def _cameras(self) -> tuple[str, ...]:
        return tuple(self._site.site.enabled_cameras)

    def _read_views(self) -> None:
        while not self._stopped.is_set():
            cameras = self._cameras()
            with self._store.views(cameras, films=True, idle_seconds=_WAIT_SECONDS) as views:
                for view in views:
                    if self._stopped.is_set() or self._cameras() != cameras:
                        break
                    if view is not None:
                        self._read_view(*view)
            self._call(self._forget_others, self._cameras())

    def _read_view(self, camera: str, message: bytes) -> None:
        header = _header(message)
        if "film" in header:
            film = FilmMessage.parse(message)
            self._call(self._show_film, camera, film, _arrival(header))
        else:
            filmed = bool(header.get("filmed"))
            self._call(self._show, camera, message, _arrival(header), filmed)

    def _read_decisions(self) -> None:
        if self._after is None:
            self._after = self._store.last_decision()  # what came before is in the snapshots
        self.begun.set()
        while not self._stopped.is_set():
            news = self._store.decisions(self._after, _WAIT_SECONDS)
            if news:
                self._after = news[-1][0]
                decisions = [decision for _, decision in news]
                records = self._store.people({d.identity for d in decisions})
                views = [IdentityView.of(record) for record in records]
                self._call(self._tell_news, News(decisions=decisions, identities=views))

    def _read_state(self) -> None:
        while not self._stopped.is_set():
            started = time.monotonic()
            cameras = Cameras(cameras=camera_views(self._store, self._cameras()))
            recent = {r.identity: r for r in self._store.identities(_RECENT)}
            changed = [r for n, r in recent.items() if self._recent.get(n) != r]
            self._recent = recent
            self._call(self._tell_state, cameras, [IdentityView.of(r) for r in changed])
            self._stopped.wait(_TICK_SECONDS - (time.monotonic() - started))

    def _read_health(self) -> None:
        while not self._stopped.is_set():
            text = self._watch.look(self._cameras()).model_dump_json()
            self._call(self._tell_health, text)
            self._stopped.wait(_HEALTH_SECONDS)

    def _say_looks(self) -> None:
        name = f"viewer-{secrets.token_hex(6)}"
        while not self._stopped.is_set():
            self._looked.clear()
            self._store.onlookers.put(name, self._wanted)
            self._looked.wait(LOOK_SECONDS / 3)
        self._store.onlookers.remove(name)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    # ── in the event loop ───────────────────────────────────────────────────────────────────

    def _show(self, camera: str, message: bytes, arrival: float | None, filmed: bool) -> None:
        if not filmed:
            self._cutting.forget(camera)
        for outbox in self._outboxes:
            outbox.put_picture(camera, message, arrival, filmed=filmed)

    def _show_film(self, camera: str, message: FilmMessage, arrival: float | None) -> None:
        if not self._cutting.show(camera, message, arrival):
            self._say(self._wanted)  # something is missing: from the key frame on, once more

    def _forget_others(self, cameras: Sequence[str]) -> None:
        """The site's cameras are others by now: every page begins anew with them."""
        for outbox in self._outboxes:
            outbox.keep_only(cameras)
            outbox.renew()
        self.looked()

    def _tell_health(self, text: str) -> None:
        for outbox in self._outboxes:
            outbox.put_latest("processes", text)

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
