"""The matching service: reads sightings, decides, writes decisions. One works per site."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from pipeline.config import Site
from pipeline.data import Decision, Sighting
from pipeline.errors import StoreError
from pipeline.evidence import Calibration
from pipeline.match import Matcher, Query, components
from pipeline.store import Store

_PRUNE_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_CANDIDATES = 128

log = structlog.get_logger()


class MatchingService:
    """Takes sightings from the store and settles them, a tick at a time.

    Args:
        store: where sightings come from and decisions go to.
        site: its `matching` section is used.
        calibration: what similarity of the site's embeddings is worth.
        exact: search the gallery exhaustively, so that the same input gives the same answer.
    """

    def __init__(
        self, store: Store, site: Site, calibration: Calibration, *, exact: bool = False
    ) -> None:
        self._store = store
        self._memory = site.matching.memory
        self._exact = exact
        self._matcher = Matcher(
            calibration,
            clock_tolerance=site.matching.clock_tolerance,
            memory=site.matching.memory,
        )
        self._newest = 0.0

    def run(self, stopping: Callable[[], bool], *, tick_seconds: float = 0.2) -> None:
        """Works until told to stop; a Redis that goes away is waited for."""
        pending, pruned = True, time.monotonic()
        while not stopping():
            try:
                if pending:
                    self._store.open_sightings()
                # After a start or an outage, first what was read but never settled.
                settled = self.tick(wait_seconds=tick_seconds, pending=pending)
                pending = pending and settled > 0
                if time.monotonic() - pruned > _PRUNE_SECONDS:
                    self._store.prune(before=self._newest - self._memory)
                    pruned = time.monotonic()
            except StoreError as error:
                log.warning("matcher waits for Redis", error=str(error))
                pending = True
                time.sleep(_RETRY_SECONDS)

    def tick(self, *, wait_seconds: float, pending: bool = False) -> int:
        """Settles what has come; returns the number of sightings."""
        messages = self._store.sightings(wait_seconds=wait_seconds, pending=pending)
        newest: dict[str, Sighting] = {}
        ids: dict[str, list[str]] = {}
        for message, sighting in messages:
            newest[sighting.tracklet] = _fresher(newest.get(sighting.tracklet), sighting)
            ids.setdefault(sighting.tracklet, []).append(message)
        sightings = list(newest.values())
        for group in components(sightings):
            self._settle([sightings[i] for i in group], ids)
        return len(messages)

    def _settle(self, sightings: Sequence[Sighting], ids: dict[str, list[str]]) -> None:
        """Decides on sightings that overlap in time, and writes it down."""
        queries = [self._query(sighting) for sighting in sightings]
        known = {c.record.identity for query in queries for c in query.candidates}
        known |= {query.current.identity for query in queries if query.current}
        members = self._store.members(known)
        decisions = self._matcher.decide(queries, members, self._store.new_identity)
        for query, decision in zip(queries, decisions, strict=True):
            current = query.current
            self._store.record(
                query.sighting,
                decision,
                previous=current,
                abandoned=current is not None and len(members.get(current.identity, ())) == 1,
                messages=ids.get(query.sighting.tracklet, ()),
            )
            self._newest = max(self._newest, query.sighting.end)
            _report(query, decision)

    def _query(self, sighting: Sighting) -> Query:
        candidates = self._store.candidates(
            sighting, memory=self._memory, count=_CANDIDATES, exact=self._exact
        )
        return Query(sighting, tuple(candidates), self._store.tracklet(sighting.tracklet))


def _fresher(before: Sighting | None, now: Sighting) -> Sighting:
    """The later of two sightings of a tracklet, with the picture that only the earlier one has."""
    if before is None or now.thumbnail is not None or before.thumbnail is None:
        return now
    return replace(now, thumbnail=before.thumbnail)


def _report(query: Query, decision: Decision) -> None:
    if query.current is not None and query.current.identity == decision.identity:
        return
    log.info(
        "decided",
        tracklet=decision.tracklet,
        identity=decision.identity,
        kind=decision.kind.value,
        confidence=round(decision.confidence, 3),
        similarity=round(decision.evidence.similarity, 3),
    )
