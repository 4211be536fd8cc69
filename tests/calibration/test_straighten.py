"""Lenses at ingest: straight pictures without borders, and a sentence where a lens does not fit."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from rendered_boards import lens
from streams import CLIP_SIZE, write_clip

from pipeline.config import CameraSettings, Site, load_site
from pipeline.data import CameraState, CameraStatus
from pipeline.errors import ConfigError
from pipeline.ingest import LiveReaders, check_regions, read_recordings
from pipeline.ingest.straighten import WIDEST, Straightening
from pipeline.lens import Lens, read_lens
from pipeline.mot import Table, write_table
from pipeline.site_file import SiteFile
from pipeline.truth import load_truth

BARREL = lens()
PINCUSHION = lens(distortion=(0.25, 0.05, 0.0, 0.0))
FISHEYE = lens(model="fisheye", focal=260, distortion=(0.02, -0.01, 0.004, -0.001))
WIDE_FISHEYE = lens(model="fisheye", focal=180, distortion=(0.02, -0.01, 0.004, -0.001))
RATIONAL = lens(model="rational", focal=330, distortion=(0.5, 0.1, 0.0, 0.0, 0.02, 0.9, 0.3, 0.05))
CLIP_LENS = lens(CLIP_SIZE, focal=100.0, centre=(63.0, 16.0), distortion=(-0.4, 0.1, 0.0, 0.0))
LENSES = [
    pytest.param(BARREL, id="barrel"),
    pytest.param(PINCUSHION, id="pincushion"),
    pytest.param(FISHEYE, id="fisheye"),
    pytest.param(WIDE_FISHEYE, id="fisheye that sees behind itself"),
    pytest.param(RATIONAL, id="rational"),
]


def write(path: Path, camera_lens: Lens, **changes: object) -> Path:
    """A lens's file, or one with mistakes."""
    content = camera_lens.model_dump(mode="json", exclude_none=True) | changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("camera_lens", LENSES)
@pytest.mark.parametrize("size", [(640, 480), (320, 240), (768, 576)])
def test_a_straightened_picture_has_no_borders(camera_lens: Lens, size: tuple[int, int]) -> None:
    maps = Straightening(camera_lens, size).maps()
    height, width = maps.whole.shape[:2]
    from_x, from_y = maps.whole[..., 0], maps.whole[..., 1]
    assert (width, height) == size
    assert from_x.min() >= -1
    assert from_y.min() >= -1
    assert from_x.max() <= width - 1
    assert from_y.max() <= height - 1


@pytest.mark.parametrize("camera_lens", LENSES)
def test_proportions_stay_and_the_picture_shrinks_by_a_limited_factor(camera_lens: Lens) -> None:
    made = Straightening(camera_lens, camera_lens.size)
    across, down = (made.straight.diagonal() / made.matrix.diagonal())[:2]
    assert across == pytest.approx(down)
    assert across >= 1 / WIDEST


@pytest.mark.parametrize("camera_lens", LENSES)
def test_what_is_straight_becomes_straight(camera_lens: Lens) -> None:
    made = Straightening(camera_lens, camera_lens.size)
    along = np.linspace(-0.4, 0.4, 21)
    edge = np.stack([along, 0.3 + 0.1 * along], axis=1)  # a line in the world
    bent = made.bend(edge)
    straight = made.points(bent)
    assert _off_line(bent) > 0.5
    assert _off_line(straight) < 0.02


def _off_line(points: np.ndarray) -> float:
    """How far points lie from the straight line between the first and the last, pixels."""
    first, last = points[0], points[-1]
    across = np.array([first[1] - last[1], last[0] - first[0]])
    return float(np.abs((points - first) @ across / np.linalg.norm(across)).max())


def test_a_pixel_goes_where_the_maps_take_it_from() -> None:
    made = Straightening(BARREL, BARREL.size)
    maps = made.maps()
    target = np.array([[40.0, 30.0], [320.0, 240.0], [600.0, 440.0]])
    source = np.array([maps.whole[int(y), int(x)] for x, y in target], np.float64)
    assert made.points(source) == pytest.approx(target, abs=1.5)  # whole pixels of the source


def test_a_region_is_cut_out_of_the_straightened_picture() -> None:
    made = Straightening(BARREL, BARREL.size)
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    x, y, width, height = region = (100, 50, 333, 222)
    part = made.maps(region).apply(picture)
    whole = made.maps().apply(picture)
    assert part.shape == (height, width, 3)
    assert np.abs(part.astype(int) - whole[y : y + height, x : x + width]).max() <= 1


