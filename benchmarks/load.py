"""What so many cameras did and took: a row of the live benchmark, its verdict and its plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import HandoffError

_MIB = 2**20
_TARGET_CAMERAS, _TARGET_FPS, _TARGET_SECONDS = 8, 5.0, 0.5
_RATE_TOLERANCE = 0.05
NOT_OURS = ("cameras", "client", "others")
"""Whose processor time is not the site's."""
HEADER = (
    "cameras", "received fps", "analysed fps mean (least, most)", "left out per s: why",
    "p50 ms", "p95 ms", "p99 ms", "p95, 1st → 2nd half", "CPU %", "of it node", "cameras' CPU %",
    "client's CPU %", "others' CPU %", "memory MiB",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """What became of one camera's pictures, per second.

    Attributes:
        received, analysed: pictures.
        left_out: pictures that were not analysed, by reason.
    """

    received: float
    analysed: float
    left_out: dict[str, float]

    @classmethod
    def between(cls, seen: Sequence[tuple[float, Mapping[str, Any]]]) -> Flow:
        """From the first to the last of a camera's statuses, each with when it was told."""
        (_, first), (_, last) = seen[0], seen[-1]
        seconds = last["updated"] - first["updated"]
        if seconds <= 0:
            raise HandoffError("benchmark: expected a camera's status to be renewed, found it old")
        drops = {r: n - first["drops"].get(r, 0) for r, n in last["drops"].items()}
        return cls(
            (last["received"] - first["received"]) / seconds,
            (last["frames"] - first["frames"]) / seconds,
            {reason: count / seconds for reason, count in drops.items() if count},
        )


@dataclass(slots=True)
class Load:
    """What a site with so many cameras did and took.

    Attributes:
        cameras: how many there were.
        flows: of each camera.
        pictures: (time, delay) of every picture the client decoded, in order of time, seconds.
        cpu: percent of one core, by role; `cameras` and `client` are the benchmark's own, `others`
            is whatever else the machine did.
        memory: resident memory of the site's processes together, bytes; (time, bytes).
    """

    cameras: int
    flows: list[Flow]
    pictures: NDArray[np.float64]
    cpu: dict[str, float]
    memory: list[tuple[float, float]] = field(default_factory=list)

    @property
    def delays(self) -> NDArray[np.float64]:
        """Seconds from arrival to the client."""
        return self.pictures[:, 1]

    @property
    def analysed(self) -> NDArray[np.float64]:
        """Pictures analysed per second, of each camera."""
        return np.array([flow.analysed for flow in self.flows])

    def p95_of_halves(self) -> tuple[float, float]:
        """The 95th percentile of the delays in the first and in the second half, seconds."""
        middle = self.pictures[:, 0].mean()
        early = self.pictures[:, 0] < middle
        return _p95(self.delays[early]), _p95(self.delays[~early])

    def row(self) -> list[str]:
        """A row under `HEADER`."""
        ours = sum(value for role, value in self.cpu.items() if role not in NOT_OURS)
        rates = self.analysed
        halves = " → ".join(f"{1000 * value:.0f}" for value in self.p95_of_halves())
        return [
            str(self.cameras),
            f"{np.mean([flow.received for flow in self.flows]):.1f}",
            f"{rates.mean():.2f} ({rates.min():.2f}, {rates.max():.2f})",
            _reasons(self.flows),
            *(f"{1000 * np.percentile(self.delays, share):.0f}" for share in (50, 95, 99)),
            halves,
            *(f"{v:.0f}" for v in (ours, self.cpu["node"])),
            *(f"{self.cpu[who]:.0f}" for who in NOT_OURS),
            f"{np.median([size for _, size in self.memory]) / _MIB:.0f}",
        ]


def _reasons(flows: Sequence[Flow]) -> str:
    """Pictures of a camera left out per second, by reason, the mean over all cameras."""
    reasons = sorted({reason for flow in flows for reason in flow.left_out})
    means = {r: np.mean([flow.left_out.get(r, 0.0) for flow in flows]) for r in reasons}
    return ", ".join(f"{mean:.1f} {r}" for r, mean in means.items() if mean >= 0.05) or "none"


def _p95(delays: NDArray[np.float64]) -> float:
    return float(np.percentile(delays, 95)) if len(delays) else float("nan")


def verdict(loads: Sequence[Load]) -> str:
    """Whether the targets are met, a line each."""
    lines = []
    for load in loads:
        if load.cameras == _TARGET_CAMERAS:
            enough = load.analysed.min() >= _TARGET_FPS * (1 - _RATE_TOLERANCE)
            soon = _p95(load.delays) <= _TARGET_SECONDS
            lines.append(
                f"{_TARGET_CAMERAS} cameras at {_TARGET_FPS:g} analysed fps each: "
                f"{_met(bool(enough))}; 95 % within {1000 * _TARGET_SECONDS:.0f} ms: {_met(soon)}"
            )
        share = load.analysed.min() / load.analysed.max()
        lines.append(f"{load.cameras} cameras: the least served one gets {share:.0%} of the most")
    return "\n".join(f"- {line}" for line in lines)


def _met(yes: bool) -> str:
    return "met" if yes else "MISSED"


def plot(loads: Sequence[Load], path: Path) -> None:
    """Rates, delays, processor and memory over the number of cameras."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7), layout="constrained")
    (rates, delays), (cpu, memory) = figure.subplots(2, 2)
    counts = [load.cameras for load in loads]
    _plot_rates(rates, counts, loads)
    for share in (50, 95, 99):
        values = [1000 * np.percentile(load.delays, share) for load in loads]
        delays.plot(counts, values, "o-", label=f"p{share}")
    delays.axhline(1000 * _TARGET_SECONDS, color="0.7", linestyle=":", label="target for p95")
    delays.set(ylabel="arrival to client, ms")
    for role in sorted({role for load in loads for role in load.cpu}):
        cpu.plot(counts, [load.cpu.get(role, 0.0) for load in loads], "o-", label=role)
    cpu.set(ylabel="CPU, percent of one core")
    sizes = [np.median([size for _, size in load.memory]) / _MIB for load in loads]
    memory.plot(counts, sizes, "o-")
    memory.set(ylabel="memory of all processes, MiB")
    for axes in (rates, delays, cpu, memory):
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set(xlabel="cameras", ylim=(0, 1.1 * axes.get_ylim()[1]))
        if axes is not memory:
            axes.legend(fontsize="small")
    FigureCanvasAgg(figure).print_png(str(path))


def _plot_rates(axes: Any, counts: Sequence[int], loads: Sequence[Load]) -> None:
    received = [np.mean([flow.received for flow in load.flows]) for load in loads]
    axes.plot(counts, received, "o--", label="received", color="0.6")
    means = np.array([load.analysed.mean() for load in loads])
    least = np.array([load.analysed.min() for load in loads])
    most = np.array([load.analysed.max() for load in loads])
    axes.errorbar(
        counts, means, [means - least, most - means], fmt="o-", capsize=3,
        label="analysed: mean, least, most",
    )  # fmt: skip
    axes.set(ylabel="pictures per second and camera")
