"""Recordings played live, as if they were cameras: at their true rate, with their own time."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from live_parts import COUNT, FPS, camera, collect, last_of
from streams import CLIP_SIZE, number_of

from pipeline.data import CameraState, Clock
from pipeline.ingest import LiveReaders

pytestmark = pytest.mark.timed

DAY = 86400.0


@pytest.fixture
def web_server(clip: Path) -> Iterator[str]:
    """Address of a web server that has the clip."""
    handler = partial(_QuietHandler, directory=str(clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


# The machine may be busy: these hold for whatever frames come, however many are dropped.


@pytest.mark.parametrize(("setting", "fps"), [(None, FPS), (5, 5)])
def test_a_recording_is_played_at_its_true_rate(clip: Path, setting: float, fps: float) -> None:
    with LiveReaders({"hall": camera(clip, fps=setting)}) as readers:
        frames = collect(readers, seconds=5, enough=last_of(COUNT))
    first = frames[0].arrival - frames[0].index / fps
    due = [first + frame.index / fps for frame in frames]
    assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames]
    assert [frame.arrival for frame in frames] == pytest.approx(due, abs=0.05, rel=0)
    assert [frame.time for frame in frames] == pytest.approx([f.index / fps for f in frames])
    assert {frame.clock for frame in frames} == {Clock.FILE}


def test_a_recording_that_does_not_loop_ends(clip: Path) -> None:
    with LiveReaders({"hall": camera(clip)}) as readers:
        frames = collect(readers, seconds=5, enough=lambda _: readers.ended)
        status = readers.statuses()["hall"]
    assert (status.state, status.error, status.size) == (CameraState.ENDED, None, CLIP_SIZE)
    assert status.frames == len(frames)
    assert status.frames + status.dropped == COUNT
    assert frames[-1].index == COUNT - 1


def test_each_pass_of_a_loop_is_a_day_later(clip: Path) -> None:
    with LiveReaders({"hall": camera(clip, loop=True)}) as readers:
        frames = collect(readers, seconds=5, enough=last_of(2 * COUNT + 3))
    expected = [frame.index // COUNT * DAY + frame.index % COUNT / FPS for frame in frames]
    assert [frame.time for frame in frames] == pytest.approx(expected)
    assert [number_of(frame.image) for frame in frames] == [f.index % COUNT for f in frames]


def test_a_loop_has_no_pause_between_passes(clip: Path) -> None:
    with LiveReaders({"hall": camera(clip, loop=True)}) as readers:
        frames = collect(readers, seconds=5, enough=last_of(2 * COUNT + 1))
    first, last = frames[0], frames[-1]
    assert last.arrival - first.arrival == pytest.approx((last.index - first.index) / FPS, abs=0.05)


def test_views_of_one_recording_come_together(clip: Path) -> None:
    west = camera(clip, region=[0, 0, 64, 32], loop=True)
    east = camera(clip, region=[64, 0, 64, 32], loop=True)
    with LiveReaders({"west": west, "east": east}) as readers:
        moments = [readers.collect(1.0) for _ in range(10)]
    assert all([frame.camera for frame in moment] == ["west", "east"] for moment in moments)


def test_a_slow_consumer_of_a_recording_loses_pictures_not_time(clip: Path) -> None:
    with LiveReaders({"hall": camera(clip, loop=True)}) as readers:
        readers.collect(1.0)
        time.sleep(1.0)
        (late,) = readers.collect(1.0)
        age = time.time() - late.arrival
        status = readers.statuses()["hall"]
    assert age < 0.3
    assert status.dropped >= 7
    assert status.frames == 2


def test_a_recording_that_is_not_there_yet_is_tried_again(tmp_path: Path, clip: Path) -> None:
    late = tmp_path / "late.mp4"
    with LiveReaders({"hall": camera(late)}, random=lambda: 0.0) as readers:
        nothing = readers.collect(0.3)
        status = readers.statuses()["hall"]
        late.write_bytes(clip.read_bytes())
        frames = readers.collect(3.0)
    assert nothing == []
    assert status.error == f"expected a file or device at {late}, found none"
    assert [frame.camera for frame in frames] == ["hall"]


def test_a_file_behind_http_is_not_rushed_through(web_server: str) -> None:
    with LiveReaders({"hall": camera(f"{web_server}/clip.mp4")}) as readers:
        frames = collect(readers, seconds=5, enough=last_of(COUNT))
    first, last = frames[0], frames[-1]
    assert [number_of(frame.image) for frame in frames] == [frame.index for frame in frames]
    assert last.time - first.time == pytest.approx((last.index - first.index) / FPS, abs=0.1)
