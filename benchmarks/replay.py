"""Recorded sightings, decided on again and again: matching without video and without Redis.

What a node sends for a recording does not depend on the matcher, so it is recorded once; then a
whole afternoon is decided on in seconds, with the matcher that runs live.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.constraints import Constraints
from pipeline.data import Candidate, Decision, Sighting, TrackletRecord
from pipeline.hindsight import Change, look_back
from pipeline.match import Matcher, came_from
from pipeline.query import Query, moments
from pipeline.regrouping import fitting
from pipeline.review import WINDOW_SECONDS
from pipeline.weigh import Weigher

Moments = Callable[[Sequence[Sighting]], list[list[int]]]
_CANDIDATES = 128


@dataclass(slots=True)
class Gallery:
    """All tracklets decided on so far, with exact search."""

    records: dict[str, TrackletRecord] = field(default_factory=dict)
    members: dict[int, dict[str, TrackletRecord]] = field(default_factory=lambda: defaultdict(dict))
    _places: dict[str, int] = field(default_factory=dict)
    _embeddings: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    def candidates(self, sighting: Sighting, *, memory: float) -> tuple[Candidate, ...]:
        """As `pipeline.store.Store.candidates` finds them."""
        if not self._places:
            return ()
        similarity = self._embeddings[: len(self._places)] @ sighting.embedding
        order = np.argsort(-similarity, kind="stable")[: 2 * _CANDIDATES]
        names = list(self._places)
        found = [Candidate(self.records[names[i]], float(similarity[i])) for i in order]
        return tuple(
            c
            for c in found
            if c.record.tracklet != sighting.tracklet and c.record.end >= sighting.begin - memory
        )[:_CANDIDATES]

    def put(self, sighting: Sighting, decision: Decision) -> None:
        """Notes a decision."""
        before = self.records.get(sighting.tracklet)
        if before is not None:
            del self.members[before.identity][sighting.tracklet]
        record = TrackletRecord(
            sighting.tracklet, sighting.camera, sighting.begin, sighting.end, decision.identity,
            decision.confidence, sighting.closed, sighting.entered, sighting.left,
            sighting.entering, sighting.leaving, confirmed=decision.confirmed,
            parted_from=sighting.parted_from,
        )  # fmt: skip
        self.records[sighting.tracklet] = record
        self.members[decision.identity][sighting.tracklet] = record
        self._embed(sighting)

    def move(self, tracklet: str, identity: int) -> None:
        """Puts a tracklet into another identity."""
        record = self.records[tracklet]
        del self.members[record.identity][tracklet]
        self.records[tracklet] = replace(record, identity=identity)
        self.members[identity][tracklet] = self.records[tracklet]

    def _embed(self, sighting: Sighting) -> None:
        place = self._places.setdefault(sighting.tracklet, len(self._places))
        if place >= len(self._embeddings):
            grown = np.zeros((max(256, 2 * place), len(sighting.embedding)), np.float32)
            if place:
                grown[:place] = self._embeddings[:place]
            self._embeddings = grown
        self._embeddings[place] = sighting.embedding


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay came to.

    Attributes:
        identities: tracklet → identity at the end.
        decisions: the last decision on each tracklet.
        changes: how often a tracklet's identity was changed.
    """

    identities: dict[str, int]
    decisions: dict[str, Decision]
    changes: int


