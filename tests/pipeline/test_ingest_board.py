"""The board: the newest picture of each camera, and where all the others went."""

from __future__ import annotations

import time

import av
import numpy as np
import pytest

from pipeline.data import CameraState, Clock
from pipeline.errors import InvalidArray
from pipeline.ingest.board import Board, Offer, Place
from pipeline.ingest.framing import Cut
from pipeline.ingest.source import Picture, Region
from pipeline.ingest.window import Rhythm, window_seconds

pytestmark = pytest.mark.timed


class ManualTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class BrokenPicture(Picture):
    """A picture whose pixels cannot be had."""

    def image(self, region: Region | None = None) -> np.ndarray:
        raise InvalidArray("no pixels")


def picture(kind: type[Picture] = Picture) -> Picture:
    return kind(0, av.VideoFrame.from_ndarray(np.zeros((32, 64, 3), np.uint8), format="bgr24"))


def offer(
    place: Place, index: int, posted: float, *, kind: type[Picture] = Picture, clock=Clock.ARRIVAL
) -> Offer:
    return Offer(place, picture(kind), Cut(), index, posted, posted, clock, posted)


def test_a_picture_that_lay_too_long_is_dropped() -> None:
    now = ManualTime()
    board = Board(monotonic=now, max_age_seconds=0.5)
    place = board.add("door")
    board.post([offer(place, 0, now())])
    now.now += 0.6
    assert board.collect(0.0) == []
    assert board.statuses()["door"].drops == {"stale": 1}


def test_a_picture_of_a_recording_is_never_too_old() -> None:
    now = ManualTime()
    board = Board(monotonic=now, max_age_seconds=0.5)
    board.post([offer(board.add("hall"), 0, now(), clock=Clock.FILE)])
    now.now += 60.0
    assert [frame.index for frame in board.collect(0.0)] == [0]


def test_every_picture_is_accounted_for() -> None:
    now = ManualTime()
    board = Board(monotonic=now)
    place = board.add("door")
    board.count([place], {"decoded": 6, "corrupt": 2, "skipped": 1})
    board.count([place], {"left_out": 1})
    board.post([offer(place, 0, now())])
    board.post([offer(place, 1, now())])  # in place of 0
    taken = board.collect(0.0)
    board.post([offer(place, 2, now(), kind=BrokenPicture)])
    broken = board.collect(0.0)
    board.post([offer(place, 3, now())])
    now.now += 1.0
    board.collect(0.0)  # 3 is stale
    board.refuse(place, "region", "the region does not fit")
    status = board.statuses()["door"]
    assert ([frame.index for frame in taken], broken) == ([1], [])
    assert status.drops == {
        "corrupt": 2, "skipped": 1, "replaced": 1, "unconvertible": 1, "stale": 1, "region": 1,
    }  # fmt: skip
    assert status.received == 9 == status.decoded + 2 + 1
    assert status.decoded == status.frames + status.left_out + 4


def test_a_reader_of_a_camera_that_went_can_do_no_harm() -> None:
    board = Board()
    old = board.add("door")
    board.remove("door")
    board.add("door")
    board.post([offer(old, 0, time.monotonic())])
    board.report([old], CameraState.ENDED)
    assert board.collect(0.0) == []
    assert board.statuses()["door"].state is CameraState.CONNECTING


def test_a_camera_that_has_stalled_is_not_waited_for() -> None:
    board = Board()
    stalled, steady = board.add("stalled"), board.add("steady")
    for index in range(20):
        now = time.monotonic()
        board.post([offer(stalled, index, now), offer(steady, index, now)])
        time.sleep(0.002)
    board.collect(0.0)
    time.sleep(0.1)
    board.post([offer(steady, 20, time.monotonic())])
    started = time.monotonic()
    frames = board.collect(1.0)
    assert [frame.camera for frame in frames] == ["steady"]
    assert time.monotonic() - started < 0.05


def test_who_has_other_work_waits_for_nobody() -> None:
    board = Board()
    early, due = board.add("early"), board.add("due")
    for index in range(20):
        now = time.monotonic()
        board.post([offer(early, index, now), offer(due, index, now)])
        time.sleep(0.02)
    board.collect(0.0)
    time.sleep(0.2)  # the consumer is busy for so long that it would wait for `due`
    board.post([offer(early, 20, time.monotonic()), offer(due, 20, time.monotonic())])
    board.collect(1.0)
    board.post([offer(early, 21, time.monotonic())])
    started = time.monotonic()
    assert [frame.camera for frame in board.collect(0.0)] == ["early"]
    assert board.collect(0.0) == []
    assert time.monotonic() - started < 0.015


@pytest.mark.parametrize(
    ("present", "due", "busy", "expected"),
    [
        pytest.param(1, [0.03], 0.2, 0.03, id="worth it"),
        pytest.param(1, [0.03], 0.05, 0.002, id="the consumer is faster"),
        pytest.param(5, [0.03], 0.1, 0.002, id="too many would wait for one"),
        pytest.param(1, [0.01, 0.02, 0.09], 0.1, 0.02, id="two soon, one late"),
        pytest.param(1, [0.3], 9.0, 0.002, id="longer than the longest"),
        pytest.param(1, [], 1.0, 0.002, id="nobody is due"),
    ],
)
def test_the_window_weighs_those_who_wait_against_those_who_come(
    present: int, due: list[float], busy: float, expected: float
) -> None:
    moments = [50.0 + moment for moment in due]
    window = window_seconds(now=50.0, present=present, due=moments, busy_seconds=busy)
    assert window == pytest.approx(expected)


def test_a_rhythm_is_learnt() -> None:
    rhythm = Rhythm()
    for number in range(40):
        rhythm.tick(number / 10)
    assert rhythm.due == pytest.approx(4.0, abs=0.01)


def test_after_a_pause_there_is_no_rhythm() -> None:
    rhythm = Rhythm()
    for moment in (0.0, 0.1, 0.2, 30.0):
        rhythm.tick(moment)
    assert rhythm.due is None
