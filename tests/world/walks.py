"""People's ways through the site: who comes when, alone or with others, by which way, how fast."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .plan import ROUTINGS, Floats, Plan

_GROUPS, _TRIPS = 1, 2  # families of random numbers
_SHOULDER = 0.7  # metres between people who walk together


@dataclass(frozen=True, kw_only=True)
class SiteSpec:
    """A synthetic site; the same numbers always make the same site.

    Attributes:
        cameras, people: how many.
        seconds: how long it is watched.
        seed: everything random comes from here.
        spacing: metres between crossings, 17 at least.
        together: share of people who come in groups of 2 to 4.
        speed, speed_spread: of walking, metres per second: mean and standard deviation.
        stops: chance to stand still for a while at a crossing on the way.
        stop_seconds: median of how long.
        errands: crossings somebody goes to before leaving, at most.
        returns: chance that somebody who has left comes back, later on.
        absence: median of the seconds away; a third come back after less than half or more than
            twice that.
        start: time of the beginning, seconds since the epoch.
    """

    cameras: int = 20
    people: int = 200
    seconds: float = 3600.0
    seed: int = 1
    spacing: float = 20.0
    together: float = 0.3
    speed: float = 1.35
    speed_spread: float = 0.2
    stops: float = 0.1
    stop_seconds: float = 20.0
    errands: int = 3
    returns: float = 0.5
    absence: float = 900.0
    start: float = 1_790_000_000.0


@dataclass(frozen=True)
class Walks:
    """Ways of W people as parallel arrays, K knots in all; between knots people go straight.

    Attributes:
        person, trip: int64[W], who it is and the how-many-eth way of theirs, from 0.
        first: int64[W + 1], where each way's knots begin.
        times: float64[K], seconds since the site's beginning.
        places: float64[K, 2], metres on the plan.
        nodes: int64[K], the node each knot is at.
    """

    person: NDArray[np.int64]
    trip: NDArray[np.int64]
    first: NDArray[np.int64]
    times: Floats
    places: Floats
    nodes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.person)

    def at(self, walks: NDArray[np.int64], times: Floats) -> Floats:
        """Where people are on some of the ways: float64[n, 2]; before and after, at their ends."""
        begin, end = self.times[self.first[walks]], self.times[self.first[walks + 1] - 1]
        moments = np.clip(times, begin, end) - begin + walks * self._day
        after = np.searchsorted(self._clock, moments, side="right")
        after = np.clip(after, self.first[walks] + 1, self.first[walks + 1] - 1)
        span = self._clock[after] - self._clock[after - 1]
        share = np.divide(moments - self._clock[after - 1], span, where=span > 0, out=0 * span)
        step = self.places[after] - self.places[after - 1]
        return np.asarray(self.places[after - 1] + share[:, None] * step)

    @cached_property
    def lasts(self) -> Floats:
        """When each way is over: float64[W]."""
        return self.times[self.first[1:] - 1]

    @cached_property
    def _day(self) -> float:
        return float(np.max(self.lasts - self.times[self.first[:-1]], initial=0.0)) + 1.0

    @cached_property
    def _clock(self) -> Floats:
        """All knots on one time line, one way after the other."""
        owner = np.repeat(np.arange(len(self)), np.diff(self.first))
        return self.times - self.times[self.first[:-1]][owner] + owner * self._day


@dataclass(frozen=True)
class _Group:
    number: int
    people: range
    speed: float


_Way = tuple[_Group, int, Floats, Floats, NDArray[np.int64], Floats]
"""A group, its trip, times, places and nodes of the knots, and where each member walks."""


class Crowd:
    """All people of a site and their ways, in order of when they come.

    Args:
        plan: where they walk.
        spec: how.
    """

    def __init__(self, plan: Plan, spec: SiteSpec) -> None:
        self._plan = plan
        self._spec = spec

    def batches(self, size: int = 256) -> Iterator[tuple[Walks, float]]:
        """Ways by and by, those who come first before the others.

        Yields:
            ways, and the time before which none of the later ones begin.
        """
        queue = [(start, group.number, 0, group) for start, group in self._arrivals()]
        heapq.heapify(queue)
        while queue:
            drawn: list[_Way] = []
            while queue and len(drawn) < size:
                start, number, trip, group = heapq.heappop(queue)
                way = self._way(group, trip, start)
                drawn.append((group, trip, *way))
                comes_back = self._comes_back(number, trip, float(way[0][-1]))
                if comes_back < self._spec.seconds:
                    heapq.heappush(queue, (comes_back, number, trip + 1, group))
            yield self._walks(drawn), queue[0][0] if queue else np.inf

    def _arrivals(self) -> Iterator[tuple[float, _Group]]:
        """Every group and when it first comes; some are there already when the site begins."""
        spec = self._spec
        rng = np.random.default_rng((spec.seed, _GROUPS))
        person = number = 0
        while person < spec.people:
            # A group has 3 people on average, so it must be as much rarer than somebody alone.
            grouped = rng.random() < spec.together / (3 - 2 * spec.together)
            count = min(rng.integers(2, 5) if grouped else 1, spec.people - person)
            speed = max(0.6, rng.normal(spec.speed, spec.speed_spread) - 0.1 * (count - 1))
            start = rng.uniform(-min(300.0, spec.seconds), 0.9 * spec.seconds)
            yield start, _Group(number, range(person, person + int(count)), speed)
            person, number = person + int(count), number + 1

    def _rng(self, group: int, trip: int) -> np.random.Generator:
        return np.random.default_rng((self._spec.seed, _TRIPS, group, trip))

    def _comes_back(self, group: int, trip: int, left: float) -> float:
        spec, rng = self._spec, self._rng(group, -1 - trip & 0xFFFF)
        if rng.random() >= spec.returns:
            return np.inf
        return left + max(60.0, spec.absence * float(np.exp(0.7 * rng.standard_normal())))

    def _way(
        self, group: _Group, trip: int, start: float
    ) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
        """One way of a group: times, places and nodes of its knots; where each member walks."""
        rng, spec = self._rng(group.number, trip), self._spec
        nodes = np.array(self._goals(rng))
        sway = rng.uniform(-1.0, 1.0, (len(nodes), 2))
        places = self._plan.nodes[nodes] + sway
        pace = group.speed * rng.uniform(0.93, 1.07)
        legs = np.linalg.norm(np.diff(places, axis=0), axis=1) / pace
        pauses = spec.stop_seconds * np.exp(0.8 * rng.standard_normal(len(nodes)))
        pauses[rng.random(len(nodes)) >= spec.stops] = 0.0
        pauses[[0, -1]] = 0.0
        arrival = start + np.concatenate([[0.0], np.cumsum(legs + pauses[:-1])])
        times = np.stack([arrival, arrival + pauses], axis=1).ravel()
        kept = np.concatenate([[True], np.diff(times) > 0])
        return (
            times[kept],
            np.repeat(places, 2, axis=0)[kept],
            np.repeat(nodes, 2)[kept],
            _formation(len(group.people), rng),
        )

    def _goals(self, rng: np.random.Generator) -> list[int]:
        """In by a door, on to some crossings, out by a door."""
        crossings = len(self._plan.nodes) - len(self._plan.doors)
        errands = rng.integers(0, crossings, rng.integers(1, self._spec.errands + 1))
        goals = [int(rng.choice(self._plan.doors)), *errands.tolist()]
        goals.append(int(rng.choice(self._plan.doors)))
        way = goals[:1]
        for goal in goals[1:]:
            way += self._plan.way(way[-1], goal, int(rng.integers(ROUTINGS)))[1:]
        return way

    def _walks(self, drawn: list[_Way]) -> Walks:
        """A way of its own for everybody, cut to the time the site is watched."""
        rows = [
            (person, trip, times, places + offset, nodes)
            for group, trip, times, places, nodes, offsets in drawn
            for person, offset in zip(group.people, offsets, strict=True)
        ]
        person, trip, times, places, nodes = zip(*rows, strict=True)
        return Walks(
            person=np.array(person),
            trip=np.array(trip),
            first=np.concatenate([[0], np.cumsum([len(each) for each in times])]),
            times=np.concatenate(times),
            places=np.concatenate(places),
            nodes=np.concatenate(nodes),
        )


def _formation(people: int, rng: np.random.Generator) -> Floats:
    """Where the members of a group walk beside its way: float64[people, 2], side by side."""
    angle = rng.uniform(0, 2 * np.pi)
    beside = (np.arange(people) - (people - 1) / 2)[:, None] * _SHOULDER
    formation = beside * np.array([[np.cos(angle), np.sin(angle)]])
    return np.asarray(formation + rng.uniform(-0.12, 0.12, (people, 2)))
