"""cams.yaml as typed settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, model_validator

from pipeline.errors import ConfigError
from pipeline.lens import Lens, read_lens
from pipeline.mqtt_settings import MqttSettings
from pipeline.privacy_settings import Privacy, PrivacySettings
from pipeline.setting_types import (
    Duration,
    Name,
    Outline,
    Polygon,
    Region,
    Settings,
    Tiles,
    Window,
)
from pipeline.settings_file import read_settings
from pipeline.viewer_settings import ViewerSettings
from pipeline.webhook_settings import WebhookSettings

Section = TypeVar("Section", bound=BaseModel)

DEFAULT_NETWORK = "drsa_osnet_x1_0"
"""Of those in engines/weights."""


class CameraSettings(Settings):
    """One camera."""

    source: str = Field(min_length=1)
    """A file, `rtsp://…`, `http(s)://…`, a device (`device:0`), or a sample (`sample:vtest`)."""
    region: Region | None = None
    """Part of the picture that is this camera: [x, y, width, height] in pixels; None: all of it."""
    lens: Path | None = None
    """What `python -m calibration.intrinsics` wrote about its lens: pictures are straightened
    before anything else, so `region` counts in the straightened picture."""
    masks: tuple[Outline, ...] = ()
    """Parts nobody is to see: polygons [[x, y], …] in fractions of the picture after lens and
    region. They are black before anything is detected, shown or stored."""
    fps: float | None = Field(default=None, gt=0, le=240)
    """Files: true frame rate, when the file has it wrong. Live: analyse no more than this."""
    start: datetime | None = None
    """Files: when the recording began (UTC unless it says otherwise); None: 1970-01-01."""
    loop: bool = False
    """Files played live: begin again at the end; each pass is a day later than the one before."""
    enabled: bool = True
    """False leaves the camera out."""
    transport: Literal["tcp", "udp"] = "tcp"
    """RTSP: how pictures travel. TCP loses none; UDP is for cameras that can do nothing else."""
    connect_timeout: Duration = 8.0
    """Seconds a stream may take until it can be read, its first pictures included."""
    read_timeout: Duration = 5.0
    """Seconds a stream may be silent before it is opened anew."""
    hardware_decoding: Literal["auto", "off"] = "auto"
    """Live: decode on the GPU (CUDA, VAAPI) where there is one that can, or never."""
    ground_truth: Path | None = None
    """MOTChallenge ground truth of the source, for `python -m pipeline.evaluate`."""
    ground: Path | None = None
    """From the picture to metres on the floor plan, made by `python -m calibration.ground`."""
    _lens: Lens | None = PrivateAttr(default=None)
    """What the lens's file said when cams.yaml was read; counts when settings are compared."""

    @property
    def start_time(self) -> float:
        """Start of the recording, seconds since the epoch (UTC)."""
        if self.start is None:
            return 0.0
        return (self.start if self.start.tzinfo else self.start.replace(tzinfo=UTC)).timestamp()

    @property
    def live(self) -> bool:
        """True for streams and devices, which never wait; False for files."""
        return self.source.startswith(("rtsp://", "rtsps://", "http://", "https://", "device:"))

    def read_lens(self) -> Lens | None:
        """The lens as it was when cams.yaml was read; None: nothing is straightened.

        Raises:
            ConfigError: the settings are not from cams.yaml, and the file cannot be used.
        """
        if self.lens is None:
            return None
        return self._lens or read_lens(self.lens)

    def with_lens(self, path: Path) -> CameraSettings:
        """The same camera with the lens in this file.

        Raises:
            ConfigError: one sentence per mistake in the file.
        """
        changed = self.model_copy(update={"lens": path})
        changed._lens = read_lens(path)
        return changed


class IngestSettings(Settings):
    """How live pictures are taken in."""

    max_age: Duration = 0.5
    """A live picture that nobody could analyse for so many seconds is dropped as stale. Longer
    than the time between two pictures of the slowest camera."""


class DetectorSettings(Settings):
    """How people are found in a picture."""

    model: str = "auto"
    """Name of a known model, path of an ONNX file, or `auto`: the best that can be had."""
    confidence: float = Field(default=0.1, ge=0, le=1)
    """Boxes below are dropped. Trackers make use of weak boxes: keep it low."""
    min_height: float = Field(default=24, ge=0)
    """Boxes less high than this many pixels are dropped."""
    tiles: Tiles = "auto"
    """Cut large pictures into overlapping tiles: `off`, `auto`, or [columns, rows]."""
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] = "auto"
    """Arithmetic; `auto` is f16 on a GPU, bf16 on a CPU with matrix units for it (AMX), else f32.
    `int8` takes a quantised graph (see `engines.quantise`)."""


