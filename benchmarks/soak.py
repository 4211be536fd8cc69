"""Does anything grow? The live system for a long time, with cameras that come and go.

    python -m benchmarks.soak --minutes 60 --output docs/soak.png

Runs the command a user runs with simulated RTSP cameras and a client that watches the page. Every
two minutes half of the cameras are unplugged (their server is killed) and come back, and one
camera is taken out of cams.yaml and put back while the site runs (SIGHUP). What Redis keeps is kept
for a few minutes only, so that it, too, must come to rest. Ctrl-C ends it early, with the table.

Something is flat if, after the warm-up, its mean over the last quarter is above that over the first
by no more than the share (or number) its row names, or if its slope is less than two standard
errors above zero. The slope is fitted to the means of twelve equal stretches, whose errors
are nearly independent, unlike those of single samples.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import redis
import typer
from numpy.typing import NDArray

from benchmarks.cameras import CameraServer, encode_clip
from benchmarks.machine import describe_machine, markdown
from benchmarks.site_run import members, running, watching, write_site
from pipeline.config import CameraSettings, MatchingSettings, RetentionSettings, Site
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import HandoffError
from pipeline.supervisor import StopSignal

_MIB = 2**20
_SAMPLE_SECONDS = 5.0
_CYCLE_SECONDS = 120.0
_STRETCHES = 12
_MEMORY_SHARE = 0.01
_REDIS_SHARE = 0.05  # how much there is to keep depends on who has just walked by
_COUNT_STEP = 1.0
_PER_SERVER = 2

Series = list[tuple[float, float]]


@dataclass(slots=True)
class Record:
    """Samples of everything that could grow; times in seconds since the beginning.

    Attributes:
        series: (time, value) by name, such as "node memory".
        events: (time, what was done to the cameras).
        minutes: how long it was in the end.
    """

    series: dict[str, Series] = field(default_factory=dict)
    events: list[tuple[float, str]] = field(default_factory=list)
    minutes: float = 0.0

    def add(self, seconds: float, values: dict[str, float]) -> None:
        """Takes one sample of each of some series."""
        for name, value in values.items():
            self.series.setdefault(name, []).append((seconds, value))


@dataclass(frozen=True, slots=True)
class Trend:
    """How a series went after the warm-up.

    Attributes:
        first, last: means of the first and of the last quarter.
        slope: per hour, fitted to the means of equal stretches.
        error: standard error of the slope, per hour.
        allowed: by how much `last` may be above `first`.
    """

    first: float
    last: float
    slope: float
    error: float
    allowed: float

    @property
    def flat(self) -> bool:
        """True if it does not grow, by the criterion at the top of this module."""
        return self.last - self.first <= self.allowed or self.slope < 2 * self.error


def trend(series: Series, *, warm_up: float, share: float = 0.0, step: float = 0.0) -> Trend:
    """Fits a series.

    Args:
        series: (seconds, value), in order.
        warm_up: what came before this second is left out.
        share, step: growth from the first to the last quarter that counts as none, as a share
            of the first, or as a number.
    """
    times, values = np.array([s for s in series if s[0] >= warm_up]).reshape(-1, 2).T
    if len(times) < _STRETCHES:
        raise HandoffError(
            f"benchmark: expected {_STRETCHES} samples after the warm-up or more, "
            f"found {len(times)}; take more --minutes"
        )
    quarters = np.array_split(values, 4)
    first, last = float(quarters[0].mean()), float(quarters[-1].mean())
    slope, error = _line(_means(times / 3600), _means(values))
    return Trend(first, last, slope, error, max(share * first, step))


def _means(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.array([part.mean() for part in np.array_split(values, _STRETCHES)])


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope of the best line, and its standard error."""
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    rest = y - y.mean() - slope * centred
    return slope, float(np.sqrt(rest @ rest / (len(x) - 2) / spread))


# ── the site ────────────────────────────────────────────────────────────────────────────────


