"""A recorded world: pictures and truth belong together, and the real system finds its people."""

from __future__ import annotations

import csv
import subprocess
import sys
from hashlib import sha256
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from streams import require_gstreamer
from world import SiteSpec, World
from world.recording import Film, record
from world.scenery import light
from world.serving import serve
from world.strip import read_number, square, write_number
from world.wardrobe import outfit

from benchmarks.detectors import measure
from pipeline.config import DetectorSettings, load_site
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.evaluate import counted, evaluate, load_results
from pipeline.mot import Table, read_table

ROOT = Path(__file__).resolve().parents[1]
SPEC = SiteSpec(cameras=3, people=8, seconds=30, spacing=17, errands=2, seed=5)
FILM = Film(fps=8)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SPEC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    """Three cameras, eight people, half a minute."""
    folder = tmp_path_factory.mktemp("world")
    record(world, folder, FILM)
    return folder


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("camera", range(SPEC.cameras))
def test_every_picture_tells_its_number_after_compression(folder: Path, camera: int) -> None:
    found = [read_number(image) for image in pictures(folder / f"camera{camera:03d}.mp4")]
    assert found == list(range(round(SPEC.seconds * FILM.fps)))


@pytest.mark.parametrize("number", [0, 1, 255, 256, 40_000, 65_535])
@pytest.mark.parametrize("size", [(640, 360), (320, 180), (1920, 1080)])
def test_a_number_is_read_back(number: int, size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    write_number(image, number)
    assert read_number(image) == number
    assert (image[square(size[0]) :] == 128).all()


def test_feet_stand_where_the_homography_puts_them(world: World, folder: Path) -> None:
    places = positions(folder / "positions.csv")
    off = np.concatenate([foot_errors(world, folder, camera, places) for camera in range(3)])
    assert len(off) > 200
    assert np.quantile(off, 0.9) < 0.12


def positions(path: Path) -> dict[tuple[int, int], tuple[float, float]]:
    """Frame and person → metres on the plan."""
    with path.open() as file:
        return {
            (int(row["frame"]), int(row["person"])): (float(row["x"]), float(row["y"]))
            for row in csv.DictReader(file)
        }


def foot_errors(
    world: World, folder: Path, camera: int, places: dict[tuple[int, int], tuple[float, float]]
) -> NDArray[np.float64]:
    """How far the foot of each box is from where somebody stands, in heights of the box."""
    table = truth_of(folder, camera)
    whole = table[(table.confidence == 1) & (table.xyxy[:, 3] < 340) & (table.xyxy[:, 0] > 8)]
    floor = [places[key] for key in zip(whole.frame.tolist(), whole.identity.tolist(), strict=True)]
    feet = world.plan.cameras[camera].see(np.array(floor).reshape(-1, 2)) * FILM.size
    foot = np.stack([whole.xyxy[:, [0, 2]].mean(axis=1), whole.xyxy[:, 3]], axis=1)
    heights = (whole.xyxy[:, 3] - whole.xyxy[:, 1])[:, None]
    return np.asarray(np.abs(feet - foot) / heights)


def test_a_person_has_one_number_in_all_cameras(world: World, folder: Path) -> None:
    tables = {name: truth_of(folder, number) for name, number in world.plan.index.items()}
    seen = {
        (person, name)
        for name, table in tables.items()
        for person in table.identity[counted(table)].tolist()
    }
    visited = {(visit.person + 1, visit.camera) for visit in world.visits()}
    people = [person for person, _ in seen]
    assert len(people) - len(set(people)) >= 3  # so often somebody is seen by another camera, too
    assert len(visited & seen) / len(visited) > 0.8  # the others walk behind somebody all the time


def test_somebody_behind_others_is_not_counted(folder: Path) -> None:
    tables = [read_table(path) for path in folder.glob("*.gt.txt")]
    shares = [1 - counted(table).mean() for table in tables if len(table)]
    assert 0 < np.mean(shares) < 0.4


def test_cameras_see_the_same_colours_differently(folder: Path) -> None:
    lights = [light(camera, SPEC.seed) for camera in range(SPEC.cameras)]
    means = [
        pictures(folder / f"camera{camera:03d}.mp4")[0].mean(axis=(0, 1))
        for camera in range(SPEC.cameras)
    ]
    assert len({each.quality for each in lights} | {round(each.gain, 3) for each in lights}) > 3
    assert np.ptp(means, axis=0).max() > 10


def test_the_settings_run_it_and_know_the_clocks(world: World, folder: Path) -> None:
    site = load_site(folder / "cams.yaml")
    offsets = [camera.start_time - SPEC.start for camera in site.cameras.values()]
    assert len(site.cameras) == SPEC.cameras
    assert 0.02 < np.ptp(offsets) <= 2 * FILM.clock
    assert all(camera.ground_truth for camera in site.cameras.values())


def test_some_people_are_dressed_alike_and_others_are_not() -> None:
    many = [outfit(person, 1, lookalikes=0.3) for person in range(200)]
    dark = [max(each.top) < 80 and max(each.bottom) < 60 for each in many]
    assert 0.2 < np.mean(dark) < 0.45
    assert len({each.top for each in many}) > 120


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    spec = SiteSpec(cameras=1, people=4, seconds=2, spacing=17, seed=3)
    for name in ("one", "other"):
        record(World(spec), tmp_path / name, Film(size=(320, 180)))
    assert digests(tmp_path / "one") == digests(tmp_path / "other")


def digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_command_records(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.world", "--record", str(tmp_path / "out")]
    command += ["--cameras", "1", "--people", "2", "--seconds", "1", "--size", "320x180"]
    subprocess.run(command, check=True, cwd=ROOT, timeout=230)
    assert (tmp_path / "out" / "cams.yaml").is_file()
    assert len(pictures(tmp_path / "out" / "camera000.mp4")) == 10


@pytest.mark.timeout(900)
def test_the_detector_finds_the_drawn_people(folder: Path, ssdlite_path: Path) -> None:
    detector = Detector(ssdlite_path, settings=DetectorSettings())
    looked = [
        (Frame(f"camera{camera:03d}", number, 0.0, image), truth_of(folder, camera).at(number + 1))
        for camera in range(SPEC.cameras)
        for number, image in enumerate(pictures(folder / f"camera{camera:03d}.mp4"))
        if number % 8 == 0
    ]
    outcome = measure(detector, looked)
    recall, precision = outcome.recall_and_precision(0.1)
    print(f"recall {recall:.3f}, precision {precision:.3f}, {outcome.people} people")
    print(f"AP50 {outcome.average_precision:.3f}, at 0.3: {outcome.recall_and_precision(0.3)}")
    assert recall > 0.65
    assert precision > 0.75


def truth_of(folder: Path, camera: int) -> Table:
    return read_table(folder / f"camera{camera:03d}.gt.txt")


@pytest.mark.timeout(900)
def test_the_offline_pipeline_follows_the_drawn_people(folder: Path, ssdlite_path: Path) -> None:
    settings = folder / "cams.yaml"
    text = settings.read_text() + f"detector: {{model: {ssdlite_path}}}\n"
    (folder / "ssdlite.yaml").write_text(text)
    command = [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras"]
    command += [str(folder / "ssdlite.yaml"), "--offline", "--output", str(folder / "out")]
    subprocess.run(command, check=True, timeout=800)
    site = load_site(settings)
    truth: dict[str, Table] = {
        name: read_table(camera.ground_truth)
        for name, camera in site.cameras.items()
        if camera.ground_truth is not None
    }
    evaluation = evaluate(load_results(folder / "out", truth), truth)
    print({name: (round(s.idf1, 3), round(s.hota, 3)) for name, s in evaluation.rows.items()})
    assert evaluation.across.idf1 > 0.4


@pytest.mark.timeout(300)
def test_a_world_is_served_live(tmp_path: Path) -> None:
    require_gstreamer()
    small = World(SiteSpec(cameras=2, people=3, seconds=2, spacing=17))
    with serve(small, tmp_path, Film(size=(320, 180))) as settings:
        cameras = load_site(settings).cameras.values()
        numbers = [live_numbers(camera.source) for camera in cameras]
    assert all(len(found) == 5 for found in numbers)
    assert all(np.diff(found).tolist() == [1, 1, 1, 1] for found in numbers)


def live_numbers(url: str) -> list[int]:
    """The numbers of the first pictures of a live stream."""
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=60) as container:
        frames = islice(container.decode(video=0), 5)
        return [read_number(frame.to_ndarray(format="bgr24")) for frame in frames]
