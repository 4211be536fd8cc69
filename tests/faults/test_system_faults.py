"""The whole system, part by part killed while it works on real video: it comes back by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from redis_servers import RedisServer, free_port
from site_life import check, decisions, identities, wait_for

from pipeline.data import CameraState
from pipeline.store import Store

COMMAND = Path(__file__).parents[2] / "run_pipeline.py"
SITE = """site: demo
cameras:
  west: {{source: '{clip}', region: [0, 0, 330, 576], fps: 7, loop: true}}
  east: {{source: '{clip}', region: [440, 0, 328, 576], fps: 7, loop: true}}
detector: {{model: '{detector}'}}
viewer: {{port: {port}}}
"""


@pytest.fixture
def cams(tmp_path: Path, vtest_path: Path, ssdlite_path: Path) -> Path:
    """The demo site, with a viewer on a free port."""
    path = tmp_path / "cams.yaml"
    path.write_text(SITE.format(clip=vtest_path, detector=ssdlite_path, port=free_port()))
    return path


@contextmanager
def started(cams: Path, *arguments: str, **environment: str) -> Iterator[psutil.Process]:
    process = subprocess.Popen(
        [sys.executable, str(COMMAND), "--cameras", str(cams), *arguments],
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=15)


def part(process: psutil.Process, role: str) -> psutil.Process | None:
    """The process of a role, or of the embedded Redis."""
    for child in process.children():
        try:
            line = " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # killed meanwhile, noticed or not
            continue
        if f"--role {role}" in line or (role == "redis" and "redis-server" in line):
            return child
    return None


class Page:
    """What somebody who looks at the viewer learns."""

    def __init__(self, cams: Path) -> None:
        port = cams.read_text().split("port: ")[1].split("}")[0]
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=2.0)

    def get(self, path: str) -> Any:
        try:
            answer = self._client.get(path)
        except httpx.TransportError:
            return []
        return answer.json() if answer.status_code == 200 else []

    def all_run(self, *, after: float = 0.0) -> bool:
        """True if pictures of every camera have been analysed since a moment."""
        statuses = [camera["status"] for camera in self.get("/api/v1/cameras")]
        return len(statuses) == 2 and all(
            s and s["state"] == "running" and s["frames"] > 0 and s["since"] > after
            for s in statuses
        )


@pytest.mark.timeout(180)
def test_whatever_is_killed_comes_back(cams: Path) -> None:
    page = Page(cams)
    with started(cams) as process:
        wait_for(page.all_run, seconds=40.0)
        for role in ("node", "matcher", "redis", "viewer"):
            victim = part(process, role)
            assert victim is not None
            killed_at = time.time()
            victim.kill()
            wait_for(lambda role=role, v=victim: part(process, role) not in (None, v), seconds=15.0)  # type: ignore[misc]
            since = killed_at if role == "node" else 0.0
            wait_for(lambda since=since: page.all_run(after=since), seconds=30.0)  # type: ignore[misc]
        known = {i["identity"] for i in page.get("/api/v1/identities")["items"]}
        wait_for(lambda: {i["identity"] for i in page.get("/api/v1/identities")["items"]} != known,
                 seconds=40.0)  # fmt: skip
        children = process.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    _, alive = psutil.wait_procs(children, timeout=1.0)
    assert alive == []


@pytest.mark.timeout(180)
def test_a_killed_node_is_replaced_and_nobody_gets_a_number_twice(cams: Path) -> None:
    with RedisServer(persistent=True) as server:
        store = Store.connect(server.url, site="demo")
        with (
            started(cams, "--role", "matcher", HANDOFF_REDIS_URL=server.url),
            started(cams, "--role", "node", "--node", "a", HANDOFF_REDIS_URL=server.url) as a,
            started(cams, "--role", "node", "--node", "b", HANDOFF_REDIS_URL=server.url) as b,
        ):
            nodes = {"a": a, "b": b}
            wait_for(lambda: running(store) == {"west", "east"}, seconds=40.0)
            wait_for(lambda: len(identities(store)) >= 3, seconds=30.0)
            wait_for(lambda: len(store.presence.processes()) == 3, seconds=30.0)
            victim = store.presence.owners(["west"])["west"].split("/")[0]
            nodes[victim].kill()
            other = next(name for name in nodes if name != victim)
            took = wait_for(lambda: running(store, other) == {"west", "east"}, seconds=20.0)
            assert took < 10.0
            before = len(identities(store))
            wait_for(lambda: len(identities(store)) > before, seconds=40.0)
        check(store, set(identities(store)))
        assert decisions(store)


def running(store: Store, node: str | None = None) -> set[str]:
    """The cameras that run, on a node."""
    statuses = store.statuses()
    up = [s for s in statuses if s.state is CameraState.RUNNING and s.frames > 0]
    return {s.camera for s in up if node in (None, s.node)}


@pytest.mark.timeout(120)
def test_no_password_appears_anywhere(cams: Path, tmp_path: Path) -> None:
    secrets = ("canary-camera", "canary-redis")
    port = free_port()
    with RedisServer(password=secrets[1]) as server:
        text = cams.read_text().replace(
            "detector:",
            f"  gate: {{source: 'rtsp://user:{secrets[0]}@127.0.0.1:{port}/x?key={secrets[0]}'}}\n"
            "detector:",
        )
        cams.write_text(text)
        url = server.url
        log = tmp_path / "log.txt"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, str(COMMAND), "--cameras", str(cams), "--log-level", "debug"],
                stdout=file,
                stderr=file,
                env={**os.environ, "HANDOFF_REDIS_URL": url},
            )
            page = Page(cams)
            wait_for(lambda: problem(page) == "refused", seconds=40.0)
            shown = [
                page._client.get(p).text for p in ("/api/v1/cameras", "/api/v1/health", "/metrics")
            ]
            lines = [" ".join(c.cmdline()) for c in psutil.Process(process.pid).children()]
            server.freeze()  # errors about Redis itself
            time.sleep(4.0)
            server.thaw()
            stored = everything(server)
            process.terminate()
            process.wait(timeout=15)
    for place in (*shown, *lines, stored, log.read_text(errors="replace")):
        assert not any(secret in place for secret in secrets), place[:2000]
    assert "127.0.0.1" in log.read_text()


def problem(page: Page) -> str | None:
    statuses = {c["name"]: c["status"] for c in page.get("/api/v1/cameras")}
    gate = statuses.get("gate")
    return gate["problem"] if gate else None


def everything(server: RedisServer) -> str:
    """All that Redis holds, as one text."""
    with server.client() as client:
        return "".join(repr(key) + repr(client.dump(key)) for key in client.scan_iter())
