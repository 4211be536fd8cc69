"""What a process's metrics say of late: the difference between two looks at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from pipeline.viewer.messages import Timing

_HISTOGRAMS = {
    "handoff_stage_seconds": "{stage}",
    "handoff_redis_seconds": "redis",
    "handoff_delay_seconds": "to {to}",
}


@dataclass(slots=True)
class Histogram:
    """Buckets (upper bound → how many took no longer), sum of seconds and number of times."""

    buckets: dict[float, float] = field(default_factory=dict)
    total: float = 0.0
    count: float = 0.0

    def since(self, before: Histogram) -> Histogram:
        """What has been added since `before`."""
        return Histogram(
            {bound: n - before.buckets.get(bound, 0.0) for bound, n in self.buckets.items()},
            self.total - before.total,
            self.count - before.count,
        )

    def quantile(self, share: float) -> float:
        """Seconds that this share took no longer than, taking a bucket's times as spread evenly.

        What is in the last bucket counts as its lower bound.
        """
        wanted, lower, below = share * self.count, 0.0, 0.0
        for bound, up_to in sorted(self.buckets.items()):
            if up_to >= wanted:
                if bound == float("inf") or up_to == below:
                    return lower
                return lower + (bound - lower) * (wanted - below) / (up_to - below)
            lower, below = bound, up_to
        return lower


@dataclass(slots=True)
class Reading:
    """What one exposition says, as far as the page shows it."""

    values: dict[str, float]
    histograms: dict[str, Histogram]

    @classmethod
    def of(cls, exposition: bytes) -> Reading:
        """Reads an exposition; one that cannot be read counts as empty."""
        reading = cls({}, {})
        try:
            for name, labels, value in _samples(exposition.decode()):
                reading._take(name, labels, value)
        except ValueError:
            return cls({}, {})
        return reading

    def _take(self, name: str, labels: Mapping[str, str], value: float) -> None:
        family, _, part = name.rpartition("_")
        if family not in _HISTOGRAMS:
            if not labels:
                self.values[name] = value
            return
        histogram = self.histograms.setdefault(_HISTOGRAMS[family].format_map(labels), Histogram())
        if part == "bucket":
            histogram.buckets[float(labels["le"])] = value
        elif part == "sum":
            histogram.total = value
        elif part == "count":
            histogram.count = value


def _samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def timings(now: Reading, before: Reading, seconds: float) -> tuple[Timing, ...]:
    """How long things took between two readings that lie so many seconds apart."""
    found: Sequence[tuple[str, Histogram]] = [
        (what, histogram.since(before.histograms.get(what, Histogram())))
        for what, histogram in now.histograms.items()
    ]
    return tuple(
        Timing(
            what=what,
            rate=h.count / max(seconds, 1e-3),
            mean=h.total / h.count,
            p95=h.quantile(0.95),
        )
        for what, h in found
        if h.count > 0
    )
