"""Tracklets: when they begin and end, and which crops speak for them."""

from __future__ import annotations

import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data import Frame
from pipeline.errors import InvalidArray
from pipeline.feet import Feet, Foot
from pipeline.quality import coverage, crop_quality
from pipeline.tracklets import Keepsake, Tracklet, TrackletBuilder

BOX = (40.0, 20.0, 80.0, 120.0)


def frame(time: float) -> Frame:
    image = np.random.default_rng(int(time * 100)).integers(0, 255, (200, 160, 3), np.uint8)
    return Frame("west", int(time * 10), time, image)


def tracks(*boxes: tuple[int, tuple[float, ...]], confidence: float = 0.9) -> sv.Detections:
    return sv.Detections(
        xyxy=np.array([box for _, box in boxes], np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), confidence, np.float32),
        tracker_id=np.array([number for number, _ in boxes], int),
    )


def watch(builder: TrackletBuilder, seconds: float, *, start: float = 0.0) -> list[Tracklet]:
    """One person stands there, seen ten times a second."""
    times = np.arange(start, start + seconds, 0.1)
    return [t for time in times for t in builder.update(frame(time), tracks((1, BOX)))]


def test_a_tracklet_spans_first_to_last_sight() -> None:
    builder = TrackletBuilder("west", run="r")
    watch(builder, 2.0)
    (tracklet,) = builder.close()
    assert (tracklet.begin, tracklet.end) == (0.0, pytest.approx(1.9))
    assert (tracklet.id, tracklet.closed) == ("west-r-000001", True)


def test_it_ends_when_unseen_for_long_enough() -> None:
    builder = TrackletBuilder("west", run="r", lost_after=1.0)
    watch(builder, 1.0)
    assert builder.update(frame(1.8), tracks()) == []
    (ended,) = builder.update(frame(2.0), tracks())
    assert (ended.closed, ended.end) == (True, pytest.approx(0.9))
    assert builder.growing == []


def test_the_first_crop_is_there_at_once() -> None:
    builder = TrackletBuilder("west", run="r")
    builder.update(frame(0.0), tracks((1, BOX)))
    assert len(builder.growing[0].kept) == 1


def test_ids_name_the_boxes_in_their_order() -> None:
    builder = TrackletBuilder("west", run="r")
    both = tracks((7, BOX), (3, (100.0, 20.0, 140.0, 120.0)))
    builder.update(frame(0.0), both)
    assert builder.ids(both) == ["west-r-000001", "west-r-000002"]
    assert builder.ids(tracks()) == []


@given(st.floats(1.0, 90.0))
def test_crops_are_bounded_in_number_and_cover_all_of_the_time(seconds: float) -> None:
    tracklet = Tracklet("t", "west", 0.0, 0.0, Feet())
    builder = TrackletBuilder("west", run="r", capacity=8)
    for time in np.arange(0.0, seconds, 0.2):
        builder.update(frame(time), tracks((1, BOX)))
    (tracklet,) = builder.close()
    times = [keepsake.crop.time for keepsake in tracklet.kept]
    assert len(times) <= 8
    assert times == sorted(times)
    assert times[0] <= 0.5 * seconds
    assert np.diff([0.0, *times, tracklet.end]).max() <= max(1.2, 0.5 * seconds)


def test_of_each_chunk_the_best_crop_is_chosen() -> None:
    builder = TrackletBuilder("west", run="r")
    watch(builder, 6.0)
    (tracklet,) = builder.close()
    for keepsake in tracklet.kept:
        keepsake.features = np.zeros((6, 128), np.float32)
    chunks = tracklet.chunks(6)
    times = [keepsake.crop.time for keepsake in chunks if keepsake]
    assert len(times) == 6
    assert times == sorted(times)
    first = [k for k in tracklet.kept if k.crop.time < tracklet.end / 6]
    assert chunks[0] is max(first, key=lambda keepsake: keepsake.crop.quality)


def test_chunks_without_a_crop_are_empty() -> None:
    tracklet = Tracklet("t", "west", 0.0, 1.0, Feet())
    assert tracklet.chunks(6) == [None] * 6
    builder = TrackletBuilder("west", run="r")
    builder.update(frame(0.0), tracks((1, BOX)))
    only: Keepsake = builder.growing[0].kept[0]
    only.features = np.zeros((6, 128), np.float32)
    assert builder.growing[0].chunks(6) == [only, None, None, None, None, None]


def test_feet_are_fractions_of_the_picture() -> None:
    builder = TrackletBuilder("west", run="r")
    builder.update(frame(0.0), tracks((1, BOX)))
    builder.update(frame(0.1), tracks((1, (60.0, 90.0, 100.0, 190.0))))
    (tracklet,) = builder.close()
    assert (tracklet.feet.entered, tracklet.feet.left) == ((60 / 160, 120 / 200), (80 / 160, 0.95))


def test_a_box_found_out_about_later_is_where_a_tracklet_begins() -> None:
    builder = TrackletBuilder("west", run="r")
    builder.update(frame(1.0), tracks((1, BOX)))
    builder.begin_earlier(1, Foot(0.8, (0.1, 0.2), cut=False))
    builder.begin_earlier(1, Foot(0.9, (0.3, 0.4), cut=False))
    (tracklet,) = builder.close()
    assert (tracklet.begin, tracklet.end) == (0.8, 1.0)
    assert (tracklet.feet.entered, tracklet.feet.left) == ((0.1, 0.2), (60 / 160, 120 / 200))


def test_a_box_outside_the_picture_gives_no_crop() -> None:
    builder = TrackletBuilder("west", run="r")
    builder.update(frame(0.0), tracks((1, (-50.0, 0.0, -10.0, 80.0))))
    (tracklet,) = builder.close()
    assert tracklet.kept == []


def test_tracks_without_numbers_are_refused() -> None:
    detections = sv.Detections(xyxy=np.array([BOX], np.float32))
    with pytest.raises(InvalidArray, match="camera west"):
        TrackletBuilder("west", run="r").update(frame(0.0), detections)


GOOD = {"confidence": 0.9, "truncated": False, "covered": 0.0}


@pytest.mark.parametrize(
    "flaw",
    [
        pytest.param({"confidence": 0.3}, id="unsure"),
        pytest.param({"truncated": True}, id="cut off by the border"),
        pytest.param({"covered": 0.6}, id="behind somebody"),
    ],
)
def test_a_flaw_lowers_the_quality(flaw: dict[str, float]) -> None:
    image = frame(0.0).image
    assert crop_quality(image, **(GOOD | flaw)) < crop_quality(image, **GOOD)  # type: ignore[arg-type]


def test_small_and_blurred_crops_are_worse() -> None:
    sharp = frame(0.0).image
    blurred = np.full_like(sharp, 90)
    assert crop_quality(blurred, **GOOD) < crop_quality(sharp, **GOOD)  # type: ignore[arg-type]
    assert crop_quality(sharp[:40, :20], **GOOD) < crop_quality(sharp, **GOOD)  # type: ignore[arg-type]


def test_only_who_stands_nearer_covers_others() -> None:
    behind, before = (0, 0, 10, 20), (5, 0, 15, 24)
    share = coverage(np.array([behind, before], np.float32))
    assert share == pytest.approx([0.5, 0.0])
