"""The second pass: who is who with hindsight, over a whole recording. Pure: no clock, no Redis.

Online, a tracklet is decided on by what was known then. When all is known, the best explanation of
everything is looked for: tracklets are grouped so that the sum over all groups of

- looks: what each tracklet's similarities to the others of its group say (n - 1 of n such terms
  count, since the first of a group is nobody's match), and
- way: what time and place say of going from each tracklet to the next, and of not being seen any
  more after the last,

is largest, and nobody is in two places at once. `pipeline.best_grouping` searches for it from two
beginnings, the online decisions and everybody alone. So by this sum it is never worse than the
online result. How long people take between cameras is learned from the grouping, and the search
repeated with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pipeline.best_grouping import LEAST, Explanation, Search
from pipeline.constraints import Constraints
from pipeline.data import Evidence, Sighting
from pipeline.grouping import Group, by_identity, numbered
from pipeline.likeness import Likeness
from pipeline.weigh import Weigher

_NEIGHBOURS = 12
"""A tracklet may join those whom it resembles most; trying all would take time without end."""
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


def second_pass(
    sightings: Sequence[Sighting],
    online: Mapping[str, int],
    weigher: Weigher,
    *,
    constraints: Constraints = _NOTHING_SAID,
    learn: int = 2,
    least: float = LEAST,
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
    of = {i: group for group in groups for i in group}
    return {
        ordered[i].tracklet: Belonging(
            numbers[group], problem.confidence(i, group), problem.evidence(i, of)
        )
        for i, group in of.items()
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
        self._likeness = Likeness(sightings, weigher)
        self._near = self._likeness.nearest(_NEIGHBOURS)
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
        self, online: Sequence[Group], *, least: float = LEAST, anew: bool = True
    ) -> Explanation:
        """The best explanation that is found from the online one.

        Args:
            online: the groups to begin with.
            least: nats that a change must gain.
            anew: begin from everybody alone, too.
        """
        search = Search(self.value, self._near)
        found = search.descend(self._possible(online), least=least)
        if anew:
            alone = [(i,) for i in range(len(self._sightings))]
            found = max(found, search.descend(alone, least=least), key=lambda each: each.nats)
        other = search.descend(search.anneal(found.groups), least=least)
        return other if other.nats > found.nats + least else found

    def confidence(self, i: int, group: Group) -> float:
        """Probability that a tracklet belongs with the others of a group, rather than alone.

        Of one that is alone, 1: whom it might have joined is not asked again.
        """
        rest = tuple(j for j in group if j != i)
        gain = self._gain(i, group, rest) if rest else np.inf
        return float(1.0 / (1.0 + np.exp(-gain)))

    def evidence(self, i: int, of: Mapping[int, Group]) -> Evidence:
        """What speaks for a tracklet's belonging with the others of its group.

        Args:
            i: the tracklet.
            of: the group of each; one of the others may come second.
        """
        group, second = of[i], self._runner_up(i, of)
        rest = tuple(j for j in group if j != i)
        if not rest:
            return Evidence(runner_up=second)
        similarities = self._likeness.similarity(i, rest)
        closest = int(np.argmax(similarities))
        place = group.index(i)
        before = self._sightings[group[place - 1]] if place else None
        looks = self._looks(group) - self._looks(rest)
        return Evidence(
            appearance=float(looks),
            transit=float(self._gain(i, group, rest) - looks),
            runner_up=second,
            similarity=float(similarities[closest]),
            closest=self._sightings[rest[closest]].tracklet,
            came_from=before.tracklet if before else None,
            gap=self._sightings[i].begin - before.end if before else None,
        )

    def _runner_up(self, i: int, of: Mapping[int, Group]) -> float | None:
        """What the best of the other groups that a tracklet could be in would gain by it."""
        others = {of[int(j)] for j in self._near[i]} - {of[i]}
        gains = [self._gain(i, tuple(sorted((*each, i))), each) for each in others]
        return max((float(gain) for gain in gains if np.isfinite(gain)), default=None)

    def _gain(self, i: int, group: Group, rest: Group) -> float:
        """What is gained by a tracklet's being of a group, and not alone."""
        return self.value(group) - self.value(rest) - self.value((i,))

    # ── what a group is worth ───────────────────────────────────────────────────────────────

    def _looks(self, group: Group) -> float:
        if len(group) < 2:
            return 0.0
        said = self._likeness.among(group)
        others = said[~np.eye(len(group), dtype=bool)].reshape(len(group), -1)
        return float(self._weigher.together_each(others).sum()) * (len(group) - 1) / len(group)

    def _way(self, group: Group) -> float:
        total = 0.0
        for before, after in pairwise(group):
            step = self._step(before, after)
            if step is None:
                return -np.inf
            total += step
        possible = self._allowed(group) and not self._in_two_places(group)
        return total + self._absence(group[-1]) if possible else -np.inf

    def _in_two_places(self, group: Group) -> bool:
        """True if one excludes another that does not follow right after it."""
        latest = -np.inf
        for place in range(2, len(group)):
            latest = max(latest, self._sightings[group[place - 2]].end)
            later = self._sightings[group[place]]
            if latest >= later.begin and any(
                self._weigher.exclude(self._sightings[j], later) for j in group[: place - 1]
            ):
                return True
        return False

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
        """The groups, less the tracklets that cannot be with those before them."""
        kept: list[Group] = []
        for group in groups:
            fits = group if np.isfinite(self.value(group)) else group[:1]
            for i in group[len(fits) :]:
                if np.isfinite(self.value((*fits, i))):
                    fits = (*fits, i)
                else:
                    kept.append((i,))
            kept.append(fits)
        return kept
