"""What the command does in each role: puts the parts together and runs them."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.table import Table

from pipeline.check import Plan, connect, explain, make_plan
from pipeline.claims import Claims
from pipeline.config import Site
from pipeline.courier import Courier
from pipeline.curve import site_calibration
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights, network_id
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import ConfigError, HandoffError
from pipeline.health import serve_health
from pipeline.heartbeat import Details, Heartbeat
from pipeline.ingest import LiveReaders
from pipeline.lease import Lease
from pipeline.logs import LogFormat, LogLevel
from pipeline.matcher import MatchingService
from pipeline.metrics import Metrics
from pipeline.node import Failures, Node, new_run
from pipeline.offline import OfflineRun
from pipeline.outgoing import Outgoing
from pipeline.passing import may_pass_on
from pipeline.perceive import Perception
from pipeline.presence import MATCHER
from pipeline.progress import progress_bar
from pipeline.rubbish import Rubbish
from pipeline.site_file import SiteFile
from pipeline.store import Store
from pipeline.supervisor import Crew, StopSignal
from pipeline.veil import Veil
from pipeline.window_check import check_windows

REDIS_VARIABLE = "HANDOFF_REDIS_URL"
"""Environment variable that names the Redis server in place of cams.yaml."""
HEALTH_PORT_VARIABLE = "HANDOFF_HEALTH_PORT"
"""Environment variable that says where a role answers probes."""

log = structlog.get_logger()
_CROPS_PER_STEP = 8
"""Crops that one step of a node may embed, so that no step holds up the others: some 100 ms."""

console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        cameras: path of cams.yaml.
        redis_url: address in place of the one in cams.yaml, or None.
        duration: seconds to run, or None for ever.
        log_level: which log lines to print.
        log_format: in which form.
        node: name of this machine among those of the site; None: its host name.
        health_port: where to answer probes, or None.
        health_host: address to answer them at.
        window: show everything in a window in place of the page.
    """

    cameras: Path
    redis_url: str | None = None
    duration: float | None = None
    log_level: LogLevel = "warning"
    log_format: LogFormat = "console"
    node: str | None = None
    health_port: int | None = None
    health_host: str = "127.0.0.1"
    window: bool = False


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
    """Runs node, matcher and viewer, each a process, and an embedded Redis unless one is named.

    What dies is started again; SIGHUP makes all of them read cams.yaml anew. A window in place of
    the viewer's page ends all when it is closed.
    """
    stopping = StopSignal(options.duration)
    if options.window:
        check_windows()
    plan = make_plan(options.cameras)
    with ExitStack() as stack:
        url, embedded = options.redis_url or plan.site.redis.url, None
        if url is None:
            embedded = stack.enter_context(EmbeddedRedis())
            url = embedded.url
        connect(options.cameras, plan.site, url).close()
        console.print(f"site {plan.site.site}: {', '.join(plan.site.enabled_cameras)}")
        _print_choices(plan)
        console.print("Ctrl-C stops everything")
        crew = Crew()
        stack.callback(crew.stop)
        signal.signal(signal.SIGHUP, lambda number, frame: crew.signal(number))
        for role in ("matcher", "node", "viewer"):
            # By the environment: a password on a command line is there for everybody to see.
            # One health port cannot serve three processes: here the viewer's page tells all.
            variables = {REDIS_VARIABLE: url, HEALTH_PORT_VARIABLE: ""}
            crew.start(
                role,
                _arguments(role, options),
                environment=variables,
                may_leave=options.window and role == "viewer",
            )
        ended = crew.watch(stopping, also=partial(_look_after, embedded))
    if ended is not None:
        raise HandoffError(f"the {ended} cannot work with these settings; all is stopped")


def run_node(options: Options) -> None:
    """Runs the cameras that are claimed for this node."""
    stopping = StopSignal(options.duration)
    plan = make_plan(options.cameras)
    site = SiteFile(options.cameras)
    store = connect(options.cameras, plan.site, options.redis_url)
    metrics, run = Metrics("node"), new_run()
    name = options.node or socket.gethostname()
    _check_name(store, name)
    owner = f"{name}/{run}"
    claims = Claims(store.presence, name=name, owner=owner)
    courier = Courier(store, claims, site, name=name, owner=owner, metrics=metrics)
    perception = Perception(
        plan.site,
        _detector(plan),
        Embedder(
            _network(plan.site),
            refresh=plan.site.network.refresh,
            most=_CROPS_PER_STEP,
            veil=Veil(plan.site.privacy) if plan.site.privacy.at_rest else None,
        ),
        run=run,
        fps={},
        metrics=metrics,
        on_failure=Failures(metrics),
    )

    def trouble() -> str | None:
        return "the node has not moved for a minute" if courier.stuck else None

    def details() -> dict[str, Any]:
        return {
            "demand": claims.demand,
            "pace": node.pace,
            "allowed": courier.allowed,
            "ready": not courier.stuck,
            "note": trouble() or "",
        }

    with LiveReaders(
        {}, max_age_seconds=plan.site.ingest.max_age, film=may_pass_on(plan.site)
    ) as readers:
        node = Node(
            courier,
            claims,
            site,
            readers,
            perception,
            frame_rate=plan.frame_rate,
            metrics=metrics,
        )
        with _observed(
            store, "node", name, site, metrics, options, details=details, healthy=trouble
        ):
            courier.start()
            try:
                node.run(stopping)
            finally:
                courier.stop()
    store.close()


