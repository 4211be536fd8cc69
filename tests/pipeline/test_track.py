"""Tracking: a number for each person, kept while they are seen, never used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from pipeline.config import TrackerSettings
from pipeline.data import Frame
from pipeline.recover import Recovered
from pipeline.track import Tracker

FPS = 7.0
TRACKERS = ["botsort", "bytetrack", "ocsort"]
IMAGE: NDArray[np.uint8] = np.zeros((576, 768, 3), np.uint8)
SHARED = Path(__file__).parents[3] / "shared" / "data" / "tracking"


def walker(step: float, *, x: float = 100.0, speed: float = 8.0, y: float = 200.0) -> list[float]:
    """The box of somebody who walks to the right, `speed` pixels a frame."""
    left = x + speed * step
    return [left, y, left + 32.0, y + 80.0]


def people(*boxes: list[float], score: float = 0.8) -> sv.Detections:
    return sv.Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), score, np.float32),
        class_id=np.zeros(len(boxes), int),
    )


def frame(index: int, *, time: float | None = None) -> Frame:
    return Frame("west", index, 1e9 + index / FPS if time is None else time, IMAGE)


def make(name: str = "botsort", **settings: float) -> Tracker:
    return Tracker("west", TrackerSettings(name=name, **settings), fps=FPS)  # type: ignore[arg-type]


def follow(
    tracker: Tracker, moments: list[sv.Detections], *, first: int = 0
) -> tuple[list[list[int]], list[Recovered]]:
    """Numbers given in each frame, and all that was recovered."""
    numbers: list[list[int]] = []
    recovered: list[Recovered] = []
    for index, found in enumerate(moments, start=first):
        tracks = tracker.update(frame(index), found)
        numbers.append([] if tracks.tracker_id is None else tracks.tracker_id.tolist())
        recovered += tracker.recovered
    return numbers, recovered


@pytest.mark.parametrize("name", TRACKERS)
def test_a_person_keeps_one_number(name: str) -> None:
    numbers, _ = follow(make(name), [people(walker(i)) for i in range(20)])
    assert numbers[5:] == [[0]] * 15


@pytest.mark.parametrize("name", TRACKERS)
def test_people_who_pass_each_other_keep_theirs(name: str) -> None:
    moments = [
        people(walker(i, x=100, y=150), walker(i, x=300, speed=-8, y=280)) for i in range(25)
    ]
    numbers, _ = follow(make(name), moments)
    assert numbers[6:] == [[0, 1]] * 19


def test_a_number_comes_after_enough_frames_in_a_row() -> None:
    numbers, _ = follow(make(confirm_after=4), [people(walker(i)) for i in range(6)])
    assert numbers == [[], [], [], [0], [0], [0]]


def test_what_is_seen_once_gets_no_number() -> None:
    empty = people()
    moments = [people(walker(0)), empty, empty, people(walker(0, x=500)), empty, empty]
    numbers, recovered = follow(make(), moments)
    assert numbers == [[]] * 6
    assert recovered == []


@pytest.mark.parametrize("name", TRACKERS)
def test_the_first_boxes_of_a_track_are_given_back(name: str) -> None:
    moments = [people()] * 5 + [people(walker(i)) for i in range(6)]
    numbers, recovered = follow(make(name), moments)
    counted = [5 + i for i in range(6) if numbers[5 + i]] + [past.index for past in recovered]
    assert sorted(counted) == [5, 6, 7, 8, 9, 10]
    assert all(past.tracks.tracker_id.tolist() == [0] for past in recovered)
    assert all(past.tracks.xyxy[0].tolist() == walker(past.index - 5) for past in recovered)


def test_what_is_given_back_is_in_order_and_in_its_own_time() -> None:
    _, recovered = follow(make(confirm_after=4), [people(walker(i)) for i in range(4)])
    assert [past.index for past in recovered] == [0, 1, 2]
    assert [past.time for past in recovered] == [frame(i).time for i in range(3)]


def test_a_box_is_given_back_to_one_track_only() -> None:
    together = [people(walker(i), walker(i, x=104)) for i in range(6)]
    _, recovered = follow(make(), together)
    boxes = [(past.index, *box) for past in recovered for box in past.tracks.xyxy.tolist()]
    assert len(boxes) == len(set(boxes))


def test_a_weak_box_carries_a_track_on_but_begins_none() -> None:
    strong = [people(walker(i)) for i in range(6)]
    weak = [people(walker(i), walker(0, x=500), score=0.2) for i in range(6, 12)]
    numbers, _ = follow(make(), strong + weak)
    assert numbers[6:] == [[0]] * 6


def test_who_is_hidden_for_a_moment_keeps_their_number() -> None:
    before = [people(walker(i)) for i in range(8)]
    after = [people(walker(i)) for i in range(12, 18)]
    numbers, _ = follow(make(), [*before, *[people()] * 4, *after])
    assert numbers[12:] == [[0]] * 6


def test_who_is_away_for_longer_gets_a_new_number() -> None:
    before = [people(walker(i, speed=0)) for i in range(8)]
    away = [people()] * round(FPS * 1.5)
    after = [people(walker(i, speed=0)) for i in range(5)]
    numbers, _ = follow(make(lost_after=1.0), before + away + after)
    assert numbers[-1] == [1]


def test_a_gap_in_time_ends_all_tracks() -> None:
    tracker = make(lost_after=2.0)
    follow(tracker, [people(walker(i)) for i in range(6)])
    a_day_later = [
        tracker.update(frame(6 + i, time=1e9 + 86400 + i / FPS), people(walker(i)))
        for i in range(4)
    ]
    assert [len(tracks) for tracks in a_day_later] == [0, 0, 1, 1]
    assert a_day_later[-1].tracker_id.tolist() == [1]


def test_a_clock_set_back_begins_anew_and_breaks_nothing() -> None:
    tracker = make()
    follow(tracker, [people(walker(i)) for i in range(6)])
    tracks = [
        tracker.update(frame(6 + i, time=1e9 - 3600 + i / FPS), people(walker(i))) for i in range(4)
    ]
    assert tracks[-1].tracker_id.tolist() == [1]


def test_numbers_are_not_used_again_after_a_reset() -> None:
    tracker = make()
    follow(tracker, [people(walker(i), walker(i, y=400)) for i in range(6)])
    tracker.reset()
    numbers, _ = follow(tracker, [people(walker(i)) for i in range(6)], first=6)
    assert numbers[-1] == [2]


def test_cameras_have_their_own_numbers() -> None:
    one, other = make(), make()
    follow(one, [people(walker(i)) for i in range(6)])
    numbers, _ = follow(other, [people(walker(i)) for i in range(6)])
    assert numbers[-1] == [0]


def test_uneven_frames_are_followed_by_their_times() -> None:
    tracker = make()
    moments = np.cumsum([1, 1, 1, 1, 2, 1, 3, 1, 1, 2, 2, 1]) / FPS
    tracks = [
        tracker.update(frame(i, time=1e9 + moment), people(walker(moment * FPS)))
        for i, moment in enumerate(moments)
    ]
    assert [t.tracker_id.tolist() for t in tracks[3:]] == [[0]] * 9


def test_the_detections_come_back_as_they_were() -> None:
    tracker = make()
    found = [people(walker(i), walker(i, y=400)) for i in range(5)]
    found[-1].data["source"] = np.array(["a", "b"])
    follow(tracker, found[:-1])
    tracks = tracker.update(frame(4), found[-1])
    order = [tracks.xyxy.tolist().index(box) for box in found[-1].xyxy.tolist()]
    assert tracks.xyxy[order].tolist() == found[-1].xyxy.tolist()
    assert tracks.data["source"][order].tolist() == ["a", "b"]
    assert found[-1].tracker_id is None


@pytest.mark.parametrize("name", TRACKERS)
def test_frames_without_people_are_no_trouble(name: str) -> None:
    numbers, recovered = follow(make(name), [sv.Detections.empty()] * 5)
    assert numbers == [[]] * 5
    assert recovered == []


@pytest.mark.parametrize("step", [1, 4], ids=["25 fps", "6 fps"])
def test_real_people_in_true_boxes_keep_their_numbers(step: int) -> None:
    """TUD-Stadtmitte: ten people in a street who hide each other."""
    truth = SHARED / "tud_stadtmitte.gt.txt"
    if not truth.exists():
        pytest.skip(f"no ground truth at {truth}")
    rows = np.loadtxt(truth, delimiter=",")
    indices = np.arange(0, 179, step)
    tracker = Tracker("street", TrackerSettings(), fps=25 / step)
    pairs: set[tuple[int, int]] = set()
    for index in indices:
        here = rows[rows[:, 0] == index + 1]
        boxes = np.column_stack((here[:, 2:4], here[:, 2:4] + here[:, 4:6]))
        moment = frame(int(index), time=1e9 + index / 25)
        tracks = tracker.update(moment, people(*boxes.tolist()))
        who = [int(here[np.abs(boxes - box).sum(1).argmin(), 1]) for box in tracks.xyxy]
        pairs |= set(zip(who, tracks.tracker_id.tolist(), strict=True))
    switches = len(pairs) - 10
    assert {person for person, _ in pairs} == set(range(1, 11))
    assert switches <= 2
