"""The command: what it refuses, what it explains, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.data import ProcessRecord
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store

ROOT = Path(__file__).resolve().parents[1]
DEVICE = "cameras: {door: {source: 'device:0'}}\n"
DEMO = "cameras: {west: {source: 'sample:vtest', region: [0, 0, 330, 576], loop: true}}\n"


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "run_pipeline.py"), *arguments]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def cams(tmp_path: Path) -> Path:
    return tmp_path / "cams.yaml"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("cameras: [", "expected valid YAML", id="wrong YAML"),
        pytest.param(DEVICE + "colour: red", "colour: unknown key", id="unknown key"),
        pytest.param(
            "cameras: {west: {source: 'sample:vtest', region: [700, 0, 500, 576]}}",
            "cameras.west.region: expected four whole numbers [x, y, width, height] inside the "
            "768×576 picture, found [700, 0, 500, 576]",
            id="region outside the picture",
        ),
        pytest.param(
            "cameras: {west: {source: gone.mp4}}",
            "cameras.west.source: expected an existing file",
            id="missing file",
        ),
        pytest.param(
            "cameras: {west: {source: cams.yaml}}",
            "cameras.west.source: ",
            id="not a video",
        ),
        pytest.param(
            "cameras: {west: {source: 'sample:vtext'}}",
            "cameras.west.source: expected one of vtest",
            id="unknown sample",
        ),
        pytest.param(
            DEVICE + "detector: {model: yolox_nan}",
            "detector.model: expected one of",
            id="unknown detector",
        ),
        pytest.param(
            DEVICE + "network: {weights: resnet}",
            "network.weights: expected one of drsa_osnet_x0_5",
            id="unknown network",
        ),
        pytest.param(
            DEVICE + "detector: {model: ssdlite}\nredis: {url: 'redis://:canary@127.0.0.1:1'}",
            "redis.url: expected a Redis server at redis://***@127.0.0.1:1",
            id="unreachable Redis",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(cams: Path, text: str, sentence: str) -> None:
    cams.write_text(text, encoding="utf-8")
    result = run("--cameras", str(cams), "--check")
    assert result.returncode == 2
    assert result.stderr.startswith(f"{cams}: ")
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "canary" not in result.stdout + result.stderr


@pytest.fixture
def old_redis(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis server older than 8, as Debian packages it."""
    server = shutil.which("redis-server")
    if server is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server (Debian's, version 7) is not installed")
    path = tmp_path / "old.sock"
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    while not path.exists():
        time.sleep(0.02)
    yield f"unix://{path}"
    process.terminate()
    process.wait()


def test_a_redis_that_is_too_old_is_refused(cams: Path, old_redis: str) -> None:
    cams.write_text(DEVICE + f"detector: {{model: ssdlite}}\nredis: {{url: '{old_redis}'}}")
    result = run("--cameras", str(cams), "--check")
    assert result.returncode == 2
    assert f"{cams}: redis.url: expected Redis 8 or later at {old_redis}" in result.stderr


def test_a_role_of_its_own_needs_a_redis(cams: Path) -> None:
    cams.write_text(DEVICE)
    result = run("--cameras", str(cams), "--role", "matcher")
    assert result.returncode == 2
    assert "redis.url: expected the address of a Redis server shared by all roles" in result.stderr


def test_offline_refuses_a_live_source(cams: Path, tmp_path: Path) -> None:
    cams.write_text(DEVICE + "detector: {model: ssdlite}")
    result = run("--cameras", str(cams), "--offline", "--output", str(tmp_path / "out"))
    assert result.returncode == 2
    assert "cameras.door.source: expected a file for --offline" in result.stderr


def test_check_explains_the_demo_site() -> None:
    result = run("--cameras", str(ROOT / "cams.yaml"), "--check")
    assert result.returncode == 0, result.stderr
    for word in ("west", "east", "region [0, 0, 330, 576]", "botsort", "in order"):
        assert word in result.stdout


def test_a_taken_port_is_named(cams: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cams.write_text(f"{DEMO}detector: {{model: ssdlite}}\nviewer: {{port: {port}}}")
        result = run("--cameras", str(cams))
    assert result.returncode == 2
    assert "viewer.port" in result.stderr


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where temporary files go: sockets fit into it, unlike into the longer names of `tmp_path`."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.timed
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_everything_and_leaves_nothing(
    cams: Path, scratch: Path, number: signal.Signals
) -> None:
    cams.write_text(DEMO + "detector: {model: ssdlite}\nviewer: {port: 0}")
    process = subprocess.Popen(
        command("--cameras", str(cams)),
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert process.stdout is not None
    while "viewer: http" not in process.stdout.readline():
        assert process.poll() is None
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 4  # Redis, node, matcher, viewer
    assert any(scratch.iterdir())
    asked = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - asked < 5.0
    _, alive = psutil.wait_procs(children, timeout=0.5)
    assert alive == []
    assert list(scratch.iterdir()) == []


def test_an_offline_run_that_is_stopped_leaves_nothing(
    cams: Path, scratch: Path, tmp_path: Path
) -> None:
    cams.write_text(DEMO + "detector: {model: ssdlite}")
    process = subprocess.Popen(
        command("--cameras", str(cams), "--offline", "--output", str(tmp_path / "out")),
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    while not any(scratch.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)
    children = psutil.Process(process.pid).children()
    process.terminate()
    assert process.wait(timeout=5) == 130
    _, alive = psutil.wait_procs(children, timeout=0.5)
    assert alive == []
    assert list(scratch.iterdir()) == []


def test_it_stops_by_itself_after_its_time(cams: Path) -> None:
    cams.write_text(DEMO + "detector: {model: ssdlite}\nviewer: {port: 0}")
    result = run("--cameras", str(cams), "--duration", "3")
    assert result.returncode == 0, result.stderr
    assert "site site: west" in result.stdout


def test_two_nodes_of_one_name_are_refused(cams: Path, redis_server: EmbeddedRedis) -> None:
    cams.write_text("site: twins\n" + DEMO + "detector: {model: ssdlite}")
    presence = Store.connect(redis_server.url, site="twins").presence
    host, begun = socket.gethostname(), time.time()
    over = threading.Event()

    def live() -> None:
        while not over.wait(0.5):
            twin = ProcessRecord("till", "node", host, os.getpid(), begun, time.time())
            presence.put_process(twin)

    twin = threading.Thread(target=live)
    twin.start()
    asked = ("--cameras", str(cams), "--role", "node", "--node", "till", "--duration", "1")
    result = run(*asked, HANDOFF_REDIS_URL=redis_server.url)
    over.set()
    twin.join()
    assert result.returncode == 2
    assert "--node: expected a name that no other node has, found 'till'" in result.stderr
    presence.remove_process("till")
    assert run(*asked, HANDOFF_REDIS_URL=redis_server.url).returncode == 0
