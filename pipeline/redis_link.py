"""The link to Redis: reached, new enough, its errors in our words. `pipeline.store` uses it.

One server or a cluster: the server says which. A site's keys and channels share a hash tag, so all
of a call is in one slot, and scripts, transactions and blocking reads run on both alike. Messages
go by sharded pub/sub: in a cluster they stay on the shard of the site, and so does the count of
those who listen (that of the older pub/sub is each server's own).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from pipeline.errors import StoreError, redact

MIN_VERSION = 8
"""The first Redis with vector sets."""

Client = redis.Redis | redis.RedisCluster

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 3.0  # longer than any read of ours blocks, shorter than a lease
_HEALTH_SECONDS = 5  # a connection that was idle for longer is tried before it is used
_CONNECTIONS = 8  # more than the threads of any part use at once
_ERRORS = (redis.RedisError, RedisClusterException, OSError)

P = ParamSpec("P")
R = TypeVar("R")


class _Cluster(redis.RedisCluster):
    """Knows by itself which server has a stream that is to be read.

    The client asks, before every read, whichever server it holds for the first one where the names
    are in the command: one way more, and none of the sites could go on when that one is away.
    """

    def determine_slot(self, *args: Any) -> int | None:
        if args[0] in ("XREAD", "XREADGROUP"):
            return int(self.keyslot(args[args.index(b"STREAMS") + 1]))
        slot: int | None = super().determine_slot(*args)
        return slot


def open_client(url: str, *, ca_file: Path | None = None) -> Client:
    """Connects and checks that the server is there and new enough.

    Args:
        url: `redis://[:password@]host:port/db`, `rediss://…` or `unix://path`; for a cluster, that
            of any of its servers.
        ca_file: certificate authority for `rediss://`.

    Raises:
        StoreError: unreachable, refused, or older than `MIN_VERSION`.
    """
    options = _options(url, ca_file)
    client = redis.Redis.from_url(url, retry=_retry(), **options)
    shown = redact(url)
    try:
        facts: Any = client.info("server")
        version = str(facts["redis_version"])
        if int(version.split(".")[0]) < MIN_VERSION:
            raise StoreError(
                f"expected Redis {MIN_VERSION} or later at {shown}, found Redis {version}"
            )
        if facts["redis_mode"] != "cluster":
            _open_connections(client.connection_pool)
            return client
        client.close()
        return _open_cluster(url, options)
    except redis.AuthenticationError as error:
        raise StoreError(f"expected {shown} to accept the password, found: {error}") from None
    except _ERRORS as error:
        raise StoreError(f"expected a Redis server at {shown}, found: {error}") from None


def _open_connections(pool: redis.ConnectionPool) -> None:
    """Before they are needed: a rush waits for no handshake, and their number tells of no leak."""
    for connection in [pool.get_connection() for _ in range(_CONNECTIONS)]:
        pool.release(connection)


def _options(url: str, ca_file: Path | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "health_check_interval": _HEALTH_SECONDS,
        "protocol": 3,
    }
    if not url.startswith("unix://"):
        options["socket_keepalive"] = True
    if ca_file is not None:
        options["ssl_ca_certs"] = str(ca_file)
    return options


def _open_cluster(url: str, options: dict[str, Any]) -> redis.RedisCluster:
    # Sites on the shards that are there go on while another shard is away.
    return _Cluster.from_url(url, retry=_retry(), require_full_coverage=False, **options)


def _retry() -> Retry:
    """Once, and at once: the connection may be an old one. An outage is for the caller to know.

    A server that did not answer in time is not asked again: it would double the time lost.
    """
    return Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))


def in_our_words(method: Callable[P, R]) -> Callable[P, R]:
    """Turns the client's errors into ours, so that no caller needs to know the client."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except _ERRORS as error:
            raise StoreError(f"Redis: {error}") from error

    return call


@in_our_words
def publish(client: Client, channel: str, message: bytes) -> int:
    """Sends a message to whoever listens to the channel now; says how many do."""
    answer: Any = client.execute_command("SPUBLISH", channel, message)
    return int(answer)


@in_our_words
def subscribers(client: Client, channels: Sequence[str]) -> dict[bytes, int]:
    """How many listen to each of these channels, which are all of one site."""
    if not channels:
        return {}
    counts: Any = _server_of(client, channels[0]).pubsub_shardnumsub(*channels)
    return {bytes(channel): int(count) for channel, count in counts}


@contextmanager
def listen(
    client: Client, channels: Sequence[str], *, idle_seconds: float = 0.5
) -> Iterator[Iterator[tuple[bytes, bytes] | None]]:
    """Messages of some channels, all of one site, for as long as the context lasts.

    Yields:
        an endless iterator of (channel, message), and of None whenever nothing came for
        `idle_seconds`. It raises StoreError, and has then ended, when the server is gone, silent
        or no longer the one that has the site: listen anew.

    Raises:
        StoreError: the server cannot be reached.
    """
    with in_our_words(_server_of)(client, channels[0]).pubsub() as listener:
        try:
            in_our_words(listener.ssubscribe)(*channels)
            yield _messages(listener, idle_seconds)
        except StoreError:
            _look_again(client)
            raise


def _messages(listener: Any, idle_seconds: float) -> Iterator[tuple[bytes, bytes] | None]:
    silent_since: float | None = None
    while True:
        message = in_our_words(listener.get_message)(timeout=idle_seconds)
        if message is not None and message["type"] == "sunsubscribe":
            raise StoreError("Redis: the site has moved to another server of the cluster")
        if message is not None and message["type"] == "smessage":
            yield message["channel"], message["data"]
        elif message is None:
            silent_since = _still_silent(listener, silent_since)
            yield None


def _still_silent(listener: Any, since: float | None) -> float | None:
    """Since when a PING is unanswered, or None; redis-py sends them but misses no answer."""
    if not listener.health_check_response_counter:
        return None
    now = time.monotonic()
    if since is not None and now - since > _ANSWER_SECONDS:
        raise StoreError(f"Redis: expected an answer within {_ANSWER_SECONDS:g} s, found none")
    return now if since is None else since


def _server_of(client: Client, channel: str) -> redis.Redis:
    """The server that has a channel."""
    if isinstance(client, redis.RedisCluster):
        return client.get_redis_connection(client.get_node_from_key(channel))
    return client


def _look_again(client: Client) -> None:
    """Asks the cluster anew who has what; nobody else notices when only listening has failed."""
    if isinstance(client, redis.RedisCluster):
        with suppress(*_ERRORS):
            client.nodes_manager.initialize()
