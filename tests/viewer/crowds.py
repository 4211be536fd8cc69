"""Many people at once: written straight into Redis, as the matcher would have left them."""

from __future__ import annotations

from typing import Any

import redis
from api_parts import jpeg
from viewer_parts import NOON

from pipeline.data import Evidence, TrackletRecord
from pipeline.wire import pack_record

CAMERAS = ("west", "east")
EVERY_SECONDS = 8.0
_AT_ONCE = 2000
_WHY = Evidence(6.5, 1.5, 2.0, 0.91, closest="west-1", came_from="west-1", gap=12.0)


def write_crowd(url: str, site: str, *, people: int, each: int) -> None:
    """People who come one after the other, seen so many times by the cameras in turn.

    Args:
        url: of Redis.
        site: its name.
        people: how many; number 1 comes first.
        each: tracklets of one person.
    """
    client = redis.Redis.from_url(url)
    picture = jpeg()
    for first in range(0, people * each, _AT_ONCE):
        pipe = client.pipeline(transaction=False)
        for place in range(first, min(first + _AT_ONCE, people * each)):
            _write(pipe, "{" + site + "}", _record(place, each), picture)
        pipe.execute()
    client.close()


def _record(place: int, each: int) -> TrackletRecord:
    camera, begin = CAMERAS[place % 2], NOON + EVERY_SECONDS * place
    return TrackletRecord(
        f"{camera}-{place}", camera, begin, begin + 6, 1 + place // each, 0.93, True,
        (0.1, 0.9), (0.8, 0.9), confirmed=True, evidence=_WHY,
    )  # fmt: skip


def _write(pipe: Any, tag: str, record: TrackletRecord, picture: bytes) -> None:
    text = pack_record(record)
    pipe.set(f"{tag}:tracklet:{record.tracklet}", text)
    pipe.hset(f"{tag}:identity:{record.identity}", record.tracklet, text)
    pipe.zadd(f"{tag}:tracklets", {record.tracklet: record.end})
    pipe.zadd(f"{tag}:identities", {str(record.identity): record.end})
    pipe.set(f"{tag}:crop:{record.tracklet}", picture)
