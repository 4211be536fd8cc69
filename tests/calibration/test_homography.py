"""Clicked points: the ground they tell of, how good it is, and which of them are wrong."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.homography import Pairs, fit_points
from calibration.making import ground_of_points
from calibration.pinhole import Pinhole, apply
from calibration.plane import Ground
from pipeline.config import CameraSettings
from pipeline.errors import ConfigError

SIZE = (1280, 720)
CENTRE = (640.0, 360.0)
CAMERA = Pinhole(1100.0, 0.35, 0.02, 4.0, CENTRE)
PIXELS = np.array([[200, 650], [1100, 600], [950, 320], [300, 350], [640, 450], [800, 560],
                   [450, 520], [700, 300]], float)  # fmt: skip


def pairs(camera: Pinhole = CAMERA, *, count: int = 8, noise: float = 0.0, seed: int = 0) -> Pairs:
    places = apply(camera.to_ground, PIXELS[:count])
    jitter = np.random.default_rng(seed).normal(0, noise, (count, 2))
    return Pairs([f"mark {i + 1}" for i in range(count)], PIXELS[:count] + jitter, places)


def make(points: Pairs) -> Ground:
    camera = CameraSettings(source="device:0")
    today = datetime.date(2026, 11, 25)
    return ground_of_points("hall", camera, points, size=SIZE, centre=CENTRE, today=today)


@given(
    focal=st.floats(600, 2500),
    pitch=st.floats(0.2, 1.0),
    roll=st.floats(-0.1, 0.1),
    height=st.floats(2, 10),
)
def test_exact_points_give_the_exact_ground(
    focal: float, pitch: float, roll: float, height: float
) -> None:
    camera = Pinhole(focal, pitch, roll, height, CENTRE)
    corners = np.array([[200, 650], [1100, 600], [950, 450], [450, 480]], float)
    exact = Pairs(list("abcd"), corners, apply(camera.to_ground, corners))
    found = fit_points(exact, SIZE).to_plan
    there = np.array([[640.0, 700.0], [100.0, 640.0], [1200.0, 690.0]])
    np.testing.assert_allclose(
        apply(found, there), apply(camera.to_ground, there), rtol=1e-4, atol=1e-4
    )


def test_a_wrong_point_is_left_out_and_named() -> None:
    points = pairs(noise=1.0)
    points.places[4] += [1.5, 0.0]
    ground = make(points)
    outliers = ground.figures["outliers"]
    assert isinstance(outliers, list)
    assert [text.split(":")[0] for text in outliers] == ["mark 5"]
    expected = apply(CAMERA.to_ground, PIXELS)
    np.testing.assert_allclose(ground.to_plan(PIXELS / SIZE), expected, atol=0.15)


def test_four_points_have_no_error_to_tell_and_five_have() -> None:
    assert "error_left_out_m" not in make(pairs(count=4)).figures
    assert make(pairs(count=5, noise=1.0)).figures["error_left_out_m"] > 0


def test_the_error_foretold_is_the_error_made() -> None:
    places = np.array([[0.5, 0.9], [0.3, 0.6], [0.7, 0.5]])
    truth = apply(CAMERA.to_ground, places * SIZE)
    grounds = [make(pairs(noise=2.0, seed=seed)) for seed in range(25)]
    made = np.sqrt(np.mean([((g.to_plan(places) - truth) ** 2).sum(1) for g in grounds], axis=0))
    foretold = np.median([g.error(places, foot_pixels=0.0) for g in grounds], axis=0)
    np.testing.assert_array_less(0.55, foretold / made)
    np.testing.assert_array_less(foretold / made, 1.9)


def test_clicked_points_tell_what_is_up() -> None:
    ground = make(pairs(count=6))
    assert ground.figures["camera_height_m"] == pytest.approx(4.0, rel=0.01)
    place = np.array([[1.0, 9.0]])
    expected = CAMERA.project(np.array([[1.0, 9.0, 1.7]])) / SIZE
    np.testing.assert_allclose(ground.head(place, 1.7), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (pairs(count=3), "expected at least 4 points, found 3"),
        (
            Pairs(list("abcd"), PIXELS[:4] + np.array([500.0, 0.0]), PIXELS[:4]),
            "b: expected a pixel inside the 1280×720 picture",
        ),
        (
            Pairs(list("abcd"), np.array([[0, 0], [9, 9], [99, 99], [500, 5.0]]), PIXELS[:4]),
            "no three are in line, found none such in the picture",
        ),
        (
            Pairs(list("abcd"), PIXELS[:4], np.array([[0, 0], [1, 0], [2, 0.0], [3, 0]])),
            "no three are in line, found none such in the plan",
        ),
        (
            Pairs(list("abcd"), PIXELS[[0, 1, 2, 3]], PIXELS[[0, 2, 1, 3]]),
            "points on the ground, all of them below the horizon",
        ),
    ],
    ids=["three", "outside", "a line in the picture", "a line on the plan", "two exchanged"],
)
def test_points_that_make_no_ground_are_refused(points: Pairs, sentence: str) -> None:
    with pytest.raises(ConfigError, match=r"^points: ") as error:
        fit_points(points, SIZE)
    assert sentence in str(error.value)
