"""The second pass: who is who with hindsight, over a whole recording. Pure: no clock, no Redis.

Online, a tracklet is decided on by what was known then. When all is known, the best explanation of
everything is looked for: tracklets are grouped so that the sum over all groups of

- looks: what each tracklet's similarities to the others of its group say (n - 1 of n such terms
  count, since the first of a group is nobody's match), and
- way: what time and place say of going from each tracklet to the next, and of not being seen any
  more after the last,

is largest, and nobody is in two places at once. That is correlation clustering, for which no fast
exact method is known; what is found is the best of what moving single tracklets, merging groups and
exchanging their later parts can reach from two beginnings: the online decisions, and everybody
alone. So by this sum it is never worse than the online result. How long people take between
cameras is learned from the grouping, and the search repeated with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.constraints import Constraints
from pipeline.data import Evidence, Sighting
from pipeline.grouping import Group, Grouping, by_identity, numbered, recombined
from pipeline.weigh import Weigher

_NEIGHBOURS = 12
"""A tracklet may join those whom it resembles most; trying all would take time without end."""
_ROUNDS = 20
_LEAST = 1e-6  # nats: gains below are rounding
_NOTHING_SAID = Constraints()


@dataclass(frozen=True, slots=True)
class Belonging:
    """Which identity a tracklet belongs to.

    Attributes:
        identity: its number.
        confidence: probability that it is right, 0 to 1.
        evidence: what it rests on.
    """

    identity: int
    confidence: float
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Who is who, and what speaks for it.

    Attributes:
        groups: each one person, in order of time.
        nats: the sum that was made large.
    """

    groups: tuple[Group, ...]
    nats: float


def second_pass(
    sightings: Sequence[Sighting],
    online: Mapping[str, int],
    weigher: Weigher,
    *,
    constraints: Constraints = _NOTHING_SAID,
    learn: int = 2,
    least: float = _LEAST,
    anew: bool = True,
) -> dict[str, Belonging]:
    """Decides anew on all tracklets of a recording at once.

    Args:
        sightings: the last one of each tracklet.
        online: tracklet → identity, as decided while the recording ran.
        weigher: what evidence is worth; what it has learned is learned anew.
        constraints: what people said.
        learn: how often transit times are learned from the grouping and the search repeated.
        least: nats that must be gained for anything to be changed.
        anew: search from everybody alone, too, not only from the online decisions.

    Returns:
        tracklet → whom it belongs to. A group keeps the number that most of its tracklets had, so
        that both results can be compared; who shares a number no more gets a new one.
    """
    if not sightings:
        return {}
    ordered = sorted(sightings, key=lambda s: (s.begin, s.tracklet))
    weigher.forget_ways()
    weigher.know_strangers(ordered)
    groups: Sequence[Group] = by_identity(ordered, online)
    learned: Sequence[Group] = ()
    for _ in range(1 + learn):
        problem = Problem(ordered, weigher, constraints, learned=learned)
        learned = groups = problem.search(groups, least=least, anew=anew).groups
    numbers = numbered(ordered, groups, online)
    return {
        ordered[i].tracklet: Belonging(
            numbers[group], problem.confidence(i, group), problem.evidence(i, group, groups)
        )
        for group in groups
        for i in group
    }


