"""Sightings as they come to the matcher: read, looked over, and searched for ahead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import structlog

from pipeline.data import Sighting
from pipeline.metrics import Metrics
from pipeline.store import Store

log = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """Sightings that were read together.

    Attributes:
        messages: how many were read.
        newest: of each tracklet the newest sighting.
        ids: the messages that are settled when a tracklet's sighting is.
    """

    messages: int = 0
    newest: dict[str, Sighting] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)


class Intake:
    """Takes sightings from the store, and looks ahead while others are decided on.

    Args:
        store: where they come from.
        network: whose embeddings can be compared; others are set aside.
        metrics: where those are counted.
        ahead: read and search for what comes next before its turn.
    """

    def __init__(self, store: Store, network: str, metrics: Metrics, *, ahead: bool) -> None:
        self._store = store
        self._network = network
        self._metrics = metrics
        self._ahead = ahead
        self._next = Batch()
        self._rejected = ""

    def take(self, *, wait_seconds: float, pending: bool = False) -> Batch:
        """The sightings that are to be decided on now.

        Args:
            wait_seconds: how long to wait for the first one.
            pending: take what was read before but never settled, by whomever.
        """
        batch, self._next = self._next, Batch()
        if pending:  # what was read ahead is among it
            return self._read(0.0, pending=True)
        if not batch.messages:
            batch = self._read(wait_seconds)
            self._look_ahead(batch)
        if self._ahead:
            self._next = self._read(0.0)
            self._look_ahead(self._next)
        return batch

    def _look_ahead(self, batch: Batch) -> None:
        if self._ahead and batch.newest:
            self._store.gallery.look_ahead(list(batch.newest.values()))

    def _read(self, wait_seconds: float, *, pending: bool = False) -> Batch:
        messages = self._store.sightings(wait_seconds=wait_seconds, pending=pending)
        batch = Batch(len(messages))
        for message, sighting in messages:
            if sighting is None or sighting.network != self._network:
                self._reject(message, sighting)
                continue
            name = sighting.tracklet
            batch.newest[name] = fresher(batch.newest.get(name), sighting)
            batch.ids.setdefault(name, []).append(message)
        return batch

    def _reject(self, message: str, sighting: Sighting | None) -> None:
        reason = "unreadable" if sighting is None else "network"
        self._store.reject(message, reason)
        self._metrics.count("rejected", reason=reason)
        found = "none that can be read" if sighting is None else sighting.network
        if found != self._rejected:  # a node with another network would fill the log
            log.warning("sightings are rejected", expected=f"by {self._network}", found=found)
        self._rejected = found


def fresher(before: Sighting | None, now: Sighting) -> Sighting:
    """The later of two sightings of a tracklet, with the picture that only the earlier one has."""
    if before is None or now.thumbnail is not None or before.thumbnail is None:
        return now
    return replace(now, thumbnail=before.thumbnail)
