"""What a process measures of itself, in the text format of Prometheus.

Every metric is declared in `CATALOGUE`, with its help text; docs/metrics.md lists the same ones.
Whoever measures asks for them by the name without its prefix: `metrics.count("sightings_sent")`.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
    generate_latest,
)

Kind = Literal["counter", "gauge", "histogram", "summary"]

PREFIX = "handoff_"
"""What every metric of ours begins with."""

_STAGE_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_DELAY_SECONDS = (
    0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60,
)  # fmt: skip
_REDIS_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 3)

# The library's switch is for the whole process: it would add a gauge with the moment of its
# creation to every counter and histogram, which nobody asks for.
disable_created_metrics()


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric.

    Attributes:
        what: its name without prefix, and for counters without `_total`.
        kind: what Prometheus calls its type.
        help: what it means, with its unit.
        labels: what it is told apart by.
        buckets: upper bounds of a histogram's buckets, seconds.
        cameras: True if the viewer makes it from the cameras' statuses, not a process by itself.
        ways: the same, from how the ways out of the site are doing.
    """

    what: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    cameras: bool = False
    ways: bool = False

    @property
    def name(self) -> str:
        """As a query in Prometheus names it."""
        return f"{PREFIX}{self.what}" + ("_total" if self.kind == "counter" else "")


CATALOGUE: tuple[Declared, ...] = (
    # ── how long things take ────────────────────────────────────────────────────────────────
    Declared(
        "stage_seconds", "histogram", "Time a stage took for one batch, seconds",
        labels=("stage",), buckets=_STAGE_SECONDS,
    ),
    Declared(
        "delay_seconds", "histogram",
        "Time from a picture's arrival at its node to its analysis, tracks, decision or page, "
        "seconds",
        labels=("to",), buckets=_DELAY_SECONDS,
    ),
    Declared(
        "delay_by_camera_seconds", "summary", "The same delays by camera, sum and number",
        labels=("to", "camera"),
    ),
    Declared(
        "redis_seconds", "histogram", "Time of one round trip to Redis, seconds",
        buckets=_REDIS_SECONDS,
    ),
    # ── what was done ───────────────────────────────────────────────────────────────────────
    Declared("sightings_sent", "counter", "Sightings handed to the matcher"),
    Declared(
        "sightings_fenced", "counter",
        "Sightings Redis refused because another node runs the camera by now",
    ),
    Declared(
        "sightings_dropped", "counter",
        "Sightings lost because the buffer was full while Redis was away",
    ),
    Declared("decisions", "counter", "Decisions taken, by kind", labels=("kind",)),
    Declared("frames_failed", "counter", "Pictures given up because of an error", ("camera",)),
    Declared("restarts", "counter", "Parts that died and were started again", ("part",)),
    Declared("hindsight", "counter", "Tracklets regrouped by looking back, by kind", ("kind",)),
    Declared("rejected", "counter", "Sightings refused by the matcher, by reason", ("reason",)),
    # ── how things stand ────────────────────────────────────────────────────────────────────
    Declared("cameras", "gauge", "Cameras this node runs, or the site has"),
    Declared("batch", "gauge", "Pictures in the newest batch"),
    Declared("sightings_waiting", "gauge", "Sightings not yet handed over"),
    Declared("gallery_size", "gauge", "Tracklets that can still be matched"),
    Declared("working", "gauge", "1: holds the site's lease and decides; 0: stands by"),
    Declared("browsers", "gauge", "Browsers that look at the page"),
    Declared("followers", "gauge", "Programs that follow events"),
    Declared("uptime_seconds", "gauge", "Time since the process has started, seconds"),
    Declared("threads", "gauge", "Threads of the process, those of its libraries included"),
    # ── cameras ─────────────────────────────────────────────────────────────────────────────
    Declared(
        "camera_up", "gauge", "1: pictures arrive; 0: not, or no node runs it",
        labels=("camera",), cameras=True,
    ),
    Declared(
        "camera_info", "gauge", "Always 1: which node runs it, its state and problem",
        labels=("camera", "node", "state", "problem"), cameras=True,
    ),
    Declared(
        "camera_received", "counter", "Pictures that came, whole or not",
        labels=("camera",), cameras=True,
    ),
    Declared(
        "camera_decoded", "counter", "Pictures decoded", labels=("camera",), cameras=True
    ),
    Declared(
        "camera_analysed", "counter", "Pictures analysed", labels=("camera",), cameras=True
    ),
    Declared(
        "camera_dropped", "counter", "Pictures not analysed, by reason",
        labels=("camera", "reason"), cameras=True,
    ),
    Declared(
        "camera_fps", "gauge", "Pictures analysed per second, lately",
        labels=("camera",), cameras=True,
    ),
    Declared(
        "camera_delay_seconds", "gauge",
        "Time from a picture's arrival to its tracks, median of late, seconds",
        labels=("camera",), cameras=True,
    ),
    Declared(
        "camera_clock_offset_seconds", "gauge",
        "How far the camera's clock is ahead of ours, seconds", labels=("camera",), cameras=True,
    ),
    Declared(
        "camera_next_try_seconds", "gauge", "Time until a failed camera is tried again, seconds",
        labels=("camera",), cameras=True,
    ),
    # ── ways out of the site ────────────────────────────────────────────────────────────────
    Declared(
        "outgoing_up", "gauge",
        "1: the webhook or the MQTT broker is told; 0: it cannot be reached or refuses",
        labels=("way",), ways=True,
    ),
)  # fmt: skip
"""Every metric there is, apart from those of the library about the process (`process_…`)."""


