"""Lenses are measured: known ones are found again, bad views are refused and said why."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
import yaml
from numpy.typing import NDArray
from rendered_boards import Pose, lens, poses, render, true_corners
from typer.testing import CliRunner

from calibration import boards, intrinsics
from calibration.boards import Board, Kind, make_board
from calibration.fitting import MODELS, HeldOut, choose, fit, outliers
from calibration.gathering import Gathered
from calibration.intrinsics import Measured, advice, measure
from calibration.views import Unusable, View, check_new, coverage, edge_width, look, uncovered
from pipeline.errors import ConfigError
from pipeline.ingest.straighten import Straightening
from pipeline.lens import Lens, read_lens

STANDARD, _, FISHEYE, RATIONAL = MODELS
MIDDLE = Pose((0.2, 0.1, 0.0), (0.0, 0.0, 1.5))
BARREL = lens()
FISHEYE_LENS = lens(model="fisheye", focal=330, distortion=(0.02, -0.01, 0.004, -0.001))


@functools.cache
def board(kind: Kind) -> Board:
    return make_board(kind, "9x6", square=0.025, dictionary="5X5_100", marker=None)


CHESSBOARD, CHARUCO = board(Kind.CHESSBOARD), board(Kind.CHARUCO)


def encoded(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def view(made: Board, pose: Pose, camera: Lens = BARREL, *, name: str = "a.png") -> View:
    return look(name, encoded(render(made, camera, pose)), made)


def gather(made: Board, camera: Lens, ways: Sequence[Pose]) -> Gathered:
    gathered = Gathered()
    for number, pose in enumerate(ways):
        picture = render(made, camera, pose, seed=number)
        gathered.take(f"{number}.png", encoded(picture), made)
    return gathered


@pytest.fixture(scope="module")
def chessboard_views() -> list[View]:
    """Views of a chessboard by a camera with barrel distortion."""
    return gather(CHESSBOARD, BARREL, poses(14, reach=0.36)).views


def furthest_off(found: Lens, true: Lens, *, part: float = 0.9) -> float:
    """How far apart two lenses see the same ray, pixels, at worst in the inner part."""
    places = 0.5 + part * np.linspace(-0.5, 0.5, 15)
    pixels = np.stack(np.meshgrid(*(places * n for n in true.size)), axis=-1).reshape(-1, 2)
    rays = Straightening(true, true.size).rays(pixels)
    return float(np.linalg.norm(Straightening(found, true.size).bend(rays) - pixels, axis=1).max())


def lens_of(measured: Measured) -> Lens:
    return measured.lens(datetime.date(2026, 1, 2))


# ── what is found ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("made", [CHESSBOARD, CHARUCO], ids=["chessboard", "charuco"])
def test_corners_are_found_to_a_tenth_of_a_pixel(made: Board) -> None:
    found = view(made, MIDDLE).corners
    off = found.xy - true_corners(made, BARREL, MIDDLE)[found.ids]
    assert len(found.ids) == 54
    assert np.sqrt(np.square(off).sum(axis=1).mean()) < 0.1


def test_a_known_lens_is_found_again(chessboard_views: list[View]) -> None:
    found = lens_of(measure(chessboard_views))
    assert found.model == "standard"
    assert found.focal_length == pytest.approx(BARREL.focal_length, rel=0.002)
    assert found.centre == pytest.approx(BARREL.centre, abs=1.0)
    assert found.rms < 0.1
    assert furthest_off(found, BARREL) < 1.0


def test_the_truth_lies_within_the_uncertainty(chessboard_views: list[View]) -> None:
    made = fit(STANDARD, chessboard_views)
    off = [*made.matrix.diagonal()[:2] - BARREL.focal_length, *made.matrix[:2, 2] - BARREL.centre]
    assert max(np.abs(off / made.deviations)) < 4.0
    assert made.deviations[0] < 1.0


def test_a_fisheye_is_known_for_one() -> None:
    found = lens_of(measure(gather(CHARUCO, FISHEYE_LENS, poses(14, reach=0.7, away=1.0)).views))
    assert found.model == "fisheye"
    assert found.focal_length == pytest.approx(FISHEYE_LENS.focal_length, rel=0.005)
    assert found.centre == pytest.approx(FISHEYE_LENS.centre, abs=1.0)
    assert furthest_off(found, FISHEYE_LENS, part=0.8) < 1.5  # corners of the board went no further


def test_a_part_of_a_charuco_board_is_enough() -> None:
    found = view(CHARUCO, Pose((0.1, 0.1, 0.0), (0.75, 0.3, 1.5)))
    assert 16 <= len(found.corners.ids) < 54


def test_opencvs_photographs_give_the_lens_they_are_known_for(chessboard_photos: Path) -> None:
    gathered = Gathered()
    for path in sorted(chessboard_photos.glob("left*.jpg")):
        gathered.take(path.name, path.read_bytes(), CHESSBOARD)
    measured = measure(gathered.views)
    found = lens_of(measured)
    assert (len(found.views), gathered.rejected, measured.left_out) == (13, [], [])
    assert found.model == "standard"
    assert 0.15 < found.rms < 0.3
    assert found.focal_length == pytest.approx((533, 533), abs=3)
    assert found.centre == pytest.approx((342, 234), abs=3)


# ── what is refused ─────────────────────────────────────────────────────────────────────────


def moved(picture: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """As if the board had moved to the right by so many pixels while it was taken."""
    return np.asarray(cv2.blur(picture, (length, 1)), np.uint8)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        pytest.param(b"no picture", "not a picture that can be read", id="unreadable"),
        pytest.param(b"", "not a picture that can be read", id="empty"),
        pytest.param(encoded(np.full((480, 640), 90, np.uint8)), "no board found", id="no board"),
        pytest.param(
            encoded(render(CHESSBOARD, BARREL, Pose((0, 0, 0), (0, 0, 6.5)))),
            "the board is too small (squares of ",
            id="too small",
        ),
        pytest.param(
            encoded(moved(render(CHESSBOARD, BARREL, MIDDLE), 11)),
            "blurred (edges are ",
            id="moved",
        ),
    ],
)
def test_a_picture_that_is_of_no_use_is_told_why(picture: bytes, reason: str) -> None:
    with pytest.raises(Unusable) as error:
        look("a.png", picture, CHESSBOARD)
    assert str(error.value).startswith(reason)


def test_a_view_that_is_there_already_is_refused() -> None:
    first, other = view(CHESSBOARD, MIDDLE), view(CHESSBOARD, poses(5)[3])
    turned = replace(first, corners=boards.Corners(first.corners.ids, first.corners.xy[::-1]))
    check_new(other, [first])
    with pytest.raises(Unusable, match=r"the same as a\.png \(corners 0\.0 pixels apart\)"):
        check_new(turned, [other, first])


def test_pictures_of_another_size_are_refused() -> None:
    first = view(CHESSBOARD, MIDDLE)
    with pytest.raises(Unusable, match="320×240 pixels, where the first usable picture has 640×4"):
        check_new(replace(first, size=(320, 240)), [first])


def test_motion_and_defocus_widen_edges() -> None:
    sharp = render(CHESSBOARD, BARREL, MIDDLE)
    corners = view(CHESSBOARD, MIDDLE).corners
    widths = [
        edge_width(picture, CHESSBOARD, corners)
        for picture in (sharp, cv2.GaussianBlur(sharp, (0, 0), 2), moved(sharp, 9))
    ]
    assert widths[0] < 3.5 < min(widths[1:])


def test_a_view_with_an_error_far_above_the_others_is_left_out(
    chessboard_views: list[View],
) -> None:
    wrong = np.random.default_rng(0).normal(0, 2.0, (54, 2)).astype(np.float32)
    bad = chessboard_views[4]
    spoilt = replace(
        bad, name="bad.png", corners=boards.Corners(bad.corners.ids, bad.corners.xy + wrong)
    )
    measured = measure([*chessboard_views[:4], spoilt, *chessboard_views[5:]])
    ((name, reason),) = measured.left_out
    assert name == "bad.png"
    assert reason.startswith("error ")
    assert "far above the others' 0.0" in reason
    assert furthest_off(lens_of(measured), BARREL) < 1.0


def test_too_few_views_are_too_few(chessboard_views: list[View]) -> None:
    with pytest.raises(ConfigError, match="at least 8 usable views of the board, found 5"):
        measure(chessboard_views[:5])


def test_a_board_at_one_place_only_is_not_enough() -> None:
    near = [Pose((0.3 * np.sin(i), 0.3 * np.cos(i), 0), (-0.5, -0.35, 2.6)) for i in range(9)]
    views = [view(CHESSBOARD, pose, name=f"{i}.png") for i, pose in enumerate(near)]
    with pytest.raises(ConfigError, match="expected the board at 5 or more of the picture's nine"):
        measure(views)


def test_parts_of_the_picture_that_no_corner_was_seen_in_are_named() -> None:
    views = [view(CHESSBOARD, Pose((0, 0, 0), (-0.4, 0.0, 2.0)))]
    assert {"right", "top right", "bottom right"} <= set(uncovered(views))
    assert "left" not in uncovered(views)
    assert 0 < coverage(views) < 0.5


def test_what_would_help_is_said(chessboard_views: list[View]) -> None:
    made = fit(STANDARD, chessboard_views)
    vague = replace(made, deviations=made.deviations + 20)
    sure, unsure = (advice(Measured(each, chessboard_views)) for each in (made, vague))
    assert "the focal length is known to 3." in unsure[-1]
    assert len(unsure) == len(sure) + 1


# ── which model ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("richer", "better"),
    [
        pytest.param((0.5, 0.5, 0.5), True, id="half the error everywhere"),
        pytest.param((0.95, 0.95, 0.95), False, id="a little less"),
        pytest.param((0.1, 1.1, 1.1), False, id="less on one view only"),
        pytest.param((), False, id="cannot be fitted"),
    ],
)
def test_a_richer_model_must_be_clearly_better(richer: tuple[float, ...], better: bool) -> None:
    simple, rich = HeldOut(STANDARD, (1.0, 1.0, 1.0)), HeldOut(RATIONAL, richer)
    assert choose([simple, rich]) is (RATIONAL if better else STANDARD)


def test_outliers_are_far_above_the_median_and_few() -> None:
    errors = [0.2, 0.21, 0.19, 0.2, 0.55, 1.5, 0.45]
    assert outliers(errors, 2) == [5, 4]
    assert outliers(errors, 1) == [5]
    assert outliers([0.02, 0.03, 0.1], 2) == []


# ── the command ─────────────────────────────────────────────────────────────────────────────


def run(*arguments: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(intrinsics.main)
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures of a board, one of them without."""
    folder = tmp_path_factory.mktemp("photos")
    for number, pose in enumerate(poses(12, reach=0.36)):
        cv2.imwrite(str(folder / f"{number:02}.png"), render(CHESSBOARD, BARREL, pose, seed=number))
    cv2.imwrite(str(folder / "99.png"), np.full((480, 640), 90, np.uint8))
    return folder


