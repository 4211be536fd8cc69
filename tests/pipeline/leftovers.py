"""Everything Redis holds of a site, so that tests can search it for what should be gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.store import Store


def dump(store: Store) -> bytes:
    """All that Redis holds of the site, names of keys included."""
    redis, parts = store._redis, []
    for key in redis.scan_iter(f"{{{store._site}}}:*", count=1000):
        parts.append(key)
        parts.append(READ[redis.type(key).decode()](redis, key))
    return b"\n".join(parts)


def elements(redis: Any, key: bytes) -> bytes:
    """Names, attributes and vectors of a vector set."""
    names = redis.execute_command("VRANDMEMBER", key, 10_000)
    attributes = [redis.execute_command("VGETATTR", key, name) for name in names]
    vectors = [redis.execute_command("VEMB", key, name) for name in names]
    return repr((names, attributes, vectors)).encode()


READ: dict[str, Callable[[Any, bytes], bytes]] = {
    "string": lambda redis, key: redis.get(key),
    "hash": lambda redis, key: repr(redis.hgetall(key)).encode(),
    "set": lambda redis, key: repr(redis.smembers(key)).encode(),
    "zset": lambda redis, key: repr(redis.zrange(key, 0, -1)).encode(),
    "stream": lambda redis, key: repr(redis.xrange(key)).encode(),
    "vectorset": elements,
}
