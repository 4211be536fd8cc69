"""Recordings: every picture once, in order of time, and a sentence for whatever is wrong."""

from __future__ import annotations

import threading
import wave
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streams import BLOCK, CLIP_SIZE, number_of, write_clip

from pipeline.config import CameraSettings, Site
from pipeline.data import Clock, Frame
from pipeline.errors import ConfigError, HandoffError, ModelError, SourceError, redact
from pipeline.ingest import SourceInfo, check_regions, probe, read_recordings

LEFT = (0, 0, 4 * BLOCK, CLIP_SIZE[1])
RIGHT = (4 * BLOCK, 0, 4 * BLOCK, CLIP_SIZE[1])
JPEG_START = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
START = "2009-06-25T13:57:00Z"
START_SECONDS = 1245938220.0


def camera(source: Path | str, **settings: Any) -> CameraSettings:
    region = settings.pop("region", None)
    return CameraSettings(source=str(source), region=list(region) if region else None, **settings)


def read_all(**cameras: CameraSettings) -> list[list[Frame]]:
    return list(read_recordings(cameras))


def decoding_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("decode")]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty numbered pictures, ten a second."""
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


def test_probe_tells_what_the_file_says(clip: Path) -> None:
    assert probe(str(clip)) == SourceInfo(*CLIP_SIZE, fps=10.0, frames=20)


def test_probe_of_the_sample_clip(vtest_path: Path) -> None:
    assert probe(str(vtest_path)) == SourceInfo(768, 576, fps=10.0, frames=795)


def test_every_picture_comes_once_and_in_order(clip: Path) -> None:
    frames = [frame for (frame,) in read_all(west=camera(clip))]
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_no_picture_is_lost_whatever_the_container(
    tmp_path: Path, suffix: str, b_frames: str
) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", options={"x264-params": f"bframes={b_frames}"})
    frames = [frame for (frame,) in read_all(west=camera(clip))]
    assert [number_of(frame.image) for frame in frames] == list(range(20))


def test_the_sample_clip_is_read_whole_for_two_cameras(vtest_path: Path) -> None:
    west = camera(vtest_path, region=(0, 0, 330, 576), fps=7)
    east = camera(vtest_path, region=(440, 0, 328, 576), fps=7)
    moments = read_all(west=west, east=east)
    assert [[frame.camera for frame in moment] for moment in moments] == [["west", "east"]] * 795
    assert {frame.size for moment in moments for frame in moment} == {(330, 576), (328, 576)}
    assert [moment[1].index for moment in moments] == list(range(795))


def test_time_is_the_start_plus_the_place_at_the_given_rate(clip: Path) -> None:
    frames = [frame for (frame,) in read_all(west=camera(clip, fps=7, start=START))]
    assert [frame.time for frame in frames] == [START_SECONDS + i / 7 for i in range(20)]
    assert {frame.clock for frame in frames} == {Clock.FILE}


def test_without_a_rate_the_files_own_times_count(tmp_path: Path) -> None:
    times_ms = [0, 40, 80, 500, 520, 1000]
    clip = write_clip(tmp_path / "uneven.mkv", count=6, times_ms=times_ms)
    frames = [frame for (frame,) in read_all(west=camera(clip))]
    assert [frame.time for frame in frames] == pytest.approx([t / 1000 for t in times_ms])


def test_cameras_of_one_source_share_one_decoding(clip: Path) -> None:
    cameras = {"west": camera(clip, region=LEFT), "east": camera(clip, region=RIGHT)}
    moments = read_recordings(cameras)
    west, east = next(moments)
    assert decoding_threads() == ["decode west, east"]
    assert (west.index, west.time) == (east.index, east.time)
    moments.close()


def test_a_region_is_cut_out_exactly(clip: Path) -> None:
    region = (3, 5, 50, 21)
    cut = read_all(west=camera(clip, region=region))
    whole = read_all(west=camera(clip))
    pairs = [(part.image, full.image) for (part,), (full,) in zip(cut, whole, strict=True)]
    assert all(np.array_equal(part, full[5:26, 3:53]) for part, full in pairs)
    assert all(part.flags.c_contiguous and part.flags.owndata for part, _ in pairs)


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    fast = write_clip(tmp_path / "fast.mp4", count=20, fps=10)
    slow = write_clip(tmp_path / "slow.mp4", count=8, fps=4)
    moments = read_all(fast=camera(fast), slow=camera(slow))
    frames = [frame for moment in moments for frame in moment]
    by_camera = {
        name: [number_of(f.image) for f in frames if f.camera == name] for name in ("fast", "slow")
    }
    assert by_camera == {"fast": list(range(20)), "slow": list(range(8))}
    assert all(a[0].time < b[0].time for a, b in pairwise(moments))


def test_files_of_the_same_moment_come_together(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mp4")
    two = write_clip(tmp_path / "two.mp4")
    moments = read_all(one=camera(one), two=camera(two, start="1970-01-01T00:00:00.030Z"))
    assert [[frame.camera for frame in moment] for moment in moments] == [["one", "two"]] * 20


def test_a_recording_that_begins_later_comes_later(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mp4", count=5)
    two = write_clip(tmp_path / "two.mp4", count=5)
    moments = read_all(one=camera(one), two=camera(two, start="1970-01-01T00:00:10Z"))
    assert [moment[0].camera for moment in moments] == ["one"] * 5 + ["two"] * 5


def test_a_broken_picture_costs_itself_only(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", codec="mjpeg")
    container = clip.read_bytes().split(JPEG_START)  # the part before picture 0 comes first
    picture, end, following = container[8].rpartition(JPEG_END)
    container[8] = bytes(len(picture)) + end + following
    clip.write_bytes(JPEG_START.join(container))
    frames = [frame for (frame,) in read_all(west=camera(clip))]
    assert [frame.index for frame in frames] == [i for i in range(20) if i != 7]
    assert all(number_of(frame.image) == frame.index for frame in frames)


def test_a_recording_that_breaks_off_gives_what_there_is(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", count=20, options={"x264-params": "keyint=1"})
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) * 3 // 4])
    numbers = [number_of(frame.image) for (frame,) in read_all(west=camera(clip))]
    assert numbers == list(range(len(numbers)))
    assert 10 <= len(numbers) < 20


def test_who_stops_in_the_middle_leaves_no_thread(clip: Path) -> None:
    moments = read_recordings({"west": camera(clip)})
    first = list(islice(moments, 3))
    moments.close()
    assert len(first) == 3
    assert decoding_threads() == []


def test_a_region_that_does_not_fit_is_told_to_who_reads(clip: Path) -> None:
    with pytest.raises(ConfigError, match=r"cameras\.west\.region: expected four whole numbers"):
        read_all(west=camera(clip, region=(100, 0, 50, 32)))


def test_a_recording_without_a_picture_is_named(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", codec="mjpeg", count=3)
    container = clip.read_bytes().split(JPEG_START)
    blank = [bytes(len(part)) for part in container[1:]]
    clip.write_bytes(JPEG_START.join([container[0], *blank]))
    with pytest.raises(SourceError, match="expected video at"):
        read_all(west=camera(clip))


def test_offline_takes_no_streams() -> None:
    cameras = {"door": camera("rtsp://admin:canary@10.0.0.7/stream1")}
    with pytest.raises(ConfigError) as error:
        next(read_recordings(cameras))
    assert str(error.value) == (
        "cameras.door.source: expected a recording, since this is offline processing, "
        "found the live source rtsp://***@10.0.0.7/stream1"
    )


def test_a_region_outside_the_picture_is_named(clip: Path) -> None:
    site = Site(cameras={"west": camera(clip, region=(100, 0, 50, 32))})
    with pytest.raises(ConfigError) as error:
        check_regions(site)
    assert str(error.value) == (
        "cams.yaml: cameras.west.region: expected four whole numbers [x, y, width, height] "
        "inside the 128×32 picture, found [100, 0, 50, 32]"
    )


def test_every_mistake_is_told_at_once(clip: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none.mp4"
    site = Site(
        cameras={
            "west": camera(clip, region=(0, 0, 10, 33)),
            "east": camera(missing),
            "yard": camera("rtsp://127.0.0.1:1/never-asked"),
        }
    )
    with pytest.raises(ConfigError) as error:
        check_regions(site, where="site.yaml")
    first, second = str(error.value).splitlines()
    assert first.startswith("site.yaml: cameras.west.region: expected")
    assert second == (
        f"site.yaml: cameras.east.source: expected a file or device at {missing}, found none"
    )


def test_good_regions_tell_what_was_seen(clip: Path) -> None:
    site = Site(cameras={"west": camera(clip, region=LEFT), "east": camera(clip)})
    info = SourceInfo(*CLIP_SIZE, fps=10.0, frames=20)
    assert check_regions(site) == {"west": info, "east": info}


def _text(folder: Path) -> str:
    (folder / "notes.mp4").write_text("no video in here\n" * 50)
    return str(folder / "notes.mp4")


def _sound(folder: Path) -> str:
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    return str(folder / "sound.wav")


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        pytest.param(
            lambda folder: str(folder / "none.mp4"),
            SourceError,
            "expected a file or device at",
            id="no file",
        ),
        pytest.param(lambda folder: str(folder), SourceError, "expected a file", id="a folder"),
        pytest.param(_text, SourceError, "expected video at", id="text"),
        pytest.param(_sound, SourceError, "expected video at", id="sound only"),
        pytest.param(
            lambda _: "device:97",
            SourceError,
            "device:97: expected a camera at /dev/video97, found none",
            id="no such device",
        ),
        pytest.param(
            lambda _: "device:front",
            SourceError,
            "expected a number after device:, such as device:0, found device:front",
            id="device by name",
        ),
        pytest.param(
            lambda _: "rtsp://admin:canary@127.0.0.1:1/stream",
            SourceError,
            "nobody listens at rtsp://***@127.0.0.1:1/stream (connection refused)",
            id="nobody listens",
        ),
        pytest.param(
            lambda _: "http://admin:canary@camera.invalid/stream?password=canary",
            SourceError,
            "http://***@camera.invalid/stream?*** cannot be reached",
            id="unknown host",
        ),
        pytest.param(lambda _: "sample:no-such", ModelError, "no-such", id="unknown sample"),
    ],
)
def test_what_cannot_be_opened_gets_a_sentence(
    tmp_path: Path, make: Any, kind: type[HandoffError], sentence: str
) -> None:
    with pytest.raises(kind) as error:
        probe(make(tmp_path))
    assert sentence in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("rtsp://10.0.0.7/stream1", "rtsp://10.0.0.7/stream1"),
        ("rtsp://admin:canary@10.0.0.7:554/stream1", "rtsp://***@10.0.0.7:554/stream1"),
        ("rtsp://admin:can@ry@10.0.0.7/stream1", "rtsp://***@10.0.0.7/stream1"),
        ("rtsp://admin:can/ry@10.0.0.7/stream1", "rtsp://***@10.0.0.7/stream1"),
        ("http://10.0.0.7/video?user=a&pwd=canary", "http://10.0.0.7/video?***"),
        ("clips/west@noon.mp4", "clips/west@noon.mp4"),
        ("device:0", "device:0"),
    ],
)
def test_no_password_is_ever_shown(source: str, expected: str) -> None:
    assert redact(source) == expected
