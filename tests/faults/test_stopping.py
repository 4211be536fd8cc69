"""SIGTERM, whatever the system is doing: it ends soon, and leaves no process and no file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis_servers import RedisServer, free_port

COMMAND = Path(__file__).parents[2] / "run_pipeline.py"
SECONDS = 8.0


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def cams(tmp_path: Path, vtest_path: Path, ssdlite_path: Path, black_hole: int) -> Path:
    path = tmp_path / "cams.yaml"
    path.write_text(
        f"cameras:\n"
        f"  clip: {{source: '{vtest_path}', fps: 7, loop: true}}\n"
        f"  silent: {{source: 'rtsp://127.0.0.1:{black_hole}/x'}}\n"
        f"  nobody: {{source: 'rtsp://127.0.0.1:{free_port()}/x'}}\n"
        f"detector: {{model: '{ssdlite_path}'}}\n"
        f"viewer: {{port: 0}}\n"
    )
    return path


@pytest.mark.timed
@pytest.mark.parametrize("state", ["starting", "loading", "at work", "a part is dead",
                                   "Redis is dead", "Redis is frozen"])  # fmt: skip
def test_it_ends_soon_and_leaves_nothing(cams: Path, tmp_path: Path, state: str) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with RedisServer() as server:
        process = subprocess.Popen(
            [sys.executable, str(COMMAND), "--cameras", str(cams)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TMPDIR": str(scratch), "HANDOFF_REDIS_URL": server.url},
        )
        whole = psutil.Process(process.pid)
        bring_about(state, process, server)
        family = whole.children(recursive=True)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)
        assert time.monotonic() - asked < SECONDS
        assert code == 0 or (state == "starting" and code == -signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=1.0)
        # What is dead and waits for this machine's init to notice is not left over by us.
        assert [each for each in alive if not is_dead(each)] == []
        server.thaw()
    assert list(scratch.iterdir()) == []


def is_dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def bring_about(state: str, process: subprocess.Popen[str], server: RedisServer) -> None:
    """Waits until the system is in a state."""
    if state == "starting":
        time.sleep(0.3)
        return
    assert process.stdout is not None
    wanted = "Ctrl-C" if state == "loading" else "viewer: http"
    while wanted not in process.stdout.readline():
        assert process.poll() is None
    if state == "loading":
        return
    time.sleep(5.0)
    if state == "a part is dead":
        next(c for c in psutil.Process(process.pid).children() if "node" in c.cmdline()).kill()
        time.sleep(0.3)
    elif state == "Redis is dead":
        server.kill()
        time.sleep(1.0)
    elif state == "Redis is frozen":
        server.freeze()
        time.sleep(1.0)
