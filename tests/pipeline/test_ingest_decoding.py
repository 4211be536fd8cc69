"""Decoding: on a device where there is one, and no more of it than is looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from streams import RtspServer, number_of, write_clip

from pipeline.config import CameraSettings
from pipeline.ingest import LiveReaders, hardware
from pipeline.ingest.source import Connection, VideoSource


@pytest.fixture
def asked_anew() -> Iterator[None]:
    """Forgets what was found out about this machine's devices."""
    hardware.decoding_device.cache_clear()
    yield
    hardware.decoding_device.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_what_decodes_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    found = {hardware.decoding_device() for _ in range(3)}
    assert len(found) == 1
    assert [r.getMessage().startswith("video is decoded") for r in caplog.records] == [True]


def test_auto_decodes_in_software_where_there_is_no_device(rtsp_server: RtspServer) -> None:
    if hardware.decoding_device() is not None:
        pytest.skip("this machine has a device that decodes")
    camera = CameraSettings(source=rtsp_server.url, hardware_decoding="auto")
    with LiveReaders({"door": camera}) as readers:
        frames = readers.collect(5.0)
        status = readers.statuses()["door"]
    assert len(frames) == 1
    assert status.decoder == "software"


@pytest.mark.parametrize("on_device", [True, False])
def test_pictures_are_the_same_whatever_decodes(tmp_path: Path, on_device: bool) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    with VideoSource(str(clip), Connection(hardware=on_device)) as source:
        numbers = [number_of(picture.image()) for picture in source.pictures()]
    assert numbers == list(range(20))


def test_pictures_that_no_other_builds_upon_can_be_skipped(tmp_path: Path) -> None:
    parameters = {"x264-params": "bframes=2:b-adapt=0:b-pyramid=none"}
    clip = write_clip(tmp_path / "clip.mp4", count=40, options=parameters)
    with VideoSource(str(clip)) as source:
        source.skip_what_can_be(True)
        numbers = [number_of(picture.image()) for picture in source.pictures()]
    assert 10 <= len(numbers) <= 20
    assert numbers == sorted(set(numbers))
    assert source.counts["decoded"] == len(numbers)
    assert source.counts["skipped"] >= 20
