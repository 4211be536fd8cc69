"""Who is who with hindsight: the best explanation of a whole recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from people import sighting

from pipeline.constraints import Constraints, CorrectionKind, Statement
from pipeline.data import Sighting
from pipeline.evidence import Calibration
from pipeline.second_pass import Problem, second_pass
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=20.0, offset=-10.0)


def seen(
    name: str, looks: Sequence[float], begin: float, camera: str = "west", length: float = 4.0
) -> Sighting:
    embedding = np.array(looks, np.float32) / np.linalg.norm(looks)
    moment = sighting(name, camera, begin, begin + length)
    return replace(moment, embedding=embedding.astype(np.float32), closed=True)


def again(sightings: Sequence[Sighting], online: dict[str, int], **more) -> dict[str, int]:
    found = second_pass(sightings, online, Weigher(CALIBRATION), **more)
    return {tracklet: belonging.identity for tracklet, belonging in found.items()}


RED, BLUE = (1.0, 0.1), (0.1, 1.0)


def test_people_who_were_taken_for_each_other_are_told_apart() -> None:
    sightings = [
        seen("r1", RED, 0), seen("b1", BLUE, 0, "east"),
        seen("r2", RED, 10, "east"), seen("b2", BLUE, 10),
    ]  # fmt: skip
    found = again(sightings, {"r1": 1, "b1": 2, "r2": 2, "b2": 1})
    assert found["r1"] == found["r2"] != found["b1"] == found["b2"]


def test_pieces_of_one_person_are_put_together() -> None:
    sightings = [seen(f"r{i}", RED, 10 * i, "we"[i % 2]) for i in range(4)]
    assert set(again(sightings, {f"r{i}": i + 1 for i in range(4)}).values()) == {1}


def test_likeness_that_suffices_over_two_views_does_not_within_one() -> None:
    one, other = (1.0, 0.0), (0.75, 0.66)
    west, east = (seen("b", other, 20, camera) for camera in ("west", "east"))
    online = {"a": 1, "b": 2}
    assert len(set(again([seen("a", one, 0), east], online).values())) == 1
    assert len(set(again([seen("a", one, 0), west], online).values())) == 2


def test_nobody_is_put_in_two_places_at_once() -> None:
    sightings = [seen("r1", RED, 0), seen("r2", RED, 2, "east"), seen("r3", RED, 2.5)]
    assert len(set(again(sightings, {"r1": 1, "r2": 1, "r3": 1}).values())) == 3


def test_nor_where_somebody_came_and_went_between() -> None:
    """Each of them may follow on the one before, yet the first and the last are there at once."""
    sightings = [
        seen("r1", RED, 0, "west", 10), seen("r2", RED, 9.6, "east", 0.3),
        seen("r3", RED, 9.8, "west", 5), seen("r4", RED, 20, "east"),
    ]  # fmt: skip
    found = again(sightings, {"r1": 1, "r2": 1, "r3": 1, "r4": 1})
    assert found["r1"] != found["r3"]
    assert found["r4"] in {found["r1"], found["r3"]}


def test_what_a_person_said_is_not_undone() -> None:
    sightings = [seen("r1", RED, 0), seen("r2", RED, 10)]
    said = Statement("1-0", CorrectionKind.SPLIT, 1, 2, ("r1",), ("r2",))
    online = {"r1": 1, "r2": 2}
    assert again(sightings, online, constraints=Constraints(statements=[said])) == online


def test_a_group_keeps_the_number_most_of_it_had() -> None:
    sightings = [seen(f"r{i}", RED, 10 * i) for i in range(3)]
    assert set(again(sightings, {"r0": 5, "r1": 7, "r2": 7}).values()) == {7}


def test_it_says_how_sure_it_is() -> None:
    sightings = [seen("r1", RED, 0), seen("r2", RED, 10), seen("m1", (1.0, 0.9), 20)]
    found = second_pass(sightings, {"r1": 1, "r2": 1, "m1": 1}, Weigher(CALIBRATION))
    assert found["r2"].confidence > found["m1"].confidence


def test_nobody_seen_is_no_trouble() -> None:
    assert again([], {}) == {}


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Sighting], dict[str, int]]:
    number = st.floats(-1, 1).map(lambda x: x + 0.01)
    cameras = st.lists(st.sampled_from(["west", "east"]), min_size=1, max_size=8)
    sightings = [
        seen(
            f"t{i}",
            (*draw(st.tuples(number, number)), 0.5),
            draw(st.floats(0, 60)),
            camera,
            draw(st.sampled_from([0.2, 1.0, 4.0, 20.0])),
        )
        for i, camera in enumerate(draw(cameras))
    ]
    return sightings, {s.tracklet: draw(st.integers(1, 4)) for s in sightings}


@settings(max_examples=50, deadline=None)
@given(recordings())
def test_what_is_found_is_possible_and_no_worse_than_the_online_result(
    recording: tuple[list[Sighting], dict[str, int]],
) -> None:
    sightings, online = recording
    ordered = sorted(sightings, key=lambda s: (s.begin, s.tracklet))
    problem = Problem(ordered, Weigher(CALIBRATION), Constraints())
    begin = [
        tuple(i for i, s in enumerate(ordered) if online[s.tracklet] == n) for n in (1, 2, 3, 4)
    ]
    begin = [group for group in begin if group]
    found = problem.search(begin)
    assert sorted(i for group in found.groups for i in group) == list(range(len(ordered)))
    assert np.isfinite(found.nats)
    assert found.nats >= sum(problem.value(group) for group in begin) - 1e-6
    weigher = Weigher(CALIBRATION)
    for group in found.groups:
        pairs = combinations([ordered[i] for i in group], 2)
        assert not any(weigher.exclude(one, other) for one, other in pairs)


def test_it_comes_to_the_same_answer_every_time() -> None:
    rng = np.random.default_rng(3)
    crowd = [
        seen(f"t{i}", rng.normal(size=4), float(rng.uniform(0, 200)), "we"[i % 2])
        for i in range(40)
    ]
    online = {s.tracklet: i for i, s in enumerate(crowd)}
    assert again(crowd, online) == again(crowd, online)


def test_reasons_name_the_likeness_the_way_and_who_came_second() -> None:
    sightings = [
        seen("r1", RED, 0), seen("b1", BLUE, 2, "east"),
        seen("r2", RED, 20, "east"), seen("b2", BLUE, 30),
    ]  # fmt: skip
    online = {"r1": 1, "b1": 2, "r2": 1, "b2": 2}
    reasons = second_pass(sightings, online, Weigher(CALIBRATION))["r2"].evidence
    assert (reasons.closest, reasons.came_from, reasons.gap) == ("r1", "r1", 16)
    assert reasons.runner_up is not None
    assert reasons.runner_up < reasons.appearance + reasons.transit