def test_the_command_writes_a_lens_and_a_picture(photos: Path, tmp_path: Path) -> None:
    output, picture = tmp_path / "lens" / "door.yaml", tmp_path / "lens" / "door.png"
    code, said = run("--images", photos / "*.png", "--output", output, "--picture", picture)
    drawn = cv2.imread(str(picture))
    assert code == 0, said
    assert furthest_off(read_lens(output), BARREL) < 1.0
    assert "RMS 0.0" in said
    assert "99.png" in said
    assert "no board found" in said
    assert drawn is not None
    assert drawn.shape[1] > 1800


def test_what_cannot_be_measured_leaves_no_file(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "door.yaml"
    code, said = run("--images", photos / "0[0-3].png", "--output", output)
    assert (code, output.exists()) == (2, False)
    assert "expected at least 8 usable views of the board, found 4" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "expected either --images or --camera"),
        (("--images", "none/*.jpg"), "--images: expected pictures at none/*.jpg, found none"),
        (("--images", "*", "--corners", "9"), "--corners: expected columns x rows of inner"),
        (("--images", "*", "--square", "0"), "--square: expected more than 0 metres, found 0"),
        (
            ("--images", "*", "--board", "charuco", "--dictionary", "9X9"),
            "--dictionary: expected one of",
        ),
        (
            ("--images", "*", "--board", "charuco", "--dictionary", "4X4_50", "--corners", "11x11"),
            "--dictionary: expected at least 72 markers for this board, found 50 in 4X4_50",
        ),
        (
            ("--images", "*", "--board", "charuco", "--marker", "0.03"),
            "--marker: expected less than the square's 0.025, found 0.03",
        ),
    ],
)
def test_a_wrong_option_is_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    code, said = run("--output", tmp_path / "door.yaml", *arguments)
    assert code == 2
    assert said.startswith(sentence)


def test_an_unknown_camera_is_named(tmp_path: Path) -> None:
    cams = tmp_path / "cams.yaml"
    cams.write_text(yaml.safe_dump({"cameras": {"door": {"source": "device:0"}}}))
    code, said = run("--output", tmp_path / "x.yaml", "--camera", "dor", "--cameras", cams)
    assert (code, said) == (2, f"--camera: expected one of door in {cams}, found dor\n")


# ── the boards ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", list(Kind))
def test_a_printed_board_is_found(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "boards" / "board.png"
    boards.main(path, board=kind, corners="7x5", dictionary="4X4_50", marker=0.7, pixels=60)
    printed = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
    made = make_board(kind, "7x5", square=1.0, dictionary="4X4_50", marker=0.7)
    corners = made.find(printed)
    assert corners is not None
    assert len(corners.ids) == 35
