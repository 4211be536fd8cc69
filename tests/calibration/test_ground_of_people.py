"""The ground from people who walk by: found within bounds, and refused when it cannot be."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from walkers import walk

from calibration.making import ground_of_people
from calibration.people import Estimate, Priors, estimate
from calibration.pinhole import Pinhole
from calibration.walking import gather
from pipeline.config import CameraSettings
from pipeline.errors import ConfigError
from pipeline.mot import Table

SIZE = (1280, 720)
CENTRE = (640.0, 360.0)


def found(
    camera: Pinhole,
    *,
    people: int = 60,
    outliers: float = 0.1,
    mount_height: float | None = None,
    replicates: int = 0,
    seed: int = 1,
) -> Estimate:
    table, seconds = walk(camera, SIZE, people=people, outliers=outliers, seed=seed)
    priors = Priors.usual(SIZE[0], people_height=1.7, mount_height=mount_height)
    return estimate(gather(table, seconds, SIZE), priors, CENTRE, replicates=replicates)


CAMERAS = [
    Pinhole(900.0, 0.25, 0.0, 3.0, CENTRE),
    Pinhole(1300.0, 0.35, -0.04, 5.0, CENTRE),
    Pinhole(1700.0, 0.2, 0.03, 6.0, CENTRE),
    Pinhole(1000.0, 0.55, 0.0, 3.6, CENTRE),
]


@pytest.mark.parametrize("camera", CAMERAS, ids=["shop", "street", "tele", "steep"])
def test_a_camera_is_found_by_people_alone(camera: Pinhole) -> None:
    best = found(camera).camera
    assert best.height == pytest.approx(camera.height, rel=0.1)
    assert best.focal == pytest.approx(camera.focal, rel=0.2)
    assert best.pitch == pytest.approx(camera.pitch, abs=0.06)
    assert best.roll == pytest.approx(camera.roll, abs=0.02)


def test_a_measured_mount_gives_the_scale_whatever_the_people() -> None:
    camera = CAMERAS[1]
    best = found(camera, mount_height=5.0)
    assert best.camera.height == pytest.approx(5.0, rel=0.02)
    assert best.people_height == pytest.approx(1.7, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_people_are_where_they_are_said_to_be_within_the_error_foretold(seed: int) -> None:
    camera = CAMERAS[0]
    result = found(camera, seed=seed, replicates=20)
    settings, today = CameraSettings(source="device:0"), datetime.date(2026, 11, 25)
    ground = ground_of_people("hall", settings, result, size=SIZE, today=today)
    places = np.array([[-1.0, 5.0], [1.0, 8.0], [-2.0, 12.0]])
    seen = camera.project(np.column_stack([places, np.zeros(3)])) / SIZE
    off = np.linalg.norm(ground.to_plan(seen) - places, axis=1)
    assert (off < 0.2 * np.linalg.norm(places, axis=1)).all()
    assert (off < 3.5 * ground.error(seen, foot_pixels=0.0)).all()


def test_people_who_do_not_fit_lose_their_weight() -> None:
    clean, spoilt = found(CAMERAS[0], outliers=0.0), found(CAMERAS[0], outliers=0.25)
    assert spoilt.camera.height == pytest.approx(clean.camera.height, rel=0.08)


def test_two_people_are_too_few() -> None:
    with pytest.raises(ConfigError, match=r"expected at least 6 people .* found 2 people"):
        found(CAMERAS[0], people=2)


def test_nobody_is_too_few() -> None:
    strides = gather(Table.empty(), np.zeros(0), SIZE)
    with pytest.raises(ConfigError, match="found 0 people and 0 seconds: watch for longer"):
        estimate(strides, Priors.usual(1280, people_height=1.7), CENTRE)


def test_things_that_grow_with_distance_are_no_people_on_the_ground() -> None:
    table, seconds = walk(CAMERAS[0], SIZE, people=30)
    turned = SIZE[1] - table.xyxy[:, [0, 3, 2, 1]]
    turned[:, [0, 2]] = table.xyxy[:, [0, 2]]
    upside = Table.build(frame=table.frame, identity=table.identity, xyxy=turned)
    with pytest.raises(ConfigError, match="higher the further down they stand, found none"):
        estimate(gather(upside, seconds, SIZE), Priors.usual(1280, people_height=1.7), CENTRE)


def test_only_whole_people_are_measured() -> None:
    cut = Table.build(frame=range(1, 41), identity=[1] * 40, xyxy=[[100, 500, 160, 720]] * 40)
    hidden = Table.build(
        frame=[*range(1, 41)] * 2,
        identity=[1] * 40 + [2] * 40,
        xyxy=[[100, 300, 160, 480]] * 40 + [[110, 320, 170, 500]] * 40,
    )
    assert len(gather(cut, cut.frame / 10, SIZE)) == 0
    assert set(gather(hidden, hidden.frame / 10, SIZE).person) == {2}


def test_a_walk_is_measured_from_foot_to_foot() -> None:
    x = np.arange(40) * 3.0
    boxes = np.column_stack([100 + x, np.full(40, 300), 160 + x, np.full(40, 480)])
    table = Table.build(frame=range(1, 41), identity=[7] * 40, xyxy=boxes)
    strides = gather(table, table.frame / 10, SIZE)
    speed = (strides.end - strides.begin)[:, 0] / strides.seconds
    np.testing.assert_allclose(speed, 30.0, rtol=1e-6)
    assert (strides.jitter == 0).all()
