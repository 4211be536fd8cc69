"""How many cameras a machine carries live, and how soon a client sees their pictures.

    python -m benchmarks.live --output docs/live.png             1, 2, 4, 8, 16, 32 RTSP cameras
    python -m benchmarks.live --demo --minutes 5 --output demo.png           the site of cams.yaml

Runs the command a user runs and connects to its viewer as a browser does: it decodes every picture
and confirms it before the next is sent. Only what a browser does after decoding, drawing, is
missing. The cameras are simulated: H.264, 640×360, 10 pictures a second, all from one server on
this same machine, each at another place of the same clip. Delays count from the moment a picture
has reached the node; a recording played live "arrives" when its picture is due.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import psutil
import typer
from numpy.typing import NDArray

from benchmarks.cameras import FPS, CameraServer, encode_clip
from benchmarks.machine import describe_machine, markdown
from benchmarks.site_run import Watch, members, running, watching
from pipeline.config import CameraSettings, DetectorSettings, NetworkSettings, Site, load_site
from pipeline.errors import HandoffError

_SAMPLE_SECONDS = 1.0
_MIB = 2**20
_COUNTS = (1, 2, 4, 8, 16, 32)
_TARGET_CAMERAS, _TARGET_FPS, _TARGET_SECONDS = 8, 5.0, 0.5
_RATE_TOLERANCE = 0.05
_NOT_OURS = ("cameras", "client", "others")
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
        ours = sum(value for role, value in self.cpu.items() if role not in _NOT_OURS)
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
            *(f"{self.cpu[who]:.0f}" for who in _NOT_OURS),
            f"{np.median([size for _, size in self.memory]) / _MIB:.0f}",
        ]


def _reasons(flows: Sequence[Flow]) -> str:
    """Pictures of a camera left out per second, by reason, the mean over all cameras."""
    reasons = sorted({reason for flow in flows for reason in flow.left_out})
    means = {r: np.mean([flow.left_out.get(r, 0.0) for flow in flows]) for r in reasons}
    return ", ".join(f"{mean:.1f} {r}" for r, mean in means.items() if mean >= 0.05) or "none"


def _p95(delays: NDArray[np.float64]) -> float:
    return float(np.percentile(delays, 95)) if len(delays) else float("nan")


# ── simulated cameras ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Setup:
    """How the simulated sites are measured.

    Attributes:
        seconds: how long.
        settle: seconds left out before, once all cameras run.
        fps: pictures per camera and second that are analysed at most.
        weights: name of the network.
        tiles: as in cams.yaml; `auto` cuts these pictures into three for ssdlite.
    """

    seconds: float
    settle: float
    fps: float
    weights: str
    tiles: Literal["auto", "off"]

    def __str__(self) -> str:
        return (
            f"H.264 640×360, {FPS} pictures a second, `fps: {self.fps:g}`; ssdlite, "
            f"`tiles: {self.tiles}`; {self.weights}; {self.seconds:g} s each"
        )

    def site(self, server: CameraServer) -> Site:
        """A site of all cameras of a server."""
        cameras = {
            f"c{number:02}": CameraSettings(source=server.url(number), fps=self.fps)
            for number in range(server.cameras)
        }
        return Site(
            site="benchmark",
            cameras=cameras,
            detector=DetectorSettings(model="ssdlite", tiles=self.tiles),
            network=NetworkSettings(weights=self.weights),
        )


def measure(clip: Path, cameras: int, folder: Path, setup: Setup) -> Load:
    """Runs a site with so many cameras, which play a clip; `folder` gets settings and a log."""
    with CameraServer(clip, cameras) as server:
        site = setup.site(server)
        with running(site, folder) as (process, address), watching(address) as watch:
            _wait_for(watch, list(site.cameras))
            time.sleep(setup.settle)
            begin, before = time.time(), _cpu_seconds(process, server)
            memory = _sample(process, setup.seconds)
            end, after = time.time(), _cpu_seconds(process, server)
    cpu = {who: 100 * (after[who] - before.get(who, 0.0)) / (end - begin) for who in after}
    return _load(cameras, watch.between(begin, end), cpu, memory)


def _load(
    cameras: int, watch: Watch, cpu: dict[str, float], memory: list[tuple[float, float]]
) -> Load:
    pictures = sorted(picture for seen in watch.pictures.values() for picture in seen)
    if not pictures:
        raise HandoffError("benchmark: expected pictures of a camera, found none")
    flows = [Flow.between(seen) for seen in watch.statuses.values()]
    return Load(cameras, flows, np.array(pictures), cpu, memory)


def _wait_for(watch: Watch, cameras: Sequence[str], *, patience: float = 90.0) -> None:
    """Until a picture of every camera has been analysed."""
    deadline = time.monotonic() + patience
    while missing := [c for c in cameras if not _has_begun(watch, c)]:
        if time.monotonic() > deadline:
            raise HandoffError(f"benchmark: expected pictures of {missing[0]}, found none")
        time.sleep(0.2)


def _has_begun(watch: Watch, camera: str) -> bool:
    seen = watch.statuses.get(camera, [])
    return any(status["frames"] > 0 for _, status in seen)


def _sample(process: psutil.Process, seconds: float) -> list[tuple[float, float]]:
    """Resident memory once a second: (seconds since the beginning, bytes)."""
    begin, samples = time.time(), []
    while (now := time.time() - begin) < seconds:
        samples.append((now, _resident(process)))
        time.sleep(_SAMPLE_SECONDS)
    return samples


def _resident(process: psutil.Process) -> float:
    """Resident memory of a process and all it has started, in bytes; shared pages count again."""
    return float(sum(member.memory_info().rss for member in members(process).values()))


def _cpu_seconds(process: psutil.Process, server: CameraServer) -> dict[str, float]:
    """Processor time so far, by role."""
    times = {role: _spent(member) for role, member in members(process).items()}
    times |= {"cameras": _spent(psutil.Process(server.pid)), "client": time.process_time()}
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
    return times | {"others": busy - sum(times.values())}


def _spent(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


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


# ── the demo site ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Recording:
    """What was observed of a site; times in seconds since the epoch, and since the beginning."""

    pictures: dict[str, list[tuple[float, float]]]
    memory: list[tuple[float, float]]


def observe(process: psutil.Process, address: str, *, seconds: float, settle: float) -> Recording:
    """Watches every camera for so many seconds and samples memory once a second."""
    with watching(address) as watch:
        time.sleep(settle)
        begin = time.time()
        memory = _sample(process, seconds)
    seen = watch.between(begin, time.time()).pictures
    if not any(len(pictures) > 1 for pictures in seen.values()):
        raise HandoffError("benchmark: expected pictures of a camera, found none")
    return Recording(seen, memory)


def summary(recording: Recording) -> str:
    """Delays per camera and memory, as a table."""
    rows = [_delays(camera, seen) for camera, seen in recording.pictures.items() if len(seen) > 1]
    delays = markdown(["camera", "pictures/s", "median ms", "95 % ms", "longest ms"], rows)
    times, sizes = np.array(recording.memory).T
    growth = np.polyfit(times / 60, sizes / _MIB, 1)[0]
    figures = [f"{size / _MIB:.0f}" for size in (sizes[0], sizes[-1], sizes.max())]
    memory = markdown(
        ["", "at first MiB", "at last MiB", "at most MiB", "growth MiB/min"],
        [["memory", *figures, f"{growth:.2f}"]],
    )
    return f"{delays}\n\n{memory}"


def _delays(camera: str, seen: list[tuple[float, float]]) -> list[str]:
    times, delays = np.array(seen).T
    rate = (len(times) - 1) / (times[-1] - times[0])
    figures = (np.median(delays), np.percentile(delays, 95), delays.max())
    return [camera, f"{rate:.2f}", *(f"{1000 * value:.0f}" for value in figures)]


def plot_recording(recording: Recording, path: Path) -> None:
    """Delays and memory over time, one above the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    begin = min(seen[0][0] for seen in recording.pictures.values() if seen)
    for camera, seen in recording.pictures.items():
        times, delays = np.array(seen).reshape(-1, 2).T
        above.plot((times - begin) / 60, 1000 * delays, ".", markersize=2, label=camera)
    above.set(ylabel="arrival to client, ms")
    above.legend()
    times, sizes = np.array(recording.memory).T
    below.plot(times / 60, sizes / _MIB)
    below.set(xlabel="minutes", ylabel="memory, MiB")
    for axes in (above, below):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    FigureCanvasAgg(figure).print_png(str(path))