def test_a_lens_holds_for_every_size_of_the_same_picture() -> None:
    small, large = (Straightening(BARREL, size) for size in ((640, 480), (1280, 960)))
    pixels = np.array([[10.0, 20.0], [320.0, 240.0], [630.0, 470.0]])
    doubled = (pixels + 0.5) * 2 - 0.5  # the same places, counted in smaller pixels
    assert (small.points(pixels) + 0.5) * 2 - 0.5 == pytest.approx(large.points(doubled), abs=0.01)


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        ((1920, 1080), True),
        ((640, 360), True),
        ((852, 480), True),
        ((1920, 1088), True),
        ((640, 480), False),
        ((704, 576), False),
    ],
)
def test_a_lens_fits_pictures_of_the_same_proportions(size: tuple[int, int], fits: bool) -> None:
    assert lens((1280, 720)).fits(size) is fits


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_lens(write(tmp_path / "lens.yaml", FISHEYE)) == FISHEYE


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "pinhole"}, "model: expected to be 'standard', 'rational' or 'fisheye'"),
        ({"distortion": [0.1]}, "distortion: expected 4 or 5 numbers for the standard model"),
        ({"focal_length": [0, 500]}, "focal_length.0: expected to be greater than 0, found 0"),
        ({"size": [640]}, "size.1: expected a value, found none"),
        ({"centre": "middle"}, "centre: expected"),
        ({"centr": [1, 2]}, "centr: unknown key; did you mean 'centre'?"),
        ({"distortion": [0.1, 0.1, 0.0, float("nan")]}, "distortion.3: expected"),
    ],
)
def test_a_mistake_in_a_lens_is_a_sentence(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    path = write(tmp_path / "door.yaml", BARREL, **changes)
    with pytest.raises(ConfigError) as error:
        read_lens(path)
    assert str(error.value).startswith(f"{path}: {sentence}")


# ── in cams.yaml ────────────────────────────────────────────────────────────────────────────


def settings(folder: Path, clip: Path, *, name: str = "door.yaml") -> Path:
    """A cams.yaml with a camera that has a lens, and one that has none."""
    path = folder / "cams.yaml"
    cameras = {"door": {"source": str(clip), "lens": name}, "hall": {"source": str(clip)}}
    path.write_text(yaml.safe_dump({"cameras": cameras}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty numbered pictures."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


def test_a_path_counts_from_the_folder_of_cams_yaml(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "lens").mkdir()
    write(tmp_path / "lens" / "door.yaml", CLIP_LENS)
    site = load_site(settings(tmp_path, clip, name="lens/door.yaml"))
    assert site.cameras["door"].lens == tmp_path / "lens" / "door.yaml"
    assert site.cameras["door"].read_lens() == CLIP_LENS
    assert site.cameras["hall"].read_lens() is None


def test_a_lens_that_is_not_there_is_named(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load_site(settings(tmp_path, clip))
    assert str(error.value) == (
        f"{tmp_path / 'cams.yaml'}: cameras.door.lens: expected an existing file, found none at "
        f"{tmp_path / 'door.yaml'}"
    )


def test_a_mistake_in_a_lens_is_met_when_cams_yaml_is_read(tmp_path: Path, clip: Path) -> None:
    write(tmp_path / "door.yaml", CLIP_LENS, rms=-1)
    with pytest.raises(ConfigError, match=r"door\.yaml: rms: expected to be greater than"):
        load_site(settings(tmp_path, clip))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder, path: write(folder / "door.yaml", lens()), id="contents"),
        pytest.param(
            lambda folder, path: path.write_text(path.read_text().replace("door.y", "new.y")),
            id="path",
        ),
    ],
)
def test_a_lens_that_has_changed_is_noticed(
    tmp_path: Path, clip: Path, change: Callable[[Path, Path], object]
) -> None:
    write(tmp_path / "door.yaml", CLIP_LENS)
    write(tmp_path / "new.yaml", CLIP_LENS)
    path = settings(tmp_path, clip)
    site = SiteFile(path)
    before = site.reload()
    change(tmp_path, path)
    assert (before, site.reload(), site.version) == ([], ["camera door has changed"], 1)


def test_a_recording_of_other_proportions_is_refused_before_the_start(
    tmp_path: Path, clip: Path
) -> None:
    write(tmp_path / "door.yaml", lens())
    site = load_site(settings(tmp_path, clip))
    with pytest.raises(ConfigError) as error:
        check_regions(site)
    assert str(error.value) == (
        "cams.yaml: cameras.door.lens: expected pictures of the proportions 640×480, in which "
        f"{tmp_path / 'door.yaml'} was measured, found 128×32"
    )


# ── at ingest ───────────────────────────────────────────────────────────────────────────────


def test_a_recording_is_straightened_for_the_camera_with_the_lens_only(
    tmp_path: Path, clip: Path
) -> None:
    write(tmp_path / "door.yaml", CLIP_LENS)
    site = load_site(settings(tmp_path, clip))
    door, hall = list(read_recordings(site.cameras))[11]
    maps = Straightening(CLIP_LENS, CLIP_SIZE).maps()
    assert np.array_equal(door.image, maps.apply(hall.image))
    assert not np.array_equal(door.image, hall.image)


def test_a_region_counts_in_the_straightened_recording(tmp_path: Path, clip: Path) -> None:
    path = write(tmp_path / "door.yaml", CLIP_LENS)
    region = (10, 4, 70, 20)
    cut = CameraSettings(source=str(clip), lens=path, region=list(region))
    whole = CameraSettings(source=str(clip), lens=path)
    part, full = list(read_recordings({"cut": cut, "whole": whole}))[11]
    assert part.size == (70, 20)
    assert np.abs(part.image.astype(int) - full.image[4:24, 10:80]).max() <= 1


def test_ground_truth_is_straightened_as_the_pictures_are(tmp_path: Path, clip: Path) -> None:
    box = [20.0, 6.0, 40.0, 26.0]
    write_table(Table.build(frame=[1], identity=[7], xyxy=[box]), tmp_path / "truth.txt")
    lens_path = write(tmp_path / "door.yaml", CLIP_LENS)
    door = CameraSettings(source=str(clip), lens=lens_path, ground_truth=tmp_path / "truth.txt")
    truth = load_truth(Site(cameras={"door": door}))["door"]
    made = Straightening(CLIP_LENS, CLIP_SIZE)
    corners = made.points(np.array([box[:2], box[2:]]))
    (left, top, right, bottom) = truth.xyxy[0]
    assert np.abs(truth.xyxy[0] - box).max() > 1
    assert (left, top) <= tuple(corners[0])
    assert (right, bottom) == pytest.approx(tuple(corners[1]), abs=2)


def watch(site: Site, until: Callable[[dict[str, CameraStatus]], bool]) -> dict[str, CameraStatus]:
    """Runs the cameras live until their statuses are as wanted, 10 s at most."""
    deadline = time.monotonic() + 10.0
    with LiveReaders(site.cameras) as readers:
        while not until(readers.statuses()) and time.monotonic() < deadline:
            readers.collect(0.1)
        return readers.statuses()


def test_live_a_lens_that_does_not_fit_is_its_cameras_problem_alone(
    tmp_path: Path, clip: Path
) -> None:
    write(tmp_path / "door.yaml", lens())
    site = load_site(settings(tmp_path, clip))
    statuses = watch(site, lambda now: bool(now["door"].problem and now["hall"].frames))
    door, hall = statuses["door"], statuses["hall"]
    assert (door.state, door.problem) == (CameraState.WAITING, "lens")
    assert (door.error or "").startswith("cameras.door.lens: expected pictures of the proportions")
    assert door.drops["lens"] > 0
    assert (hall.state, hall.problem) == (CameraState.RUNNING, None)


def test_live_pictures_are_straightened(tmp_path: Path, clip: Path) -> None:
    write(tmp_path / "door.yaml", CLIP_LENS)
    site = load_site(settings(tmp_path, clip))
    with LiveReaders(site.cameras) as readers:
        frames = {frame.camera: frame for _ in range(4) for frame in readers.collect(10.0)}
    door, hall = frames["door"], frames["hall"]
    assert door.index == hall.index
    maps = Straightening(CLIP_LENS, CLIP_SIZE).maps()
    assert np.array_equal(door.image, maps.apply(hall.image))


def test_a_camera_is_started_anew_when_its_lens_has_changed(tmp_path: Path, clip: Path) -> None:
    write(tmp_path / "door.yaml", CLIP_LENS)
    path = settings(tmp_path, clip)
    before = load_site(path).cameras["door"]
    write(tmp_path / "door.yaml", CLIP_LENS.model_copy(update={"rms": 0.5}))
    after = load_site(path).cameras["door"]
    assert before != after
    assert before == before.model_copy()
