"""What the tests of ingest share: a real RTSP server, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_parts import COUNT, FPS
from streams import RtspServer, require_gstreamer, write_clip, write_h264


@pytest.fixture(scope="session")
def h264_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of numbered pictures, a key frame every second."""
    return write_h264(tmp_path_factory.mktemp("rtsp") / "clip.h264")


@pytest.fixture(scope="session")
def rtsp_server(h264_clip: Path) -> Iterator[RtspServer]:
    """An RTSP server that plays the clip over and over, 10 pictures a second."""
    require_gstreamer()
    server = RtspServer(h264_clip)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few numbered pictures."""
    return write_clip(tmp_path_factory.mktemp("live") / "clip.mp4", count=COUNT, fps=FPS)