class Problem:
    """The tracklets of a recording and what each way of grouping them is worth.

    Args:
        sightings: N tracklets in order of time.
        weigher: what evidence is worth.
        constraints: what people said.
        learned: groups from which transit times are learned; none: what the weigher knows.
    """

    def __init__(
        self,
        sightings: Sequence[Sighting],
        weigher: Weigher,
        constraints: Constraints = _NOTHING_SAID,
        *,
        learned: Sequence[Group] = (),
    ) -> None:
        self._sightings = sightings
        self._weigher = weigher
        self._constraints = constraints
        embeddings = np.array([s.embedding for s in sightings], np.float32)
        self._similarity = embeddings @ embeddings.T
        self._said = weigher.among([s.camera for s in sightings], self._similarity)
        self._near = _nearest(self._said)
        self._ways: dict[tuple[int, int], float | None] = {}
        self._absences: dict[int, float] = {}
        self._values: dict[Group, float] = {}
        self._end = max(sighting.end for sighting in sightings)
        self._came_from = {i: j for group in learned for j, i in pairwise(group)}
        self._has_learned = bool(learned)
        if learned:
            self._learn()

    def value(self, group: Group) -> float:
        """Nats for these tracklets being one person; minus infinity if they cannot be."""
        if group not in self._values:
            self._values[group] = self._way(group) + self._looks(group) if group else 0.0
        return self._values[group]

    def search(
        self, online: Sequence[Group], *, least: float = _LEAST, anew: bool = True
    ) -> Explanation:
        """The best explanation that is found from the online one, and from everybody alone.

        Args:
            online: the groups to begin with.
            least: nats that a change must gain.
            anew: begin from everybody alone, too.
        """
        found = self._improve(self._possible(online), least)
        if not anew:
            return found
        other = self._improve([(i,) for i in range(len(self._sightings))], least)
        return other if other.nats > found.nats else found

    def confidence(self, i: int, group: Group) -> float:
        """Probability that a tracklet belongs with the others of a group, rather than alone.

        Of one that is alone, 1: whom it might have joined is not asked again.
        """
        rest = tuple(j for j in group if j != i)
        gain = self._gain(i, group, rest) if rest else np.inf
        return float(1.0 / (1.0 + np.exp(-gain)))

    def evidence(self, i: int, group: Group, groups: Sequence[Group] = ()) -> Evidence:
        """What speaks for a tracklet's belonging with the others of a group.

        Args:
            i: the tracklet.
            group: where it is.
            groups: all there are: one of the others may come second.
        """
        second = self._runner_up(i, group, groups)
        rest = tuple(j for j in group if j != i)
        if not rest:
            return Evidence(runner_up=second)
        closest = max(rest, key=lambda j: (self._similarity[i, j], -j))
        place = group.index(i)
        before = self._sightings[group[place - 1]] if place else None
        looks = self._looks(group) - self._looks(rest)
        return Evidence(
            appearance=float(looks),
            transit=float(self._gain(i, group, rest) - looks),
            runner_up=second,
            similarity=float(self._similarity[i, closest]),
            closest=self._sightings[closest].tracklet,
            came_from=before.tracklet if before else None,
            gap=self._sightings[i].begin - before.end if before else None,
        )

    def _runner_up(self, i: int, group: Group, groups: Sequence[Group]) -> float | None:
        """What the best of the other groups that a tracklet could be in would gain by it."""
        near = set(self._near[i].tolist())
        others = [each for each in groups if each != group and not near.isdisjoint(each)]
        gains = [self._gain(i, tuple(sorted((*each, i))), each) for each in others]
        return max((float(gain) for gain in gains if np.isfinite(gain)), default=None)

    def _gain(self, i: int, group: Group, rest: Group) -> float:
        """What is gained by a tracklet's being of a group, and not alone."""
        return self.value(group) - self.value(rest) - self.value((i,))

    # ── what a group is worth ───────────────────────────────────────────────────────────────

    def _looks(self, group: Group) -> float:
        if len(group) < 2:
            return 0.0
        said = self._said[np.ix_(group, group)]
        others = ~np.eye(len(group), dtype=bool)
        each = [self._weigher.together(row[keep]) for row, keep in zip(said, others, strict=True)]
        return sum(each) * (len(group) - 1) / len(group)

    def _way(self, group: Group) -> float:
        total = 0.0
        for before, after in pairwise(group):
            step = self._step(before, after)
            if step is None:
                return -np.inf
            total += step
        return total + self._absence(group[-1]) if self._allowed(group) else -np.inf

    def _step(self, before: int, after: int) -> float | None:
        """Nats for going from one to the next; None if nobody can."""
        if (before, after) not in self._ways:
            one, other = self._sightings[before], self._sightings[after]
            apart = not self._weigher.exclude(one, other)
            self._ways[before, after] = self._way_of(before, after) if apart else None
        return self._ways[before, after]

    def _way_of(self, before: int, after: int) -> float:
        """What was learned from the later one's own arrival does not count: it proves itself."""
        one, other = self._sightings[before], self._sightings[after]
        if not self._has_learned:
            return self._weigher.way(one, other, now=self._end)
        with self._weigher.unlearned(self._origin(after), other, 1.0):
            return self._weigher.way(one, other, now=self._end)

    def _absence(self, i: int) -> float:
        """Nats for not being seen after a tracklet until the end."""
        if i not in self._absences:
            last = self._sightings[i]
            self._absences[i] = self._weigher.absence(last, self._end, now=self._end)
        return self._absences[i]

    def _origin(self, i: int) -> Sighting | None:
        before = self._came_from.get(i)
        return None if before is None else self._sightings[before]

    def _learn(self) -> None:
        """Learns transit times from the grouping, in order of time."""
        self._weigher.forget_ways()
        for i, sighting in enumerate(self._sightings):
            self._weigher.learn(self._origin(i), sighting, 1.0)

    def _allowed(self, group: Group) -> bool:
        """False if people said that two of them are two people."""
        names = [self._sightings[i].tracklet for i in group]
        pins = [pin for name in names if (pin := self._constraints.pinned(name)) is not None]
        return not any(self._constraints.forbidden(name, pin) for name in names for pin in pins)

    def _possible(self, groups: Sequence[Group]) -> list[Group]:
        """The groups that can be one person; of the others everybody alone."""
        kept: list[Group] = []
        for group in groups:
            kept += [group] if np.isfinite(self.value(group)) else [(i,) for i in group]
        return kept

    # ── the search ──────────────────────────────────────────────────────────────────────────

    def _improve(self, groups: Sequence[Group], least: float) -> Explanation:
        grouping = Grouping(groups)
        for _ in range(_ROUNDS):
            moved = self._move_singles(grouping, least)
            joined = self._combine(grouping, least)
            if not (moved or joined):
                break
        found = tuple(sorted(grouping.groups.values()))
        return Explanation(found, sum(map(self.value, found)))

    def _move_singles(self, grouping: Grouping, least: float) -> bool:
        changed = False
        for i in range(len(self._sightings)):
            home = grouping.of[i]
            group = grouping.groups[home]
            rest = tuple(j for j in group if j != i)
            options: dict[int, Group] = {grouping.fresh(): (i,)}
            for number in self._around(grouping, i):
                options[number] = tuple(sorted((*grouping.groups[number], i)))
            gains = {
                number: self.value(joined) - self.value(grouping.groups.get(number, ()))
                for number, joined in options.items()
            }
            best = max(gains, key=lambda number: gains[number])
            if gains[best] + self.value(rest) > self.value(group) + least:
                grouping.replace({home: rest, best: options[best]})
                changed = True
        return changed

    def _combine(self, grouping: Grouping, least: float) -> bool:
        """Merges groups, and exchanges their later parts, as long as anything is gained by it."""
        changed = False
        for one, other in self._pairs(grouping):
            if one not in grouping.groups or other not in grouping.groups:
                continue
            a, b = grouping.groups[one], grouping.groups[other]
            best = max(recombined(a, b), key=self._value_of_both)
            if self._value_of_both(best) > self._value_of_both((a, b)) + least:
                first, second = best
                grouping.replace({one: first, other: second})
                changed = True
        return changed

    def _value_of_both(self, groups: tuple[Group, Group]) -> float:
        return self.value(groups[0]) + self.value(groups[1])

    def _around(self, grouping: Grouping, i: int) -> list[int]:
        """Other groups that hold somebody whom a tracklet resembles."""
        return sorted({grouping.of[int(j)] for j in self._near[i]} - {grouping.of[i]})

    def _pairs(self, grouping: Grouping) -> list[tuple[int, int]]:
        pairs = {
            (min(home, other), max(home, other))
            for i, home in enumerate(grouping.of)
            for other in self._around(grouping, i)
        }
        return sorted(pairs)


def _nearest(said: NDArray[np.float32]) -> NDArray[np.intp]:
    """The other tracklets that each looks like most: [N, k]."""
    others = said.copy()
    np.fill_diagonal(others, -np.inf)
    count = min(_NEIGHBOURS, max(len(said) - 1, 0))
    return np.argsort(-others, axis=1, kind="stable")[:, :count]
