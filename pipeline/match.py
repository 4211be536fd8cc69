"""Sighting → decision: who is who. Pure: no clock, no network, no Redis.

Each pair of a sighting and an identity is weighed by its log-likelihood ratio, same person against
somebody else:

- appearance: the calibrated similarity to the identity's most similar tracklets;
- transit: how likely the person shows up again just now, and just there if it is in the same view,
  against somebody new doing so.

All sightings that overlap in time compete in one assignment, with "somebody new" as everyone's
alternative, so look-alikes in the same view cannot take the same identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.constraints import Constraints
from pipeline.data import Candidate, Decision, DecisionKind, Evidence, Sighting, TrackletRecord
from pipeline.evidence import Calibration, Continuity, TransitPrior

_IMPOSSIBLE = -1e6
_NOTHING_SAID = Constraints()


@dataclass(frozen=True, slots=True)
class Query:
    """A sighting to be decided on, and what is known about it.

    Attributes:
        sighting: the sighting.
        candidates: tracklets that look like it.
        current: its tracklet's record if it has been decided on before.
    """

    sighting: Sighting
    candidates: tuple[Candidate, ...]
    current: TrackletRecord | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How well an identity fits a sighting, in nats."""

    identity: int
    appearance: float
    transit: float
    similarity: float
    loyalty: float

    @property
    def evidence(self) -> float:
        """What speaks for it: confidence rests on this."""
        return self.appearance + self.transit

    @property
    def total(self) -> float:
        """What decides: the evidence, and loyalty to the identity the tracklet has."""
        return self.evidence + self.loyalty


class Matcher:
    """Decides which identity each sighting belongs to.

    Args:
        calibration: similarity → likelihood ratio.
        transit: gap in time → likelihood ratio.
        continuity: gap and distance within one view → likelihood ratio.
        clock_tolerance: seconds by which the cameras' clocks may differ.
        memory: seconds after which somebody counts as new.
        best: an identity's looks are those of its so many most similar tracklets.
        loyalty: nats by which a tracklet's own identity is preferred, lest labels flicker.
    """

    def __init__(
        self,
        calibration: Calibration,
        *,
        transit: TransitPrior | None = None,
        continuity: Continuity | None = None,
        clock_tolerance: float = 0.5,
        memory: float = 12 * 3600.0,
        best: int = 3,
        loyalty: float = 2.0,
    ) -> None:
        self._calibration = calibration
        self._transit = transit or TransitPrior()
        self._continuity = continuity or Continuity()
        self._tolerance = clock_tolerance
        self._memory = memory
        self._best = best
        self._loyalty = loyalty

    def decide(
        self,
        queries: Sequence[Query],
        members: Mapping[int, Sequence[TrackletRecord]],
        new_identity: Callable[[], int],
        constraints: Constraints = _NOTHING_SAID,
    ) -> list[Decision]:
        """Decides on sightings that overlap in time, all at once.

        Args:
            queries: at most one per tracklet.
            members: every tracklet of every identity that a query's candidates or its current
                record name: what the hard constraints are checked against.
            new_identity: gives a number never used before.
            constraints: what people said, which is not asked again.

        Returns:
            one decision per query, in their order.
        """
        members = _up_to_date(members, queries)
        pins = [constraints.pinned(query.sighting.tracklet) for query in queries]
        free = [query for query, pin in zip(queries, pins, strict=True) if pin is None]
        decided = iter(self._decide(free, members, new_identity, constraints))
        return [
            next(decided) if pin is None else _as_told(query, pin)
            for query, pin in zip(queries, pins, strict=True)
        ]

    def _decide(
        self,
        queries: Sequence[Query],
        members: Mapping[int, Sequence[TrackletRecord]],
        new_identity: Callable[[], int],
        constraints: Constraints,
    ) -> list[Decision]:
        """Decides on those that nobody has pinned."""
        scores = [self._scores(query, members, constraints) for query in queries]
        alone = [_is_alone(query, members) for query in queries]
        choices = self._assign(scores, alone)
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
        constraints: Constraints,
    ) -> dict[int, Score]:
        """Every identity the sighting may belong to, but for its own if it is alone in it."""
        similarities: dict[int, list[float]] = {}
        for candidate in query.candidates:
            if candidate.record.tracklet == query.sighting.tracklet:
                continue  # that it looks like itself proves nothing
            similarities.setdefault(candidate.record.identity, []).append(candidate.similarity)
        scores = {}
        for identity, values in similarities.items():
            if constraints.forbidden(query.sighting.tracklet, identity):
                continue
            others = _without(members.get(identity, ()), query.sighting.tracklet)
            if self._remembered(query.sighting, others) and not self._excluded(
                query.sighting, others
            ):
                scores[identity] = self._score(query, identity, values, others)
        return scores

    def _score(
        self,
        query: Query,
        identity: int,
        similarities: list[float],
        others: Sequence[TrackletRecord],
    ) -> Score:
        best = sorted(similarities, reverse=True)[: self._best]
        own = query.current is not None and query.current.identity == identity
        return Score(
            identity=identity,
            appearance=self._calibration.llr(sum(best) / len(best)),
            transit=self._when_and_where(query.sighting, others),
            similarity=best[0],
            loyalty=self._loyalty if own else 0.0,
        )

    def _when_and_where(self, sighting: Sighting, others: Sequence[TrackletRecord]) -> float:
        """What the tracklet nearest in time says about appearing here and now."""
        nearest = min(others, key=lambda record: _gap(sighting, record))
        gap = _gap(sighting, nearest)
        if nearest.camera != sighting.camera:
            return self._transit.llr(gap)
        return self._transit.llr(gap) + self._continuity.llr(gap, _distance(sighting, nearest))

    def _remembered(self, sighting: Sighting, others: Iterable[TrackletRecord]) -> bool:
        """True if the person was seen, and not too long ago."""
        return any(_gap(sighting, record) <= self._memory for record in others)

    def _excluded(self, sighting: Sighting, others: Iterable[TrackletRecord]) -> bool:
        """True if the person was elsewhere, or twice in the same view, at the same time."""
        return any(
            _overlap(sighting, record) >= 0.0
            if record.camera == sighting.camera
            else _overlap(sighting, record) > self._tolerance
            for record in others
        )

    # ── assignment ──────────────────────────────────────────────────────────────────────────

    def _assign(
        self, scores: Sequence[Mapping[int, Score]], alone: Sequence[bool]
    ) -> list[Score | None]:
        """The identities that make the sum of scores largest; None is somebody new."""
        identities = sorted({identity for row in scores for identity in row})
        gain = np.full((len(scores), len(identities) + len(scores)), _IMPOSSIBLE)
        for i, row in enumerate(scores):
            for j, identity in enumerate(identities):
                gain[i, j] = row[identity].total if identity in row else _IMPOSSIBLE
            gain[i, len(identities) + i] = self._loyalty if alone[i] else 0.0
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
        return Decision(
            tracklet=query.sighting.tracklet,
            camera=query.sighting.camera,
            identity=identity,
            kind=kind,
            confidence=_probability(
                choice.evidence if choice else 0.0, rivals if choice is None else [*rivals, 0.0]
            ),
            evidence=_evidence(choice, rivals),
            time=query.sighting.end,
        )


