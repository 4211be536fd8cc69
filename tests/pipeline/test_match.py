"""Who is who: likelihood ratios, hard constraints, one assignment over everybody at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from people import record, sighting

from pipeline.constraints import Constraints, CorrectionKind, Statement
from pipeline.data import Candidate, Decision, DecisionKind, TrackletRecord
from pipeline.evidence import Calibration, Continuity
from pipeline.match import Matcher, came_from
from pipeline.query import Query, moments
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)


def matcher(*, memory: float = 43_200.0) -> Matcher:
    return Matcher(Weigher(CALIBRATION), memory=memory)


def decide(*queries: Query, members: dict[int, list[TrackletRecord]]) -> list[Decision]:
    numbers = count(100)
    return matcher().decide(queries, members, lambda: next(numbers))


def seen(identity: int, camera: str = "west", begin: float = 0.0, end: float = 5.0):
    return record(f"{camera}-{identity}", camera, begin, end, identity=identity)


def query(name: str, alike: dict[TrackletRecord, float], *, begin: float = 8.0, current=None):
    candidates = tuple(Candidate(record, similarity) for record, similarity in alike.items())
    return Query(sighting(name, "east", begin, begin + 4), candidates, current)


def test_somebody_who_looks_the_same_a_little_later_is_the_same_person() -> None:
    (decision,) = decide(query("e1", {seen(1): 0.95}), members={1: [seen(1)]})
    assert (decision.identity, decision.kind) == (1, DecisionKind.MATCHED)
    assert decision.confidence > 0.9


def test_somebody_who_looks_different_is_somebody_new() -> None:
    (decision,) = decide(query("e1", {seen(1): 0.3}), members={1: [seen(1)]})
    assert (decision.identity, decision.kind) == (100, DecisionKind.NEW)


def test_an_empty_gallery_makes_everybody_new() -> None:
    decisions = decide(query("e1", {}), query("e2", {}), members={})
    assert [d.identity for d in decisions] == [100, 101]


@pytest.mark.parametrize(
    ("camera", "end"),
    [
        pytest.param("east", 9.0, id="twice in one view"),
        pytest.param("west", 10.0, id="in two views at once"),
    ],
)
def test_nobody_is_in_two_places_at_once(camera: str, end: float) -> None:
    there = seen(1, camera, 0.0, end)
    (decision,) = decide(query("e1", {there: 0.99}), members={1: [there]})
    assert decision.kind is DecisionKind.NEW


def test_clocks_may_differ_by_the_tolerance() -> None:
    there = seen(1, "west", 0.0, 8.3)
    (decision,) = decide(query("e1", {there: 0.95}), members={1: [there]})
    assert decision.identity == 1


def test_a_constraint_holds_for_members_that_look_different() -> None:
    alike, there = seen(1), record("east-other", "east", 7.0, 9.0, identity=1)
    (decision,) = decide(query("e1", {alike: 0.99}), members={1: [alike, there]})
    assert decision.kind is DecisionKind.NEW


def test_look_alikes_compete_for_the_same_identity_and_the_sum_decides() -> None:
    one, two = seen(1), seen(2)
    decisions = decide(
        query("e1", {one: 0.92, two: 0.91}),
        query("e2", {one: 0.91, two: 0.70}),
        members={1: [one], 2: [two]},
    )
    assert [d.identity for d in decisions] == [2, 1]


def test_a_tracklet_keeps_its_identity_when_it_is_decided_on_again() -> None:
    before = seen(1)
    current = record("e1", "east", 8.0, 9.0, identity=1)
    again = query("e1", {before: 0.78, current: 1.0}, current=current)
    (decision,) = decide(again, members={1: [before, current]})
    assert (decision.identity, decision.kind) == (1, DecisionKind.MATCHED)


def test_somebody_new_keeps_the_number_they_were_given() -> None:
    current = record("e1", "east", 8.0, 9.0, identity=7)
    (decision,) = decide(query("e1", {current: 1.0}, current=current), members={7: [current]})
    assert (decision.identity, decision.kind) == (7, DecisionKind.NEW)


def test_a_decision_is_revised_when_the_tracklet_turns_out_to_be_somebody_known() -> None:
    before, current = seen(1), record("e1", "east", 8.0, 9.0, identity=7)
    better = query("e1", {before: 0.95, current: 1.0}, current=current)
    (decision,) = decide(better, members={1: [before], 7: [current]})
    assert (decision.identity, decision.kind) == (1, DecisionKind.REVISED)


def test_whoever_leaves_a_shared_identity_gets_a_new_number() -> None:
    before, current = seen(1), record("e1", "east", 8.0, 9.0, identity=1)
    worse = query("e1", {before: 0.2, current: 1.0}, current=current)
    (decision,) = decide(worse, members={1: [before, current]})
    assert (decision.identity, decision.kind) == (100, DecisionKind.REVISED)


def test_somebody_gone_for_longer_than_memory_is_new() -> None:
    there = seen(1)
    late = query("e1", {there: 1.0}, begin=100.0)
    (decision,) = matcher(memory=60.0).decide([late], {1: [there]}, lambda: 9)
    assert decision.identity == 9


def test_looks_alone_never_count_for_more_than_the_limit() -> None:
    assert CALIBRATION.together([100.0]) == 8.0
    assert CALIBRATION.together([-100.0]) == -8.0


@pytest.mark.parametrize("tracklets", [1, 2, 3, 4, 9])
def test_many_at_once_are_taken_together_as_each_alone(tracklets: int) -> None:
    nats = np.random.default_rng(tracklets).normal(0, 6, (20, tracklets)).astype(np.float32)
    alone = [CALIBRATION.together(row.tolist()) for row in nats]
    assert CALIBRATION.together_each(nats) == pytest.approx(alone, abs=1e-5)


def test_somebody_lost_in_the_middle_of_the_picture_goes_on_nearby() -> None:
    near, far = Continuity().llr(0.5, 0.03), Continuity().llr(0.5, 0.6)
    assert near > 1.0
    assert far < -1.0


def test_after_a_while_place_tells_nothing() -> None:
    assert Continuity().llr(120.0, 0.03) == pytest.approx(0.0, abs=0.01)
    assert Continuity().llr(120.0, 0.9) == pytest.approx(0.0, abs=0.01)


def test_place_decides_between_look_alikes_lost_in_one_view() -> None:
    left = replace(seen(1, "east", 0.0, 7.5), left=(0.1, 0.9))
    right = replace(seen(2, "east", 0.0, 7.5), left=(0.9, 0.9))
    again = query("e3", {left: 0.8, right: 0.8})  # it enters at (0.1, 0.9)
    (decision,) = decide(again, members={1: [left], 2: [right]})
    assert decision.identity == 1


def test_who_was_alone_in_an_identity_does_not_share_it_with_a_neighbour() -> None:
    stale = record("e1", "east", 0.0, 7.0, identity=1)
    still_there = Query(sighting("e1", "east", 0.0, 9.0), (), stale)
    newcomer = query("e2", {stale: 0.99}, begin=8.0)
    decisions = decide(still_there, newcomer, members={1: [stale]})
    assert [d.identity for d in decisions] == [1, 100]


@pytest.mark.parametrize(
    ("spans", "groups"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(0, 5), (6, 9)], [[0], [1]], id="one after the other"),
        pytest.param([(4, 9), (0, 5)], [[1, 0]], id="overlapping"),
        pytest.param([(0, 9), (1, 2), (8, 12), (20, 21)], [[1, 0], [2], [3]], id="chain"),
    ],
)
def test_sightings_that_are_there_at_one_moment_are_decided_together(
    spans: list[tuple[float, float]], groups: list[list[int]]
) -> None:
    sightings = [sighting(f"t{i}", "west", b, e) for i, (b, e) in enumerate(spans)]
    assert moments(sightings) == groups


def test_who_fits_better_takes_an_identity_from_a_neighbour_who_has_it() -> None:
    before = seen(1)
    wrong = record("e1", "east", 8.0, 9.0, identity=1)
    neighbour = query("e1", {before: 0.65, wrong: 1.0}, current=wrong)
    owner = query("e2", {before: 0.95, wrong: 0.2})
    decisions = decide(neighbour, owner, members={1: [before, wrong]})
    assert [d.identity for d in decisions] == [100, 1]


def test_a_tracklet_that_has_ended_is_decided_on_by_evidence_alone() -> None:
    current = record("e1", "east", 8.0, 12.0, identity=7)
    still = query("e1", {seen(1): 0.7}, current=current)
    ended = replace(still, sighting=replace(still.sighting, closed=True))
    members = {1: [seen(1)], 7: [current]}
    outcomes = [decide(one, members=members)[0].identity for one in (still, ended)]
    assert outcomes == [7, 1]


def test_what_is_confirmed_stays_though_the_gallery_shows_none_of_its_own() -> None:
    before, other = seen(1), seen(2, "north")
    current = replace(record("e1", "east", 8.0, 9.0, identity=1), confirmed=True)
    crowded_out = query("e1", {other: 0.99}, current=current)
    (decision,) = decide(crowded_out, members={1: [before, current], 2: [other]})
    assert (decision.identity, decision.kind) == (1, DecisionKind.MATCHED)


def test_whoever_is_put_between_two_tracklets_must_have_had_time_for_both_ways() -> None:
    before, after = seen(1), record("w9", "west", 13.0, 20.0, identity=1)
    fits = query("e1", {before: 0.8})
    alone = decide(fits, members={1: [before]})[0].evidence.transit
    between = decide(fits, members={1: [before, after]})[0].evidence.transit
    assert between > alone  # 8 s unseen are explained better by having been here


def test_people_come_from_where_they_were_seen_last() -> None:
    early, late, after = (record(f"w{b}", "west", b, b + 1, identity=1) for b in (0, 3, 30))
    assert came_from(sighting("e1", "east", 8.0, 9.0), [late, early, after]) == late
    assert came_from(sighting("e1", "east", 8.0, 9.0), [after]) is None


def said(kind: CorrectionKind, kept: str, moved: str) -> Constraints:
    """A person merged 2 into 1, or split 2 off 1."""
    return Constraints(statements=[Statement("1-0", kind, 1, 2, (kept,), (moved,))])


def test_a_tracklet_that_a_person_has_placed_stays_there_whatever_it_looks_like() -> None:
    there, current = seen(1), record("e1", "east", 8.0, 9.0, identity=1)
    other = seen(3, "north")
    again = query("e1", {other: 0.99, there: 0.1}, current=current)
    told = said(CorrectionKind.MERGE, "west-1", "e1")
    members = {1: [there, current], 3: [other]}
    (decision,) = matcher().decide([again], members, lambda: 9, told)
    assert (decision.identity, decision.kind, decision.by) == (1, DecisionKind.MATCHED, "person")


def test_two_that_a_person_has_put_together_may_be_there_at_once() -> None:
    told = said(CorrectionKind.MERGE, "e1", "e2")
    current = [record(name, "east", 8.0, 9.0, identity=1) for name in ("e1", "e2")]
    queries = [query(now.tracklet, {}, current=now) for now in current]
    stranger = query("e3", {current[0]: 0.99})
    decisions = matcher().decide([*queries, stranger], {1: current}, lambda: 9, told)
    assert [d.identity for d in decisions] == [1, 1, 9]


def test_what_a_person_has_told_apart_is_never_put_together_again() -> None:
    there = record("w2", "west", 0.0, 5.0, identity=2)
    current = record("e1", "east", 8.0, 9.0, identity=1)
    again = query("e1", {there: 0.99}, current=current)
    told = said(CorrectionKind.SPLIT, "e1", "w2")
    (decision,) = matcher().decide([again], {1: [current], 2: [there]}, lambda: 9, told)
    assert decision.identity == 1


def test_a_decision_names_whom_it_resembles_and_where_the_person_came_from() -> None:
    first, second = seen(1), record("north-1", "north", 5.5, 7.0, identity=1)
    (decision,) = decide(query("e1", {first: 0.95, second: 0.8}), members={1: [first, second]})
    evidence = decision.evidence
    assert (evidence.closest, evidence.similarity) == (first.tracklet, 0.95)
    assert (evidence.came_from, evidence.gap) == (second.tracklet, 1.0)


def test_somebody_new_came_from_nowhere() -> None:
    (decision,) = decide(query("e1", {seen(1): 0.3}), members={1: [seen(1)]})
    assert (decision.evidence.closest, decision.evidence.came_from) == (None, None)
    assert decision.evidence.runner_up is not None
