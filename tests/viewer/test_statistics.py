"""Figures about people, from their tracklets."""

from __future__ import annotations

import pytest

from pipeline.data import TrackletRecord
from pipeline.viewer.passages import Passages
from pipeline.viewer.statistics import VISIT_GAP_SECONDS, Flow, dwell, flows, hours

DAY = 86400.0


def seen(identity: int, camera: str, begin: float, end: float) -> TrackletRecord:
    return TrackletRecord(f"{camera}-{begin}", camera, begin, end, identity, 0.9, True)


def test_people_are_counted_once_an_hour_in_the_site_and_once_in_each_camera():
    records = [
        seen(1, "west", 100, 200),
        seen(1, "west", 900, 1000),
        seen(1, "east", 1200, 1300),
        seen(2, "west", 3500, 3700),
    ]
    first, second = hours(Passages.of(records), 0, 7199)
    assert (first.begin, first.people, first.cameras) == (0, 2, {"east": 1, "west": 2})
    assert (second.begin, second.people, second.cameras) == (3600, 1, {"west": 1})


def test_an_hour_in_which_nobody_comes_is_told_too():
    assert [
        hour.people for hour in hours(Passages.of([seen(1, "west", 8000, 8001)]), 0, 10_000)
    ] == [0, 0, 1]


def test_what_lies_outside_of_the_time_does_not_count():
    (hour,) = hours(Passages.of([seen(1, "west", 10, 5000)]), 3600, 3601)
    assert hour.people == 1


@pytest.mark.parametrize("moment", [-1.8e140, 1e300, -5e9])
def test_a_time_beyond_all_bounds_has_nobody(moment):
    records = [seen(1, "west", 10, 20)]
    found = hours(Passages.of(records), moment, moment)
    assert [hour.people for hour in found] == [0]


def test_a_visit_goes_on_while_somebody_is_out_of_sight_for_a_moment():
    gap = VISIT_GAP_SECONDS
    records = [
        seen(1, "west", 0, 10),
        seen(1, "east", 10 + gap, 20 + gap),
        seen(1, "west", 21 + 2 * gap, 31 + 2 * gap),
    ]
    site, cameras = dwell(Passages.of(records))
    assert (site.visits, site.mean) == (2, pytest.approx((20 + gap + 10) / 2))
    assert (cameras["west"].visits, cameras["west"].median) == (2, 10)
    assert (cameras["east"].visits, cameras["east"].median) == (1, 10)


def test_nobody_stays_no_time():
    site, cameras = dwell(Passages.of([]))
    assert (site.visits, site.mean, cameras) == (0, 0, {})


def test_flows_are_counted_from_each_persons_way():
    records = [
        seen(1, "west", 0, 10),
        seen(1, "east", 14, 20),
        seen(2, "west", 5, 15),
        seen(2, "east", 21, 25),
        seen(2, "west", 30, 35),
    ]
    assert flows(Passages.of(records)) == [
        Flow("west", "east", 2, 5.0),
        Flow("east", "west", 1, 5.0),
    ]
