"""Sighting → decision: who is who. Pure: no clock, no network, no Redis.

Each pair of a sighting and an identity is weighed by its log-likelihood ratio, same person against
somebody else (`pipeline.weigh`):

- looks: the calibrated similarity to the identity's most similar tracklets;
- way: how likely the person comes here just now from where the identity was seen before, and goes
  on to where it was seen next, against somebody new doing so.

All sightings of a moment compete in one assignment, with "somebody new" as everyone's alternative,
so look-alikes cannot take the same identity. A decision is provisional, and may be revised with
every further sighting of its tracklet, until it is confirmed: when the evidence leaves little
doubt, or the tracklet has ended.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.constraints import Constraints
from pipeline.data import Candidate, Decision, DecisionKind, Evidence, Sighting, TrackletRecord
from pipeline.query import Query, shortlist
from pipeline.weigh import Weigher, overlap

_IMPOSSIBLE = -1e6
_SETTLED = 1e3  # nats for what has been confirmed: only what cannot be is revised then
_ENOUGH = 4  # crops that a decision on a tracklet under way must rest on to be confirmed
_DOUBT = 0.05
"""Odds that a decision is wrong for a reason no evidence shows: most often, whom it was compared
with had been taken for somebody else. Fitted on synthetic sites, see docs/decisions.md."""
_NOTHING_SAID = Constraints()


class Score(NamedTuple):
    """How well an identity fits a sighting, in nats.

    Attributes:
        closest: of the identity's tracklets the most similar one, or None if none was compared.
        before: the identity's tracklet the person would come from, or None.
    """

    identity: int
    looks: float
    way: float
    closest: Candidate | None
    loyalty: float
    before: TrackletRecord | None

    @property
    def evidence(self) -> float:
        """What speaks for it: confidence rests on this."""
        return self.looks + self.way

    @property
    def total(self) -> float:
        """What decides: the evidence, and loyalty to the identity the tracklet has."""
        return self.evidence + self.loyalty


class Matcher:
    """Decides which identity each sighting belongs to.

    Args:
        weigher: what evidence is worth.
        memory: seconds after which somebody counts as new.
        loyalty: nats by which the identity of a tracklet that is still there is preferred, lest
            labels flicker.
        sure: probability, as far as the evidence goes, from which a decision is confirmed before
            its tracklet has ended.
    """

    def __init__(
        self,
        weigher: Weigher,
        *,
        memory: float = 12 * 3600.0,
        loyalty: float = 2.0,
        sure: float = 0.98,
    ) -> None:
        self._weigher = weigher
        self._memory = memory
        self._loyalty = loyalty
        self._sure = sure

    def decide(
        self,
        queries: Sequence[Query],
        members: Mapping[int, Sequence[TrackletRecord]],
        new_identity: Callable[[], int],
        constraints: Constraints = _NOTHING_SAID,
    ) -> list[Decision]:
        """Decides on the sightings of a moment, all at once: no two get the same identity.

        Args:
            queries: at most one per tracklet; see `moments`.
            members: of every identity that a query's candidates or its current record name, these
                tracklets and those around the sightings in time: what the hard constraints are
                checked against.
            new_identity: gives a number never used before.
            constraints: what people said, which is not asked again.

        Returns:
            one decision per query, in their order.
        """
        members = _up_to_date(members, queries)
        fixed = [_as_told(q, constraints) or _as_before(q) for q in queries]
        free = [query for query, given in zip(queries, fixed, strict=True) if given is None]
        decided = iter(self._decide(free, members, new_identity, constraints))
        return [given or next(decided) for given in fixed]

    def stands(
        self, sighting: Sighting, current: TrackletRecord, members: Iterable[TrackletRecord]
    ) -> bool:
        """True if what was decided is confirmed, and nothing has come up that it cannot be.

        That is so of most sightings: a tracklet is confirmed within seconds, and goes on. Whoever
        looks like it need not be asked for then, until it has ended.

        Args:
            sighting: what was seen of a tracklet that was decided on before.
            current: its record.
            members: the tracklets of its identity that are around at the time.
        """
        others = _without(members, sighting.tracklet)
        return current.confirmed and not sighting.closed and not self._excluded(sighting, others)

    def _decide(
        self,
        queries: Sequence[Query],
        members: Mapping[int, Sequence[TrackletRecord]],
        new_identity: Callable[[], int],
        constraints: Constraints,
    ) -> list[Decision]:
        """Decides on those whose identity is not given."""
        queries = shortlist(queries)
        open_again = {query.sighting.tracklet for query in queries}
        settled = {
            n: [r for r in records if r.tracklet not in open_again]
            for n, records in members.items()
        }
        scores = [self._scores(query, settled, open_again, constraints) for query in queries]
        alone = [_is_alone(query, members) for query in queries]
        choices = self._assign(
            scores, [self._stays(q) if a else 0.0 for q, a in zip(queries, alone, strict=True)]
        )
        taken = {choice.identity for choice in choices if choice is not None}
        return [
            self._decision(queries[i], choices[i], scores[i], alone[i], taken, new_identity)
            for i in range(len(queries))
        ]

    # ── scores ──────────────────────────────────────────────────────────────────────────────

    def _scores(
        self,
        query: Query,
        members: Mapping[int, Sequence[TrackletRecord]],
        undecided: Set[str],
        constraints: Constraints,
    ) -> dict[int, Score]:
        """The identities the sighting may belong to, by what is settled about them."""
        alike = query.alike(undecided)
        current = query.current
        if current is not None and current.confirmed and members.get(current.identity):
            alike.setdefault(current.identity, [])  # it stays, however many others look alike
        return {
            identity: self._score(query, identity, candidates, members[identity])
            for identity, candidates in alike.items()
            if members.get(identity)
            and not constraints.forbidden(query.sighting.tracklet, identity)
            and self._remembered(query.sighting, members[identity])
            and not self._excluded(query.sighting, members[identity])
        }

    def _score(
        self,
        query: Query,
        identity: int,
        alike: Sequence[Candidate],
        others: Sequence[TrackletRecord],
    ) -> Score:
        own = query.current is not None and query.current.identity == identity
        before, after = _neighbours(query.sighting, others)
        return Score(
            identity=identity,
            looks=self._weigher.resembles(query.sighting.camera, alike) if alike else 0.0,
            way=self._way(before, query.sighting, after),
            closest=max(alike, key=lambda candidate: candidate.similarity, default=None),
            loyalty=self._stays(query) if own else 0.0,
            before=before,
        )

    def _stays(self, query: Query) -> float:
        """Nats for leaving the tracklet where it is; nothing flickers once it has ended."""
        if query.current is not None and query.current.confirmed:
            return _SETTLED
        return 0.0 if query.sighting.closed else self._loyalty

    def _way(
        self, before: TrackletRecord | None, sighting: Sighting, after: TrackletRecord | None
    ) -> float:
        """What is gained by putting the sighting between the one before it and the one after it.

        Without one after it, it need not be explained any more that they had not come back.
        """
        way = self._weigher.way
        gain = way(before, sighting) if before else 0.0
        gain += way(sighting, after) if after else 0.0
        if before and after:
            return gain - way(before, after)
        return gain - self._weigher.absence(before, sighting.begin) if before else gain

    def _remembered(self, sighting: Sighting, others: Iterable[TrackletRecord]) -> bool:
        """True if the person was seen, and not too long ago."""
        return any(-overlap(sighting, record) <= self._memory for record in others)

    def _excluded(self, sighting: Sighting, others: Iterable[TrackletRecord]) -> bool:
        """True if the person was elsewhere, or twice in the same view, at the same time."""
        return any(self._weigher.exclude(sighting, record) for record in others)

    # ── assignment ──────────────────────────────────────────────────────────────────────────

    def _assign(
        self, scores: Sequence[Mapping[int, Score]], new: Sequence[float]
    ) -> list[Score | None]:
        """The identities that make the sum of scores largest; None is somebody new, for `new`."""
        better = [
            {n: score.total for n, score in row.items() if score.total > alone}
            for row, alone in zip(scores, new, strict=True)
        ]
        identities = sorted({identity for row in better for identity in row})
        gain = np.full((len(scores), len(identities) + len(scores)), _IMPOSSIBLE)
        for i, row in enumerate(better):
            for identity, total in row.items():
                gain[i, bisect_left(identities, identity)] = total
            gain[i, len(identities) + i] = new[i]
        _, chosen = linear_sum_assignment(gain, maximize=True)
        return [
            scores[i][identities[j]] if j < len(identities) else None for i, j in enumerate(chosen)
        ]

    # ── decisions ───────────────────────────────────────────────────────────────────────────

    def _decision(
        self,
        query: Query,
        choice: Score | None,
        scores: Mapping[int, Score],
        alone: bool,
        taken: Set[int],
        new_identity: Callable[[], int],
    ) -> Decision:
        current = query.current
        if choice is not None:
            identity = choice.identity
        else:  # somebody new keeps the number they have, unless they share it
            identity = current.identity if current is not None and alone else new_identity()
        kind = DecisionKind.MATCHED if choice else DecisionKind.NEW
        if current is not None and current.identity != identity:
            kind = DecisionKind.REVISED
        # Whom the others of this moment turned out to be, this one cannot be.
        rivals = [score.evidence for score in scores.values() if score.identity not in taken]
        probability = _probability(
            choice.evidence if choice else 0.0, rivals if choice is None else [*rivals, 0.0]
        )
        return Decision(
            tracklet=query.sighting.tracklet,
            camera=query.sighting.camera,
            identity=identity,
            kind=kind,
            confidence=_doubted(probability),
            evidence=_evidence(query, choice, rivals),
            time=query.sighting.end,
            confirmed=self._is_confirmed(query, identity, probability),
        )

    def _is_confirmed(self, query: Query, identity: int, probability: float) -> bool:
        """True if this stands: it did, the tracklet has ended, or it has been seen well enough."""
        sighting, current = query.sighting, query.current
        stood = current is not None and current.confirmed and current.identity == identity
        return stood or sighting.closed or (sighting.crops >= _ENOUGH and probability >= self._sure)


def _as_told(query: Query, constraints: Constraints) -> Decision | None:
    """The decision of a person, taken again for a tracklet that has grown, or None."""
    current, identity = query.current, constraints.pinned(query.sighting.tracklet)
    if identity is None:
        return None
    moves = current is not None and current.identity != identity
    return Decision(
        tracklet=query.sighting.tracklet,
        camera=query.sighting.camera,
        identity=identity,
        kind=DecisionKind.REVISED if moves else DecisionKind.MATCHED,
        confidence=1.0,
        time=query.sighting.end,
        by="person",
        confirmed=True,
    )


def _as_before(query: Query) -> Decision | None:
    """What was decided, for a tracklet that has grown and stands; or None."""
    if query.current is None or not query.stands:
        return None
    return Decision(
        tracklet=query.sighting.tracklet,
        camera=query.sighting.camera,
        identity=query.current.identity,
        kind=DecisionKind.MATCHED,
        confidence=query.current.confidence,
        evidence=query.current.evidence or Evidence(),
        time=query.sighting.end,
        confirmed=True,
    )


def _evidence(query: Query, choice: Score | None, rivals: Sequence[float]) -> Evidence:
    runner_up = max(rivals, default=None)
    if choice is None:
        return Evidence(runner_up=runner_up)
    closest, before = choice.closest, choice.before
    return Evidence(
        appearance=choice.looks,
        transit=choice.way,
        runner_up=runner_up,
        similarity=closest.similarity if closest else 0.0,
        closest=closest.record.tracklet if closest else None,
        came_from=before.tracklet if before else None,
        gap=query.sighting.begin - before.end if before else None,
    )


def _probability(chosen: float, others: Sequence[float]) -> float:
    """Probability of one alternative among all, from their scores in nats."""
    return 1.0 / (1.0 + sum(math.exp(min(50.0, other - chosen)) for other in others))


def _doubted(probability: float) -> float:
    """The same with one more alternative: something that nobody thought of."""
    return probability / (1.0 + _DOUBT * probability)


def _is_alone(query: Query, members: Mapping[int, Sequence[TrackletRecord]]) -> bool:
    """True if the tracklet has an identity that nobody else belongs to."""
    if query.current is None:
        return False
    return not _without(members.get(query.current.identity, ()), query.sighting.tracklet)


def _up_to_date(
    members: Mapping[int, Sequence[TrackletRecord]], queries: Sequence[Query]
) -> dict[int, list[TrackletRecord]]:
    """Gives the members that are being decided on the begin and end they have by now."""
    now = {query.sighting.tracklet: query.sighting for query in queries}
    return {
        identity: [
            replace(r, begin=now[r.tracklet].begin, end=now[r.tracklet].end)
            if r.tracklet in now
            else r
            for r in records
        ]
        for identity, records in members.items()
    }


def _without(records: Iterable[TrackletRecord], tracklet: str) -> list[TrackletRecord]:
    return [record for record in records if record.tracklet != tracklet]


def came_from(sighting: Sighting, others: Iterable[TrackletRecord]) -> TrackletRecord | None:
    """Where a person was seen last before a sighting of theirs, or None if nowhere."""
    return _neighbours(sighting, others)[0]


def _neighbours(
    sighting: Sighting, others: Iterable[TrackletRecord]
) -> tuple[TrackletRecord | None, TrackletRecord | None]:
    """Where a person was seen last before a sighting of theirs, and next after it."""
    now = sighting.begin, sighting.tracklet
    earlier: list[TrackletRecord] = []
    later: list[TrackletRecord] = []
    for record in others:
        (earlier if (record.begin, record.tracklet) < now else later).append(record)
    return (
        max(earlier, key=lambda record: (record.end, record.tracklet), default=None),
        min(later, key=lambda record: (record.begin, record.tracklet), default=None),
    )
