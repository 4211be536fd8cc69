"""The window's feed: what the store tells of the cameras, as the newest tile of each."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import structlog

from pipeline.data import CameraState, CameraStatus, IdentityRecord
from pipeline.errors import StoreError
from pipeline.onlookers import Look
from pipeline.preview import decode_preview
from pipeline.site_file import SiteFile
from pipeline.store import Store
from pipeline.window import Picture, Seen, Tile

_WAIT_SECONDS = 0.4  # a blocking read of the store; stopping takes as long
_STATE_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_PEOPLE = 100  # identities looked at; whoever is in view is among those seen last

log = structlog.get_logger()

Who = tuple[int, str | None, bool]
"""Identity, name, and whether it is confirmed."""


class Feed:
    """Reads previews, identities and statuses in threads for as long as the context lasts.

    Args:
        store: where everything comes from.
        site: cams.yaml as it is now; its cameras may change meanwhile.
    """

    def __init__(self, store: Store, site: SiteFile) -> None:
        self._store = store
        self._site = site
        self._name = f"window-{secrets.token_hex(6)}"
        self._width = Look().width
        self._stopped = threading.Event()
        self._messages: dict[str, bytes] = {}
        self._decoded: dict[str, tuple[bytes, dict[str, Any], Picture | None]] = {}
        self._people: Mapping[str, Who] = {}
        self._statuses: Mapping[str, CameraStatus] = {}
        self._trouble = ""
        self._threads = [
            threading.Thread(target=self._until_stopped, args=(read,), daemon=True)
            for read in (self._read_views, self._read_people, self._read_statuses)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def look(self, width: int) -> None:
        """Says how wide the widest picture is shown, pixels; nodes send no more than that."""
        self._width = width

    def tiles(self) -> list[Tile]:
        """Every camera as it is now, in the order of cams.yaml."""
        return [self._tile(camera) for camera in self._site.cameras]

    def _tile(self, camera: str) -> Tile:
        note = self._trouble or note_of(self._statuses.get(camera), now=time.time())
        message = self._messages.get(camera)
        if message is None:
            return Tile(camera, note=note)
        header, image = self._decode(camera, message)
        boxes: Iterable[dict[str, Any]] = header.get("boxes", ())
        return Tile(camera, image, tuple(map(self._seen, boxes)), note)

    def _seen(self, box: Mapping[str, Any]) -> Seen:
        x, y, width, height = box["xywh"]
        who = self._people.get(box["tracklet"], (None, None, False))
        return Seen((x, y, width, height), *who)

    def _decode(self, camera: str, message: bytes) -> tuple[dict[str, Any], Picture | None]:
        """Decodes a picture once, however often it is shown."""
        known = self._decoded.get(camera)
        if known is None or known[0] is not message:
            known = self._decoded[camera] = (message, *decode_preview(message))
        return known[1], known[2]

    # ── in threads ──────────────────────────────────────────────────────────────────────────

    def _until_stopped(self, read: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            try:
                read()
            except StoreError as error:
                self._trouble = str(error)
                self._stopped.wait(_RETRY_SECONDS)
            except Exception:  # one entry that cannot be read must not blind the window
                log.exception("reading failed, trying again")
                self._stopped.wait(_RETRY_SECONDS)

    def _read_views(self) -> None:
        cameras = tuple(self._site.cameras)
        with self._store.views(cameras, idle_seconds=_WAIT_SECONDS) as views:
            for view in views:
                if self._stopped.is_set() or tuple(self._site.cameras) != cameras:
                    return
                if view is not None:
                    self._messages[view[0]] = view[1]

    def _read_people(self) -> None:
        """All anew with every decision, and once a second for what none announces."""
        after = self._store.last_decision()
        while not self._stopped.is_set():
            self._people = _by_tracklet(self._store.identities(_PEOPLE))
            until = time.monotonic() + _STATE_SECONDS
            while not self._stopped.is_set() and time.monotonic() < until:
                if news := self._store.decisions(after, _WAIT_SECONDS):
                    after = news[-1][0]
                    break

    def _read_statuses(self) -> None:
        try:
            while not self._stopped.is_set():
                cameras = tuple(self._site.cameras)
                looks = dict.fromkeys(cameras, Look(width=self._width))
                self._store.onlookers.put(self._name, looks)
                self._statuses = {s.camera: s for s in self._store.statuses(cameras)}
                self._trouble = ""
                self._stopped.wait(_STATE_SECONDS)
        finally:
            if self._stopped.is_set():
                self._store.onlookers.remove(self._name)


def _by_tracklet(identities: Iterable[IdentityRecord]) -> dict[str, Who]:
    return {
        record.tracklet: (identity.identity, identity.name, record.confirmed)
        for identity in identities
        for record in identity.tracklets
    }


def note_of(status: CameraStatus | None, *, now: float) -> str:
    """Why there is no new picture of a camera; "" if there is one."""
    if status is None:
        return "no node runs this camera at the moment"
    if status.state is CameraState.RUNNING:
        return ""
    if status.state is CameraState.ENDED:
        return "the recording has ended"
    if status.error is None:
        return "connecting"
    if status.next_try is None or status.next_try <= now:
        return status.error
    return f"{status.error}, next try in {status.next_try - now:.0f} s"
