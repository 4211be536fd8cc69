"""Everything Redis: keys, streams, gallery. Only this module and its own parts talk to Redis.

All keys of a site carry the hash tag `{site}`, so that a cluster keeps a site in one slot.

| key | type | what |
|---|---|---|
| `{site}:sightings` | stream, capped | node → matcher; consumer group `matcher` |
| `{site}:decisions` | stream, capped | matcher → everybody |
| `{site}:tracklet:<id>` | hash, expires | camera, begin, end, identity, confidence, closed |
| `{site}:tracklets` | sorted set, expires | tracklet by when it ended |
| `{site}:identity:<n>` | hash, expires | tracklet → its record |
| `{site}:identities` | sorted set | identity by when it was last seen |
| `{site}:identity` | counter | the last identity number given out |
| `{site}:crop:<id>` | string, expires | JPEG |
| `{site}:cameras` | hash, fields expire | camera → its status |
| `{site}:sent` | hash | camera → number of the last sighting its node sent |
| `{site}:rejected` | stream, capped | sightings that could not be used, and why |
| `{site}:view:<camera>` | sharded pub/sub channel | previews, sent only while somebody subscribes |
| `{site}:film:<camera>` | sharded pub/sub channel | its video, sent only while somebody wants it |

Parts of the store have keys of their own: leases and processes (see `pipeline.presence`), who
looks at what (see `pipeline.onlookers`), what tracklets look like (see `pipeline.gallery`),
corrections by people (see `pipeline.corrections`), how cameras changed (see `pipeline.events`),
who is signed in (see `pipeline.admission`), who did what (see `pipeline.audit`).
Whatever must happen at once, or not at all, is a script of `pipeline/lua`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import redis

from pipeline.admission import Admission
from pipeline.audit import Audit
from pipeline.browse import Browse
from pipeline.config import RetentionSettings
from pipeline.corrections import Corrections
from pipeline.data import (
    CameraStatus,
    Decision,
    Sighting,
    TrackletRecord,
)
from pipeline.errors import InvalidArray, StoreError
from pipeline.events import Events
from pipeline.gallery import MOST_OF_ONE, Gallery
from pipeline.learned import Learned
from pipeline.onlookers import Look, Onlookers
from pipeline.presence import Presence
from pipeline.records import Records
from pipeline.redis_link import Client, in_our_words, open_client, publish, subscribers
from pipeline.regrouping import Regrouping
from pipeline.scripts import Scripts
from pipeline.wire import (
    pack_decision,
    pack_record,
    pack_sighting,
    pack_status,
    unpack_sighting,
)

_GROUP = "matcher"
_STATUS_SECONDS = 6
_REJECTED = 1000  # entries kept


class Sent(Enum):
    """What became of a sighting that was handed over."""

    SENT = 1
    BEFORE = 0  # it had arrived already; only the answer was lost
    FENCED = -1  # the camera is somebody else's by now


class Corrected(StoreError):
    """People have corrected something while a decision was under way."""


class Settled(NamedTuple):
    """A decision to be written.

    Attributes:
        sighting: what was decided on.
        decision: what was decided.
        previous: the tracklet's record until now, or None.
        messages: ids of the sightings this settles.
    """

    sighting: Sighting
    decision: Decision
    previous: TrackletRecord | None = None
    messages: Sequence[str] = ()


class Store(Records):
    """One site's data in Redis: what `Records` reads, and all that writes.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
        retention: how long anything is kept.

    Attributes:
        presence: leases and processes of the site.
        gallery: what its tracklets look like.
        learned: what the matcher has learned.
        onlookers: who wants to see which cameras, and how large.
        corrections: what people said about who is who.
        browse: long lists, a page at a time.
        admission: who is signed in.
        audit: who did what.
        events: what happens, for whoever follows it from outside.
    """

    def __init__(
        self, client: Client, *, site: str, retention: RetentionSettings | None = None
    ) -> None:
        super().__init__(client, site=site)
        self._retention = retention or RetentionSettings()
        self._scripts = Scripts(client)
        self.presence = Presence(client, self._scripts, site=site)
        self.gallery = Gallery(client, self._scripts, site=site)
        self.learned = Learned(client, self._scripts, site=site)
        self.onlookers = Onlookers(client, site=site)
        self.browse = Browse(client, site=site)
        self.admission = Admission(client, self._scripts, site=site)
        self.audit = Audit(client, site=site, lifetime=self._retention.audit)
        self.events = Events(client, self._scripts, site=site, events=self._retention.events)
        self.regrouping = Regrouping(
            client, self._scripts, site=site, events=self._retention.events
        )
        self.corrections = Corrections(
            client,
            self._scripts,
            site=site,
            events=self._retention.events,
            lifetime=self._retention.identities,
        )

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        site: str,
        retention: RetentionSettings | None = None,
        ca_file: Path | None = None,
    ) -> Store:
        """Connects and checks that the server is there and new enough.

        Args:
            url: `redis://[:password@]host:port/db`, `rediss://…` or `unix://path`.
            ca_file: certificate authority for `rediss://`.

        Raises:
            StoreError: unreachable, refused, or older than Redis 8.
        """
        client = open_client(url, ca_file=ca_file)
        return cls(client, site=site, retention=retention)

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()

    # ── node ────────────────────────────────────────────────────────────────────────────────

    @in_our_words
    def send_sighting(
        self, sighting: Sighting, *, token: int | None = None, owner: str = "", number: int = 0
    ) -> Sent:
        """Hands a sighting to the matcher, unless people had its tracklet erased.

        Args:
            sighting: the sighting.
            token: fencing token of the camera's lease; None: nobody leases cameras here.
            owner: who holds the lease.
            number: grows with every sighting of the camera that this owner sends; sending the
                same number again does nothing.
        """
        keys = [self._key(name) for name in ("fences", "sent", "sightings", "forgotten")]
        arguments: list[str | bytes | float] = [
            sighting.camera, _token(token), owner, number, self._retention.events,
            sighting.tracklet,
        ]  # fmt: skip
        for name, value in pack_sighting(sighting).items():
            arguments += [name, value]
        return Sent(self._scripts.run("send", keys, arguments))

    @in_our_words
    def put_statuses(
        self, statuses: Iterable[CameraStatus], tokens: Mapping[str, int] | None = None
    ) -> None:
        """Says how cameras are doing; a camera counts as unknown if this is not renewed.

        Args:
            statuses: one per camera.
            tokens: fencing token of each camera's lease; None: nobody leases cameras here.
        """
        parts: list[str | bytes] = []
        for status in statuses:
            token = None if tokens is None else tokens.get(status.camera, 0)
            parts += [status.camera, _token(token), pack_status(status)]
        if parts:
            keys = [self._key("fences"), self._key("cameras")]
            self._scripts.run("report", keys, [_STATUS_SECONDS, *parts])

    def watched(self, cameras: Sequence[str]) -> set[str]:
        """Those of `cameras` whose previews somebody listens to."""
        channels = [self._key("view", camera) for camera in cameras]
        counts = subscribers(self._redis, channels)
        return {c for c, name in zip(cameras, channels, strict=True) if counts.get(name.encode())}

    def looked_at(self, cameras: Sequence[str]) -> dict[str, Look]:
        """Those of `cameras` whose previews are to be sent, how wide and how often."""
        listened, wanted = self.watched(cameras), self.onlookers.wanted()
        if wanted is None:  # whoever listens does not say how wide
            return dict.fromkeys(listened, Look())
        return {camera: look for camera, look in wanted.items() if camera in listened}

    def send_view(self, camera: str, message: bytes) -> None:
        """Shows a preview to whoever is looking."""
        publish(self._redis, self._key("view", camera), message)

    def send_film(self, camera: str, message: bytes) -> None:
        """Hands a camera's own video on to whoever is looking; Redis keeps none of it."""
        publish(self._redis, self._key("film", camera), message)

    # ── matcher ─────────────────────────────────────────────────────────────────────────────

    @in_our_words
    def open_sightings(self) -> None:
        """Makes the matcher's consumer group, unless it is there already."""
        try:
            self._redis.xgroup_create(self._key("sightings"), _GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    @in_our_words
    def sightings(
        self, *, wait_seconds: float, pending: bool = False, count: int = 256
    ) -> list[tuple[str, Sighting | None]]:
        """Sightings nobody has decided on yet, oldest first, each with its message id.

        Args:
            wait_seconds: how long to wait for the first one; 0: not at all.
            pending: read again what was read before but never decided (after a crash).
            count: how many at most.

        Returns:
            (message id, sighting) pairs; None for a message that is no sighting.
        """
        answer = self._redis.xreadgroup(
            _GROUP,
            "matcher",
            {self._key("sightings"): "0" if pending else ">"},
            count=count,
            block=None if pending or not wait_seconds else max(1, round(wait_seconds * 1000)),
        )
        messages = next(iter(answer.values()))[0] if answer else []
        return [(key.decode(), _sighting(fields)) for key, fields in messages]

    @in_our_words
    def reject(self, message: str, reason: str) -> None:
        """Sets a message of the sightings aside, so that it holds up no other."""
        keys = [self._key("sightings"), self._key("rejected")]
        self._scripts.run("reject", keys, [_GROUP, message, reason, _REJECTED])

    @in_our_words
    def new_identity(self, *, above: int = 0) -> int:
        """A number that has never been given out and never will be again.

        Args:
            above: the highest number the caller knows of: Redis may have lost its data.
        """
        return int(self._scripts.run("new_identity", [self._key("identity")], [above]))

    @in_our_words
    def last_identity(self) -> int:
        """The highest number given out so far, 0 if none."""
        return int(self._redis.get(self._key("identity")) or 0)

    @in_our_words
    def record(
        self, settled: Sequence[Settled], *, token: int | None = None, constraints: str = ""
    ) -> bool:
        """Writes decisions, each with everything that hangs on it, at once or not at all.

        Args:
            settled: what was decided.
            token: fencing token of the matcher's lease; None: nobody leases it here.
            constraints: version of the constraints it was decided on; "": none were asked.

        Returns:
            False if another matcher is in charge by now: of some at least nothing was written.

        Raises:
            Corrected: people have corrected something since, so it is to be decided anew; of some
                at least nothing was written.
        """
        calls = [self._writing(each, _token(token), constraints) for each in settled]
        answers = [int(answer) for answer in self._scripts.run_all("record", calls)]
        for each, changes in zip(settled, answers, strict=True):
            if changes > 0:
                self.gallery.wrote(each.sighting, changes, confirmed=each.decision.confirmed)
        if min(answers, default=1) < 0:
            raise Corrected("people have corrected something since it was decided")
        return 0 not in answers

    def _writing(
        self, settled: Settled, token: str, constraints: str
    ) -> tuple[list[str], list[str | bytes | float]]:
        """Keys and arguments of `record.lua`."""
        sighting, decision, previous, messages = settled
        moves = previous is None or previous.identity != decision.identity
        leaves = previous.identity if previous is not None and moves else ""
        keep, text = self._retention, pack_record(_record(sighting, decision))
        arguments: list[str | bytes | float] = [
            token, sighting.tracklet, text, sighting.embedding.tobytes(), sighting.end,
            decision.identity, round(keep.identities), leaves,
            pack_decision(decision) if moves else "", keep.events,
            sighting.thumbnail or "", round(keep.crops), constraints, int(sighting.closed),
            MOST_OF_ONE, _GROUP, *messages,
        ]  # fmt: skip
        keys = [
            self._key("fences"), self._key("gallery"), self._key("gallery", "ends"),
            self._key("tracklet", sighting.tracklet), self._key("identity", decision.identity),
            self._key("identity", leaves), self._key("identities"), self._key("decisions"),
            self._key("crop", sighting.tracklet), self._key("sightings"),
            self._key("constraints", "version"), self._key("forgotten"),
            self._key("gallery", "open"), self._key("gallery", "changes"),
            self._key("ends", decision.identity), self._key("ends", leaves),
            self._key("tracklets"),
        ]  # fmt: skip
        return keys, arguments

    @in_our_words
    def tidy(self, count: int = 200) -> None:
        """Takes identities that have expired out of the list of all, and old decisions away.

        Args:
            count: how many to look at in one call, the longest unseen first.
        """
        oldest = [int(n) for n in self._redis.zrange(self._key("identities"), 0, count - 1)]
        with self._redis.pipeline(transaction=False) as pipe:
            for number in oldest:
                pipe.exists(self._key("identity", number))
            there = pipe.execute()
        gone = [number for number, is_there in zip(oldest, there, strict=True) if not is_there]
        if gone:
            self._redis.zrem(self._key("identities"), *gone)
        # Entries are numbered by the time of Redis' clock in milliseconds.
        oldest_kept = max(0, int((time.time() - self._retention.identities) * 1000))
        self._redis.xtrim(self._key("decisions"), minid=oldest_kept, approximate=False)


def _token(token: int | None) -> str:
    return "" if token is None else str(token)


def _sighting(fields: Mapping[bytes, bytes] | None) -> Sighting | None:
    try:
        return unpack_sighting(fields or {})
    except (KeyError, ValueError, TypeError, InvalidArray):
        return None


def _record(sighting: Sighting, decision: Decision) -> TrackletRecord:
    return TrackletRecord(
        tracklet=sighting.tracklet,
        camera=sighting.camera,
        begin=sighting.begin,
        end=sighting.end,
        identity=decision.identity,
        confidence=decision.confidence,
        closed=sighting.closed,
        entered=sighting.entered,
        left=sighting.left,
        entering=sighting.entering,
        leaving=sighting.leaving,
        confirmed=decision.confirmed,
        pinned=decision.by == "person",
        evidence=decision.evidence if decision.by == "matcher" else None,
        parted_from=sighting.parted_from,
    )
