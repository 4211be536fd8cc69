"""The commands: a camera's ground from points and from people, and the plan of an offline run."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner
from walkers import walk

from calibration.ground import app
from calibration.pinhole import Pinhole, apply
from calibration.plane import read_ground
from calibration.positions import positions, write_positions
from pipeline.annotate import VideoWriter
from pipeline.check import make_plan
from pipeline.config import load_site
from pipeline.errors import ConfigError
from pipeline.mot import write_table

SIZE = (640, 360)
CAMERA = Pinhole(520.0, 0.35, 0.0, 3.5, (320.0, 180.0))
PIXELS = np.array([[60, 340], [600, 330], [500, 150], [120, 170], [330, 250], [420, 300]], float)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """cams.yaml of one recording of nothing, its clicked points, and boxes of people."""
    with VideoWriter(tmp_path / "hall.mp4", fps=10) as video:
        video.write(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
        video.write(np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    (tmp_path / "cams.yaml").write_text("cameras: {hall: {source: hall.mp4, fps: 10}}\n")
    places = apply(CAMERA.to_ground, PIXELS)
    points = [
        {"pixel": pixel, "plan": place}
        for pixel, place in zip(PIXELS.tolist(), places.tolist(), strict=True)
    ]
    (tmp_path / "points.yaml").write_text(yaml.safe_dump({"points": points}))
    table, _ = walk(CAMERA, SIZE, people=40, seed=3)
    write_table(table, tmp_path / "results" / "hall.txt")
    return tmp_path


def run(site: Path, command: str, *options: str) -> str:
    paths = ["--cameras", str(site / "cams.yaml"), "--output", str(site / "out" / options[0])]
    result = CliRunner().invoke(app, [command, *paths, *options[1:]], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_points_become_a_ground_and_a_picture(site: Path) -> None:
    drawn = site / "hall.png"
    options = ["--camera", "hall", "--points", str(site / "points.yaml"), "--picture", str(drawn)]
    said = run(site, "points", "hall.yaml", *options)
    ground = read_ground(site / "out" / "hall.yaml", size=SIZE)
    expected = apply(CAMERA.to_ground, PIXELS)
    np.testing.assert_allclose(ground.to_plan(PIXELS / SIZE), expected, atol=1e-3)
    assert "error left out" in said
    assert cv2.imread(str(drawn)).shape[1] >= 1200


def test_people_become_a_ground_and_a_plan(site: Path) -> None:
    run(site, "people", "hall.yaml", "--camera", "hall", "--seconds", "1000",
        "--boxes", str(site / "results" / "hall.txt"), "--at", "10,20,90")  # fmt: skip
    ground = read_ground(site / "out" / "hall.yaml", size=SIZE)
    ahead = CAMERA.project(np.array([[0.0, 8.0, 0.0]])) / SIZE
    np.testing.assert_allclose(ground.to_plan(ahead), [[18.0, 20.0]], atol=1.5)
    (site / "cams.yaml").write_text(
        "cameras: {hall: {source: hall.mp4, fps: 10, ground: out/hall.yaml}}\n"
    )
    run(site, "show", "plan.png", "--results", str(site / "results"))
    assert cv2.imread(str(site / "out" / "plan.png")).std() > 5


def test_feet_are_written_in_metres(site: Path) -> None:
    run(site, "points", "hall.yaml", "--camera", "hall", "--points", str(site / "points.yaml"))
    ground = read_ground(site / "out" / "hall.yaml")
    table, _ = walk(CAMERA, SIZE, people=2, noise=0.0, outliers=0.0)
    write_positions(positions(table, ground), site / "hall.plan.csv")
    rows = np.genfromtxt(site / "hall.plan.csv", delimiter=",", names=True)
    steps = np.hypot(np.diff(rows["x"]), np.diff(rows["y"]))
    same = np.diff(rows["identity"]) == 0
    assert rows.dtype.names == ("frame", "identity", "x", "y", "error")
    assert (np.median(steps[same]) * 10) == pytest.approx(1.3, abs=0.7)
    assert (rows["error"] > 0).all()


def test_a_ground_that_is_not_there_is_a_sentence(site: Path) -> None:
    (site / "cams.yaml").write_text("cameras: {hall: {source: hall.mp4, ground: gone.yaml}}\n")
    with pytest.raises(ConfigError, match=r"cameras\.hall\.ground: expected an existing file"):
        load_site(site / "cams.yaml")


def test_a_ground_of_another_picture_is_a_sentence_before_anything_starts(site: Path) -> None:
    run(site, "points", "hall.yaml", "--camera", "hall", "--points", str(site / "points.yaml"))
    (site / "cams.yaml").write_text(
        "cameras: {hall: {source: hall.mp4, region: [0, 0, 320, 360], ground: out/hall.yaml}}\n"
    )
    with pytest.raises(ConfigError, match=r"expected the camera's picture .* 320×360, found 640×"):
        make_plan(site / "cams.yaml")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--camera", "yard"], "--camera: expected one of hall, found 'yard'"),
        (["--camera", "hall", "--at", "1,2"], "--at: expected x,y,heading, such as 3.5,12,90"),
    ],
    ids=["camera", "place"],
)
def test_a_wrong_word_on_the_command_line_is_a_sentence(
    site: Path, options: list[str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as error:
        run(site, "people", "hall.yaml", *options)
    assert sentence in str(error.value)
