"""Vetting: weak boxes alone make no person, and nothing of a person is lost."""

from __future__ import annotations

import numpy as np
import supervision as sv

from pipeline.data import Frame
from pipeline.recover import Recovered
from pipeline.vet import Vetting

PICTURE = np.zeros((100, 100, 3), np.uint8)


def frame(index: int) -> Frame:
    return Frame("west", index, index * 0.1, PICTURE)


def tracks(*confidences: float) -> sv.Detections:
    """Track 0, 1, … with these confidences."""
    count = len(confidences)
    return sv.Detections(
        xyxy=np.tile(np.array([10, 10, 30, 60], np.float32), (count, 1)),
        confidence=np.array(confidences, np.float32),
        tracker_id=np.arange(count),
    )


def test_who_is_certain_at_once_passes_at_once() -> None:
    people, earlier = Vetting(certain=0.6).update(frame(0), tracks(0.9), [])
    assert people.tracker_id.tolist() == [0]
    assert earlier == []


def test_what_never_is_certain_never_passes() -> None:
    vetting = Vetting(certain=0.6)
    passed = [vetting.update(frame(i), tracks(0.5), []) for i in range(500)]
    assert all(len(people) == 0 and earlier == [] for people, earlier in passed)


def test_boxes_held_back_count_once_there_is_no_doubt() -> None:
    vetting = Vetting(certain=0.6)
    vetting.update(frame(1), tracks(0.4), [Recovered(0, 0.0, tracks(0.3))])
    people, earlier = vetting.update(frame(2), tracks(0.7), [])
    assert len(people) == 1
    assert [past.index for past in earlier] == [0, 1]


def test_who_was_certain_once_stays_so() -> None:
    vetting = Vetting(certain=0.6)
    vetting.update(frame(0), tracks(0.7), [])
    people, earlier = vetting.update(frame(1), tracks(0.2), [])
    assert (len(people), earlier) == (1, [])


def test_one_may_be_a_person_and_the_other_not() -> None:
    people, _ = Vetting(certain=0.6).update(frame(0), tracks(0.5, 0.8), [])
    assert people.tracker_id.tolist() == [1]


def test_boxes_are_held_for_a_while_only() -> None:
    vetting = Vetting(certain=0.6, memory=1.0)
    for i in range(100):
        vetting.update(frame(i), tracks(0.5), [])
    _, earlier = vetting.update(frame(100), tracks(0.9), [])
    assert [past.index for past in earlier] == list(range(90, 100))


def test_an_empty_frame_passes() -> None:
    people, earlier = Vetting(certain=0.6).update(frame(0), sv.Detections.empty(), [])
    assert (len(people), earlier) == (0, [])
