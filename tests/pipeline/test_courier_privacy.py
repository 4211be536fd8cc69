"""What a node shows under `privacy` is hidden before it leaves the node."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.claims import Claims
from pipeline.courier import Courier
from pipeline.data import Frame
from pipeline.embedded import EmbeddedRedis
from pipeline.metrics import Metrics
from pipeline.perceive import Observation
from pipeline.site_file import SiteFile
from pipeline.store import Store

PERSON = np.array([[100, 50, 220, 350]], np.float32)


@contextmanager
def running(store: Store, folder: Path, privacy: str) -> Iterator[Courier]:
    """A courier of a node with one camera."""
    cams = folder / "cams.yaml"
    cams.write_text(f"site: x\ncameras: {{west: {{source: 'device:0'}}}}\nprivacy: {privacy}\n")
    claims = Claims(store.presence, name="node", owner="node/1")
    courier = Courier(
        store, claims, SiteFile(cams), name="node", owner="node/1", metrics=Metrics("node")
    )
    courier.start()
    yield courier
    courier.stop()


def observation() -> Observation:
    """A picture of noise, with somebody in it whom nobody follows."""
    image = np.random.default_rng(1).integers(0, 256, (400, 600, 3)).astype(np.uint8)
    return Observation(Frame("west", 0, 1.0, image), sv.Detections.empty(), [], [], PERSON)


def first_view(store: Store, courier: Courier) -> NDArray[np.uint8]:
    """The first picture that arrives of those the node shows again and again."""
    arrived = threading.Event()

    def show() -> None:
        while not arrived.wait(0.05):
            courier.show([observation()])

    showing = threading.Thread(target=show)
    with store.views(("west",), idle_seconds=0.2) as views:
        showing.start()
        message = next(view for view in views if view is not None)[1]
    arrived.set()
    showing.join()
    length = int.from_bytes(message[:4], "big")
    picture = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)


def detail(part: NDArray[np.uint8]) -> float:
    return float(np.abs(np.diff(part.astype(int), axis=0)).mean())


def test_somebody_nobody_follows_is_hidden_before_the_picture_leaves(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    store = Store.connect(redis_server.url, site="hidden")
    with running(store, tmp_path, "persons") as courier:
        picture = first_view(store, courier)
    store.close()
    assert detail(picture[60:340, 110:210]) < 10
    assert detail(picture[60:340, 400:500]) > 20
