"""What looks, time and place say, and what is learned of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from people import record as recorded

from pipeline.data import Candidate, TrackletRecord
from pipeline.evidence import Calibration
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)


def record(name: str, camera: str, begin: float, end: float) -> TrackletRecord:
    return recorded(name, camera, begin, end, identity=1)


def test_one_tracklet_of_many_that_happens_to_look_alike_proves_little() -> None:
    looks = CALIBRATION.together
    assert looks([6.0]) > looks([6.0, -2.0, -2.0, -2.0])
    assert looks([6.0, 6.0, 6.0, -10.0, -10.0, -10.0]) == looks([6.0])  # seen from behind


def test_likeness_within_one_view_proves_less_than_over_two() -> None:
    seen = [Candidate(record("a", "west", 0, 5), 0.7)]
    weigher = Weigher(CALIBRATION)
    assert weigher.resembles("east", seen) == pytest.approx(CALIBRATION.nats(0.7))
    assert weigher.resembles("west", seen) < weigher.resembles("east", seen) - 2


def test_people_walk_on_as_they_walked() -> None:
    left = replace(record("a", "west", 0, 5), left=(0.5, 0.9), leaving=(0.2, 0.0))
    ahead = replace(record("b", "west", 6, 9), entered=(0.7, 0.9), entering=(0.2, 0.0))
    back = replace(ahead, entered=(0.3, 0.9))
    weigher = Weigher(CALIBRATION)
    assert weigher.way(left, ahead) > weigher.way(left, back) + 1


def test_a_way_that_people_take_becomes_likelier_than_one_they_do_not() -> None:
    weigher = Weigher(CALIBRATION)
    for start in range(0, 3000, 100):
        before, now = (
            record("a", "west", start, start + 5),
            record("b", "east", start + 15, start + 20),
        )
        weigher.learn(None, before, 1.0)
        weigher.learn(before, now, 1.0)
    left = record("c", "west", 4000, 4005)
    usual, hasty = record("d", "east", 4015, 4020), record("d", "east", 4006, 4020)
    assert weigher.way(left, usual) > weigher.way(left, hasty) + 2


def test_what_was_learned_can_be_forgotten() -> None:
    weigher, fresh = Weigher(CALIBRATION), Weigher(CALIBRATION)
    before, now = record("a", "west", 0, 5), record("b", "east", 15, 20)
    weigher.learn(before, now, 1.0)
    weigher.forget()
    assert weigher.way(before, now) == fresh.way(before, now)


def test_two_cameras_may_see_somebody_at_once_for_as_long_as_clocks_may_differ() -> None:
    weigher = Weigher(CALIBRATION, tolerance=0.5)
    here = record("a", "west", 0, 5)
    assert not weigher.exclude(here, record("b", "east", 4.6, 9))
    assert weigher.exclude(here, record("b", "east", 4.4, 9))
    assert weigher.exclude(here, record("b", "west", 5.0, 9))