def _as_told(query: Query, identity: int) -> Decision:
    """The decision of a person, taken again for a tracklet that has grown."""
    current = query.current
    moves = current is not None and current.identity != identity
    return Decision(
        tracklet=query.sighting.tracklet,
        camera=query.sighting.camera,
        identity=identity,
        kind=DecisionKind.REVISED if moves else DecisionKind.MATCHED,
        confidence=1.0,
        time=query.sighting.end,
        by="person",
    )


def _evidence(choice: Score | None, rivals: Sequence[float]) -> Evidence:
    runner_up = max(rivals, default=None)
    if choice is None:
        return Evidence(runner_up=runner_up)
    return Evidence(
        appearance=choice.appearance,
        transit=choice.transit,
        runner_up=runner_up,
        similarity=choice.similarity,
    )


def _probability(chosen: float, others: Sequence[float]) -> float:
    """Probability of one alternative among all, from their scores in nats."""
    return 1.0 / (1.0 + sum(math.exp(min(50.0, other - chosen)) for other in others))


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


def _overlap(sighting: Sighting, record: TrackletRecord) -> float:
    """Seconds for which both are there; negative: the gap between them."""
    return min(sighting.end, record.end) - max(sighting.begin, record.begin)


def _gap(sighting: Sighting, record: TrackletRecord) -> float:
    """Seconds between them; 0 if they overlap."""
    return max(0.0, -_overlap(sighting, record))


def _distance(sighting: Sighting, record: TrackletRecord) -> float:
    """From where the earlier of the two left to where the later entered; one camera's picture."""
    if record.end <= sighting.begin:
        return math.dist(record.left, sighting.entered)
    return math.dist(sighting.left, record.entered)


def components(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Groups sightings that overlap in time, directly or by way of others.

    Returns:
        indices into `sightings`, group after group in order of time.
    """
    order = sorted(range(len(sightings)), key=lambda i: (sightings[i].begin, sightings[i].tracklet))
    groups: list[list[int]] = []
    reach = -math.inf
    for i in order:
        if sightings[i].begin > reach:
            groups.append([])
        groups[-1].append(i)
        reach = max(reach, sightings[i].end)
    return groups
