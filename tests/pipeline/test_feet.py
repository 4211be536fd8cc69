"""Feet: where a tracklet begins and ends, and how fast its person walked there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.feet import Feet, Foot, is_cut, velocity

SIZE = (200, 100)
FPS = 10


def walk(begin: float, end: float, *, speed: float = 0.05, cut: bool = False) -> list[Foot]:
    """Somebody walks to the right from (0.1, 0.5) and a little down, seen ten times a second."""
    times = np.arange(round(begin * FPS), round(end * FPS)) / FPS
    return [Foot(t, (0.1 + speed * t, 0.5 + 0.01 * t), cut) for t in times.tolist()]


def taken(feet: Sequence[Foot]) -> Feet:
    ends = Feet()
    for foot in feet:
        ends.take(foot)
    return ends


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        pytest.param([20, 10, 40, 60], False, id="whole"),
        pytest.param([1, 10, 40, 60], True, id="cut by the left border"),
        pytest.param([160, 10, 199.5, 60], True, id="cut by the right border"),
        pytest.param([20, 10, 40, 100], True, id="cut by the lower border"),
        pytest.param([20, 0, 40, 60], False, id="cut by the upper border: feet are in sight"),
    ],
)
def test_feet_are_where_the_box_stands_unless_a_border_hides_them(
    box: list[float], cut: bool
) -> None:
    foot = Foot.of(3.0, SIZE, np.array(box, np.float32))
    assert foot.point == pytest.approx(((box[0] + box[2]) / 400, box[3] / 100))
    assert (foot.time, foot.cut) == (3.0, cut)


def test_a_crop_is_cut_by_the_upper_border_too() -> None:
    assert is_cut(SIZE, np.array([20, 0, 40, 60], np.float32))
    assert not is_cut(SIZE, np.array([20, 10, 40, 60], np.float32))


def test_the_ends_have_their_own_velocities() -> None:
    back = [Foot(f.time + 3.0, (0.25 - 0.02 * f.time, 0.5), cut=False) for f in walk(0.0, 3.0)]
    feet = taken(walk(0.0, 3.0) + back)
    assert feet.entering == pytest.approx((0.05, 0.01))
    assert feet.leaving == pytest.approx((-0.02, 0.0))


def test_a_box_that_is_far_off_does_not_move_the_velocity() -> None:
    feet = walk(0.0, 1.0)
    feet[4] = Foot(feet[4].time, (0.9, 0.9), cut=False)
    assert velocity(feet) == pytest.approx((0.05, 0.01), abs=0.005)


@pytest.mark.parametrize(
    "feet",
    [
        pytest.param([], id="nobody"),
        pytest.param(walk(0.0, 0.1), id="one box"),
        pytest.param(walk(0.0, 0.3), id="two tenths of a second"),
        pytest.param([walk(0.0, 1.0)[0], walk(0.0, 1.0)[-1]], id="two boxes"),
    ],
)
def test_too_little_to_go_by_is_no_velocity(feet: list[Foot]) -> None:
    assert velocity(feet) == (0.0, 0.0)


def test_boxes_the_border_cuts_are_left_out_where_the_others_suffice() -> None:
    squeezed = walk(0.5, 1.0, speed=0.02, cut=True)
    assert velocity(walk(0.0, 0.5) + squeezed) == pytest.approx((0.05, 0.01))
    assert velocity(squeezed)[0] == pytest.approx(0.02)


def test_the_last_whole_box_says_where_somebody_left() -> None:
    whole, cut = walk(0.0, 2.0), walk(2.0, 2.5, cut=True)
    assert taken(whole + cut).left == whole[-1].point
    assert taken(walk(0.0, 0.5, cut=True) + walk(0.5, 2.0)).entered == walk(0.5, 2.0)[0].point


def test_whole_boxes_of_long_ago_say_nothing_of_the_end() -> None:
    cut = walk(1.0, 4.0, cut=True)
    assert taken(walk(0.0, 1.0) + cut).left == cut[-1].point


def test_feet_found_out_about_later_come_first() -> None:
    feet = taken(walk(2.0, 4.0))
    for foot in walk(0.0, 2.0, speed=0.1):
        feet.take_earlier(foot)
    assert feet.entered == (0.1, 0.5)
    assert feet.entering == pytest.approx((0.1, 0.01))
    assert feet.leaving == pytest.approx((0.05, 0.01))
