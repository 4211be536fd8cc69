"""What several tests share: a real RTSP server and clips, a site of two people and its matcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from correction_parts import decide
from live_parts import COUNT, FPS
from streams import RtspServer, require_gstreamer, write_clip, write_h264

from pipeline.config import load_site
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.store import Store

ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def two(store: Store) -> Store:
    """A site of two people: 1, seen as a1 and a2, and 2, seen as b1."""
    for name, identity in (("a1", 1), ("a2", 1), ("b1", 2)):
        decide(store, name, identity, person=identity)
    return store


@pytest.fixture
def service(store: Store) -> MatchingService:
    """A matcher of the demo site, which searches exactly."""
    store.open_sightings()
    calibration = Calibration(slope=20.0, offset=-12.0, trust=1.0)
    return MatchingService(store, load_site(ROOT / "cams.yaml"), calibration, exact=True)
