"""A node whose cameras see invented people: all of a node but streams and networks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from forks import processes
from people import looks, sighting

from pipeline.claims import Claims
from pipeline.courier import Courier, Report
from pipeline.data import CameraState, CameraStatus
from pipeline.heartbeat import Heartbeat
from pipeline.metrics import Metrics
from pipeline.node import new_run
from pipeline.site_file import SiteFile
from pipeline.store import Store

STEP_SECONDS = 0.05
STEPS_PER_TRACKLET = 20


def write_site(path: Path, cameras: Sequence[str], *, more: str = "") -> Path:
    """A cams.yaml with these cameras, which nobody opens."""
    lines = [f"  {name}:\n    source: rtsp://127.0.0.1:1/{name}\n" for name in cameras]
    path.write_text("site: walk\ncameras:\n" + "".join(lines) + more, encoding="utf-8")
    return path


class Walkers:
    """What a node's loop does, with people who walk through its cameras all the time."""

    def __init__(self, store: Store, site: SiteFile, *, name: str, cost: float = 0.1) -> None:
        self.run = new_run()
        owner = f"{name}/{self.run}"
        self.claims = Claims(store.presence, name=name, owner=owner)
        metrics = Metrics("node")
        self.courier = Courier(store, self.claims, site, name=name, owner=owner, metrics=metrics)
        self.heartbeat = Heartbeat(
            store.presence, name=name, role="node", site=site, metrics=metrics,
            details=lambda: {
                "demand": self.claims.demand,
                "pace": cost / 10,
                "allowed": self.courier.allowed,
            },
        )  # fmt: skip
        self._cost = cost
        self._running: dict[str, int] = {}
        self._steps = 0

    def __enter__(self) -> Self:
        self.heartbeat.__enter__()
        self.courier.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.courier.stop()
        self.heartbeat.__exit__(kind, error, trace)

    def step(self) -> None:
        """One picture of each camera."""
        for camera, tenure in self.claims.leaving.items():
            if camera not in self._running:
                self.courier.left(camera, tenure)
        to_run = self.claims.to_run
        for camera in [c for c, tenure in self._running.items() if to_run.get(c) != tenure]:
            self.courier.left(camera, self._running.pop(camera))
        self._running |= to_run
        now, person = time.time(), self._steps // STEPS_PER_TRACKLET
        closed = self._steps % STEPS_PER_TRACKLET == STEPS_PER_TRACKLET - 1
        for camera in self._running:
            name = f"{camera}-{self.run}-{person}"
            look = looks(person, noise=0.1)
            seen = sighting(name, camera, now - 0.5, now, embedding=look, closed=closed)
            self.courier.send([seen], self._running)
        statuses = [CameraStatus(c, CameraState.RUNNING, since=now) for c in self._running]
        self.courier.report(Report(statuses, dict.fromkeys(self._running, self._cost), 0.01))
        self._steps += 1


class NodeProcess:
    """Such a node in a process of its own, which can be killed and frozen."""

    def __init__(self, url: str, site: str, cams: Path, name: str, *, cost: float = 0.1) -> None:
        self.name = name
        arguments = (url, site, cams, name, cost)
        self._process: Any = processes.Process(target=_walk, args=arguments, daemon=True)
        self._process.start()

    def send(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kills it, and waits until it is gone."""
        self._process.kill()
        self._process.join()

    def end(self) -> int:
        """Asks it to end; its exit code."""
        self._process.terminate()
        self._process.join(10.0)
        return int(self._process.exitcode)


def _walk(url: str, site: str, cams: Path, name: str, cost: float) -> None:
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    store, file = Store.connect(url, site=site), SiteFile(cams)
    with Walkers(store, file, name=name, cost=cost) as walkers:
        signal.signal(signal.SIGHUP, lambda number, frame: walkers.heartbeat.reload())
        while not stopping:
            walkers.step()
            time.sleep(STEP_SECONDS)
    os._exit(0)
