"""Admission: who is signed in, and who has tried to of late. A part of the store.

All viewers of a site share it: whoever has signed in at one is known to the others, and whoever is
to wait at one waits at all.

| key | type | what |
|---|---|---|
| `{site}:session:<digest>` | hash, expires | who, until when, and by which credential; not its id |
| `{site}:tries:<bucket>` | hash, expires | tries to sign in, and when the next one may be made |

Redis never learns a session's id, a password or a token: with what stands there nobody can sign in.
Tries are counted in a bounded number of buckets, so nobody can fill Redis with names.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import dataclass
from typing import Any

from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts

_REMEMBERED_SECONDS = 3600
_FREE_TRIES = 5
_LONGEST_WAIT = {"address": 900, "name": 20}
"""Seconds. Of a name it is short: else anybody could keep somebody out by trying in their name."""
_BUCKETS = 65_536
_RENEWED_SECONDS = 30  # a session's end moves no more often than so


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        id: the secret that the browser keeps.
        name: who, as in cams.yaml.
        stamp: `stamp(id, credential)` of the credential they have signed in with.
    """

    id: str
    name: str
    stamp: str

    def rests_on(self, credential: str) -> bool:
        """True if it was begun with this credential."""
        return hmac.compare_digest(self.stamp, stamp(self.id, credential))


class Admission:
    """Sessions of one site, and tries to begin one.

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
    def begin(self, name: str, credential: str, *, idle: float, longest: float) -> str:
        """Somebody has signed in; gives the session's id, which is kept nowhere else.

        Args:
            name: who.
            credential: what it rests on; the session ends once they have another one.
            idle: seconds without use after which it ends.
            longest: seconds after which it ends in any case.
        """
        session = secrets.token_urlsafe(32)
        fields = {
            "name": name,
            "stamp": stamp(session, credential),
            "until": repr(time.time() + longest),
        }
        key = self._session(session)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.expire(key, _whole(min(idle, longest)))
            pipe.execute()
        return session

    @in_our_words
    def find(self, session: str, *, idle: float) -> Session | None:
        """The session of this id, None if it has ended; it has been used now."""
        key = self._session(session)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key)
            pipe.ttl(key)
            fields, left = pipe.execute()
        if fields.keys() < {b"name", b"stamp", b"until"}:
            return None
        remaining = float(fields[b"until"]) - time.time()
        if remaining <= 0:
            return None
        seconds = _whole(min(idle, remaining))
        if abs(seconds - left) >= min(_RENEWED_SECONDS, idle / 2):
            self._redis.expire(key, seconds)
        return Session(session, fields[b"name"].decode(), fields[b"stamp"].decode())

    @in_our_words
    def end(self, session: str) -> None:
        """Somebody signs out."""
        self._redis.delete(self._session(session))

    @in_our_words
    def attempt(self, address: str, name: str) -> float:
        """Somebody is about to try to sign in; gives the seconds they have to wait first.

        The first tries are free, then each doubles the time until the next one. 0: go on; the try
        counts until it turns out well (`succeeded`).

        Args:
            address: where they are.
            name: who they say they are; "": they bring a token, which names nobody.
        """
        arguments = [_REMEMBERED_SECONDS, _FREE_TRIES, *_LONGEST_WAIT.values()]
        return float(self._scripts.run("attempt", self._tries(address, name), arguments)) / 1000

    @in_our_words
    def succeeded(self, address: str, name: str) -> None:
        """It turned out well: earlier tries in this name are forgotten.

        Those of the address are not, lest somebody with an account guesses at others' in between.
        """
        for key in self._tries(address, name)[1:] or self._tries(address, name):
            self._redis.delete(key)

    def _session(self, session: str) -> str:
        return f"{self._tag}:session:{hashlib.sha256(session.encode()).hexdigest()}"

    def _tries(self, address: str, name: str) -> list[str]:
        counted = {"address": _network(address), "name": name}
        return [f"{self._tag}:tries:{w}-{_bucket(counted[w])}" for w in _LONGEST_WAIT if counted[w]]


def stamp(session: str, credential: str) -> str:
    """Proves that a session rests on a credential, to those alone who know both."""
    return hmac.new(session.encode(), credential.encode(), hashlib.sha256).hexdigest()


def _whole(seconds: float) -> int:
    return max(1, round(seconds))


def _network(address: str) -> str:
    """What one household or server has: of IPv6 that is a network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((address, 64), False))


def _bucket(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:4]) % _BUCKETS
