"""What must be in order before anything starts, and what of it is to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from calibration.plane import read_ground
from engines.runtime import Backend, choose_backend
from engines.zoo import Choice, resolve_detector
from pipeline.config import CameraSettings, Site, load_site
from pipeline.embed import find_weights
from pipeline.errors import ConfigError, HandoffError, redact
from pipeline.ingest import SourceInfo, check_regions
from pipeline.mqtt_settings import MqttSettings
from pipeline.store import Store

_LIVE_FPS = 15.0  # assumed of a stream that has not been opened yet


@dataclass(frozen=True, slots=True)
class Plan:
    """A site that can be run.

    Attributes:
        site: the settings.
        detector: its file, and which one it is and why.
        weights: file of the attention network's graph A.
        backend: what networks run on.
        recordings: what is known of the cameras that are files.
    """

    site: Site
    detector: Choice
    weights: Path
    recordings: Mapping[str, SourceInfo]
    backend: Backend

    @property
    def frame_rates(self) -> dict[str, float]:
        """Frames per second to expect of each camera."""
        return {name: self.frame_rate(name) for name in self.site.enabled_cameras}

    @property
    def frames(self) -> int | None:
        """Pictures in all recordings together, or None if a file does not say."""
        counts = [info.frames for info in self.recordings.values()]
        return None if None in counts else sum(count for count in counts if count)

    def frame_rate(self, name: str) -> float:
        """Frames per second to expect of a camera, also of one that came after the start."""
        info, camera = self.recordings.get(name), self.site.cameras.get(name)
        own = camera.fps if camera else None
        return own or (info.fps if info else _LIVE_FPS)


def make_plan(path: Path) -> Plan:
    """Reads cams.yaml and checks all in it that can be checked without starting.

    Raises:
        HandoffError: one sentence that names file and key.
    """
    site = load_site(path)
    with _blaming(path, "network.weights"):
        weights = find_weights(site.network.weights)
    recordings = check_regions(site, where=str(path))
    _check_grounds(site, recordings)
    with _blaming(path, "detector.model"):
        detector = resolve_detector(site.detector.model)
    with _blaming(path, "device"):
        backend = choose_backend(site.device)
    return Plan(site, detector, weights, recordings, backend)


def connect(path: Path, site: Site, url: str | None) -> Store:
    """Connects to the site's Redis.

    Args:
        path: cams.yaml, for the message.
        url: address that takes the place of the one in cams.yaml, or None.
    """
    address = url or site.redis.url
    if address is None:
        raise ConfigError(
            f"{path}: redis.url: expected the address of a Redis server shared by all roles, "
            "found none"
        )
    with _blaming(path, "redis.url"):
        return Store.connect(
            address, site=site.site, retention=site.retention, ca_file=site.redis.ca_file
        )


def explain(plan: Plan) -> list[tuple[str, str]]:
    """What the settings mean, as (what, how) pairs."""
    site = plan.site
    cameras = [(f"camera {name}", _camera(camera)) for name, camera in site.cameras.items()]
    return [
        ("site", site.site),
        *cameras,
        ("device", str(plan.backend)),
        ("detector", plan.detector.reason),
        ("tracker", f"{site.tracker.name}, a track is lost after {site.tracker.lost_after:g} s"),
        ("network", plan.weights.name.removesuffix(".crop.onnx")),
        ("redis", redact(site.redis.url) if site.redis.url else "embedded"),
        ("viewer", f"http://{site.viewer.host}:{site.viewer.port}/"),
        *((f"webhook {name}", redact(hook.url)) for name, hook in site.webhooks.items()),
        *([("mqtt", _mqtt(site.mqtt, site.site))] if site.mqtt else []),
        ("identities are kept", _days(site.retention.identities)),
        ("pictures are kept", _days(site.retention.crops)),
    ]


@contextmanager
def _blaming(path: Path, key: str) -> Iterator[None]:
    """Puts file and key in front of an error that knows neither."""
    try:
        yield
    except HandoffError as error:
        raise type(error)(f"{path}: {key}: {error}") from error


def _check_grounds(site: Site, recordings: Mapping[str, SourceInfo]) -> None:
    """Sees that each ground is of the picture the camera has, as far as that is known."""
    for name, camera in site.enabled_cameras.items():
        if camera.ground is not None:
            info = recordings.get(name)
            whole = (info.width, info.height) if info else None
            read_ground(camera.ground, size=camera.region[2:] if camera.region else whole)


def _camera(camera: CameraSettings) -> str:
    parts = [redact(camera.source)]
    if camera.region:
        parts.append(f"region {list(camera.region)}")
    if camera.lens:
        parts.append(f"straightened by {camera.lens.name}")
    if camera.fps:
        parts.append(f"{camera.fps:g} frames/s")
    if camera.loop:
        parts.append("looping")
    if camera.ground:
        parts.append(f"ground by {camera.ground.name}")
    return ", ".join(parts if camera.enabled else [*parts, "switched off"])


def _mqtt(mqtt: MqttSettings, site: str) -> str:
    parts = [mqtt.shown, f"topics {mqtt.topic}/{site}/…"]
    parts.append(f"events {', '.join(mqtt.events)}" if mqtt.events else "no events")
    if mqtt.discovery:
        parts.append(f"announced to Home Assistant under {mqtt.discovery}")
    return ", ".join(parts)


def _days(seconds: float) -> str:
    return f"{seconds / 86400:.3g} days"
