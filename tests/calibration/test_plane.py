"""A camera's ground: picture to plan and back, its error, its file."""

from __future__ import annotations

import datetime
import functools
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from calibration.making import ground_of_people
from calibration.people import Estimate
from calibration.pinhole import Pinhole, apply
from calibration.plane import Ground, read_ground, write_ground
from pipeline.config import CameraSettings
from pipeline.errors import ConfigError

SIZE = (768, 576)
CAMERA = Pinhole(900.0, 0.25, 0.03, 3.0, (384.0, 288.0))


@functools.cache
def ground(*, sure: float = 0.0) -> Ground:
    """The ground of `CAMERA`; `sure` is the relative error of its height."""
    again = tuple(
        Pinhole(900.0, 0.25, 0.03, 3.0 * (1 + sure * sign), (384.0, 288.0)) for sign in (-1, 1)
    )
    estimate = Estimate(CAMERA, again, 1.7, 1.3, people=20, strides=99, walking=90, outliers=0.0)
    today = datetime.date(2026, 11, 25)
    settings = CameraSettings(source="device:0")
    return ground_of_people("hall", settings, estimate, size=SIZE, today=today)


FRACTIONS = arrays(np.float64, (5, 2), elements=st.floats(0.3, 1.0))


@given(points=FRACTIONS)
def test_there_and_back_again_is_where_one_was(points: np.ndarray) -> None:
    there = ground().to_plan(points)
    np.testing.assert_allclose(ground().to_picture(there), points, atol=1e-9)


def test_above_the_horizon_there_is_no_ground() -> None:
    high = ground().horizon(np.array([0.5]))[0]
    points = np.array([[0.5, high - 0.01], [0.5, high + 0.01]])
    assert np.isnan(ground().to_plan(points)).tolist() == [[True, True], [False, False]]
    assert np.isnan(ground().error(points)).tolist() == [True, False]


def test_behind_the_camera_there_is_no_picture() -> None:
    assert np.isnan(ground().to_picture(np.array([[0.0, -20.0]]))).all()


def test_a_foot_further_away_is_less_certain() -> None:
    errors = ground().error(np.array([[0.5, 0.95], [0.5, 0.6], [0.5, 0.4]]))
    assert (np.diff(errors) > 0).all()


def test_the_error_is_that_of_a_foot_so_many_pixels_off() -> None:
    point = np.array([[0.4, 0.7]])
    off = np.random.default_rng(0).normal(0, 2.0, (4000, 2)) / SIZE
    made = ground().to_plan(point + off) - ground().to_plan(point)
    expected = np.sqrt((made**2).sum(axis=1).mean())
    assert ground().error(point, foot_pixels=2.0)[0] == pytest.approx(expected, rel=0.1)


def test_a_camera_of_uncertain_height_has_an_error_that_grows_with_distance() -> None:
    points = np.array([[0.5, 0.9], [0.5, 0.5]])
    away = np.linalg.norm(ground().to_plan(points), axis=1)
    errors = ground(sure=0.05).error(points, foot_pixels=0.0)
    np.testing.assert_allclose(errors, 0.05 * away, rtol=0.05)


def test_figures_stand_upright_in_the_picture() -> None:
    place = np.array([[1.0, 8.0]])
    expected = CAMERA.project(np.array([[1.0, 8.0, 1.7]])) / SIZE
    np.testing.assert_allclose(ground().head(place, 1.7), expected, atol=1e-9)


@given(x=st.floats(-50, 50), y=st.floats(-50, 50), heading=st.floats(-360, 360))
def test_a_camera_put_on_the_plan_takes_its_ground_along(
    x: float, y: float, heading: float
) -> None:
    points = np.array([[0.2, 0.9], [0.8, 0.7]])
    own, moved = ground(sure=0.05), ground(sure=0.05).placed_at(x, y, heading)
    turn = np.radians(heading)
    right, ahead = own.to_plan(points).T
    expected = np.column_stack([
        x + right * np.cos(turn) + ahead * np.sin(turn),
        y - right * np.sin(turn) + ahead * np.cos(turn),
    ])  # fmt: skip
    np.testing.assert_allclose(moved.to_plan(points), expected, atol=1e-6)
    np.testing.assert_allclose(moved.error(points), own.error(points), rtol=1e-4)
    heads = own.head(own.to_plan(points), 1.7)
    np.testing.assert_allclose(moved.head(moved.to_plan(points), 1.7), heads, atol=1e-6)
    assert moved.placed


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = ground(sure=0.05)
    write_ground(made, tmp_path / "ground" / "hall.yaml")
    read = read_ground(tmp_path / "ground" / "hall.yaml", size=SIZE)
    points = np.array([[0.2, 0.9], [0.8, 0.7]])
    np.testing.assert_allclose(read.to_plan(points), made.to_plan(points), rtol=1e-6)
    np.testing.assert_allclose(read.error(points), made.error(points), rtol=1e-4)
    assert read.figures.keys() == made.figures.keys()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"homography": [[1, 2], [3, 4]]}, "homography: expected 3 rows of 3 numbers"),
        ({"homography": [[1, 0, 0]] * 3}, "homography: expected a map that can be turned round"),
        ({"picture": [640, 480]}, "expected the camera's picture after its region, 768×576"),
        ({"method": "guess"}, "method: expected to be 'points' or 'people', found 'guess'"),
        ({"horizon": 3}, "horizon: unknown key"),
    ],
    ids=["shape", "singular", "another picture", "method", "unknown"],
)
def test_a_file_that_is_no_ground_of_this_camera_is_refused(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "hall.yaml"
    document = ground().model_dump(mode="json") | change
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_ground(path, size=SIZE)
    assert str(error.value).startswith(f"{path}: ")
    assert sentence in str(error.value)


def test_boxes_stand_where_people_of_that_height_do() -> None:
    places = np.array([[-2.0, 6.0, 0.0], [0.0, 9.0, 0.0], [3.0, 15.0, 0.0]])
    foot, head = CAMERA.project(places), CAMERA.project(places + np.array([0.0, 0.0, 1.8]))
    middle = (foot[:, 0] + head[:, 0]) / 2
    boxes = np.column_stack([middle - 9, head[:, 1], middle + 9, foot[:, 1]])
    heights, found = CAMERA.heights(boxes)
    np.testing.assert_allclose(heights, 1.8, atol=1e-4)
    np.testing.assert_allclose(found, places[:, :2], atol=0.01)
    assert np.isfinite(apply(CAMERA.to_ground, foot)).all()
