"""The metrics of a whole site in one answer: of its processes, its cameras, its ways out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.data import CameraState, CameraStatus, ProcessRecord
from pipeline.metrics import CATALOGUE

_SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_COMMENT = re.compile(r"# (?P<kind>HELP|TYPE) (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)( |$)")


def site_metrics(
    processes: Iterable[ProcessRecord],
    cameras: Sequence[str],
    statuses: Iterable[CameraStatus],
    ways: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """Everything a site measures, in the text format of Prometheus.

    Args:
        processes: their metrics are told apart by the labels `process` and `role`.
        cameras: the site's cameras; one without a status is down.
        statuses: how those that somebody runs are doing.
        ways: how the ways out of the site are doing, by name; see `Events.outgoing`.
    """
    of_cameras = camera_metrics(cameras, statuses, now=time.time())
    return b"".join([_merged(processes), of_cameras, way_metrics(ways)])


@dataclass(slots=True)
class _Family:
    """The lines of one metric: they have to stand together, its description first."""

    comments: dict[str, str] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)


def _merged(processes: Iterable[ProcessRecord]) -> bytes:
    families: dict[str, _Family] = {}
    for process in processes:
        labels = f'process="{_escaped(process.name)}",role="{_escaped(process.role)}"'
        for name, line in _by_family(process.metrics.decode(errors="replace").split("\n")):
            family = families.setdefault(name, _Family())
            if comment := _COMMENT.match(line):
                family.comments.setdefault(comment["kind"], line)
            elif sample := _SAMPLE.match(line):
                own = f",{sample['labels']}" if sample["labels"] else ""
                family.samples.append(f"{sample['name']}{{{labels}{own}}} {sample['value']}")
    lines = [line for f in families.values() for line in (*f.comments.values(), *f.samples)]
    return "".join(f"{line}\n" for line in lines).encode()


def _by_family(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each line with the name of the metric it belongs to."""
    name = ""
    for line in lines:
        if comment := _COMMENT.match(line):
            name = comment["name"]
        if name and line:
            yield name, line


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def camera_metrics(
    cameras: Sequence[str], statuses: Iterable[CameraStatus], *, now: float
) -> bytes:
    """The cameras' metrics in the text format of Prometheus."""
    by_name = {status.camera: status for status in statuses}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Cameras(cameras, by_name, now))
    return generate_latest(registry)


def way_metrics(ways: Mapping[str, Mapping[str, Any]]) -> bytes:
    """How the ways out of the site are doing, in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ways(ways))
    return generate_latest(registry)


class _Ways(Collector):
    def __init__(self, ways: Mapping[str, Mapping[str, Any]]) -> None:
        self._ways = ways

    def collect(self) -> Iterator[Metric]:
        for declared in (metric for metric in CATALOGUE if metric.ways):
            family = GaugeMetricFamily(declared.name, declared.help, labels=declared.labels)
            for way, note in self._ways.items():
                family.add_metric((way,), float(not note["problem"]))
            yield family


_Values = Iterable[tuple[tuple[str, ...], float]]  # the labels after `camera`, and the value


class _Cameras(Collector):
    def __init__(
        self, cameras: Sequence[str], statuses: dict[str, CameraStatus], now: float
    ) -> None:
        self._cameras = cameras
        self._statuses = statuses
        self._now = now

    def collect(self) -> Iterator[Metric]:
        for declared in (metric for metric in CATALOGUE if metric.cameras):
            kind = CounterMetricFamily if declared.kind == "counter" else GaugeMetricFamily
            name = declared.name.removesuffix("_total")
            family = kind(name, declared.help, labels=declared.labels)
            for camera in self._cameras:
                for labels, value in self._values(declared.what, camera):
                    family.add_metric((camera, *labels), value)
            yield family

    def _values(self, what: str, camera: str) -> _Values:
        status = self._statuses.get(camera)
        if status is None:
            return [((), 0.0)] if what == "camera_up" else []
        return _READINGS[what](status, self._now)


_READINGS: dict[str, Callable[[CameraStatus, float], _Values]] = {
    "camera_up": lambda s, now: [((), float(s.state is CameraState.RUNNING))],
    "camera_info": lambda s, now: [((s.node, s.state.value, s.problem or ""), 1.0)],
    "camera_received": lambda s, now: [((), s.received)],
    "camera_decoded": lambda s, now: [((), s.decoded)],
    "camera_analysed": lambda s, now: [((), s.frames)],
    "camera_dropped": lambda s, now: [((reason,), n) for reason, n in s.drops.items()],
    "camera_fps": lambda s, now: [((), s.fps)],
    "camera_delay_seconds": lambda s, now: [((), s.delay)],
    "camera_clock_offset_seconds": lambda s, now: _known(s.clock_offset),
    "camera_next_try_seconds": lambda s, now: _known(s.next_try and max(0.0, s.next_try - now)),
}


def _known(value: float | None) -> _Values:
    return [] if value is None else [((), value)]
