"""Corrections: people say who is who, and what they say the matcher never undoes.

| key | type | what |
|---|---|---|
| `{site}:constraints` | hash | correction → what it says, for as long as it stands |
| `{site}:constraints:version` | string | newest correction; decisions taken before it are void |
| `{site}:merged` | hash | identity number that people merged with another → that other |
| `{site}:forgotten` | hash, fields expire | digests of tracklets that were erased |
"""

from __future__ import annotations

from typing import Any

from pipeline.constraints import Constraints
from pipeline.redis_link import in_our_words
from pipeline.wire import unpack_statement

_NOTHING_YET = "0-0"


class Corrections:
    """What people said about one site.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
    """

    def __init__(self, client: Any, *, site: str) -> None:
        self._redis = client
        self._tag = "{" + site + "}"
        self._constraints = Constraints()

    @in_our_words
    def constraints(self) -> Constraints:
        """All that people said and that still stands; read anew only if it has changed."""
        version = self._redis.get(self._key("constraints", "version"))
        if _version(version) != self._constraints.version:
            self._constraints = self._read()
        return self._constraints

    def _read(self) -> Constraints:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._key("constraints", "version"))
            pipe.hgetall(self._key("constraints"))
            pipe.hgetall(self._key("merged"))
            pipe.hkeys(self._key("forgotten"))
            version, statements, merged, erased = pipe.execute()
        return Constraints(
            version=_version(version),
            statements=[unpack_statement(key, text) for key, text in statements.items()],
            merged={int(number): int(leads) for number, leads in merged.items()},
            erased=frozenset(digest.decode() for digest in erased),
        )

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])


def _version(text: bytes | None) -> str:
    return text.decode() if text else _NOTHING_YET
