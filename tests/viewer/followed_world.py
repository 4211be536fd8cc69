"""A synthetic site followed by the real stages into a real Redis, then shown as if it went on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from viewer_parts import beat, report
from world import World
from world.recording import Film, record

from pipeline.config import DetectorSettings, NetworkSettings, Site, load_site
from pipeline.curve import site_calibration
from pipeline.data import Clock, Sighting
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights
from pipeline.ingest import read_recordings
from pipeline.matcher import MatchingService
from pipeline.perceive import Observation, Perception
from pipeline.preview import encode_preview
from pipeline.store import Store

Moment = list[Observation]
"""What is seen at one moment, by each camera."""


def film(world: World, folder: Path, film: Film) -> Site:
    """Films a world, and gives the settings that follow it on a small machine."""
    site = load_site(record(world, folder, film))
    quick = {
        "cameras": {n: c.model_copy(update={"fps": film.fps}) for n, c in site.cameras.items()},
        "detector": DetectorSettings(model="ssdlite"),
        "network": NetworkSettings(weights="drsa_osnet_x0_5"),
    }
    return site.model_copy(update=quick)


def follow(site: Site, store: Store, detector: Path) -> list[Moment]:
    """Follows everybody through a site's recordings, as fast as it goes, and leaves nobody out."""
    weights = find_weights(site.network.weights)
    network = Network(weights)
    eyes = Detector(detector, settings=site.detector)
    rates = {name: camera.fps or 25.0 for name, camera in site.enabled_cameras.items()}
    perception = Perception(site, eyes, Embedder(network), run="world", fps=rates)
    calibration = site_calibration(site, weights)
    matcher = MatchingService(store, site, calibration, network=network.id, exact=True)
    store.open_sightings()
    seen: list[Moment] = []
    for frames in read_recordings(site.enabled_cameras):
        observations, sightings = perception.follow(frames, eyes.detect(frames))
        seen.append(observations)
        decide(store, matcher, sightings)
    decide(store, matcher, perception.close())
    return seen


def decide(store: Store, matcher: MatchingService, sightings: Sequence[Sighting]) -> None:
    """Sends sightings and waits until all are decided on."""
    for sighting in sightings:
        store.send_sighting(sighting)
    waiting = len(sightings)
    while waiting > 0:
        waiting -= matcher.tick(wait_seconds=1.0)


class Replay:
    """A node's part: sends pictures of whatever somebody watches, and says that all is well.

    Args:
        store: of the site.
        seen: what it shows, over and over.
        fps: pictures per second.
    """

    def __init__(self, store: Store, seen: list[Moment], *, fps: float) -> None:
        self._store = store
        self._seen = seen
        self._pause = 1 / fps
        self._sizes = {o.frame.camera: o.frame.size for moment in seen for o in moment}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Replay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        told = 0.0
        for moment in cycle(self._seen):
            if time.monotonic() - told > 1:
                told = time.monotonic()
                self._tell()
            looks = self._store.looked_at(list(self._sizes))
            for observation in moment:
                if look := looks.get(observation.frame.camera):
                    self._show(observation, look.without_video.step)
            if self._stop.wait(self._pause):
                return

    def _show(self, observation: Observation, width: int) -> None:
        frame, tracks, tracklets = observation.frame, observation.tracks, observation.tracklets
        preview = encode_preview(frame, tracks, tracklets, width=width)
        self._store.send_view(frame.camera, preview)

    def _tell(self) -> None:
        for camera, size in self._sizes.items():
            report(self._store, camera, size=size, clock=Clock.FILE, node="hall/node")
        beat(self._store, "hall/node", ready=True)
        beat(self._store, "hall/matcher", ready=True)
