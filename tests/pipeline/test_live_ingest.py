"""Live cameras: the newest picture of each, never behind, back by themselves after a failure."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from live_parts import camera, collect, last_of
from streams import BLOCK, CLIP_SIZE, RtspServer, number_of, require_gstreamer

from pipeline.data import CameraState, Clock, Frame
from pipeline.ingest import LiveReaders

pytestmark = pytest.mark.timed


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def of(name: str, frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.camera == name]


def has(count: int, name: str = "") -> Callable[[list[Frame]], bool]:
    return lambda frames: len(of(name, frames) if name else frames) >= count


def reading_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("read ")]


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Host and port of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


# ---------------------------------------------------------------- streams


def test_the_first_picture_of_a_healthy_stream_comes_soon(rtsp_server: RtspServer) -> None:
    started = time.monotonic()
    with LiveReaders({"door": camera(rtsp_server.url)}) as readers:
        frames = readers.collect(5.0)
    assert frames[0].size == CLIP_SIZE
    assert time.monotonic() - started <= 1.5


def test_pictures_come_in_order_and_on_time(rtsp_server: RtspServer) -> None:
    with LiveReaders({"door": camera(rtsp_server.url)}) as readers:
        frames = collect(readers, seconds=10, enough=has(25))
    settled = frames[5:]
    steps = {
        (number_of(b.image) - number_of(a.image)) % 100 - (b.index - a.index)
        for a, b in pairwise(settled)
    }
    assert steps == {0}
    assert all(a.time < b.time for a, b in pairwise(frames))
    assert all(abs(frame.arrival - frame.time) < 1.0 for frame in frames)


def test_capture_time_comes_from_the_camera_once_it_tells(rtsp_server: RtspServer) -> None:
    with LiveReaders({"door": camera(rtsp_server.url)}) as readers:
        told = lambda frames: bool(frames) and frames[-1].clock is Clock.RTCP  # noqa: E731
        frames = collect(readers, seconds=10, enough=told)
    assert [frames[0].clock, frames[-1].clock] == [Clock.ARRIVAL, Clock.RTCP]


def test_cameras_of_one_stream_share_one_connection(rtsp_server: RtspServer) -> None:
    left = camera(rtsp_server.url, region=[0, 0, 4 * BLOCK, CLIP_SIZE[1]])
    right = camera(rtsp_server.url, region=[4 * BLOCK, 0, 4 * BLOCK, CLIP_SIZE[1]])
    with LiveReaders({"west": left, "east": right}) as readers:
        first = readers.collect(5.0)
        threads = reading_threads()
    assert threads == ["read west, east"]
    assert [frame.camera for frame in first] == ["west", "east"]
    assert first[0].index == first[1].index


def test_pictures_above_the_limit_are_not_dropped_but_left_out(
    rtsp_server: RtspServer,
) -> None:
    with LiveReaders({"door": camera(rtsp_server.url, fps=4)}) as readers:
        readers.collect(5.0)
        frames = collect(readers, seconds=2.5)
        status = readers.statuses()["door"]
    assert 8 <= len(frames) <= 11
    assert status.dropped <= 1  # one may lie there untaken when another comes


def test_who_is_slow_gets_the_newest_picture_and_the_rest_is_counted(
    rtsp_server: RtspServer,
) -> None:
    with LiveReaders({"door": camera(rtsp_server.url)}) as readers:
        collect(readers, seconds=5, enough=has(8))
        time.sleep(1.0)
        before = readers.statuses()["door"].dropped
        (late,) = readers.collect(1.0)
        (following,) = readers.collect(1.0)
    assert before >= 8
    assert time.time() - late.arrival < 0.5
    assert following.index == late.index + 1


def test_a_stream_comes_back_after_its_server_was_killed(h264_clip: Path, clip: Path) -> None:
    require_gstreamer()
    server = RtspServer(h264_clip)
    server.start()
    cameras = {"door": camera(server.url), "hall": camera(clip, loop=True)}
    with LiveReaders(cameras, random=lambda: 0.0) as readers:
        before = collect(readers, seconds=5, enough=has(5, "door"))
        server.kill()
        waiting = lambda: readers.statuses()["door"].state is CameraState.WAITING  # noqa: E731
        assert wait_for(waiting, seconds=8)
        down = readers.statuses()["door"]
        meanwhile = collect(readers, seconds=1.0)
        server.start()
        after = collect(readers, seconds=10, enough=has(3, "door"))
        up = readers.statuses()["door"]
    server.kill()
    assert down.error is not None
    assert down.next_try is not None
    assert len(of("hall", meanwhile)) >= 5
    assert of("door", after)[0].time > of("door", before)[-1].time
    assert of("door", after)[0].index > of("door", before)[-1].index
    assert (up.state, up.error, up.next_try) == (CameraState.RUNNING, None, None)


def test_a_stream_that_falls_silent_is_noticed(h264_clip: Path) -> None:
    require_gstreamer()
    server = RtspServer(h264_clip)
    server.start()
    with LiveReaders({"door": camera(server.url)}) as readers:
        collect(readers, seconds=5, enough=has(5))
        server.freeze()
        noticed = wait_for(lambda: readers.statuses()["door"].error is not None, seconds=7)
        status = readers.statuses()["door"]
        started = time.monotonic()
    closed = time.monotonic() - started
    server.kill()
    assert noticed
    assert status.error == f"no answer from {server.url} in time"
    assert closed < 2.0


def test_a_wrong_password_is_named_and_never_shown(
    h264_clip: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    require_gstreamer()
    server = RtspServer(h264_clip, user="admin", password="sesame-sesame")
    server.start()
    caplog.set_level(logging.DEBUG)
    url = f"rtsp://admin:canary-password@{server.address}"
    with LiveReaders({"door": camera(url)}) as readers:
        assert wait_for(lambda: readers.statuses()["door"].error is not None, seconds=5)
        status = readers.statuses()["door"]
    server.kill()
    output = "".join(capfd.readouterr())
    assert status.error == f"authentication failed at rtsp://***@{server.address}"
    assert "canary" not in caplog.text + output + repr(status)


def test_the_right_password_lets_in(h264_clip: Path) -> None:
    require_gstreamer()
    server = RtspServer(h264_clip, user="admin", password="sesame-sesame")
    server.start()
    with LiveReaders({"door": camera(f"rtsp://admin:sesame-sesame@{server.address}")}) as readers:
        frames = readers.collect(5.0)
    server.kill()
    assert [frame.camera for frame in frames] == ["door"]


def test_a_path_that_is_not_served_is_named(rtsp_server: RtspServer) -> None:
    url = f"rtsp://127.0.0.1:{rtsp_server.port}/nothing"
    with LiveReaders({"door": camera(url)}) as readers:
        assert wait_for(lambda: readers.statuses()["door"].error is not None, seconds=5)
        status = readers.statuses()["door"]
    assert status.error == f"nothing is served at {url} (not found)"


def test_a_region_that_does_not_fit_fails_alone(rtsp_server: RtspServer) -> None:
    good = camera(rtsp_server.url)
    bad = camera(rtsp_server.url, region=[0, 0, 500, 500])
    with LiveReaders({"good": good, "bad": bad}) as readers:
        frames = collect(readers, seconds=5, enough=has(5))
        status = readers.statuses()["bad"]
    assert {frame.camera for frame in frames} == {"good"}
    assert status.error == (
        "cameras.bad.region: expected four whole numbers [x, y, width, height] inside the "
        "128×32 picture, found [0, 0, 500, 500]"
    )


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_host_that_never_answers_cannot_hold_up_the_end(black_hole: str, scheme: str) -> None:
    readers = LiveReaders({"door": camera(f"{scheme}://{black_hole}/stream")})
    frames = readers.collect(0.2)
    started = time.monotonic()
    readers.close()
    assert frames == []
    assert time.monotonic() - started < 2.0


def test_a_host_that_never_answers_delays_no_other_camera(black_hole: str, clip: Path) -> None:
    cameras = {"door": camera(f"rtsp://{black_hole}/stream"), "hall": camera(clip, loop=True)}
    with LiveReaders(cameras) as readers:
        frames = collect(readers, seconds=1.0)
    assert len(of("hall", frames)) >= 7


def test_closing_wakes_who_waits(black_hole: str) -> None:
    readers = LiveReaders({"door": camera(f"rtsp://{black_hole}/stream")})
    threading.Timer(0.2, readers.close).start()
    started = time.monotonic()
    assert readers.collect(30.0) == []
    assert time.monotonic() - started < 1.0


def test_a_healthy_reader_has_ended_when_it_is_closed(rtsp_server: RtspServer) -> None:
    readers = LiveReaders({"healthy": camera(rtsp_server.url)})
    readers.collect(5.0)
    readers.close()
    assert "read healthy" not in reading_threads()


# ---------------------------------------------------------------- cameras that come and go


def test_a_camera_that_comes_is_read_and_the_others_do_not_blink(
    rtsp_server: RtspServer, clip: Path
) -> None:
    door, hall = camera(rtsp_server.url), camera(clip, loop=True)
    with LiveReaders({"door": door}) as readers:
        collect(readers, seconds=5, enough=last_of(10))
        before = collect(readers, seconds=5, enough=has(2))
        readers.change({"door": door, "hall": hall})
        after = collect(readers, seconds=5, enough=has(3, "hall"))
        threads = reading_threads()
    doors = [frame.index for frame in before + of("door", after)]
    assert threads == ["read door", "read hall"]
    assert doors == list(range(doors[0], doors[0] + len(doors)))


def test_a_camera_that_goes_is_forgotten(rtsp_server: RtspServer, clip: Path) -> None:
    door, hall = camera(rtsp_server.url), camera(clip, loop=True)
    with LiveReaders({"door": door, "hall": hall}) as readers:
        collect(readers, seconds=5, enough=has(1, "door"))
        readers.change({"hall": hall})
        known = list(readers.statuses())
        after = collect(readers, seconds=0.5)
        gone = wait_for(lambda: reading_threads() == ["read hall"], seconds=2)
    assert known == ["hall"]
    assert of("door", after) == []
    assert gone


def test_a_camera_that_comes_back_begins_anew(rtsp_server: RtspServer) -> None:
    door = camera(rtsp_server.url)
    with LiveReaders({"door": door}) as readers:
        collect(readers, seconds=5, enough=has(5))
        readers.change({})
        none = readers.collect(0.1)
        readers.change({"door": door})
        fresh = readers.statuses()["door"]
        (frame,) = readers.collect(5.0)
    assert none == []
    assert (fresh.state, fresh.frames) == (CameraState.CONNECTING, 0)
    assert frame.index <= 10


def test_a_view_that_changes_disturbs_no_other_of_the_same_source(rtsp_server: RtspServer) -> None:
    whole = camera(rtsp_server.url)
    left = camera(rtsp_server.url, region=[0, 0, 4 * BLOCK, CLIP_SIZE[1]])
    right = camera(rtsp_server.url, region=[4 * BLOCK, 0, 4 * BLOCK, CLIP_SIZE[1]])
    with LiveReaders({"whole": whole, "part": left}) as readers:
        collect(readers, seconds=5, enough=last_of(10))
        before = collect(readers, seconds=5, enough=has(4))
        readers.change({"whole": whole, "part": right, "third": left})
        after = collect(readers, seconds=5, enough=has(4, "third"))
        threads = reading_threads()
    seen = [frame.index for frame in of("whole", before + after)]
    assert threads == ["read whole, part, third"]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    assert number_of(np.hstack([f.image for f in after[-1:-3:-1]])) == number_of(after[-3].image)


def test_without_cameras_nothing_has_ended() -> None:
    with LiveReaders({}) as readers:
        assert readers.collect(0.01) == []
        assert readers.statuses() == {}
        assert not readers.ended


def test_who_can_take_only_some_serves_the_cameras_in_turn(rtsp_server: RtspServer) -> None:
    cameras = {name: camera(rtsp_server.url) for name in "abcde"}
    with LiveReaders(cameras) as readers:
        collect(readers, seconds=5, enough=has(5))
        time.sleep(0.15)
        taken = [[f.camera for f in readers.collect(1.0, most=2)] for _ in range(2)]
        time.sleep(0.15)
        later = readers.collect(1.0, most=2)
    assert taken == [["a", "b"], ["c", "d"]]
    assert [frame.camera for frame in later] == ["a", "e"]
    assert all(time.time() - frame.arrival < 0.3 for frame in later)