class TrackerSettings(Settings):
    """How boxes become tracks within one camera."""

    name: Literal["botsort", "bytetrack", "ocsort"] = "botsort"
    """Tracker of the library `trackers`."""
    lost_after: Duration = 2.0
    """Seconds without a box after which a track is given up."""
    confirm_after: int = Field(default=3, ge=1)
    """Frames in a row a person must be seen before the track counts."""
    certain: float = Field(default=0.6, ge=0, le=1)
    """A track counts once one of its boxes is this confident: posts and shadows never are."""


class NetworkSettings(Settings):
    """How a tracklet becomes an embedding."""

    weights: str = DEFAULT_NETWORK
    """Name of a network in engines/weights, or path of a `….crop.onnx` file."""
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] = "auto"
    """Arithmetic; `auto` is f16 on a GPU, bf16 on a CPU with matrix units for it (AMX), else f32.
    `int8` takes a quantised graph (see `engines.quantise`)."""
    refresh: Duration = 1.0
    """Seconds between two sightings of the same growing tracklet."""


class MatchingSettings(Settings):
    """When two tracklets are the same person."""

    memory: Duration = 12 * 3600.0
    """Somebody not seen for longer is somebody new."""
    clock_tolerance: Duration = 0.5
    """Seconds by which the cameras' clocks may differ."""
    hindsight: Duration | Literal["off"] = 60.0
    """Seconds between two looks back at the last hour, which put right what turns out to be
    otherwise by then: two numbers of one person become one, somebody else's tracklet goes to whom
    it belongs. `off`: what was decided stays."""
    similarity: Path | None = None
    """Curve from similarity to likelihood ratio that `python -m calibration.similarity` has
    written; None: the one the network comes with."""


class TransitSettings(Settings):
    """A way from one camera to another that people know of."""

    start: str = Field(alias="from")
    """`camera`, or `camera.zone`: where somebody leaves."""
    to: str
    """The same: where somebody comes in."""
    seconds: Window | None = None
    """[shortest, longest] time it takes; others are ruled out."""
    typical: Duration | None = None
    """How long it takes as a rule; rules nothing out."""

    @model_validator(mode="after")
    def _one_time(self) -> TransitSettings:
        if (self.seconds is None) == (self.typical is None):
            raise ValueError("expected either `seconds` or `typical`")
        return self


class TopologySettings(Settings):
    """How the cameras hang together, as far as people say so: what stands here is respected."""

    file: Path | None = None
    """What `python -m calibration.topology learn` has written. `topology: FILE` is short for it."""
    zones: dict[Name, dict[Name, Polygon]] = Field(default_factory=dict)
    """Camera → zone → polygon where people come in or leave, in place of those found there."""
    transits: list[TransitSettings] = Field(default_factory=list)
    """Ways whose times are known, each in one direction."""
    never: list[tuple[Name, Name]] = Field(default_factory=list)
    """Pairs of cameras between which nobody goes directly, in neither direction."""


class RedisSettings(Settings):
    """Where everything between processes goes through."""

    url: str | None = Field(default=None, pattern=r"^(redis|rediss|unix)://")
    """`redis://[:password@]host:port/db`, `rediss://…` (TLS); None: an embedded server."""
    ca_file: Path | None = None
    """Certificate authority of a TLS server that no system authority vouches for."""


