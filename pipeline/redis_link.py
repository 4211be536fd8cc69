"""The link to Redis: reached, new enough, its errors in our words. `pipeline.store` uses it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.errors import StoreError, redact

MIN_VERSION = 8
"""The first Redis with vector sets."""

_CONNECT_SECONDS = 3.0

P = ParamSpec("P")
R = TypeVar("R")


def open_client(url: str, *, ca_file: Path | None = None) -> redis.Redis:
    """Connects and checks that the server is there and new enough.

    Args:
        url: `redis://[:password@]host:port/db`, `rediss://…` or `unix://path`.
        ca_file: certificate authority for `rediss://`.

    Raises:
        StoreError: unreachable, refused, or older than `MIN_VERSION`.
    """
    options: dict[str, Any] = {"socket_connect_timeout": _CONNECT_SECONDS, "protocol": 3}
    if ca_file is not None:
        options["ssl_ca_certs"] = str(ca_file)
    client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 1), **options)
    shown = redact(url)
    try:
        version = str(client.info("server")["redis_version"])
    except redis.AuthenticationError as error:
        raise StoreError(f"expected {shown} to accept the password, found: {error}") from None
    except (redis.RedisError, OSError) as error:
        raise StoreError(f"expected a Redis server at {shown}, found: {error}") from None
    if int(version.split(".")[0]) < MIN_VERSION:
        raise StoreError(f"expected Redis {MIN_VERSION} or later at {shown}, found Redis {version}")
    return client


def in_our_words(method: Callable[P, R]) -> Callable[P, R]:
    """Turns the client's errors into ours, so that no caller needs to know the client."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except redis.RedisError as error:
            raise StoreError(f"Redis: {error}") from error

    return call