def replay(
    batches: Iterable[Sequence[Sighting]],
    weigher: Weigher,
    *,
    memory: float = 43_200.0,
    together: Moments = moments,
    revise: bool = True,
    learn: bool = True,
    sure: float = 0.98,
    hindsight: float | None = None,
) -> Outcome:
    """Decides on recorded sightings as the matching service does, tick after tick.

    Args:
        batches: the sightings of each tick.
        weigher: what evidence is worth; learns.
        memory: seconds after which somebody counts as new.
        together: which sightings of a tick are decided on at once.
        revise: False: the first decision on a tracklet stands.
        learn: False: transit times are not learned.
        sure: probability from which a decision is confirmed; above 1: when its tracklet ends.
        hindsight: seconds from one look back to the next; None: what was decided stays.
    """
    matcher, gallery = Matcher(weigher, memory=memory, sure=sure), Gallery()
    decisions: dict[str, Decision] = {}
    numbers = iter(range(1, 1_000_000_000))
    changes, look = 0, None if hindsight is None else LookBack(gallery, weigher, hindsight)
    for batch in batches:
        newest = list({sighting.tracklet: sighting for sighting in batch}.values())
        due = [s for s in newest if revise or s.tracklet not in decisions]
        for group in together(due):
            queries = [_query(due[i], gallery, memory) for i in group]
            members = {n: tuple(gallery.members[n].values()) for n in _known(queries)}
            for query, decision in zip(
                queries, matcher.decide(queries, members, lambda: next(numbers)), strict=True
            ):
                changes += query.current is not None and query.current.identity != decision.identity
                gallery.put(query.sighting, decision)
                decisions[decision.tracklet] = decision
        _end(newest, decisions, gallery, weigher if learn else None, revise)
        if look is not None:
            changes += look.back(newest, lambda: next(numbers))
    identities = {name: record.identity for name, record in gallery.records.items()}
    return Outcome(identities, decisions, changes)


class LookBack:
    """Looks back at the last hour every so often, as `pipeline.review` does.

    Args:
        gallery: what it changes.
        weigher: what evidence is worth.
        period: seconds from one look to the next.
        window: seconds of the past that are looked at.
    """

    def __init__(
        self, gallery: Gallery, weigher: Weigher, period: float, window: float = WINDOW_SECONDS
    ) -> None:
        self._gallery = gallery
        self._weigher = weigher
        self._period = period
        self._window = window
        self._ended: list[Sighting] = []
        self._due = -np.inf

    def back(self, sightings: Sequence[Sighting], new_identity: Callable[[], int]) -> int:
        """Takes what was decided on in a tick; returns how many tracklets have moved."""
        self._ended += [sighting for sighting in sightings if sighting.closed]
        now = max((sighting.end for sighting in sightings), default=-np.inf)
        if np.isinf(self._due):
            self._due = now + self._period
        if now < self._due:
            return 0
        self._due = now + self._period
        self._ended = [s for s in self._ended if s.end >= now - self._window]
        identities = {s.tracklet: self._gallery.records[s.tracklet].identity for s in self._ended}
        found = look_back(
            self._ended, identities, Weigher(self._weigher.calibration), Constraints()
        )
        return sum(self._make(change, new_identity) for change in found)

    def _make(self, change: Change, new_identity: Callable[[], int]) -> int:
        """As `pipeline.regrouping` does, where nobody has corrected anything."""
        records = {r.tracklet: r for r in self._gallery.members[change.source].values()}
        others = {}
        if change.target is not None:
            others = {r.tracklet: r for r in self._gallery.members[change.target].values()}
        names, _ = fitting(change, Constraints(), records, others, self._weigher.exclude)
        if names:
            target = new_identity() if change.target is None else change.target
            for name in names:
                self._gallery.move(name, target)
        return len(names)


def one_by_one(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Everybody alone, first come, first served."""
    return [[i] for i in range(len(sightings))]


def _query(sighting: Sighting, gallery: Gallery, memory: float) -> Query:
    current = gallery.records.get(sighting.tracklet)
    return Query(sighting, gallery.candidates(sighting, memory=memory), current)


def _known(queries: Sequence[Query]) -> set[int]:
    known = {c.record.identity for query in queries for c in query.candidates}
    return known | {query.current.identity for query in queries if query.current}


def _end(
    sightings: Sequence[Sighting],
    decisions: dict[str, Decision],
    gallery: Gallery,
    weigher: Weigher | None,
    revise: bool,
) -> None:
    """Learns from what has ended; keeps records up to date that are not decided on again."""
    for sighting in sightings:
        decision = decisions[sighting.tracklet]
        if not revise:
            gallery.put(sighting, decision)
        if weigher is not None and sighting.closed:
            others = gallery.members[decision.identity].values()
            before = came_from(sighting, [r for r in others if r.tracklet != sighting.tracklet])
            weigher.take_ended(before, sighting, decision.confidence)