class Unrest:
    """Makes cameras come and go, the same things every two minutes.

    Args:
        site: the whole site.
        folder: where its cams.yaml lies.
        server: the server that is killed and started again.
        process: the command; gets SIGHUP.
        record: is told what was done.
    """

    def __init__(
        self,
        site: Site,
        folder: Path,
        server: CameraServer,
        process: psutil.Process,
        record: Record,
    ) -> None:
        self._site = site
        self._folder = folder
        self._server = server
        self._process = process
        self._record = record
        self._steps: list[tuple[float, str, Callable[[], None]]] = [
            (15.0, "server killed", server.kill),
            (35.0, "server back", server.start),
            (75.0, "camera taken out", lambda: self._edit(leave_out=1)),
            (95.0, "camera put back", lambda: self._edit(leave_out=0)),
        ]
        self._done = 0

    def act(self, seconds: float) -> None:
        """Does what is due so many seconds after the beginning."""
        while seconds >= self._due():
            _, name, action = self._steps[self._done % len(self._steps)]
            action()
            self._record.events.append((seconds, name))
            self._done += 1

    def _due(self) -> float:
        cycle, step = divmod(self._done, len(self._steps))
        return cycle * _CYCLE_SECONDS + self._steps[step][0]

    def _edit(self, *, leave_out: int) -> None:
        cameras = list(self._site.cameras.items())
        kept = dict(cameras[: len(cameras) - leave_out])
        write_site(self._site.model_copy(update={"cameras": kept}), self._folder)
        self._process.send_signal(signal.SIGHUP)


def soak_site(servers: Sequence[CameraServer], *, fps: float, memory_seconds: float) -> Site:
    """A site of all cameras of some servers, which forgets after a few minutes.

    Args:
        servers: where the cameras are.
        fps: pictures analysed per camera and second, at most.
        memory_seconds: how long people are remembered; they are kept for half as long again.
    """
    cameras = {
        f"{'abcdefgh'[i]}{number}": CameraSettings(source=server.url(number), fps=fps)
        for number in range(_PER_SERVER)
        for i, server in enumerate(servers)
    }
    kept = 1.5 * memory_seconds
    return Site(
        site="soak",
        cameras=cameras,
        matching=MatchingSettings(memory=memory_seconds),
        retention=RetentionSettings(identities=kept, crops=kept, events=1000),
    )


def sample(process: psutil.Process, database: redis.Redis, redis_pid: int) -> dict[str, float]:
    """Everything that could grow, now: memory in MiB, numbers of the rest."""
    values: dict[str, float] = {}
    for role, member in (members(process) | {"redis": psutil.Process(redis_pid)}).items():
        try:
            values |= {f"{role} {what}": value for what, value in _counts(member).items()}
        except psutil.Error:
            continue  # it has just ended
    return values | _stored(database)


def _stored(database: redis.Redis) -> dict[str, float]:
    """What Redis keeps; nothing if it does not answer: the samples so far must not be lost."""
    try:
        info: Any = database.info("memory")
        keys = float(str(database.dbsize()))
    except redis.RedisError:
        return {}
    return {"redis data": info["used_memory"] / _MIB, "redis keys": keys}


def _counts(member: psutil.Process) -> dict[str, float]:
    handles = list(Path(f"/proc/{member.pid}/fd").iterdir())
    return {
        "memory": member.memory_info().rss / _MIB,
        "threads": float(member.num_threads()),
        "handles": float(len(handles)),
        "sockets": float(sum(_is_socket(handle) for handle in handles)),
    }


def _is_socket(handle: Path) -> bool:
    try:
        return str(handle.readlink()).startswith("socket:")
    except OSError:
        return False


def soak(folder: Path, *, minutes: float, fps: float, memory_minutes: float) -> Record:
    """Runs the site and samples it."""
    clip = encode_clip(folder / "clip.h264")
    record = Record()
    with (
        CameraServer(clip, _PER_SERVER) as steady,
        CameraServer(clip, _PER_SERVER) as restless,
        EmbeddedRedis() as server,
    ):
        site = soak_site([steady, restless], fps=fps, memory_seconds=60 * memory_minutes)
        with running(site, folder, redis_url=server.url) as (process, address):
            unrest = Unrest(site, folder, restless, process, record)
            database = redis.Redis.from_url(server.url)
            with watching(address, keep=False):
                _sample_on(record, unrest, lambda: sample(process, database, server.pid), minutes)
            database.close()
    return record


