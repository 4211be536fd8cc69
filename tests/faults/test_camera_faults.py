"""Cameras that break in every way: they come back by themselves, and no other notices."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from proxy import Proxy, shift_reports, shift_stamps, spoil_pictures
from streams import CLIP_SIZE, RtspServer, require_gstreamer, write_clip, write_h264

from pipeline.config import CameraSettings
from pipeline.data import CameraState, CameraStatus, Clock, Frame
from pipeline.ingest import LiveReaders

HOUR = 3600
CANARY = "canary-password"
USER = f"admin:{CANARY}"
HICCUP_SECONDS = 0.6
"""The longest the other camera may pause on a busy machine; its pictures come each 0.1 s."""


@pytest.fixture(scope="module")
def h264(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_h264(tmp_path_factory.mktemp("faults") / "clip.h264")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> CameraSettings:
    """The other camera: a recording played live."""
    clip = write_clip(tmp_path_factory.mktemp("faults") / "hall.mp4", count=50)
    return CameraSettings(source=str(clip), loop=True)


@pytest.fixture
def server(h264: Path) -> Iterator[RtspServer]:
    require_gstreamer()
    server = RtspServer(h264, user="admin", password=CANARY)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def proxy(server: RtspServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _nothing_leaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No password in any line of the log; no thread and no socket left."""
    caplog.set_level(logging.DEBUG)
    before = sockets()
    yield
    assert CANARY not in caplog.text
    assert until(lambda: not reading_threads(), seconds=4), reading_threads()
    assert until(lambda: sockets() <= before, seconds=2), sockets() - before


def reading_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("read ")]


def sockets() -> set[Any]:
    """Local addresses of this process's connections."""
    return {c.laddr for c in psutil.Process().net_connections(kind="inet")}


