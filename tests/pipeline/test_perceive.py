"""Perception: a picture that cannot be dealt with costs itself alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from pipeline.config import DetectorSettings, load_site
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights
from pipeline.ingest.source import VideoSource
from pipeline.perceive import Perception
from pipeline.thumbnail import people_in

CAMERAS = ("west", "east")


@pytest.fixture(scope="module")
def parts(ssdlite_path: Path) -> tuple[Detector, Network]:
    return Detector(ssdlite_path, settings=DetectorSettings()), Network(
        find_weights("drsa_osnet_x0_5")
    )


@pytest.fixture
def failures() -> list[str]:
    return []


@pytest.fixture
def perception(parts: tuple[Detector, Network], failures: list[str]) -> Perception:
    detector, network = parts
    site = load_site(Path(__file__).parents[2] / "cams.yaml")
    return Perception(
        site, detector, Embedder(network), run="x", fps=dict.fromkeys(CAMERAS, 7.0),
        on_failure=lambda frame, error: failures.append(frame.camera),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[np.ndarray]:
    with VideoSource(str(vtest_path)) as source:
        return [picture.image() for _, picture in zip(range(12), source.pictures(), strict=False)]


def frame(camera: str, index: int, image: np.ndarray) -> Frame:
    return Frame(camera, index, 100.0 + index / 7, image)


def seen(perception: Perception, index: int, west: np.ndarray, east: np.ndarray) -> dict[str, int]:
    observations, _ = perception.update([frame("west", index, west), frame("east", index, east)])
    return {o.frame.camera: len(o.tracks) for o in observations}


def test_everybody_who_may_be_in_a_picture_is_told_to_those_who_hide_people(
    perception: Perception, parts: tuple[Detector, Network], pictures: list[np.ndarray]
) -> None:
    for index, picture in enumerate(pictures):
        (observation,), _ = perception.update([frame("west", index, picture)])
    (found,) = parts[0].detect([frame("west", 0, pictures[-1])])
    assert len(found) > len(observation.tracks)
    assert {tuple(box) for box in found.xyxy} <= {tuple(box) for box in observation.people}


def test_a_picture_that_is_kept_knows_the_people_in_it(
    perception: Perception, pictures: list[np.ndarray]
) -> None:
    sightings = []
    for index, picture in enumerate(pictures):
        sightings += perception.update([frame("west", index, picture)])[1]
    people = [people_in(s.thumbnail) for s in sightings if s.thumbnail is not None]
    assert people
    assert all(boxes is not None and len(boxes) for boxes in people)


def test_a_picture_no_network_can_take_does_not_cost_the_other_camera(
    perception: Perception, pictures: list[np.ndarray], failures: list[str]
) -> None:
    poison = np.zeros((0, 0, 3), np.uint8)
    for index, picture in enumerate(pictures):
        last = seen(perception, index, poison if index == 6 else picture, picture)
        if index == 6:
            assert set(last) == {"east"}
    assert failures == ["west"]
    assert last["west"] > 0
    assert last["west"] == last["east"]


def test_a_poison_picture_under_way_costs_itself_alone(
    perception: Perception, pictures: list[np.ndarray], failures: list[str]
) -> None:
    poison = np.zeros((0, 0, 3), np.uint8)
    search = perception.submit([frame("west", 0, poison), frame("east", 0, pictures[0])])
    later = perception.submit([frame("west", 1, pictures[1]), frame("east", 1, pictures[1])])
    finished = [perception.finish(begun)[0] for begun in (search, later)]
    assert [[o.frame.camera for o in seen] for seen in finished] == [["east"], ["west", "east"]]
    assert failures == ["west"]


def test_a_search_under_way_is_not_finished_for_a_camera_that_went(
    perception: Perception, pictures: list[np.ndarray]
) -> None:
    search = perception.submit([frame(camera, 0, pictures[0]) for camera in CAMERAS])
    perception.remove("west")
    perception.add("west", fps=7.0)
    observations, _ = perception.finish(search)
    assert [o.frame.camera for o in observations] == ["east"]


def test_searching_ahead_changes_nothing(
    parts: tuple[Detector, Network], pictures: list[np.ndarray]
) -> None:
    site = load_site(Path(__file__).parents[2] / "cams.yaml")
    plain, ahead = (
        Perception(site, parts[0], Embedder(parts[1]), run="x", fps={"west": 7.0}) for _ in range(2)
    )
    frames = [[frame("west", index, picture)] for index, picture in enumerate(pictures)]
    expected = [plain.update(moment) for moment in frames]
    found = [ahead.finish(search) for search in [ahead.submit(moment) for moment in frames]]
    assert [s.tracklet for _, new in found for s in new]
    assert [[s.end for s in new] for _, new in found] == [[s.end for s in n] for _, n in expected]
    assert [o[0].tracks.xyxy.tolist() for o, _ in found] == [
        o[0].tracks.xyxy.tolist() for o, _ in expected
    ]


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([40, 40, 40, 40], id="empty"),
        pytest.param([-500, -500, -400, -300], id="outside"),
        pytest.param([90, 90, 10, 10], id="inside out"),
    ],
)
def test_a_box_that_makes_no_sense_does_no_harm(
    perception: Perception, pictures: list[np.ndarray], box: list[float], failures: list[str]
) -> None:
    bad = sv.Detections(
        xyxy=np.array([box], np.float32), confidence=np.array([0.9], np.float32),
        class_id=np.array([0]),
    )  # fmt: skip
    for index, picture in enumerate(pictures[:8]):
        perception.follow([frame("west", index, picture)], [bad])
    for index, picture in enumerate(pictures, start=8):
        last = seen(perception, index, picture, picture)
    assert last["west"] > 0
    assert all(s.embedding.shape for s in perception.close())
    assert len(failures) <= 8


def test_a_camera_that_comes_back_has_new_tracklets(
    perception: Perception, pictures: list[np.ndarray]
) -> None:
    for index, picture in enumerate(pictures):
        observations, _ = perception.update([frame("west", index, picture)])
    before = set(observations[0].tracklets)
    assert {s.tracklet for s in perception.remove("west")} >= before
    perception.add("west", fps=7.0)
    for index, picture in enumerate(pictures):
        observations, _ = perception.update([frame("west", index, picture)])
    assert before
    assert not before & set(observations[0].tracklets)


def test_a_camera_that_comes_back_with_an_earlier_time_is_heard_of(
    perception: Perception, pictures: list[np.ndarray]
) -> None:
    def sightings(shift: float) -> int:
        frames = [Frame("west", i, shift + i / 2, p) for i, p in enumerate(pictures)]
        return sum(len(perception.update([frame])[1]) for frame in frames)

    first = sightings(90_000.0)
    perception.remove("west")
    perception.add("west", fps=7.0)
    assert sightings(0.0) == first > 2


def test_errors_reach_the_caller_where_nobody_is_told(
    parts: tuple[Detector, Network], pictures: list[np.ndarray]
) -> None:
    site = load_site(Path(__file__).parents[2] / "cams.yaml")
    strict = Perception(site, parts[0], Embedder(parts[1]), run="x", fps={"west": 7.0})
    with pytest.raises(Exception, match=r"."):
        strict.update([frame("west", 0, np.zeros((0, 0, 3), np.uint8))])