class Metrics:
    """The metrics of one process. May be used from any thread.

    Args:
        role: `node`, `matcher`, `viewer`, …: what the process is there for.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self._registry = CollectorRegistry()
        declared = [metric for metric in CATALOGUE if not metric.cameras and not metric.ways]
        self._labels = {metric.what: metric.labels for metric in declared}
        self._metrics: dict[str, Any] = {m.what: _make(m, self._registry) for m in declared}
        ProcessCollector(registry=self._registry)
        started = time.monotonic()
        self._metrics["uptime_seconds"].set_function(lambda: time.monotonic() - started)
        self._metrics["threads"].set_function(_threads)

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Measures how long the body of a `with` takes.

        Args:
            name: `collect`, `detect`, `track`, `embed`, `match` or `preview`.
        """
        timer: AbstractContextManager[object] = self._metrics["stage_seconds"].labels(name).time()
        return timer

    def delay(self, to: str, seconds: float, camera: str = "") -> None:
        """Notes how old a picture was when something had come of it.

        Args:
            to: `analysis`, `tracks`, `decision` or `page`.
            seconds: since it arrived at its node; below 0 (clocks of two machines) counts as 0.
            camera: whose picture, or "" if that does not matter.
        """
        seconds = max(0.0, seconds)
        self._metrics["delay_seconds"].labels(to).observe(seconds)
        if camera:
            self._metrics["delay_by_camera_seconds"].labels(to, camera).observe(seconds)

    def redis(self, seconds: float) -> None:
        """Notes how long a round trip to Redis took."""
        self._metrics["redis_seconds"].observe(seconds)

    def count(self, what: str, amount: float = 1, **labels: str) -> None:
        """Adds to a counter.

        Args:
            what: its name in `CATALOGUE`.
            labels: those it is declared with; one left out is empty.

        Raises:
            ValueError: no such metric, or no such label.
        """
        self._find(what, labels).inc(amount)

    def gauge(self, what: str, value: float, **labels: str) -> None:
        """Says how something stands now; names, labels and errors as in `count`."""
        self._find(what, labels).set(value)

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _find(self, what: str, labels: dict[str, str]) -> Any:
        if what not in self._metrics:
            raise ValueError(f"expected one of {', '.join(self._metrics)}, found {what!r}")
        allowed = self._labels[what]
        if unknown := labels.keys() - set(allowed):
            raise ValueError(f"{what}: expected labels among {allowed}, found {sorted(unknown)}")
        metric = self._metrics[what]
        return metric.labels(*(labels.get(name, "") for name in allowed)) if allowed else metric


def _make(declared: Declared, registry: CollectorRegistry) -> Counter | Gauge | Histogram | Summary:
    common: dict[str, Any] = {
        "name": f"{PREFIX}{declared.what}",
        "documentation": declared.help,
        "labelnames": declared.labels,
        "registry": registry,
    }
    if declared.kind == "histogram":
        return Histogram(**common, buckets=declared.buckets)
    makers: dict[str, type[Counter | Gauge | Summary]] = {
        "counter": Counter,
        "gauge": Gauge,
        "summary": Summary,
    }
    return makers[declared.kind](**common)


def _threads() -> int:
    """Of the whole process: most belong to libraries that Python does not know of."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:  # not Linux
        return threading.active_count()