def run_matcher(options: Options) -> None:
    """Runs the matching service, or stands by while another one works."""
    stopping = StopSignal(options.duration)
    site = SiteFile(options.cameras)
    store = connect(options.cameras, site.site, options.redis_url)
    weights = find_weights(site.site.network.weights)
    metrics, name = Metrics("matcher"), options.node or socket.gethostname()
    service = MatchingService(
        store,
        site.site,
        site_calibration(site.site, weights),
        network=network_id(weights),
        lease=Lease(store.presence, MATCHER, f"{name}/{new_run()}"),
        metrics=metrics,
        rubbish=Rubbish(),
    )

    def details() -> dict[str, Any]:
        metrics.gauge("working", float(service.in_charge))
        return {"note": service.trouble or ("works" if service.in_charge else "stands by")}

    with _observed(store, "matcher", name, site, metrics, options, details=details):
        service.run(stopping)
    store.close()


def run_viewer(options: Options) -> None:
    """Runs the live page."""
    from pipeline.viewer import serve  # the other roles do without a web server

    site = SiteFile(options.cameras)
    store = connect(options.cameras, site.site, options.redis_url)
    metrics, name = Metrics("viewer"), options.node or socket.gethostname()
    stop = _set_after(options.duration)
    outgoing = Outgoing(store, lambda: site.site, f"{name}/{new_run()}")
    with _observed(store, "viewer", name, site, metrics, options):
        outgoing.start()
        try:
            serve(
                site,
                store,
                metrics=metrics,
                started=lambda address: console.print(f"viewer: {address}"),
                stop=stop,
            )
        finally:
            outgoing.stop()
    store.close()


def run_window(options: Options) -> None:
    """Shows the site in a window until it is closed, in place of the page."""
    from pipeline.window_feed import Feed  # the other roles do without its letters
    from pipeline.window_loop import show

    stopping = StopSignal(options.duration)
    check_windows()
    site = SiteFile(options.cameras)
    store = connect(options.cameras, site.site, options.redis_url)
    metrics, name = Metrics("viewer"), options.node or socket.gethostname()
    with _observed(store, "viewer", name, site, metrics, options), Feed(store, site) as feed:
        show(feed, stopping)
    store.close()


def run_view(options: Options, folder: Path) -> None:
    """Shows the results of an offline run; needs neither cams.yaml nor Redis."""
    from pipeline.viewer.recording_app import serve_recording

    def say(address: str) -> None:
        console.print(f"viewer: {address}")
        console.print("Ctrl-C stops it")

    serve_recording(folder, started=say, stop=_set_after(options.duration))


def _set_after(seconds: float | None) -> threading.Event:
    """An event that is set after so many seconds; None: never."""
    event = threading.Event()
    if seconds is not None:
        timer = threading.Timer(seconds, event.set)
        timer.daemon = True
        timer.start()
    return event


@contextmanager
def _observed(
    store: Store,
    role: str,
    name: str,
    site: SiteFile,
    metrics: Metrics,
    options: Options,
    *,
    details: Details = dict,
    healthy: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """What every role has besides its work: a heartbeat, SIGHUP, and health by HTTP."""
    heartbeat = Heartbeat(
        store.presence,
        name=name if role == "node" else f"{name}/{role}-{os.getpid()}",
        role=role,
        site=site,
        metrics=metrics,
        details=details,
    )
    signal.signal(signal.SIGHUP, lambda number, frame: heartbeat.reload())
    with (
        heartbeat,
        serve_health(
            options.health_port,
            metrics,
            healthy,
            lambda: heartbeat.trouble or None,  # ready: Redis can be reached
            host=options.health_host,
        ),
    ):
        yield


def _check_name(store: Store, name: str) -> None:
    """Nodes of one name would take each other for themselves and share nothing out."""
    for record in store.presence.processes():
        here = record.host == socket.gethostname() and record.pid != os.getpid()
        if record.name == name and here and Path(f"/proc/{record.pid}").exists():
            raise ConfigError(
                f"command line: --node: expected a name that no other node has, found {name!r}, "
                f"which process {record.pid} on this machine has"
            )


def _look_after(embedded: EmbeddedRedis | None) -> None:
    if embedded is not None and embedded.ensure():
        log.error("the embedded Redis has died, it is started again, empty")


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
    with progress_bar(console) as progress:
        task = progress.add_task("frames", total=plan.frames)
        run = OfflineRun(
            plan.site,
            _detector(plan),
            _network(plan.site),
            site_calibration(plan.site, plan.weights),
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
        "--log-format", options.log_format,
        *(["--node", options.node] if options.node else []),
        *(["--window"] if options.window and role == "viewer" else []),
    ]  # fmt: skip
