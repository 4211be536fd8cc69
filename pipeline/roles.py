"""What the command does in each role: puts the parts together and runs them."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from pipeline.check import Plan, connect, explain, make_plan
from pipeline.config import Site, load_site
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights, read_calibration
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import ConfigError, HandoffError
from pipeline.ingest import LiveReaders
from pipeline.logs import LogLevel
from pipeline.matcher import MatchingService
from pipeline.node import Node, new_run
from pipeline.offline import OfflineRun
from pipeline.perceive import Perception
from pipeline.supervisor import Crew, StopSignal

REDIS_VARIABLE = "HANDOFF_REDIS_URL"
"""Environment variable that names the Redis server in place of cams.yaml."""

console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        cameras: path of cams.yaml.
        redis_url: address in place of the one in cams.yaml, or None.
        duration: seconds to run, or None for ever.
        log_level: which log lines to print.
    """

    cameras: Path
    redis_url: str | None = None
    duration: float | None = None
    log_level: LogLevel = "warning"


def check(options: Options) -> None:
    """Validates the settings, connects to Redis if one is named, and explains; runs nothing."""
    plan = make_plan(options.cameras)
    if options.redis_url or plan.site.redis.url:
        connect(options.cameras, plan.site, options.redis_url).close()
    table = Table(box=None, show_header=False)
    for what, how in explain(plan):
        table.add_row(what, how)
    console.print(table)
    console.print(f"{options.cameras}: in order")


def run_all(options: Options) -> None:
    """Runs node, matcher and viewer, each a process, and an embedded Redis unless one is named."""
    stopping = StopSignal(options.duration)
    plan = make_plan(options.cameras)
    with ExitStack() as stack:
        url = options.redis_url or plan.site.redis.url
        if url is None:
            url = stack.enter_context(EmbeddedRedis()).url
        connect(options.cameras, plan.site, url).close()
        console.print(f"site {plan.site.site}: {', '.join(plan.site.enabled_cameras)}")
        _print_choices(plan)
        console.print("Ctrl-C stops everything")
        crew = Crew()
        stack.callback(crew.stop)
        for role in ("matcher", "node", "viewer"):
            # By the environment: a password on a command line is there for everybody to see.
            crew.start(role, _arguments(role, options), environment={REDIS_VARIABLE: url})
        ended = crew.wait(stopping)
    if ended is not None:
        raise HandoffError(f"{ended[0]} ended by itself with exit code {ended[1]}; all is stopped")


def run_node(options: Options) -> None:
    """Runs the cameras."""
    stopping = StopSignal(options.duration)
    plan = make_plan(options.cameras)
    cameras = plan.site.enabled_cameras
    store = connect(options.cameras, plan.site, options.redis_url)
    perception = Perception(
        plan.site,
        _detector(plan),
        Embedder(_network(plan.site), refresh=plan.site.network.refresh),
        run=new_run(),
        fps=plan.frame_rates,
    )
    with LiveReaders(cameras) as readers:
        Node(store, readers, perception, list(cameras)).run(stopping)
    store.close()


def run_matcher(options: Options) -> None:
    """Runs the matching service."""
    stopping = StopSignal(options.duration)
    site = load_site(options.cameras)
    store = connect(options.cameras, site, options.redis_url)
    calibration = read_calibration(find_weights(site.network.weights))
    MatchingService(store, site, calibration).run(stopping)
    store.close()


def run_viewer(options: Options) -> None:
    """Runs the live page."""
    from pipeline.viewer import serve  # the other roles do without a web server

    site = load_site(options.cameras)
    store = connect(options.cameras, site, options.redis_url)
    stop = threading.Event()
    if options.duration is not None:
        timer = threading.Timer(options.duration, stop.set)
        timer.daemon = True
        timer.start()
    serve(site, store, started=lambda address: console.print(f"viewer: {address}"), stop=stop)
    store.close()


def run_offline(options: Options, *, offline: bool, output: Path | None, video: bool) -> None:
    """Processes recordings from beginning to end."""
    if not offline or output is None:
        raise ConfigError(
            "command line: expected --offline and --output DIR together (--video needs both)"
        )
    stopping = StopSignal(options.duration)
    plan = make_plan(options.cameras)
    cameras = plan.site.enabled_cameras
    if live := [name for name, camera in cameras.items() if camera.live]:
        raise ConfigError(
            f"{options.cameras}: cameras.{live[0]}.source: expected a file for --offline, "
            "found a live source"
        )
    _print_choices(plan)
    with _progress() as progress:
        task = progress.add_task("frames", total=plan.frames)
        run = OfflineRun(
            plan.site,
            _detector(plan),
            _network(plan.site),
            read_calibration(plan.weights),
            fps=plan.frame_rates,
            progress=lambda done: progress.update(task, completed=done),
            stopping=stopping,
        )
        identities = run.run(output, video=video)
    console.print(f"{len(identities)} identities in {len(cameras)} cameras, written to {output}")


def _print_choices(plan: Plan) -> None:
    if plan.backend.gpu or plan.backend.why:
        console.print(f"device: {plan.backend}")
    console.print(f"detector: {plan.detector.reason}")


def _detector(plan: Plan) -> Detector:
    site = plan.site
    return Detector(plan.detector.path, settings=site.detector, device=site.device)


def _network(site: Site) -> Network:
    return Network(
        find_weights(site.network.weights), device=site.device, precision=site.network.precision
    )


def _arguments(role: str, options: Options) -> list[str]:
    return [
        "--cameras", str(options.cameras),
        "--role", role,
        "--log-level", options.log_level,
    ]  # fmt: skip


class _RateColumn(ProgressColumn):
    """Frames per second, lately."""

    def render(self, task: Task) -> Text:
        """The rate, once there is one."""
        return Text(f"{task.speed:.1f} frames/s" if task.speed else "")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=console,
    )
