"""Recovery: a track gets the boxes of when it was young, lost or hidden, and nobody else's."""

from __future__ import annotations

import numpy as np
import supervision as sv

from pipeline.data import Frame
from pipeline.recover import Recovered, Recovery

IMAGE = np.zeros((100, 400, 3), np.uint8)
FPS = 10
Moment = tuple[list[float], list[float]]
"""Left edges of the boxes that belong to track 0, 1, …, and of those that belong to nobody."""


def boxes(lefts: list[float], *, height: float = 40.0) -> sv.Detections:
    return sv.Detections(
        xyxy=np.array([[x, 50 - height, x + 20, 50] for x in lefts], np.float32).reshape(-1, 4),
        confidence=np.full(len(lefts), 0.8, np.float32),
        class_id=np.zeros(len(lefts), int),
    )


def tracks(lefts: list[float], *, height: float = 40.0) -> sv.Detections:
    found = boxes(lefts, height=height)
    found.tracker_id = np.arange(len(lefts))
    return found


def make(**options: float) -> Recovery:
    defaults = {"young": 3, "longest_gap": 1.0}
    return Recovery(**(defaults | options))  # type: ignore[arg-type]


def watch(recovery: Recovery, moments: list[Moment], *, first: int = 0) -> list[Recovered]:
    return [
        past
        for i, (mine, others) in enumerate(moments, start=first)
        for past in recovery.update(Frame("west", i, i / FPS, IMAGE), tracks(mine), boxes(others))
    ]


def places(recovered: list[Recovered]) -> list[tuple[int, float]]:
    """Frame and left edge of each box."""
    return [(past.index, float(box[0])) for past in recovered for box in past.tracks.xyxy]


WALK: list[Moment] = [([4.0 * i], []) for i in range(3)]
AGAIN: list[Moment] = [([24.0], [])]


def test_a_new_track_gets_its_first_boxes_back() -> None:
    young: list[Moment] = [([], [0.0]), ([], [4.0]), ([8.0], [])]
    found = watch(make(), young)
    assert places(found) == [(0, 0.0), (1, 4.0)]
    assert [past.tracks.tracker_id.tolist() for past in found] == [[0], [0]]


def test_what_lies_further_back_is_not_looked_at() -> None:
    assert places(watch(make(young=1), [([], [0.0]), ([], [4.0]), ([8.0], [])])) == [(1, 4.0)]


def test_a_track_found_again_gets_boxes_on_a_straight_line() -> None:
    found = watch(make(), [*WALK, ([], []), ([], []), ([], []), *AGAIN])
    assert places(found) == [(3, 12.0), (4, 16.0), (5, 20.0)]
    assert [past.time for past in found] == [0.3, 0.4, 0.5]
    assert all(past.tracks.tracker_id.tolist() == [0] for past in found)


def test_nobody_is_sure_of_a_box_that_was_not_seen() -> None:
    found = watch(make(), [*WALK, ([], []), ([], []), ([], []), *AGAIN])
    assert all(past.tracks.confidence.max() < 0.5 for past in found)


def test_what_was_lost_twice_gets_boxes_twice() -> None:
    moments: list[Moment] = [([0.0], []), ([], []), ([8.0], []), ([], []), ([0.0], [])]
    assert places(watch(make(), moments)) == [(1, 4.0), (3, 4.0)]


def test_who_was_lost_at_different_times_gets_boxes_for_their_own() -> None:
    moments: list[Moment] = [([0.0, 100.0], []), ([0.0], []), ([], []), ([0.0, 100.0], [])]
    found = watch(make(), moments)
    assert places(found) == [(1, 100.0), (2, 0.0), (2, 100.0)]


def test_after_too_long_a_gap_a_track_gets_nothing() -> None:
    gap: list[Moment] = [([], [])] * 10 + [([], [9.0])]
    assert watch(make(), [*WALK, *gap, ([8.0], [])]) == []


def test_a_box_of_another_size_says_nothing_of_the_time_between() -> None:
    recovery = make()
    watch(recovery, [*WALK, ([], [])])
    grown = tracks([16.0], height=90.0)
    assert recovery.update(Frame("west", 4, 0.4, IMAGE), grown, boxes([])) == []


def test_a_track_that_is_seen_all_the_time_gets_nothing() -> None:
    assert watch(make(), [([4.0 * i], [4.0 * i + 1.0]) for i in range(10)]) == []


def test_what_is_cleared_is_forgotten() -> None:
    recovery = make()
    watch(recovery, [*WALK, ([], [12.0])])
    recovery.clear()
    assert watch(recovery, AGAIN, first=4) == []