# ── command ─────────────────────────────────────────────────────────────────────────────────


def main(
    count: Annotated[
        list[int] | None, typer.Option(min=1, help="Simulated cameras; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=5.0, help="How long to measure each.")] = 60.0,
    fps: Annotated[float, typer.Option(help="Limit per camera, as `fps` in cams.yaml.")] = 5.0,
    weights: Annotated[str, typer.Option(help="Network.")] = NetworkSettings().weights,
    tiles: Annotated[bool, typer.Option(help="Cut pictures for the detector (auto).")] = True,
    settle: Annotated[float, typer.Option(help="Seconds left out at the beginning.")] = 10.0,
    demo: Annotated[bool, typer.Option("--demo", help="Measure a site of cams.yaml.")] = False,
    minutes: Annotated[float, typer.Option(min=0.2, help="How long, with --demo.")] = 10.0,
    cameras: Annotated[Path, typer.Option(help="Settings, with --demo.")] = Path("cams.yaml"),
    output: Annotated[Path | None, typer.Option(help="Write a plot to this PNG file.")] = None,
) -> None:
    """Measures rates, delays, processor time and memory of the live system."""
    try:
        with tempfile.TemporaryDirectory(prefix="handoff-benchmark-") as name:
            folder = Path(name)
            if demo:
                _demo(load_site(cameras), folder, 60 * minutes, settle, output)
            else:
                setup = Setup(seconds, settle, fps, weights, "auto" if tiles else "off")
                _simulated(count or _COUNTS, folder, output, setup)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    print(f"\nMachine: {describe_machine()}")


def _demo(site: Site, folder: Path, seconds: float, settle: float, output: Path | None) -> None:
    with running(site, folder) as (process, address):
        recording = observe(process, address, seconds=seconds, settle=settle)
    if output is not None:
        plot_recording(recording, output)
    print(summary(recording))


def _simulated(counts: Sequence[int], folder: Path, output: Path | None, setup: Setup) -> None:
    clip = encode_clip(folder / "clip.h264")
    loads = []
    for count in counts:
        typer.echo(f"{count} cameras …", err=True)
        loads.append(measure(clip, count, folder / str(count), setup))
    if output is not None:
        plot(loads, output)
    print(markdown(HEADER, [load.row() for load in loads]))
    print(f"\n{verdict(loads)}\n\nCameras: {setup}. CPU: 100 is one core.")


if __name__ == "__main__":
    typer.run(main)
