"""Time in ingest: waiting times, pace, limits, clocks."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.timing import (
    Backoff,
    Effort,
    Pacer,
    RateLimit,
    RecordingClock,
    whole_days,
)


class ManualTime:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_waiting_times_double_up_to_the_longest() -> None:
    backoff = Backoff(random=lambda: 0.0)
    assert [backoff.next_seconds() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_success_begins_the_waiting_times_anew() -> None:
    backoff = Backoff(random=lambda: 0.0)
    backoff.next_seconds()
    backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() == 1


@given(st.floats(0, 1), st.integers(1, 2000))
def test_jitter_never_waits_longer_than_the_longest(number: float, failures: int) -> None:
    backoff = Backoff(random=lambda: number)
    waits = [backoff.next_seconds() for _ in range(failures)]
    assert all(0.75 <= wait <= 30 for wait in waits)


@pytest.mark.parametrize(("source_fps", "limit"), [(10, 7), (30, 10), (25, 24), (10, 20)])
def test_a_limit_keeps_the_mean_rate(source_fps: int, limit: int) -> None:
    rate = RateLimit(limit)
    taken = sum(rate.allows(i / source_fps) for i in range(source_fps * 100))
    assert taken / 100 == pytest.approx(min(limit, source_fps), rel=0.01)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.floats(0.5, 60))
def test_a_limit_is_never_exceeded_after_a_pause(gaps: list[float], limit: float) -> None:
    rate = RateLimit(limit)
    moments = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    taken = [moment for moment in moments if rate.allows(moment)]
    span = taken[-1] - taken[0]
    assert len(taken) <= span * limit + 2


def test_without_a_limit_every_picture_is_taken() -> None:
    rate = RateLimit(None)
    assert all(rate.allows(i / 100) for i in range(100))


def test_a_recording_is_played_at_its_own_pace() -> None:
    time = ManualTime()
    pacer = Pacer(wait=time.wait, monotonic=time)
    lateness = [pacer.until_due(i / 7) for i in range(8)]
    assert time.now == pytest.approx(1001.0)
    assert max(lateness) == pytest.approx(0.0, abs=1e-6)


def test_a_short_delay_is_caught_up() -> None:
    time = ManualTime()
    pacer = Pacer(wait=time.wait, monotonic=time)
    pacer.until_due(0.0)
    time.now += 0.5
    assert pacer.until_due(0.1) == pytest.approx(0.4)
    pacer.until_due(1.0)
    assert time.now == pytest.approx(1001.0)


def test_a_long_pause_never_leaves_a_lag() -> None:
    time = ManualTime()
    pacer = Pacer(wait=time.wait, monotonic=time)
    pacer.until_due(0.0)
    time.now += 3600.0
    assert pacer.until_due(0.1) == pytest.approx(0.0)
    pacer.until_due(0.2)
    assert time.now == pytest.approx(4600.1)


def test_the_frame_rate_of_the_settings_overrides_the_file() -> None:
    clock = RecordingClock(fps=7.0, nominal_fps=10.0)
    assert [clock.seconds(i, i / 10) for i in range(3)] == [0.0, 1 / 7, 2 / 7]
    assert clock.duration_seconds == pytest.approx(3 / 7)


def test_presentation_times_count_from_the_first_picture() -> None:
    clock = RecordingClock(fps=None, nominal_fps=10.0)
    times = [clock.seconds(i, t) for i, t in enumerate([5.0, 5.1, 5.5])]
    assert times == pytest.approx([0.0, 0.1, 0.5])


@given(st.lists(st.none() | st.floats(-10, 1e6), min_size=2, max_size=30))
def test_the_time_of_a_recording_never_stands_still(times: list[float | None]) -> None:
    clock = RecordingClock(fps=None, nominal_fps=25.0)
    seconds = [clock.seconds(i, t) for i, t in enumerate(times)]
    assert all(a < b for a, b in pairwise(seconds))


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([10, 2, 2], [False, True, True]),
        ([10, 2, 10], [False, True, False]),
        ([10, 6], [False] * 2),
    ],
    ids=["behind", "behind and back", "nearly all"],
)
def test_decoding_is_spared_while_few_pictures_are_taken(
    taken: list[int], expected: list[bool]
) -> None:
    effort = Effort(every_seconds=2.0)
    effort.too_much(0.0, 0, 0)
    moments = [(2.0 * i, 10 * i, total) for i, total in enumerate(accumulate(taken), 1)]
    assert [effort.too_much(*moment) for moment in moments] == expected


@pytest.mark.parametrize(
    ("seconds", "days"), [(0.0, 1), (79.5, 1), (86400.0, 1), (86400.5, 2), (200_000.0, 3)]
)
def test_a_pass_takes_whole_days(seconds: float, days: int) -> None:
    assert whole_days(seconds) == days * 86400.0
