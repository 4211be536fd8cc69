"""Speaks for the site to the outside: one process at a time, whichever viewer has the lease.

It writes down how cameras change, for everybody who follows events, runs the webhooks, and speaks
to the MQTT broker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import structlog

from pipeline.config import Site
from pipeline.data import CameraStatus
from pipeline.errors import StoreError
from pipeline.events import LOST, SPEAKER, CameraChange
from pipeline.lease import Lease
from pipeline.mqtt import WAY, Mqtt
from pipeline.store import Store
from pipeline.webhooks import Webhook, webhook_key

_LOOK_SECONDS = 1.0
_LEASE_SECONDS = 6.0

log = structlog.get_logger()


class Outgoing(threading.Thread):
    """Speaks for the site as long as it has the lease, from `start` until `stop`.

    Args:
        store: the site's data.
        site: gives cams.yaml as it is now.
        owner: a name no other process has, and no earlier start of this one had.
    """

    def __init__(self, store: Store, site: Callable[[], Site], owner: str) -> None:
        super().__init__(name="outgoing", daemon=True)
        self._store = store
        self._site = site
        self._lease = Lease(store.presence, SPEAKER, owner, seconds=_LEASE_SECONDS)
        self._stopped = threading.Event()
        self._webhooks: dict[str, Webhook] = {}
        self._mqtt: Mqtt | None = None

    def stop(self) -> None:
        """Ends, and gives the lease back."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=5.0)

    def run(self) -> None:
        """Looks every second."""
        while not self._stopped.is_set():
            try:
                if self._lease.keep():
                    self._look()
                else:
                    self._silence()
            except StoreError as error:
                log.warning("nothing is told to the outside", error=str(error))
            self._stopped.wait(_LOOK_SECONDS)
        self._silence()
        with suppress(StoreError):
            self._lease.release()

    def _look(self) -> None:
        site = self._site()
        if not self._tell_cameras(site):
            self._lease.lost()
            return
        self._keep_webhooks(site)
        self._keep_broker(site)
        self._forget_ways(site)

    def _keep_webhooks(self, site: Site) -> None:
        for name, hook in list(self._webhooks.items()):
            if site.webhooks.get(name) != hook.settings or not hook.is_alive():
                hook.stop()
                del self._webhooks[name]
        for name in site.webhooks.keys() - self._webhooks.keys():
            self._webhooks[name] = Webhook(
                name, site.webhooks[name], self._store.events, token=lambda: self._lease.token
            )
            self._webhooks[name].start()

    def _keep_broker(self, site: Site) -> None:
        speaker = self._mqtt
        if speaker is not None and speaker.settings != site.mqtt:
            speaker.stop(for_good=not speaker.settings.same_place(site.mqtt))
        if speaker is None or not speaker.is_alive():
            self._mqtt = None
        if site.mqtt is not None and self._mqtt is None:
            self._mqtt = Mqtt(site.mqtt, self._site, self._store, token=lambda: self._lease.token)
            self._mqtt.start()

    def _forget_ways(self, site: Site) -> None:
        """How far those were told that are in cams.yaml no more: if they come back, they begin."""
        told = {webhook_key(name) for name in site.webhooks} | ({WAY} if site.mqtt else set())
        gone = self._store.events.outgoing().keys() - told
        notes = dict.fromkeys(gone)
        self._store.events.note_outgoing(notes, token=self._lease.token or 0)

    def _silence(self) -> None:
        if self._mqtt is not None:
            self._mqtt.stop()
            self._mqtt = None
        for hook in self._webhooks.values():
            hook.stop()
        self._webhooks.clear()

    def _tell_cameras(self, site: Site) -> bool:
        """False if another process speaks for the site by now."""
        cameras, events = tuple(site.enabled_cameras), self._store.events
        statuses = {status.camera: status for status in self._store.statuses(cameras)}
        known, token = events.known_cameras(), self._lease.token or 0
        changes = [change_of(name, statuses.get(name), known.get(name)) for name in cameras]
        told = events.tell_cameras([c for c in changes if c is not None], token=token)
        gone = known.keys() - set(cameras)
        return told and (not gone or events.forget_cameras(gone, token=token))


def change_of(
    camera: str, status: CameraStatus | None, known: CameraChange | None
) -> CameraChange | None:
    """How a camera has changed since it was told of last; None: it has not.

    Args:
        camera: its name.
        status: how it is doing; None: no node reports it.
        known: what was told last.
    """
    state, problem = (LOST, None) if status is None else (status.state.value, status.problem)
    if known is None and status is None:
        return None  # nobody has reported it yet
    if known is not None and (known.state, known.problem) == (state, problem):
        return None
    return CameraChange(
        camera=camera,
        state=state,
        before=None if known is None else known.state,
        problem=problem,
        error=None if status is None else status.error,
        node="" if status is None else status.node,
    )