def _sample_on(
    record: Record, unrest: Unrest, take: Callable[[], dict[str, float]], minutes: float
) -> None:
    begin, stopping = time.monotonic(), StopSignal(60 * minutes)
    while not stopping():
        seconds = time.monotonic() - begin
        unrest.act(seconds)
        record.add(seconds, take())
        time.sleep(_SAMPLE_SECONDS)
    record.minutes = (time.monotonic() - begin) / 60


# ── what is printed ─────────────────────────────────────────────────────────────────────────


def summary(record: Record, *, warm_up: float) -> tuple[str, bool]:
    """The table, and whether everything is flat."""
    trends = {
        name: trend(series, warm_up=warm_up, **_allowance(name))
        for name, series in record.series.items()
        if series[0][0] < warm_up  # a process that was started again has a row from the beginning
    }
    header = ["", "first quarter", "last quarter", "allowed", "slope per hour", "flat"]
    table = markdown(header, [_row(name, one) for name, one in trends.items()])
    return table, all(one.flat for one in trends.values())


def _allowance(name: str) -> dict[str, float]:
    if name in ("redis data", "redis keys"):
        return {"share": _REDIS_SHARE}
    return {"share": _MEMORY_SHARE} if name.endswith("memory") else {"step": _COUNT_STEP}


def _row(name: str, one: Trend) -> list[str]:
    unit = " MiB" if name.endswith(("memory", "data")) else ""
    slope = f"{one.slope:+.2f} ± {one.error:.2f}{unit}"
    figures = [f"{one.first:.1f}{unit}", f"{one.last:.1f}{unit}", f"+{one.allowed:.1f}{unit}"]
    return [name, *figures, slope, "pass" if one.flat else "FAIL"]


def plot(record: Record, path: Path, *, warm_up: float) -> None:
    """Memory, threads and handles, and what Redis holds, over time, one above the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 9), layout="constrained")
    panels = {"memory": "resident memory, MiB", "handles": "open files and sockets",
              "threads": "threads", "keys": "Redis keys"}  # fmt: skip
    axes = figure.subplots(len(panels), 1, sharex=True)
    for axis, (kind, label) in zip(axes, panels.items(), strict=True):
        for name, series in record.series.items():
            if name.endswith(kind):
                times, values = np.array(series).T
                axis.plot(times / 60, values, label=name.removesuffix(f" {kind}"), linewidth=1)
        axis.axvspan(0, warm_up / 60, color="0.93")
        axis.set(ylabel=label)
        axis.set_ylim(0, 1.1 * axis.get_ylim()[1])
        axis.legend(loc="center right", fontsize="small")
    axes[-1].set(xlabel="minutes (grey: warm-up)")
    FigureCanvasAgg(figure).print_png(str(path))


def main(
    minutes: Annotated[float, typer.Option(min=1.0, help="How long to run.")] = 60.0,
    warm_up: Annotated[float, typer.Option(help="Minutes left out at the beginning.")] = 10.0,
    fps: Annotated[float, typer.Option(help="Pictures per camera and second to analyse.")] = 3.0,
    memory: Annotated[float, typer.Option(help="Minutes for which people are remembered.")] = 4.0,
    output: Annotated[Path | None, typer.Option(help="Write a plot to this PNG file.")] = None,
) -> None:
    """Runs the live system for a long time and says what grows; exit code 1 if anything does."""
    try:
        with tempfile.TemporaryDirectory(prefix="handoff-soak-") as folder:
            record = soak(Path(folder), minutes=minutes, fps=fps, memory_minutes=memory)
        table, flat = summary(record, warm_up=60 * warm_up)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if output is not None:
        plot(record, output, warm_up=60 * warm_up)
    print(table)
    verdict = "Flat" if flat else "NOT flat"
    print(
        f"\n{verdict} after a warm-up of {warm_up:g} minutes; {record.minutes:.0f} minutes in all, "
        f"cameras came or went {len(record.events)} times."
    )
    print(f"\nMachine: {describe_machine()}")
    if not flat:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
