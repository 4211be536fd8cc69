"""The gallery: what tracklets look like, for as long as they can be matched. A part of the store.

A tracklet that still grows is embedded anew every second. To take it out of a graph of neighbours
and put it in again costs milliseconds each time, so those that are *open* lie in a hash, are held
in memory as well, and are compared one by one; there are as many as people in view. Only when it
has ended does a tracklet go into the vector set, which finds its neighbours in a time that grows
with the logarithm of its size.

| key | type | what |
|---|---|---|
| `{site}:gallery` | vector set | tracklets that have ended; 8 bits a number, no attributes |
| `{site}:gallery:open` | hash | tracklet that still grows → its embedding, float32 |
| `{site}:gallery:changes` | counter | grows with every change of `gallery:open` |
| `{site}:gallery:ends` | sorted set | every tracklet of these two by the end of it |
| `{site}:gallery:network` | string | the network whose embeddings these are |
| `{site}:ends:<n>` | sorted set, expires | an identity's tracklets by their ends, for `Members` |

Who a tracklet is stands in its record, `{site}:tracklet:<id>`, and nowhere here: who changes the
record has relabelled it, and who deletes the record has taken it out of every answer; `forget`
deletes its looks. `{site}:ends:<n>` is only an index of `{site}:identity:<n>`; what it lacks is
found out and added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Candidate, Sighting, TrackletRecord
from pipeline.members import Members
from pipeline.open_looks import LatestEnded, OpenLooks
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.searches import Searches
from pipeline.wire import unpack_record

MOST_OF_ONE = 32
"""Tracklets of one identity that the gallery keeps, the newest ones."""

_SIMILARITY = itemgetter(1, 0)  # of (tracklet, similarity): in one order if they are equal, too
_AHEAD = 128  # of each, as many as the matcher asks for
_ENDED = 512  # that ended last, for searches that began before
_STALE = 512  # more that are asked for if so many should have left already
_REMOVALS = 16  # per transaction: Redis does nothing else meanwhile


class Gallery:
    """Looks of one site's tracklets, open and ended.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.

    Attributes:
        members: whose tracklets are when.
    """

    def __init__(self, client: Any, scripts: Scripts, *, site: str) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"
        self._searches = Searches(client, self._key("gallery"))
        self._stale = 0  # that should have left already, when last counted
        self._open = OpenLooks()
        self._settled: set[str] = set()  # go on, and need not be searched for until they end
        self._ended = LatestEnded(_ENDED)
        self.members = Members(scripts, tag=self._tag)

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])

    @in_our_words
    def begin(self, network: str) -> str | None:
        """Makes the gallery one of this network's embeddings, of which the caller is in charge.

        Returns:
            the network whose gallery was given up for it, or None.
        """
        self.let_go()
        names = ("gallery:network", "gallery", "gallery:ends", "gallery:open", "gallery:changes")
        before: bytes | None = self._scripts.run(
            "open_gallery", list(map(self._key, names)), [network]
        )
        return None if before is None else before.decode()

    @in_our_words
    def candidates(
        self, sightings: Sequence[Sighting], *, memory: float, count: int = 64, exact: bool = False
    ) -> list[list[Candidate]]:
        """The tracklets that look most like each of some sightings, itself left out.

        Args:
            sightings: all that are to be decided on now: they share the ways to Redis.
            memory: seconds back in time that a candidate may have ended.
            count: how many at most of each.
            exact: compare with every tracklet: slower, but reproducible.

        Returns:
            for each sighting, most alike first.
        """
        if not sightings:
            return []
        found = self._similar(sightings, memory, count, exact)
        records = self.records({name for names in found for name in names})
        return [
            _candidates(sighting, similarities, records, memory)[:count]
            for sighting, similarities in zip(sightings, found, strict=True)
        ]

    def look_ahead(self, sightings: Sequence[Sighting]) -> None:
        """Begins to search for whom some look like, if they will be asked about as far as is known.

        Args:
            sightings: those whose turn comes next, one at most of each tracklet.
        """
        asked = [s for s in sightings if s.closed or s.tracklet not in self._settled]
        self._searches.begin(asked, _AHEAD + 1 + self._stale, self._ended.count)

    @in_our_words
    def alike(self, look: NDArray[np.float32], *, count: int) -> dict[str, float]:
        """The tracklets most like a person, and how alike they are, -1 to 1.

        Args:
            look: embedding float32[D], unit length.
            count: how many at most.
        """
        question = Sighting("", "", 0.0, 0.0, look, 1, 1.0, True, (0.0, 0.0), (0.0, 0.0))
        return self._similar([question], 0.0, count, False)[0]

    @in_our_words
    def looks(self, tracklets: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Embeddings of those tracklets whose looks are kept, float32[D], unit length.

        Those that have ended are kept in 8 bits a number: a similarity is off by some thousandths.
        """
        if not tracklets:
            return {}
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self._key("gallery", "open"), tracklets)
            for name in tracklets:
                pipe.execute_command("VEMB", self._key("gallery"), name)
            still_open, *ended = pipe.execute()
        found = {n: np.array(v, np.float32) for n, v in zip(tracklets, ended, strict=True) if v}
        for name, look in zip(tracklets, still_open, strict=True):
            if look:
                found[name] = np.frombuffer(look, dtype="<f4")
        return {name: look / np.linalg.norm(look) for name, look in found.items()}

    @in_our_words
    def records(self, tracklets: Iterable[str]) -> dict[str, TrackletRecord]:
        """What has been decided about some tracklets; those that are gone are left out."""
        names = list(tracklets)
        if not names:
            return {}
        prefix = self._key("tracklet", "")
        texts = self._redis.mget([prefix + name for name in names])
        return {n: unpack_record(text) for n, text in zip(names, texts, strict=True) if text}

    @in_our_words
    def size(self) -> int:
        """How many tracklets can still be matched."""
        return int(self._redis.zcard(self._key("gallery", "ends")))

    @in_our_words
    def recent(self, *, since: float, count: int) -> list[str]:
        """The tracklets that were last seen since a time, the newest first.

        Args:
            since: capture time, seconds since the epoch.
            count: how many at most.
        """
        ends = self._key("gallery", "ends")
        found = self._redis.zrevrangebyscore(ends, "+inf", since, start=0, num=count)
        return [name.decode() for name in found]

    @in_our_words
    def prune(self, *, before: float, count: int = 100) -> int:
        """Takes what ended before a time out of the gallery.

        Args:
            before: capture time, seconds since the epoch.
            count: how many at most in one call.

        Returns:
            how many left.
        """
        ends = self._key("gallery", "ends")
        old = self._redis.zrangebyscore(ends, "-inf", f"({before}", start=0, num=count)
        self.forget([name.decode() for name in old])
        return len(old)

    @in_our_words
    def prune_expired(self, *, count: int = 100) -> int:
        """Takes out what tracklets look like whose records have expired (`retention.identities`).

        `prune` goes by capture time, which stands still while nobody comes; records expire by the
        clock of Redis.

        Args:
            count: how many to look at in one call, those that ended first.

        Returns:
            how many left.
        """
        names = [n.decode() for n in self._redis.zrange(self._key("gallery", "ends"), 0, count - 1)]
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.exists(self._key("tracklet", name))
            there = pipe.execute() if names else []
        gone = [name for name, is_there in zip(names, there, strict=True) if not is_there]
        self.forget(gone)
        return len(gone)

    @in_our_words
    def close_idle(self, *, before: float, count: int = 16) -> int:
        """Moves open tracklets of which nothing came since a time to those that have ended.

        Their node died, or never says that a tracklet has ended.

        Args:
            before: capture time, seconds since the epoch.
            count: how many at most in one call.

        Returns:
            how many were moved.
        """
        names = ("gallery", "gallery:open", "gallery:ends", "gallery:changes")
        keys = [self._key(name) for name in names]
        return int(self._scripts.run("close_idle", keys, [before, count]))

    @in_our_words
    def forget(self, tracklets: Sequence[str]) -> None:
        """Deletes what these tracklets look like; their records are somebody else's business."""
        for first in range(0, len(tracklets), _REMOVALS):
            some = tracklets[first : first + _REMOVALS]
            with self._redis.pipeline(transaction=True) as pipe:
                for name in some:
                    pipe.execute_command("VREM", self._key("gallery"), name)
                pipe.zrem(self._key("gallery", "ends"), *some)
                pipe.hdel(self._key("gallery", "open"), *some)
                pipe.incr(self._key("gallery", "changes"))
                changes = int(pipe.execute()[-1])
            self._open.forget(some, changes)
            self._ended.forget(some)
            self._settled.difference_update(some)

    def let_go(self) -> None:
        """Keeps nobody's looks in memory: what is needed is read anew."""
        self._open = OpenLooks(changes=-1)
        self._forget_found()

    def wrote(self, sighting: Sighting, changes: int, *, confirmed: bool) -> None:
        """Keeps what is held in memory equal to what has just been written.

        Args:
            sighting: what was written by `record.lua`.
            changes: the counter `gallery:changes` after it.
            confirmed: that the decision on it stands.
        """
        self._open.put(sighting, changes)
        if sighting.closed:
            self._ended.put(sighting.tracklet, sighting.embedding)
        if confirmed and not sighting.closed:
            self._settled.add(sighting.tracklet)
        else:
            self._settled.discard(sighting.tracklet)

    # ── how ─────────────────────────────────────────────────────────────────────────────────

    def _similar(
        self, sightings: Sequence[Sighting], memory: float, count: int, exact: bool
    ) -> list[dict[str, float]]:
        """Tracklet → similarity for each sighting, with some that are too old, or itself."""
        late = max(sighting.begin for sighting in sightings) - memory
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(self._key("gallery", "changes"))
            pipe.zcount(self._key("gallery", "ends"), "-inf", f"({late}")
            changes, stale = pipe.execute()
        self._refresh(int(changes or 0))
        self._stale = min(int(stale), _STALE)
        most = count + 1 + self._stale
        ended = [_most_alike(e, most) for e in self._ended_like(sightings, most, exact)]
        floors = [min(e.values()) if len(e) == most else -math.inf for e in ended]
        still_open = self._open.similar(sightings, floors)
        return [_most_alike(e | o, most) for e, o in zip(ended, still_open, strict=True)]

    def _ended_like(
        self, sightings: Sequence[Sighting], count: int, exact: bool
    ) -> list[dict[str, float]]:
        """The same among those that have ended."""
        searched = self._searches.find(sightings, count, self._ended.count, exact=exact)
        return [
            found.alike | self._ended.similar(sighting.embedding, found.moment)
            for sighting, found in zip(sightings, searched, strict=True)
        ]

    def _forget_found(self) -> None:
        self._settled.clear()  # of whom was erased not even the tracklet's name is kept
        self._ended = LatestEnded(_ENDED)
        self._searches.drop()

    def _refresh(self, changes: int) -> None:
        """Reads anew which tracklets are open, and searches anew, if others have written since."""
        if changes != self._open.changes:
            looks = self._redis.hgetall(self._key("gallery", "open"))
            self._open = OpenLooks(looks, changes)
            self._forget_found()


def _most_alike(similarities: Mapping[str, float], count: int) -> dict[str, float]:
    """So many of them at most, most alike first."""
    return dict(sorted(similarities.items(), key=_SIMILARITY, reverse=True)[:count])


def _candidates(
    sighting: Sighting,
    similarities: Mapping[str, float],
    records: Mapping[str, TrackletRecord],
    memory: float,
) -> list[Candidate]:
    remembered = sighting.begin - memory
    return [
        Candidate(record, similarity)
        for name, similarity in similarities.items()
        if (record := records.get(name)) is not None
        and record.end >= remembered
        and name != sighting.tracklet
    ]
