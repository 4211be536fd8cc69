"""The search for the best grouping: it finds what descending alone does not."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.best_grouping import Search
from pipeline.grouping import Group


def everybody(count: int) -> np.ndarray:
    """Each may be with all others."""
    return np.array([[j for j in range(count) if j != i] for i in range(count)])


class Pairs:
    """A group is worth the sum over its pairs; those that are not named speak against it."""

    def __init__(self, nats: dict[tuple[int, int], float]) -> None:
        self.nats = nats

    def __call__(self, group: Group) -> float:
        return sum(self.nats.get((i, j), -3.0) for i in group for j in group if i < j)


def drawn(count: int, seed: int) -> Pairs:
    """Pairs some of which attract each other, not always in agreement."""
    rng = np.random.default_rng(seed)
    pairs = combinations(range(count), 2)
    return Pairs({pair: float(rng.normal(-0.5, 2.0)) for pair in pairs})


def all_groupings(items: Group) -> list[list[Group]]:
    if not items:
        return [[]]
    first, rest = items[0], items[1:]
    found = []
    for grouping in all_groupings(rest):
        found.append([(first,), *grouping])
        for place, group in enumerate(grouping):
            found.append([*grouping[:place], (first, *group), *grouping[place + 1 :]])
    return found


def test_descending_takes_what_gains() -> None:
    search = Search(Pairs({(0, 1): 2.0, (2, 3): 2.0}), everybody(4))
    assert search.descend([(0,), (1,), (2,), (3,)]).groups == ((0, 1), (2, 3))


def test_changes_that_gain_too_little_are_left() -> None:
    search = Search(Pairs({(0, 1): 0.5, (2, 3): 2.0}), everybody(4))
    assert search.descend([(0,), (1,), (2,), (3,)], least=1.0).groups == ((0,), (1,), (2, 3))


def test_annealing_finds_the_best_where_descending_ends_before() -> None:
    best_by_descending = best_by_both = 0
    for seed in range(60):
        value = drawn(7, seed)
        best = max(sum(map(value, groups)) for groups in all_groupings(tuple(range(7))))
        search = Search(value, everybody(7))
        found = search.descend([(i,) for i in range(7)])
        again = search.descend(search.anneal(found.groups))
        best_by_descending += found.nats == pytest.approx(best)
        best_by_both += max(found.nats, again.nats) == pytest.approx(best)
    assert best_by_descending < 0.9 * 60 < best_by_both


def test_the_same_seed_gives_the_same_answer() -> None:
    search, alone = Search(drawn(7, 1), everybody(7)), [(i,) for i in range(7)]
    assert search.anneal(alone, seed=5) == search.anneal(alone, seed=5)


@st.composite
def problems(draw: st.DrawFn) -> tuple[int, Pairs]:
    count = draw(st.integers(2, 6))
    return count, drawn(count, draw(st.integers(0, 10_000)))


@settings(max_examples=60, deadline=None)
@given(problems())
def test_whatever_is_drawn_everybody_is_somewhere_once(problem: tuple[int, Pairs]) -> None:
    count, value = problem
    groups = Search(value, everybody(count)).anneal([(i,) for i in range(count)])
    assert sorted(i for group in groups for i in group) == list(range(count))
    assert all(one < other for group in groups for one, other in pairwise(group))
