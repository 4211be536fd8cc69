"""The audit log: who signed in, looked for somebody, or changed something. A part of the store.

| key | type | what |
|---|---|---|
| `{site}:audit` | stream, capped, expires | who, from where, what, and how it ended |

It holds no password, token or picture, and nothing about the people who are followed but numbers of
identities, which mean nothing once somebody is forgotten.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.browse import is_beginning
from pipeline.redis_link import in_our_words

_LONGEST = 200
_MOST_ENTRIES = 100_000


class Action(StrEnum):
    """What somebody did, or tried to."""

    SIGN_IN = "sign in"
    SIGN_OUT = "sign out"
    SEARCH = "search"
    CORRECTION = "correction"
    FORGET = "forget"
    EXPORT = "export"
    RELOAD = "reload"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing somebody did.

    Attributes:
        id: its place in the log.
        time: when, by Redis' clock, seconds since the epoch.
        user: who; "viewer.token" or "viewer.view_token" for whoever knew that token, "" where
            nobody is asked who they are.
        address: where the request came from.
        action: what.
        done: False if it was refused or failed.
        details: what more there is to say, such as the number of an identity.
    """

    id: str
    time: float
    user: str
    address: str
    action: Action
    done: bool
    details: dict[str, str] = field(default_factory=dict)


class Audit:
    """The audit log of one site.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
        lifetime: seconds for which entries are kept.
    """

    def __init__(self, client: Any, *, site: str, lifetime: float) -> None:
        self._redis = client
        self._key = f"{{{site}}}:audit"
        self._lifetime = lifetime

    @in_our_words
    def add(
        self, user: str, address: str, action: Action, *, done: bool, details: Mapping[str, object]
    ) -> None:
        """Writes down what somebody did; entries that are too old go."""
        text = json.dumps({key: str(value)[:_LONGEST] for key, value in details.items()})
        fields = {
            "user": user[:_LONGEST],
            "address": address[:_LONGEST],
            "action": action.value,
            "done": int(done),
            "details": text,
        }
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(self._key, fields, maxlen=_MOST_ENTRIES, approximate=True)
            pipe.xtrim(self._key, minid=self._oldest(), approximate=False)
            pipe.expire(self._key, max(1, round(self._lifetime)))
            pipe.execute()

    @in_our_words
    def history(self, count: int = 100, *, before: str = "") -> list[AuditEntry]:
        """What was done, newest first.

        Args:
            count: how many at most.
            before: only what came before this entry; "": all.
        """
        if is_beginning(before):
            return []
        top = f"({before}" if before else "+"
        entries = self._redis.xrevrange(self._key, top, self._oldest(), count=count)
        return [_entry(key.decode(), fields) for key, fields in entries]

    def _oldest(self) -> str:
        return f"{max(0, round((time.time() - self._lifetime) * 1000))}-0"


def _entry(key: str, fields: Mapping[bytes, bytes]) -> AuditEntry:
    return AuditEntry(
        id=key,
        time=int(key.partition("-")[0]) / 1000.0,
        user=fields[b"user"].decode(),
        address=fields[b"address"].decode(),
        action=Action(fields[b"action"].decode()),
        done=fields[b"done"] == b"1",
        details=json.loads(fields[b"details"]),
    )