def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@dataclass
class Watch:
    """Two cameras that are read: `door`, which is broken, and `hall`, which must not notice."""

    readers: LiveReaders
    frames: list[Frame] = field(default_factory=list)
    seen: list[CameraStatus] = field(default_factory=list)

    def until(self, condition: Callable[[Watch], bool], *, seconds: float = 12) -> CameraStatus:
        """Takes frames until the condition holds; returns the door's status then."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, self.door
            self.frames += self.readers.collect(0.1)
            self.seen.append(self.door)
        return self.door

    def comes(self, count: int = 3) -> CameraStatus:
        """Waits for so many more pictures of the door."""
        enough = len(self.doors) + count
        return self.until(lambda watch: len(watch.doors) >= enough)

    def fails(self) -> CameraStatus:
        """Waits until the door is known to be broken."""
        return self.until(lambda watch: watch.door.state is CameraState.WAITING)

    @property
    def door(self) -> CameraStatus:
        return self.readers.statuses()["door"]

    @property
    def doors(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.camera == "door"]

    @property
    def pauses(self) -> list[float]:
        """Seconds between pictures of the other camera."""
        return [
            b.arrival - a.arrival
            for a, b in pairwise(frame for frame in self.frames if frame.camera == "hall")
        ]


@contextmanager
def watch(
    hall: CameraSettings, url: str, clock: Callable[[], float] = time.time, **settings: Any
) -> Iterator[Watch]:
    """Reads both cameras; what must hold whatever happens is checked at the end."""
    limits = {"connect_timeout": 2.0, "read_timeout": 1.0, "hardware_decoding": "off"}
    door = CameraSettings(source=url, **(limits | settings))
    cameras = {"hall": hall, "door": door}
    with LiveReaders(cameras, clock=clock, random=lambda: 1.0) as readers:
        watching = Watch(readers)
        yield watching
    doors = watching.doors
    assert all(a.time < b.time and a.index < b.index for a, b in pairwise(doors))
    assert CANARY not in repr(watching.seen)
    assert clock is not time.time or max(watching.pauses, default=0.0) < HICCUP_SECONDS


def through(proxy: Proxy) -> str:
    return f"rtsp://{USER}@127.0.0.1:{proxy.port}/clip"


def balanced(status: CameraStatus) -> bool:
    """True if every picture that came went somewhere; one may still wait."""
    drops = status.drops
    lost = drops.get("corrupt", 0) + drops.get("skipped", 0)
    used = status.frames + status.left_out + status.dropped - lost
    return status.received == status.decoded + lost and status.decoded - used in (0, 1)


def test_a_camera_whose_cable_is_pulled_comes_back(hall: CameraSettings, proxy: Proxy) -> None:
    with watch(hall, through(proxy)) as cameras:
        cameras.comes()
        proxy.freeze()  # half-open: the connection stands, nothing comes
        down = cameras.fails()
        proxy.thaw()
        up = cameras.comes()
    assert down.problem == "timeout"
    assert down.next_try is not None
    assert (up.state, up.problem, up.error) == (CameraState.RUNNING, None, None)
    assert balanced(up)


def test_a_connection_cut_in_the_middle_of_a_picture(hall: CameraSettings, proxy: Proxy) -> None:
    with watch(hall, through(proxy)) as cameras:
        cameras.comes()
        proxy.cut()
        down = cameras.fails()
        cameras.comes()
    assert down.problem in {"ended", "connection", "timeout"}


def test_a_server_killed_in_the_middle_of_a_picture(
    hall: CameraSettings, server: RtspServer
) -> None:
    with watch(hall, f"rtsp://{USER}@{server.address}") as cameras:
        cameras.comes()
        server.kill()
        cameras.until(lambda w: w.door.problem == "refused")
        server.start()
        cameras.comes()


def test_nonsense_between_two_packets(hall: CameraSettings, proxy: Proxy) -> None:
    with watch(hall, through(proxy)) as cameras:
        cameras.comes()
        proxy.insert_garbage()
        time.sleep(0.2)
        status = cameras.comes(5)
    assert status.state is CameraState.RUNNING


def test_pictures_full_of_nonsense_are_counted_and_end_nothing(
    hall: CameraSettings, proxy: Proxy
) -> None:
    with watch(hall, through(proxy), read_timeout=4.0) as cameras:
        cameras.comes()
        proxy.alter = spoil_pictures
        cameras.until(lambda w: w.door.drops.get("corrupt", 0) > 2)
        proxy.alter = None
        status = cameras.comes(5)
    assert status.state is CameraState.RUNNING
    assert balanced(status)


def test_a_slow_network_makes_pictures_late_not_the_others(
    hall: CameraSettings, proxy: Proxy
) -> None:
    proxy.delay_seconds, proxy.bytes_per_second = 0.3, 50_000
    with watch(hall, through(proxy), connect_timeout=8.0) as cameras:
        status = cameras.comes(8)
    assert status.state is CameraState.RUNNING


@pytest.mark.parametrize(
    ("url", "word"),
    [
        pytest.param("rtsp://admin:wrong-canary-password@{address}", "authentication", id="login"),
        pytest.param(f"rtsp://{USER}@127.0.0.1:{{port}}/nothing", "not_found", id="404"),
        pytest.param(f"rtsp://{USER}@127.0.0.1:1/clip", "refused", id="nobody listens"),
        pytest.param(f"rtsp://{USER}@camera.invalid/clip", "address", id="unknown host"),
        pytest.param(f"rtsps://{USER}@{{address}}", "tls", id="no TLS there"),
    ],
)
def test_what_keeps_a_camera_from_opening_has_a_word(
    hall: CameraSettings, server: RtspServer, url: str, word: str
) -> None:
    with watch(hall, url.format(address=server.address, port=server.port)) as cameras:
        down = cameras.fails()
        wait = 0.0 if down.next_try is None else down.next_try - time.time()
    assert down.problem == word
    assert "***@" in (down.error or "")
    assert 0.0 < wait <= 1.0


def test_a_host_that_takes_connections_and_is_silent(hall: CameraSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with watch(hall, f"rtsp://{USER}@127.0.0.1:{port}/clip", connect_timeout=0.5) as cameras:
            down = cameras.fails()
    assert down.problem == "timeout"


def test_a_codec_that_nobody_knows(hall: CameraSettings, proxy: Proxy) -> None:
    proxy.rewrite = (b"H264/90000", b"X999/90000")
    with watch(hall, through(proxy)) as cameras:
        down = cameras.fails()
        proxy.rewrite = None
        cameras.comes()
    assert down.problem == "codec"


def test_a_resolution_that_changes_in_mid_stream(hall: CameraSettings, tmp_path: Path) -> None:
    require_gstreamer()
    small, large = write_h264(tmp_path / "a.h264", count=10), tmp_path / "b.h264"
    write_h264(large, count=10, scale=2)
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    double = (2 * CLIP_SIZE[0], 2 * CLIP_SIZE[1])
    server = RtspServer(both)
    server.start()
    with watch(hall, server.url, region=[0, 0, *double]) as cameras:
        misfit = cameras.until(lambda w: w.door.problem == "region")
        fits = cameras.comes()
    with watch(hall, server.url) as whole:
        sizes = lambda: {frame.size for frame in whole.doors}  # noqa: E731
        status = whole.until(lambda _: len(sizes()) == 2)
    server.kill()
    assert "inside the 128×32 picture" in (misfit.error or "")
    assert fits.size == double
    assert sizes() == {CLIP_SIZE, double}
    assert status.size == whole.doors[-1].size


def test_a_camera_by_udp(hall: CameraSettings, server: RtspServer) -> None:
    with watch(hall, f"rtsp://{USER}@{server.address}", transport="udp") as cameras:
        cameras.comes()
        server.freeze()
        down = cameras.fails()
        server.kill()
        server.start()
        cameras.comes()
    assert down.problem == "timeout"


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["ahead", "behind"])
def test_a_cameras_clock_that_jumps_is_named(
    hall: CameraSettings, proxy: Proxy, caplog: pytest.LogCaptureFixture, seconds: int
) -> None:
    proxy.alter = shift_reports(seconds)
    with watch(hall, through(proxy)) as cameras:
        wrong = cameras.until(lambda w: w.door.problem == "clock")
        late = [abs(frame.time - frame.arrival) for frame in cameras.doors]
        proxy.alter = None
        cameras.until(lambda w: w.door.clock is Clock.RTCP, seconds=15)
        right = cameras.door
    told = [record for record in caplog.records if "stopwatch" in record.getMessage()]
    assert wrong.state is CameraState.RUNNING
    assert wrong.clock_offset == pytest.approx(seconds, abs=2)
    assert max(late) < 2.0
    assert (right.problem, len(told)) == (None, 1)
    assert right.clock_offset == pytest.approx(0, abs=2)
    assert "door" in told[0].getMessage()


@pytest.mark.parametrize("ticks", [HOUR * 90_000, -HOUR * 90_000], ids=["forward", "back"])
def test_time_stamps_that_jump(hall: CameraSettings, proxy: Proxy, ticks: int) -> None:
    with watch(hall, through(proxy)) as cameras:
        cameras.comes()
        proxy.alter = shift_stamps(ticks)
        cameras.comes(10)
        late = abs(cameras.doors[-1].time - cameras.doors[-1].arrival)
    assert late < 2.0


@pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])
def test_our_own_clock_jumps(hall: CameraSettings, proxy: Proxy, seconds: float) -> None:
    shift = 0.0
    with watch(hall, through(proxy), clock=lambda: time.time() + shift) as cameras:
        cameras.comes()
        shift = seconds
        began = time.monotonic()
        cameras.comes(10)
        took = time.monotonic() - began
    lead = cameras.doors[-1].time - cameras.doors[-1].arrival
    assert took < 3.0
    assert lead < 2.0 if seconds > 0 else 0.99 * HOUR < lead < HOUR
