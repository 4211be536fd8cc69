"""Presence: which processes work on a site, and which of them does what.

What only one process may do at a time (run a camera, match) is *leased*: the lease ends by itself
when its owner dies, and every lease has a *fencing token*, a number larger than that of any lease
before it. Whatever the owner writes carries the token, and Redis refuses it once there is a newer
one: a process that was frozen and wakes up late cannot write into what is somebody else's by now.

| key | type | what |
|---|---|---|
| `{site}:lease:<what>` | string, expires | owner and token; `what` is a camera or `:matcher` |
| `{site}:fences` | hash | what is leased → the newest token |
| `{site}:processes` | hash, fields expire | process → how it is doing |
| `{site}:metrics` | hash, fields expire | process → its metrics |
| `{site}:reload` | counter | grows when the settings are to be read anew |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.data import ProcessRecord
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.wire import pack_process, unpack_process

MATCHER = ":matcher"
"""What the matcher leases; no camera can be called so."""

_PROCESS_SECONDS = 4
_METRICS_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Hold:
    """A lease that is ours.

    Attributes:
        token: its fencing token.
        before: the token of the lease before it; the same as `token` if it was ours already, 0 if
            there was none, as far as Redis remembers.
    """

    token: int
    before: int


class Presence:
    """Leases and processes of one site.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
    """

    def __init__(self, client: Any, scripts: Scripts, *, site: str) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"

    @in_our_words
    def hold(self, what: str, owner: str, *, seconds: float) -> Hold | None:
        """Takes a lease, or keeps it for so many seconds from now; None if it is somebody else's.

        Args:
            what: a camera or `MATCHER`.
            owner: a name no other process has, and no earlier start of this one had.
            seconds: after which it ends unless it is held again.
        """
        keys = [self._lease(what), f"{self._tag}:fences"]
        answer = self._scripts.run("hold", keys, [what, owner, round(seconds * 1000)])
        return None if answer is None else Hold(int(answer[0]), int(answer[1]))

    @in_our_words
    def release(self, what: str, owner: str) -> None:
        """Gives a lease back, if it is still the owner's."""
        self._scripts.run("release", [self._lease(what)], [owner])

    @in_our_words
    def owners(self, leases: Sequence[str]) -> dict[str, str]:
        """Who holds which of these leases; those that nobody holds are left out."""
        values = self._redis.mget([self._lease(what) for what in leases]) if leases else []
        held = zip(leases, values, strict=True)
        return {what: value.decode().rpartition(" ")[0] for what, value in held if value}

    @in_our_words
    def put_process(self, record: ProcessRecord) -> None:
        """Says how a process is doing; it counts as gone if this is not renewed."""
        self._redis.hsetex(
            f"{self._tag}:processes",
            mapping={record.name: pack_process(record)},
            ex=_PROCESS_SECONDS,
        )
        if record.metrics:
            self._redis.hsetex(
                f"{self._tag}:metrics", mapping={record.name: record.metrics}, ex=_METRICS_SECONDS
            )

    @in_our_words
    def remove_process(self, name: str) -> None:
        """A process has ended as it should."""
        self._redis.hdel(f"{self._tag}:processes", name)
        self._redis.hdel(f"{self._tag}:metrics", name)

    @in_our_words
    def processes(self, *, metrics: bool = False) -> list[ProcessRecord]:
        """The processes that are alive, by name.

        Args:
            metrics: with the metrics each has written last, some 10 KB per process.
        """
        texts: Iterable[bytes] = self._redis.hvals(f"{self._tag}:processes")
        records = sorted(map(unpack_process, texts), key=lambda record: record.name)
        if not metrics or not records:
            return records
        written = self._redis.hmget(f"{self._tag}:metrics", [r.name for r in records])
        return [replace(r, metrics=m or b"") for r, m in zip(records, written, strict=True)]

    @in_our_words
    def ask_reload(self) -> None:
        """Tells every process of the site to read its settings anew."""
        self._redis.incr(f"{self._tag}:reload")

    @in_our_words
    def reloads_asked(self) -> int:
        """How often `ask_reload` was called."""
        return int(self._redis.get(f"{self._tag}:reload") or 0)

    def _lease(self, what: str) -> str:
        return f"{self._tag}:lease:{what}"