def _file_alone(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


class RetentionSettings(Settings):
    """How long anything is kept."""

    identities: Duration = 7 * 86400.0
    """Identities and their tracklets, after they were last seen."""
    crops: Duration = 86400.0
    """Pictures of people."""
    events: int = Field(default=100_000, ge=1_000)
    """Entries in each stream."""
    audit: Duration = 90 * 86400.0
    """Who signed in, searched, corrected, forgot, exported or reloaded."""


class Site(Settings):
    """All of cams.yaml."""

    site: Name = "site"
    """Name of the site: cameras that can see the same people."""
    cameras: dict[Name, CameraSettings] = Field(min_length=1)
    """The cameras by name."""
    nodes: Literal["auto"] | dict[str, list[Name]] = "auto"
    """Which node (`--node`) runs which cameras; `auto`: they share them out by themselves."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """What networks run on: the GPU if there is one that can be used, or one of the two."""
    ingest: IngestSettings = IngestSettings()
    """How live pictures are taken in."""
    detector: DetectorSettings = DetectorSettings()
    """How people are found in a picture."""
    tracker: TrackerSettings = TrackerSettings()
    """How boxes become tracks within one camera."""
    network: NetworkSettings = NetworkSettings()
    """How a tracklet becomes an embedding."""
    matching: MatchingSettings = MatchingSettings()
    """When two tracklets are the same person."""
    topology: Annotated[TopologySettings, BeforeValidator(_file_alone)] = TopologySettings()
    """Where people come in and leave, and how they get from camera to camera."""
    redis: RedisSettings = RedisSettings()
    """Where everything between processes goes through."""
    webhooks: dict[Name, WebhookSettings] = Field(default_factory=dict)
    """Addresses that are told what happens, by name."""
    mqtt: MqttSettings | None = None
    """An MQTT broker that is told what happens, and how things stand."""
    privacy: Privacy = PrivacySettings()
    """What of people is to be made out in pictures."""
    viewer: ViewerSettings = ViewerSettings()
    """The live page."""
    retention: RetentionSettings = RetentionSettings()
    """How long anything is kept."""

    @property
    def enabled_cameras(self) -> dict[str, CameraSettings]:
        """The cameras that are switched on, in the order of the file."""
        return {name: camera for name, camera in self.cameras.items() if camera.enabled}


def load_site(path: Path) -> Site:
    """Reads and checks cams.yaml; relative paths in it count from its folder.

    Raises:
        ConfigError: one sentence per mistake, each naming file, key, expected and found.
    """
    site = read_settings(path, Site)
    for node, cameras in ({} if site.nodes == "auto" else site.nodes).items():
        if unknown := [name for name in cameras if name not in site.cameras]:
            raise ConfigError(
                f"{path}: nodes.{node}: expected names of cameras, found {unknown[0]!r}"
            )
    for key, camera in _cameras_of(site.topology):
        if camera not in site.cameras:
            raise ConfigError(
                f"{path}: topology.{key}: expected the name of a camera, found {camera!r}"
            )
    if not site.enabled_cameras:
        raise ConfigError(f"{path}: cameras: expected at least one enabled camera, found none")
    return site.model_copy(
        update={
            "cameras": {n: _resolve(path, n, c) for n, c in site.cameras.items()},
            "detector": _beside(path, site.detector, "model"),
            "network": _beside(path, site.network, "weights"),
            "matching": _resolve_file(path, site.matching, "matching", "similarity"),
            "topology": _resolve_file(path, site.topology, "topology", "file"),
            "redis": _resolve_file(path, site.redis, "redis", "ca_file"),
            "mqtt": site.mqtt and _resolve_file(path, site.mqtt, "mqtt", "ca_file"),
            "viewer": _resolve_tls(path, site.viewer),
        }
    )


def _resolve(path: Path, name: str, camera: CameraSettings) -> CameraSettings:
    if not camera.enabled:  # its file may come later
        return camera
    changes: dict[str, object] = {}
    if not camera.live and not camera.source.startswith("sample:"):
        changes["source"] = _existing_file(path, f"cameras.{name}.source", camera.source)
    for key in ("ground_truth", "ground"):
        if (value := getattr(camera, key)) is not None:
            changes[key] = Path(_existing_file(path, f"cameras.{name}.{key}", str(value)))
    camera = camera.model_copy(update=changes)
    if camera.lens is None:
        return camera
    return camera.with_lens(Path(_existing_file(path, f"cameras.{name}.lens", str(camera.lens))))


def _beside(path: Path, section: Section, key: str) -> Section:
    """The section with a file instead of a name, if there is one of that name beside cams.yaml."""
    target = path.parent / Path(getattr(section, key)).expanduser()
    return section.model_copy(update={key: str(target.resolve())}) if target.is_file() else section


def _cameras_of(topology: TopologySettings) -> Iterator[tuple[str, str]]:
    """Every mention of a camera, with the key where it stands."""
    yield from ((f"zones.{camera}", camera) for camera in topology.zones)
    for i, transit in enumerate(topology.transits):
        yield f"transits.{i}.from", transit.start.partition(".")[0]
        yield f"transits.{i}.to", transit.to.partition(".")[0]
    for i, pair in enumerate(topology.never):
        yield from ((f"never.{i}", camera) for camera in pair)


def _resolve_file(path: Path, section: Section, name: str, key: str) -> Section:
    """The section with the whole path of a file it may name."""
    value = getattr(section, key)
    if value is None:
        return section
    found = _existing_file(path, f"{name}.{key}", str(value))
    return section.model_copy(update={key: Path(found)})


def _resolve_tls(path: Path, viewer: ViewerSettings) -> ViewerSettings:
    tls = viewer.tls
    if tls is None:
        return viewer
    for key in ("certificate", "key"):
        tls = _resolve_file(path, tls, "viewer.tls", key)
    return viewer.model_copy(update={"tls": tls})


def _existing_file(config: Path, key: str, value: str) -> str:
    target = (config.parent / Path(value).expanduser()).resolve()
    if not target.is_file():
        raise ConfigError(f"{config}: {key}: expected an existing file, found none at {target}")
    return str(target)
