"""A site for the page's benchmarks: a viewer, and a node's part in showing sixteen cameras.

The pictures are those of the sample clip. They are decoded and encoded beforehand: what is measured
of the node is what it takes to show them, as previews (JPEG) or as the cameras' own video.
"""

from __future__ import annotations

import multiprocessing
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import supervision as sv
from numpy.typing import NDArray

from benchmarks.cameras import encode_clip
from pipeline.config import CameraSettings, Site
from pipeline.data import CameraState, CameraStatus, Frame
from pipeline.embedded import EmbeddedRedis
from pipeline.film import FilmMessage, Group, Stretch
from pipeline.ingest.h264 import coding_of
from pipeline.onlookers import Look
from pipeline.passing import Passing
from pipeline.perceive import Observation
from pipeline.preview import encode_preview, header_of
from pipeline.store import Store
from pipeline.viewer import serve
from pipeline.viewer_settings import ViewerSettings

CAMERAS = tuple(f"camera-{number:02}" for number in range(1, 17))
FPS = 10
SIZE = (640, 360)

_SITE = "benchmark"
_PICTURES = 100  # of the clip, over and over: five groups of pictures

_processes = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class ViewedSite:
    """A site whose page can be opened.

    Attributes:
        address: of the page, without the last slash.
        viewer: the process that serves it.
        showing: seconds of processor time the node's part has taken so far, and for how many
            pictures.
    """

    address: str
    viewer: psutil.Process
    showing: Any

    @property
    def node_work(self) -> NDArray[np.float64]:
        """Processor time spent on making and sending what is shown, seconds, and the pictures."""
        return np.array(self.showing[:])


@contextmanager
def site_at_work() -> Iterator[ViewedSite]:
    """The site, for as long as the context lasts."""
    with EmbeddedRedis() as server, tempfile.TemporaryDirectory() as folder:
        clip = encode_clip(Path(folder) / "clip.h264", frames=_PICTURES)
        addresses, stop = _processes.Queue(), _processes.Event()
        showing = _processes.Array("d", 2)
        viewer = _processes.Process(target=_view, args=(server.url, addresses), daemon=True)
        node = _processes.Process(target=_feed, args=(server.url, clip, stop, showing), daemon=True)
        viewer.start()
        node.start()
        try:
            address = addresses.get(timeout=180).rstrip("/")
            yield ViewedSite(address, psutil.Process(viewer.pid), showing)
        finally:
            stop.set()
            node.join(timeout=5)
            viewer.terminate()
            viewer.join(timeout=5)


def _view(url: str, addresses: Any) -> None:
    """The viewer, in a process of its own."""
    cameras = {name: CameraSettings(source="rtsp://camera") for name in CAMERAS}
    site = Site(site=_SITE, cameras=cameras, viewer=ViewerSettings(port=0))
    serve(site, Store.connect(url, site=_SITE), started=addresses.put)


def _feed(url: str, clip: Path, stop: Event, showing: Any) -> None:
    """A node's part: a picture of every camera that somebody looks at, ten times a second."""
    store, passing = Store.connect(url, site=_SITE), Passing(allowed=True)
    cameras, index, due = _cameras(clip), 0, time.time()
    while not stop.is_set():
        index, due = index + 1, due + 1 / FPS
        looks = store.looked_at(CAMERAS)
        seen = [camera.see(index) for camera in cameras]
        began = time.thread_time()
        for each in seen:
            if (look := looks.get(each.frame.camera)) is not None:
                _show(store, passing, each, look)
        showing[0] += time.thread_time() - began
        showing[1] += len(looks)
        if index % FPS == 1:
            now = time.time()
            store.put_statuses(
                CameraStatus(c, CameraState.RUNNING, now, size=SIZE, updated=now) for c in CAMERAS
            )
        time.sleep(max(0.0, due - time.time()))


def _show(store: Store, passing: Passing, seen: Observation, look: Look) -> None:
    """What a courier does with a picture (see `pipeline.courier`)."""
    film = passing.film(seen, look)
    if film is not None:
        header = header_of(seen.frame, seen.tracks, seen.tracklets)
        store.send_film(seen.frame.camera, FilmMessage(header, film).data)
    if film is None or look.width is not None:
        step = (look.without_video if film is None else look).step
        message = encode_preview(
            seen.frame, seen.tracks, seen.tracklets, width=step, filmed=film is not None
        )
        store.send_view(seen.frame.camera, message)


class _Camera:
    """The clip from a place of its own, without end."""

    def __init__(
        self, name: str, units: Sequence[bytes], images: Sequence[NDArray[np.uint8]], start: int
    ) -> None:
        self._name = name
        self._units = units
        self._images = images
        self._start = start
        self._group: Group | None = None

    def see(self, index: int) -> Observation:
        """Picture `index` with somebody's box, and what it takes to decode it."""
        place = (self._start + index) % len(self._units)
        unit, now = self._units[place], time.time()
        if coding := coding_of(b"", unit):  # the parameters stand before every key frame
            self._group = Group(secrets.token_hex(6), coding)
        film = None
        if self._group is not None:
            self._group.units.append(unit)
            film = Stretch(self._group, len(self._group.units))
        frame = Frame(self._name, index, now, self._images[place], arrival=now, film=film)
        left = 5.0 * index % 400
        box = np.array([[100.0 + left, 80.0, 180.0 + left, 300.0]])
        return Observation(frame, sv.Detections(xyxy=box), ["t"], [], box.astype(np.float32))


def _cameras(clip: Path) -> list[_Camera]:
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        images = [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for packet in [*packets, None]
            for frame in container.streams.video[0].codec_context.decode(packet)
        ]
    units = [bytes(packet) for packet in packets]
    steps = len(units) // len(CAMERAS)
    return [_Camera(name, units, images, number * steps) for number, name in enumerate(CAMERAS)]
