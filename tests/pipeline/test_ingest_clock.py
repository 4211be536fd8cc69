"""Capture time: strictly increasing, and right, whatever the clocks do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import Clock
from pipeline.ingest.clock import Capture, CaptureClock

START = 1_700_000_000.0
HOUR = 3600.0
FPS = 10

Shift = Callable[[float], float]


def never(_: float) -> float:
    return 0.0


def after(moment: float, seconds: float) -> Shift:
    """A shift of so many seconds from a moment on."""
    return lambda elapsed: seconds if elapsed >= moment else 0.0


def run(
    seconds: float,
    *,
    delays: Iterable[float] = (0.1,),
    ours: Shift = never,
    camera: Shift | None = None,
    stamps: Shift = never,
) -> list[Capture]:
    """Lets pictures come, ten a second, from START on.

    Args:
        seconds: for so long.
        delays: of the network, used in turn.
        ours: by how much our wall clock is wrong, at each moment.
        camera: the same for the camera's own clock; None if it does not tell.
        stamps: by how much the stream's time stamps have jumped.
    """
    clock, delays = CaptureClock(), list(delays)
    captures = []
    for number in range(int(seconds * FPS)):
        taken = number / FPS
        came = taken + delays[number % len(delays)]
        stamp = 50.0 + taken + stamps(taken)
        origin = None if camera is None else START + taken + camera(taken) - stamp
        captures.append(
            clock.capture(
                START + came + ours(came),
                monotonic=1000.0 + came,
                presentation_seconds=stamp,
                origin=origin,
            )
        )
    return captures


def errors(captures: list[Capture]) -> list[float]:
    """By how much each time is ahead of when its picture was taken."""
    return [capture.time - START - number / FPS for number, capture in enumerate(captures)]


def increasing(captures: list[Capture]) -> bool:
    return all(a.time < b.time for a, b in pairwise(captures))


def test_the_cameras_clock_is_used_once_it_tells() -> None:
    captures = run(10, camera=never)
    assert errors(captures)[-1] == pytest.approx(0.0, abs=1e-3)
    assert captures[-1].clock is Clock.RTCP
    assert captures[-1].offset == pytest.approx(-0.1)


def test_without_it_arrival_counts_freed_of_jitter() -> None:
    captures = run(30, delays=[0.1, 0.4, 0.2, 0.7])
    assert captures[-1].clock is Clock.ARRIVAL
    assert errors(captures)[100:] == pytest.approx([0.1] * 200, abs=1e-3)


def test_the_drift_of_the_cameras_crystal_goes_out() -> None:
    captures = run(600, stamps=lambda elapsed: -1e-3 * elapsed)
    assert errors(captures)[-1] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_clock_that_is_wrong_by_an_hour_serves_as_a_stopwatch(seconds: float) -> None:
    captures = run(10, camera=lambda _: seconds)
    assert not captures[-1].believed
    assert captures[-1].offset == pytest.approx(seconds - 0.1)
    assert errors(captures)[-1] == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])
def test_a_cameras_clock_that_jumps_moves_no_track(seconds: float) -> None:
    captures = run(60, camera=after(20, seconds))
    assert increasing(captures)
    assert max(map(abs, errors(captures))) < 0.15


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 2.0, -2.0])
def test_time_stamps_that_jump_move_no_track(seconds: float) -> None:
    captures = run(60, stamps=after(20, seconds))
    assert increasing(captures)
    assert errors(captures)[-1] == pytest.approx(0.1, abs=0.02)


def test_a_clock_of_ours_set_forward_is_followed_at_once() -> None:
    captures = run(40, ours=after(20, HOUR))
    assert increasing(captures)
    assert errors(captures)[210] == pytest.approx(HOUR + 0.1, abs=0.02)


def test_a_clock_of_ours_set_back_is_followed_at_half_pace() -> None:
    captures = run(2.2 * HOUR, ours=after(20, -HOUR))
    steps = [b.time - a.time for a, b in pairwise(captures)]
    assert 0.049 < min(steps) <= max(steps) < 0.12
    assert errors(captures)[-1] == pytest.approx(0.1 - HOUR, abs=0.02)


def test_a_clock_of_ours_that_was_wrong_for_a_minute_leaves_no_trace() -> None:
    captures = run(300, ours=lambda now: HOUR if 20 <= now < 21 else 0.0)
    assert increasing(captures)


def test_a_pause_of_the_network_is_no_jump() -> None:
    clock = CaptureClock()
    moments = [(0.1, 0.0), (0.2, 0.1), (4.0, 0.2), (4.0, 0.3), (4.0, 0.4), (4.1, 4.0)]
    times = [
        clock.capture(START + came, monotonic=came, presentation_seconds=taken, origin=None).time
        for came, taken in moments
    ]
    assert times == pytest.approx([START + taken + 0.1 for _, taken in moments])


def test_time_stamps_at_a_wrong_pace_are_not_used() -> None:
    captures = run(120, stamps=lambda elapsed: -0.5 * elapsed)
    assert errors(captures)[-1] == pytest.approx(0.1, abs=0.05)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 5), st.none() | st.floats(-1e4, 1e4), st.none() | st.floats(-1e4, 1e4)
        ),
        min_size=2,
        max_size=40,
    )
)
def test_time_never_stands_still_or_runs_backwards(
    pictures: list[tuple[float, float | None, float | None]],
) -> None:
    clock, monotonic, captures = CaptureClock(), 0.0, []
    for gap, stamp, origin in pictures:
        monotonic += gap
        captures.append(
            clock.capture(
                START + monotonic + (origin or 0.0),
                monotonic=monotonic,
                presentation_seconds=stamp,
                origin=None if origin is None else START + origin,
            )
        )
    assert increasing(captures)
