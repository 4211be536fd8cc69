"""The node's loop: a picture is followed at once, whether or not another one comes."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np

from pipeline.claims import Claims
from pipeline.config import DetectorSettings, load_site
from pipeline.courier import Courier, Report
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights
from pipeline.ingest import LiveReaders
from pipeline.metrics import Metrics
from pipeline.node import Node
from pipeline.perceive import Perception
from pipeline.site_file import SiteFile
from pipeline.store import Store


class Listening(Courier):
    """A courier that remembers the delays it was told of."""

    delays: tuple[float, ...] = ()

    def report(self, report: Report) -> None:
        self.delays = tuple(status.delay for status in report.statuses)
        super().report(report)


def write_single_picture(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 5.0, (640, 360))
    writer.write(np.full((360, 640, 3), 128, np.uint8))
    writer.release()
    return path


def test_a_picture_does_not_wait_for_the_next_one(
    store: Store, ssdlite_path: Path, tmp_path: Path
) -> None:
    source, cams = write_single_picture(tmp_path / "one.mp4"), tmp_path / "cams.yaml"
    cams.write_text(f"site: test\ncameras:\n  hall:\n    source: {source}\n", encoding="utf-8")
    site, metrics = SiteFile(cams), Metrics("node")
    claims = Claims(store.presence, name="here", owner="here/1")
    courier = Listening(store, claims, site, name="here", owner="here/1", metrics=metrics)
    detector = Detector(ssdlite_path, settings=DetectorSettings())
    embedder = Embedder(Network(find_weights("drsa_osnet_x0_5")))
    perception = Perception(load_site(cams), detector, embedder, run="x", fps={}, metrics=metrics)
    courier.start()
    with LiveReaders({}) as readers:
        node = Node(
            courier, claims, site, readers, perception, frame_rate=lambda _: 5.0, metrics=metrics
        )
        end = time.monotonic() + 60.0
        node.run(lambda: any(courier.delays) or time.monotonic() > end)
        assert time.monotonic() < end
    courier.stop()
