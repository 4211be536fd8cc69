"""Pictures are made as large and as many as somebody wants to see, and no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv

from pipeline.claims import Claims
from pipeline.courier import Courier
from pipeline.data import Frame
from pipeline.metrics import Metrics
from pipeline.onlookers import Look, together
from pipeline.perceive import Observation
from pipeline.preview import decode_header
from pipeline.showing import Showing
from pipeline.site_file import SiteFile
from pipeline.store import Store

CAMS = "site: shop\ncameras:\n  west: {source: 'rtsp://127.0.0.1:1/west'}\n"


def seen(camera: str, index: int = 0) -> Observation:
    """A picture of full HD with one person."""
    frame = Frame(camera, index, float(index), np.full((1080, 1920, 3), 90, dtype=np.uint8))
    box = np.array([[100.0, 100, 300, 700]])
    return Observation(frame, sv.Detections(xyxy=box), ["w1"], [], box.astype(np.float32))


@contextmanager
def node(
    store: Store,
    folder: Path,
    *,
    more: str = "",
    show: Callable[[int], Observation] = lambda index: seen("west", index),
) -> Iterator[Courier]:
    """What a node shows: ten pictures a second of the camera west; `more` stands in cams.yaml."""
    cams = folder / "cams.yaml"
    cams.write_text(f"{CAMS}{more}\n", encoding="utf-8")
    site, stop = SiteFile(cams), threading.Event()
    claims = Claims(store.presence, name="hall/node", owner="hall/node/1")
    options = {"name": "hall/node", "owner": "hall/node/1", "metrics": Metrics("node")}
    courier = Courier(store, claims, site, **options)

    def run() -> None:
        for index in range(10_000):
            courier.show([show(index)])
            if stop.wait(0.1):
                return

    thread = threading.Thread(target=run)
    courier.start()
    thread.start()
    try:
        yield courier
    finally:
        stop.set()
        thread.join()
        courier.stop()


def picture_size(message: bytes) -> tuple[int, int]:
    """Width and height of a preview's picture, (0, 0) without one."""
    length = int.from_bytes(message[:4], "big")
    if len(message) == 4 + length:
        return 0, 0
    image = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[1], image.shape[0]


def first(
    views: Iterator[tuple[str, bytes] | None], wanted: Callable[[bytes], bool], seconds: float = 5
) -> bytes:
    """The first preview that is wanted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        view = next(views)
        if view is not None and wanted(view[1]):
            return view[1]
    raise AssertionError("no such picture came")


def test_a_node_follows_the_most_demanding_onlooker(store: Store, tmp_path: Path) -> None:
    with node(store, tmp_path), store.views(["west"], idle_seconds=0.05) as views:
        first(views, lambda m: picture_size(m) == (640, 360))  # nobody says how wide
        store.onlookers.put("hall", {"west": Look(300, 10.0)})
        first(views, lambda m: picture_size(m) == (320, 180))
        store.onlookers.put("yard", {"west": Look(1200, 10.0)})
        first(views, lambda m: picture_size(m) == (1280, 720))
        store.onlookers.remove("yard")
        first(views, lambda m: picture_size(m) == (320, 180))
        store.onlookers.put("hall", {"west": Look(0, 10.0)})
        message = first(views, lambda m: picture_size(m) == (0, 0))
    assert decode_header(message)["boxes"] == [
        {"tracklet": "w1", "xywh": [0.05208, 0.09259, 0.10417, 0.55556]}
    ]


def test_of_a_camera_nobody_wants_to_see_nothing_is_sent(store: Store, tmp_path: Path) -> None:
    with node(store, tmp_path), store.views(["west"], idle_seconds=0.05) as views:
        store.onlookers.put("hall", {"west": Look(300, 10.0)})
        first(views, lambda m: picture_size(m) == (320, 180))
        store.onlookers.put("hall", {})
        time.sleep(0.6)
        while next(views) is not None:
            pass  # what was under way
        assert [next(views) for _ in range(8)] == [None] * 8


def test_a_look_ends_when_it_is_not_renewed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.onlookers.SECONDS", 1.0)
    store.onlookers.put("hall", {"west": Look(500, 5.0)})
    assert store.onlookers.wanted() == {"west": Look(640, 5.0)}
    time.sleep(1.1)
    assert store.onlookers.wanted() is None


@pytest.mark.parametrize(
    ("width", "step"), [(0, 0), (1, 160), (160, 160), (161, 320), (700, 960), (5000, 1920)]
)
def test_widths_go_by_steps(width: int, step: int) -> None:
    assert Look(width).step == step


def test_the_widest_and_the_most_frequent_serve_everybody() -> None:
    wanted = together([{"west": Look(640, 5.0), "east": Look(0, 2.0)}, {"west": Look(320, 25.0)}])
    assert wanted == {"west": Look(640, 25.0), "east": Look(0, 2.0)}


def test_no_more_pictures_are_taken_than_are_wanted() -> None:
    showing, taken = Showing(), 0
    showing.want({"west": Look(640, 5.0)})
    for index in range(100):  # ten seconds of a camera of ten pictures a second
        showing.put([seen("west", index), seen("east", index)], index / 10)
        taken += len(showing.take())
    assert taken == pytest.approx(50, abs=1)
