"""What is known of a site, for whoever shows it: reads Redis and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data import CameraStatus, Decision, IdentityRecord, TrackletRecord
from pipeline.redis_link import Client, in_our_words, listen
from pipeline.wire import unpack_decision, unpack_record, unpack_status

_MOST_MERGES = 64  # of merged identities that were merged again
_LOOKS_AT_ONCE = 500  # embeddings are long texts on their way


class Records:
    """Statuses, identities, decisions and pictures of one site; the keys are those of `Store`.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
    """

    def __init__(self, client: Client, *, site: str) -> None:
        self._redis: Any = client
        self._site = site

    def _key(self, *parts: object) -> str:
        return ":".join(["{" + self._site + "}", *map(str, parts)])

    @in_our_words
    def tracklet(self, tracklet: str) -> TrackletRecord | None:
        """What has been decided about a tracklet, or None."""
        text = self._redis.get(self._key("tracklet", tracklet))
        return unpack_record(text) if text else None

    @in_our_words
    def members(self, identities: Iterable[int]) -> dict[int, tuple[TrackletRecord, ...]]:
        """The tracklets of each identity, in order of time; those that are gone are left out."""
        numbers = list(identities)
        with self._redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hvals(self._key("identity", number))
            answers = pipe.execute()
        records = {
            n: tuple(map(unpack_record, texts)) for n, texts in zip(numbers, answers, strict=True)
        }
        return {n: tuple(sorted(r, key=_in_time)) for n, r in records.items() if r}

    @in_our_words
    def statuses(self, cameras: Sequence[str] | None = None) -> list[CameraStatus]:
        """How the cameras are doing; a camera nobody runs is left out.

        Args:
            cameras: their names, or None for every camera of the site.
        """
        key = self._key("cameras")
        if cameras is None:
            texts = [text for _, text in sorted(self._redis.hgetall(key).items())]
        else:
            texts = self._redis.hmget(key, cameras) if cameras else []
        return [unpack_status(text) for text in texts if text]

    @in_our_words
    def identities(self, count: int = 100) -> list[IdentityRecord]:
        """Identities, most recently seen first."""
        numbers = [int(n) for n in self._redis.zrevrange(self._key("identities"), 0, count - 1)]
        return self.people(numbers)

    @in_our_words
    def people(self, identities: Iterable[int]) -> list[IdentityRecord]:
        """Those of some identities that are there, with their names."""
        members = self.members(identities)
        names = self._redis.hmget(self._key("names"), list(members)) if members else []
        return [
            IdentityRecord(number, records, name.decode() if name else None)
            for (number, records), name in zip(members.items(), names, strict=True)
        ]

    @in_our_words
    def identity(self, number: int) -> IdentityRecord | None:
        """One identity, or None if there is none of that number.

        A number that people merged with another leads to that one.
        """
        merged = self._key("merged")
        for _ in range(_MOST_MERGES):
            if (leads := self._redis.hget(merged, number)) is None:
                break
            number = int(leads)
        return next(iter(self.people([number])), None)

    @in_our_words
    def crop(self, tracklet: str) -> bytes | None:
        """The tracklet's best picture as JPEG, or None."""
        picture: bytes | None = self._redis.get(self._key("crop", tracklet))
        return picture

    @in_our_words
    def looks(self, tracklets: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Embeddings of those tracklets that ended and are in the gallery, float32[D], unit length.

        The gallery keeps them in 8 bits a number: a similarity is off by some thousandths.
        """
        found: dict[str, NDArray[np.float32]] = {}
        for first in range(0, len(tracklets), _LOOKS_AT_ONCE):
            names = tracklets[first : first + _LOOKS_AT_ONCE]
            with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.execute_command("VEMB", self._key("gallery"), name)
                answers = pipe.execute()
            for name, numbers in zip(names, answers, strict=True):
                if numbers:
                    vector = np.array(numbers, dtype=np.float32)
                    found[name] = vector / np.linalg.norm(vector)
        return found

    @in_our_words
    def gallery_network(self) -> str:
        """The network whose embeddings the gallery holds, "" if it holds none."""
        return (self._redis.get(self._key("gallery", "network")) or b"").decode()

    @in_our_words
    def last_decision(self) -> str:
        """Id of the newest entry of the decisions stream, "0-0" if it is empty."""
        newest = self._redis.xrevrange(self._key("decisions"), count=1)
        return newest[0][0].decode() if newest else "0-0"

    @in_our_words
    def decisions(
        self, after: str, wait_seconds: float, count: int = 1000
    ) -> list[tuple[str, Decision]]:
        """Decisions that came after an entry of the stream, oldest first.

        Args:
            after: id of the entry.
            wait_seconds: how long to wait for the first one.
        """
        answer = self._redis.xread(
            {self._key("decisions"): after}, count=count, block=max(1, round(wait_seconds * 1000))
        )
        messages = next(iter(answer.values()))[0] if answer else []
        return [(key.decode(), unpack_decision(f[b"decision"])) for key, f in messages]

    @contextmanager
    def views(
        self, cameras: Sequence[str], *, films: bool = False, idle_seconds: float = 0.5
    ) -> Iterator[Iterator[tuple[str, bytes] | None]]:
        """Previews of some cameras for as long as the context lasts.

        Args:
            cameras: their names.
            films: True for the cameras' own video as well (`pipeline.film`), where it is sent.
            idle_seconds: see below.

        Yields:
            an endless iterator of (camera, message), and of None whenever nothing came for
            `idle_seconds`, so that a loop can look whether it is to stop.
        """
        kinds = ("view", "film") if films else ("view",)
        names = {self._key(kind, camera).encode(): camera for camera in cameras for kind in kinds}
        channels = [name.decode() for name in names]
        with listen(self._redis, channels, idle_seconds=idle_seconds) as messages:
            yield ((names[m[0]], m[1]) if m is not None else None for m in messages)


def _in_time(record: TrackletRecord) -> tuple[float, str]:
    return record.begin, record.tracklet
