"""The search for the grouping that is worth most: correlation clustering, for which no fast exact
method is known.

It descends by moving single tracklets, merging groups and exchanging their later parts as long as
anything is gained, and gets out of where that ends by simulated annealing: the same moves, taken at
random, by what they gain.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.grouping import Group, Grouping, exchanged, recombined

LEAST = 1e-6  # nats: gains below are rounding
_ROUNDS = 20
_TEMPERATURES = (1.5, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2)
"""At 1 a grouping comes up as often as it is likely. More, and more slowly, finds hardly more."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Who is who, and what speaks for it.

    Attributes:
        groups: each one person, in order of time.
        nats: the sum that was made large.
    """

    groups: tuple[Group, ...]
    nats: float


class Search:
    """Looks for groupings of N tracklets that are worth much.

    Args:
        value: what a group is worth, in nats; minus infinity if it cannot be one person.
        near: the tracklets that each may be with, [N, K]: trying all would take time without end.
    """

    def __init__(self, value: Callable[[Group], float], near: NDArray[np.intp]) -> None:
        self._value = value
        self._near = near

    def descend(self, groups: Sequence[Group], *, least: float = LEAST) -> Explanation:
        """The best that is reached from these groups by changes that gain `least` nats or more."""
        grouping = Grouping(groups)
        for _ in range(_ROUNDS):
            moved = self._move_singles(grouping, least)
            joined = self._combine(grouping, least)
            if not (moved or joined):
                break
        found = tuple(sorted(grouping.groups.values()))
        return Explanation(found, sum(map(self._value, found)))

    def anneal(self, groups: Sequence[Group], *, seed: int = 0) -> list[Group]:
        """Groups not far from these and not quite as good, from where to descend again.

        Args:
            groups: to begin with; each can be one person.
            seed: the same seed, the same answer.
        """
        grouping, draw = Grouping(groups), random.Random(seed)
        for temperature in _TEMPERATURES:
            for i in range(len(grouping.of)):
                self._move_at_random(grouping, i, temperature, draw)
            for one, other in [*self._pairs(grouping), *((n, None) for n in list(grouping.groups))]:
                self._exchange_at_random(grouping, one, other, temperature, draw)
        return list(grouping.groups.values())

    # ── single tracklets ────────────────────────────────────────────────────────────────────

    def _move_singles(self, grouping: Grouping, least: float) -> bool:
        changed = False
        for i in range(len(grouping.of)):
            options = self._options(grouping, i)
            gains = {number: self._gain(*option) for number, option in options.items()}
            best = max(gains, key=lambda number: gains[number])
            if gains[best] > gains[grouping.of[i]] + least:
                _move(grouping, i, best, options)
                changed = True
        return changed

    def _move_at_random(
        self, grouping: Grouping, i: int, temperature: float, draw: random.Random
    ) -> None:
        """Puts a tracklet anywhere, as likely as it is worth there (Gibbs sampling)."""
        options = self._options(grouping, i)
        gains = [self._gain(*option) for option in options.values()]
        most = max(gains)
        odds = [math.exp((gain - most) / temperature) for gain in gains]
        _move(grouping, i, draw.choices(list(options), odds)[0], options)

    def _options(self, grouping: Grouping, i: int) -> dict[int, tuple[Group, Group]]:
        """Each group a tracklet may be in, without and with it: its own, a new one, others."""
        home = grouping.of[i]
        rest = tuple(j for j in grouping.groups[home] if j != i)
        options: dict[int, tuple[Group, Group]] = {home: (rest, grouping.groups[home])}
        if rest:
            options[grouping.fresh()] = ((), (i,))
        for number in self._around(grouping, i):
            group = grouping.groups[number]
            options[number] = (group, tuple(sorted((*group, i))))
        return options

    def _gain(self, without: Group, joined: Group) -> float:
        return float(self._value(joined) - self._value(without))

    # ── groups ──────────────────────────────────────────────────────────────────────────────

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

    def _exchange_at_random(
        self,
        grouping: Grouping,
        one: int,
        other: int | None,
        temperature: float,
        draw: random.Random,
    ) -> None:
        """Exchanges what two groups have from some moment on, or parts one there (Metropolis)."""
        if other is None:
            other = grouping.fresh()
        elif other not in grouping.groups:
            return
        if one not in grouping.groups:
            return
        a, b = grouping.groups[one], grouping.groups.get(other, ())
        made = exchanged(a, b, draw.choice(sorted(a + b)))
        gain = self._value_of_both(made) - self._value_of_both((a, b))
        if draw.random() < math.exp(min(gain, 0.0) / temperature):
            grouping.replace({one: made[0], other: made[1]})

    def _value_of_both(self, groups: tuple[Group, Group]) -> float:
        return self._value(groups[0]) + self._value(groups[1])

    def _around(self, grouping: Grouping, i: int) -> list[int]:
        """Other groups that hold somebody whom a tracklet may be with."""
        return sorted({grouping.of[int(j)] for j in self._near[i]} - {grouping.of[i]})

    def _pairs(self, grouping: Grouping) -> list[tuple[int, int]]:
        pairs = {
            (min(home, other), max(home, other))
            for i, home in enumerate(grouping.of)
            for other in self._around(grouping, i)
        }
        return sorted(pairs)


def _move(grouping: Grouping, i: int, to: int, options: dict[int, tuple[Group, Group]]) -> None:
    """Moves a tracklet into one of the groups it may be in."""
    home = grouping.of[i]
    if to != home:
        grouping.replace({home: options[home][0], to: options[to][1]})
