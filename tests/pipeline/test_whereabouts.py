"""Whereabouts: whoever may be in a picture is known to those who hide people."""

from __future__ import annotations

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from pipeline.config import TrackerSettings
from pipeline.data import Frame
from pipeline.track import Tracker
from pipeline.whereabouts import Whereabouts

FPS = 7.0
IMAGE: NDArray[np.uint8] = np.zeros((576, 768, 3), np.uint8)
HERE, THERE = (100.0, 100.0, 140.0, 200.0), (400.0, 100.0, 440.0, 200.0)


def boxes(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_everything_found_counts_however_unsure_it_is() -> None:
    found = boxes(HERE, THERE)
    assert np.array_equal(Whereabouts().update(0.0, found, boxes()), found)


def test_who_was_found_a_moment_ago_is_still_there() -> None:
    whereabouts = Whereabouts(memory_seconds=1.0)
    whereabouts.update(0.0, boxes(HERE), boxes())
    assert np.array_equal(whereabouts.update(0.9, boxes(THERE), boxes()), boxes(THERE, HERE))
    assert np.array_equal(whereabouts.update(1.1, boxes(), boxes()), boxes(THERE))


def test_who_has_walked_on_is_not_where_they_were() -> None:
    whereabouts = Whereabouts()
    whereabouts.update(0.0, boxes(HERE), boxes())
    moved = boxes((105.0, 100.0, 145.0, 200.0))
    assert np.array_equal(whereabouts.update(0.1, moved, boxes()), moved)


def test_a_recording_that_begins_anew_begins_with_nobody() -> None:
    whereabouts = Whereabouts()
    whereabouts.update(100.0, boxes(HERE), boxes())
    assert len(whereabouts.update(0.0, boxes(), boxes())) == 0


def test_what_a_filter_makes_up_is_no_place() -> None:
    nowhere = boxes((np.nan, 0.0, 1.0, 1.0), (5.0, 5.0, 4.0, 9.0), HERE)
    assert np.array_equal(Whereabouts().update(0.0, boxes(), nowhere), boxes(HERE))


def people(step: int) -> sv.Detections:
    """Somebody who walks to the right, 8 pixels a frame."""
    return sv.Detections(
        xyxy=boxes((100.0 + 8 * step, 200.0, 140.0 + 8 * step, 300.0)),
        confidence=np.full(1, 0.8, np.float32),
        class_id=np.zeros(1, int),
    )


def frame(index: int) -> Frame:
    return Frame("west", index, 1e9 + index / FPS, IMAGE)


@pytest.mark.parametrize("name", ["botsort", "bytetrack", "ocsort"])
def test_a_track_without_a_box_is_presumed_to_go_on(name: str) -> None:
    settings = TrackerSettings(name=name)  # type: ignore[arg-type]
    tracker = Tracker("west", settings, fps=FPS)
    for step in range(10):
        tracker.update(frame(step), people(step))
    tracker.update(frame(10), sv.Detections.empty())
    tracker.update(frame(11), sv.Detections.empty())
    ((left, top, _, _),) = tracker.presumed
    assert (left, top) == (pytest.approx(188, abs=10), pytest.approx(200, abs=5))


@pytest.mark.parametrize("name", ["botsort", "bytetrack", "ocsort"])
def test_a_track_that_is_not_confirmed_yet_is_presumed_too(name: str) -> None:
    settings = TrackerSettings(name=name, confirm_after=5)  # type: ignore[arg-type]
    tracker = Tracker("west", settings, fps=FPS)
    assert len(tracker.update(frame(0), people(0))) == 0
    assert len(tracker.presumed) == 1
