"""Long lists of a site, a page at a time: newest first, however much comes in meanwhile.

A part of the store. What is listed changes all the time, so a page ends with a `Mark`, the place
of its last entry, and the next page holds what lies below that place: nothing is left out or shown
twice because something new has come in above.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.data import Decision, TrackletRecord
from pipeline.redis_link import in_our_words
from pipeline.wire import unpack_decision, unpack_record


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a sorted set: below it are smaller scores, and at the same score smaller names."""

    score: float
    name: str


class Browse:
    """Lists of one site.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
    """

    def __init__(self, client: Any, *, site: str) -> None:
        self._redis = client
        self._tag = "{" + site + "}"

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])

    @in_our_words
    def identities(
        self, *, below: Mark | None = None, since: float | None = None, count: int = 100
    ) -> list[Mark]:
        """Numbers of identities by when they were last seen, the latest first.

        Args:
            below: where the page before has ended.
            since: leave out those last seen before, seconds since the epoch.
            count: how many at most.
        """
        return self._descend("identities", below, since, None, count)

    @in_our_words
    def tracklets(
        self,
        *,
        below: Mark | None = None,
        since: float | None = None,
        until: float | None = None,
        count: int = 100,
    ) -> list[tuple[Mark, TrackletRecord | None]]:
        """Tracklets by when they ended, the latest first; None for one that has gone.

        Args:
            below: where the page before has ended.
            since, until: leave out those that ended before or after, seconds since the epoch.
            count: how many at most.
        """
        marks = self._descend("tracklets", below, since, until, count)
        if not marks:
            return []
        texts = self._redis.mget([self._key("tracklet", mark.name) for mark in marks])
        return [(m, unpack_record(t) if t else None) for m, t in zip(marks, texts, strict=True)]

    @in_our_words
    def records(self, tracklets: Iterable[str]) -> dict[str, TrackletRecord]:
        """What has been decided about some tracklets; those that are gone are left out."""
        names = list(tracklets)
        texts = self._redis.mget([self._key("tracklet", n) for n in names]) if names else []
        return {n: unpack_record(t) for n, t in zip(names, texts, strict=True) if t}

    @in_our_words
    def oldest(self) -> float:
        """Capture time of the oldest tracklet's end that is listed, 0 if there is none."""
        first = self._redis.zrange(self._key("tracklets"), 0, 0, withscores=True)
        return float(first[0][1]) if first else 0.0

    @in_our_words
    def newest(self) -> float:
        """Capture time of the newest tracklet's end, 0 if there is none."""
        marks = self._descend("tracklets", None, None, None, 1)
        return marks[0].score if marks else 0.0

    @in_our_words
    def last_seen(self, identities: Iterable[int]) -> list[Mark]:
        """Places of some identities in the list, the latest first; those that are gone are not."""
        numbers = list(identities)
        if not numbers:
            return []
        scores = self._redis.zmscore(self._key("identities"), list(map(str, numbers)))
        there = [(s, str(n)) for n, s in zip(numbers, scores, strict=True) if s is not None]
        return [Mark(*each) for each in sorted(there, reverse=True)]

    @in_our_words
    def names(self) -> dict[int, str]:
        """Identities that people have given a name."""
        names: Mapping[bytes, bytes] = self._redis.hgetall(self._key("names"))
        return {int(number): name.decode() for number, name in names.items()}

    @in_our_words
    def decisions_before(self, entry: str, count: int = 100) -> list[tuple[str, Decision]]:
        """Decisions that came before an entry of the stream, newest first.

        Args:
            entry: its id, "" for the end of the stream.
            count: how many at most.
        """
        if is_beginning(entry):
            return []
        top = f"({entry}" if entry else "+"
        return _decisions(self._redis.xrevrange(self._key("decisions"), top, "-", count=count))

    @in_our_words
    def decisions_after(self, entry: str, count: int = 100) -> list[tuple[str, Decision]]:
        """Decisions that came after an entry of the stream, oldest first; does not wait."""
        first = f"({entry}"
        return _decisions(self._redis.xrange(self._key("decisions"), first, "+", count=count))

    @in_our_words
    def missed(self, entry: str) -> bool:
        """True if decisions that came after an entry of the stream may not be there any more."""
        first = self._redis.xrange(self._key("decisions"), count=1)
        last = self._redis.xrevrange(self._key("decisions"), count=1)
        if not first:
            return not is_beginning(entry)
        begins, ends = (_moment(found[0][0].decode()) for found in (first, last))
        return not (begins <= _moment(entry) <= ends) and not is_beginning(entry)

    def _descend(
        self, name: str, below: Mark | None, since: float | None, until: float | None, count: int
    ) -> list[Mark]:
        """The members of a sorted set, the largest first."""
        tops = [bound for bound in (below.score if below else None, until) if bound is not None]
        top = repr(min(tops)) if tops else "+inf"
        bottom = "-inf" if since is None else repr(since)
        found: list[Mark] = []
        offset = 0
        while len(found) < count:
            entries = self._redis.zrevrangebyscore(
                self._key(name), top, bottom, start=offset, num=count, withscores=True
            )
            marks = [Mark(float(score), member.decode()) for member, score in entries]
            found += [mark for mark in marks if below is None or mark < below]
            offset += len(entries)
            if len(entries) < count:
                break
        return found[:count]


def is_beginning(entry: str) -> bool:
    """True of the id `0-0`: nothing came before it, and Redis does not like to be asked."""
    return bool(entry) and not entry.strip("0-")


def _decisions(
    entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]],
) -> list[tuple[str, Decision]]:
    return [(key.decode(), unpack_decision(fields[b"decision"])) for key, fields in entries]


def _moment(entry: str) -> tuple[int, ...]:
    return tuple(map(int, entry.split("-")))
