"""Purity: a track that goes over to somebody else makes two tracklets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from people import record

from pipeline.data import Crop, Frame, Sighting
from pipeline.embed import Embedder, Network, find_weights
from pipeline.evidence import Calibration
from pipeline.feet import Feet, Foot
from pipeline.offline import Rows
from pipeline.perceive import Observation
from pipeline.purity import changed_at
from pipeline.tracklets import Keepsake, Nearest, Tracklet, TrackletBuilder
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=25.0, offset=-8.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (200, 160, 3), np.uint8)
BOX = (40.0, 20.0, 80.0, 120.0)
CLOSE = (50.0, 20.0, 90.0, 120.0)
FAR = (110.0, 20.0, 150.0, 120.0)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(find_weights("drsa_osnet_x0_5"))


def features(person: int, crop: int, noise: float = 0.3) -> NDArray[np.float32]:
    """What graph A makes of somebody: one direction per person and part, and noise per crop."""
    signal = np.random.default_rng(person).standard_normal((6, 128))
    wobble = np.random.default_rng((person, crop)).standard_normal((6, 128))
    every = signal + noise * wobble
    return np.asarray(every / np.linalg.norm(every, axis=1, keepdims=True), np.float32)


def keepsake(person: int, time: float, nearest: Nearest = Nearest(0.0, 0.0)) -> Keepsake:  # noqa: B008
    return Keepsake(
        Crop(time, PICTURE[:100, :40], 0.5),
        features(person, int(10 * time)),
        np.zeros(6, np.float32),
        Foot(time, (0.1 * time, 0.9), cut=False),
        nearest,
    )


def kept(people: str) -> list[Keepsake]:
    """Two crops a second, each of the person whose digit stands there."""
    return [keepsake(int(person), 0.5 * i) for i, person in enumerate(people)]


def tracklet(people: str) -> Tracklet:
    crops, feet = kept(people), Feet()
    for each in crops:
        assert each.foot is not None
        feet.take(each.foot)
    return Tracklet("west-r-000001", "west", 0.0, crops[-1].crop.time, feet, crops)


@pytest.mark.parametrize(
    ("people", "moment"),
    [
        ("1111", None),
        ("111111111111", None),
        ("112", None),
        ("1112", None),
        ("1121111", None),
        ("1122", 0.75),
        ("11122222", 1.25),
        ("1111111122", 3.75),
    ],
    ids=["short", "one person", "too short to tell", "one crop at the end is no proof",
         "somebody stands in front", "two and two", "early", "late"],
)  # fmt: skip
def test_a_track_that_goes_over_to_somebody_else_is_noticed(
    people: str, moment: float | None
) -> None:
    assert changed_at(kept(people), CALIBRATION) == moment


def test_crops_without_features_do_not_count() -> None:
    crops = kept("112233")
    for each in crops[2:]:
        each.features = None
    assert changed_at(crops, CALIBRATION) is None


def test_it_was_when_they_were_nearest_to_each_other() -> None:
    crops = kept("11112222")
    crops[4].nearest = Nearest(0.4, 1.6)
    crops[3].nearest = Nearest(0.1, 1.3)
    assert changed_at(crops, CALIBRATION) == 1.6


@given(st.lists(st.sampled_from("12"), min_size=4, max_size=24))
def test_both_sides_keep_crops_whatever_is_seen(people: list[str]) -> None:
    moment = changed_at(kept("".join(people)), CALIBRATION)
    assert moment is None or 0.0 <= moment < 0.5 * (len(people) - 1)


def test_of_one_tracklet_come_two() -> None:
    first, second = tracklet("111222").parted(1.25, "west-r-000002")
    assert (first.id, first.begin, first.end, first.closed) == ("west-r-000001", 0.0, 1.25, True)
    assert (second.id, second.end, second.closed) == ("west-r-000002", 2.5, False)
    assert second.begin > first.end
    assert second.parted_from == first.id
    assert [len(first.kept), len(second.kept)] == [3, 3]
    assert first.feet.left == pytest.approx((0.1, 0.9))
    assert second.feet.entered == pytest.approx((0.15, 0.9))
    assert second.feet.leaving == pytest.approx((0.1, 0.0))


def frame(time: float) -> Frame:
    return Frame("west", round(time * 10), time, PICTURE)


def tracks(*boxes: tuple[int, tuple[float, ...]]) -> sv.Detections:
    return sv.Detections(
        xyxy=np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), 0.9, np.float32),
        tracker_id=np.array([number for number, _ in boxes], int),
    )


def test_the_track_goes_on_under_the_second_ones_name() -> None:
    builder = TrackletBuilder("west", run="r")
    for time in np.arange(0.0, 2.0, 0.1):
        builder.update(frame(time), tracks((1, BOX)))
    builder.part(builder.growing[0], 1.0)
    builder.update(frame(2.0), tracks((1, BOX)))
    assert builder.ids(tracks((1, BOX))) == ["west-r-000002"]
    (ended,) = builder.close()
    assert (ended.id, ended.begin, ended.end) == ("west-r-000002", pytest.approx(1.001), 2.0)


def test_a_tracklet_knows_when_somebody_came_nearest() -> None:
    builder = TrackletBuilder("west", run="r", interval=0.5)
    for time in np.arange(0.0, 2.0, 0.1):
        other = CLOSE if 0.65 < time < 0.75 else FAR
        builder.update(frame(time), tracks((1, BOX), (2, other)))
    nearest = max(keepsake.nearest for keepsake in builder.growing[0].kept)
    assert nearest == (pytest.approx(0.6), pytest.approx(0.7))


def test_the_matcher_hears_of_both(network: Network) -> None:
    embedder, mixed = Embedder(network), tracklet("111222")
    first, second = embedder.update([mixed], lambda whole, at: whole.parted(at, "west-r-000002"))
    assert (first.tracklet, first.closed, first.crops) == ("west-r-000001", True, 3)
    assert (second.tracklet, second.closed, second.crops) == ("west-r-000002", False, 3)
    assert second.parted_from == "west-r-000001"
    assert abs(float(first.embedding @ second.embedding)) < 0.2


def test_three_people_make_three_tracklets(network: Network) -> None:
    names = iter(("b", "c"))
    found = Embedder(network).update(
        [tracklet("111122223333")], lambda whole, at: whole.parted(at, next(names))
    )
    assert [s.end - s.begin > 1.4 for s in found] == [True, True, True]


def test_time_and_place_say_nothing_for_going_on_after_being_parted() -> None:
    weigher = Weigher(CALIBRATION)
    first = record("a", "west", 0, 5, identity=1)
    second = record("b", "west", 5.001, 9, identity=2)
    parted = replace(second, parted_from="a")
    assert weigher.way(first, second) > 2.0
    assert weigher.way(first, parted) < 0.0
    assert not weigher.exclude(first, parted)


def test_boxes_go_to_the_tracklet_they_are_of() -> None:
    rows = Rows()
    for time in (0.0, 1.0, 2.0, 3.0):
        names, boxes = ["a", "c"], tracks((1, BOX), (2, FAR))
        rows.observe(Observation(frame(time), boxes, names, [], boxes.xyxy))
    rows.hear(_sighting("b", 1.5, 3.0, parted_from="a"))
    assert rows.tracklets == ["a", "c", "a", "c", "b", "c", "b", "c"]


def _sighting(name: str, begin: float, end: float, *, parted_from: str) -> Sighting:
    look = np.eye(8, dtype=np.float32)[0]
    return Sighting(
        name, "west", begin, end, look, 1, 1.0, True, (0.5, 0.9), (0.5, 0.9),
        parted_from=parted_from,
    )  # fmt: skip
