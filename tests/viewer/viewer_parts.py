"""A small synthetic site for the viewer's tests: one person who walks, and the server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import Any, TypeVar

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.config import CameraSettings, Site
from pipeline.data import (
    CameraState,
    CameraStatus,
    Decision,
    DecisionKind,
    Evidence,
    Frame,
    ProcessRecord,
    Sighting,
)
from pipeline.metrics import Metrics
from pipeline.perceive import Observation
from pipeline.preview import encode_preview
from pipeline.store import Settled, Store
from pipeline.viewer import serve
from pipeline.viewer.source import SiteSource
from pipeline.viewer_settings import ViewerSettings

T = TypeVar("T")

NOON = 1245931200.0  # 2009-06-25 12:00 UTC
SIZE = (320, 240)
GREY = np.full((64, 32, 3), 128, dtype=np.uint8)
PERSON_BGR = (0, 255, 0)  # the walking person is a green block: boxes can be checked against it


def make_site(**viewer: object) -> Site:
    """A site of two cameras whose viewer takes any free port."""
    settings = ViewerSettings.model_validate({"port": 0, **viewer})
    cameras = {name: CameraSettings(source="rtsp://camera") for name in ("west", "east")}
    return Site(site="demo", cameras=cameras, viewer=settings)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs it in a loop of its own: in this thread Playwright's may be running."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@contextmanager
def serving(
    store: Store, site: Site | SiteSource | None = None, *, metrics: Metrics | None = None
) -> Iterator[str]:
    """Serves a site from a thread; gives the address without the last slash."""
    addresses: Queue[str] = Queue()
    stop = threading.Event()
    options = {"started": addresses.put, "stop": stop, "metrics": metrics}
    thread = threading.Thread(target=serve, args=(site or make_site(), store), kwargs=options)
    thread.start()
    try:
        yield addresses.get(timeout=10).rstrip("/")
    finally:
        stop.set()
        thread.join(timeout=5)
    assert not thread.is_alive()


def tracklet_of(camera: str) -> str:
    """The tracklet of the walking person in a camera."""
    return f"{camera}-1"


def see(
    store: Store,
    camera: str,
    identity: int,
    *,
    begin: float = NOON,
    end: float = NOON + 8,
    confirmed: bool = True,
    evidence: Evidence | None = None,
    image: NDArray[np.uint8] | None = None,
) -> None:
    """Decides that the tracklet of a camera belongs to an identity."""
    tracklet = tracklet_of(camera)
    embedding = np.eye(1, 8, dtype=np.float32)[0]
    _, thumbnail = cv2.imencode(".jpg", GREY if image is None else image)
    sighting = Sighting(
        tracklet, camera, begin, end, embedding, 6, 0.9, False, (0, 0), (1, 1), thumbnail.tobytes()
    )
    decision = Decision(
        tracklet,
        camera,
        identity,
        DecisionKind.NEW,
        0.93,
        evidence or Evidence(),
        time=end,
        confirmed=confirmed,
    )
    previous = store.tracklet(tracklet)
    store.record([Settled(sighting, decision, previous)])


def report(
    store: Store, camera: str, state: CameraState = CameraState.RUNNING, **more: object
) -> None:
    """Renews the status of a camera."""
    fields = {"since": time.time() - 60, "size": SIZE, "fps": 10.0, "updated": time.time()} | more
    store.put_statuses([CameraStatus(camera, state, **fields)])  # type: ignore[arg-type]


def beat(
    store: Store,
    name: str,
    *,
    metrics: Metrics | None = None,
    started: float = NOON,
    **more: object,
) -> None:
    """A process called `host/role` says that it is there."""
    host, _, role = name.partition("/")
    text = (metrics or Metrics(role)).exposition()
    fields = {"started": started, "updated": time.time(), "metrics": text} | more
    store.presence.put_process(ProcessRecord(name, role, host, 7, **fields))  # type: ignore[arg-type]


@contextmanager
def living(say: Callable[[], None]) -> Iterator[None]:
    """Says again every second that a process or a camera is there, however slowly a page opens."""
    say()
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(1.0):
            say()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def seen_of(camera: str, index: int) -> Observation:
    """A picture in which the person has walked to a place given by `index`, with their box."""
    width, height = SIZE
    left, top = 20 + (21 * index) % (width - 100), 90
    image = np.full((height, width, 3), 90, dtype=np.uint8)
    image[top : top + 100, left : left + 40] = PERSON_BGR
    boxes = np.array([[left, top, left + 40, top + 100]], dtype=float)
    frame = Frame(camera, index, NOON + index / 10, image, arrival=time.time())
    people = boxes.astype(np.float32)
    return Observation(frame, sv.Detections(xyxy=boxes), [tracklet_of(camera)], [], people)


def preview_of(camera: str, index: int, *, width: int = SIZE[0], filmed: bool = False) -> bytes:
    """The same as the message that a node sends."""
    seen = seen_of(camera, index)
    return encode_preview(
        seen.frame, seen.tracks, seen.tracklets, width=width, quality=95, filmed=filmed
    )


class Walk:
    """A node's part: sends statuses, and pictures of whatever somebody watches, ten a second.

    Args:
        store: of the site.
        cameras: those it runs.
        standing: the person walks no further than to the place of this picture; None: on and on.
    """

    def __init__(self, store: Store, *cameras: str, standing: int | None = None) -> None:
        self._standing = standing
        self._store = store
        self._cameras = cameras
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Walk:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for index in range(10_000):
            for camera, look in self._store.looked_at(self._cameras).items():
                place = index if self._standing is None else self._standing
                self._store.send_view(
                    camera, preview_of(camera, place, width=look.without_video.step)
                )
            for camera in self._cameras:
                report(self._store, camera)
            if self._stop.wait(0.1):
                return
