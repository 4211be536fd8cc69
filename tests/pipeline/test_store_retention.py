"""What is kept is kept for no longer than `retention` says: then no key and no entry is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from leftovers import dump
from people import sighting

from pipeline.config import RetentionSettings, load_site
from pipeline.data import Decision, DecisionKind
from pipeline.embedded import EmbeddedRedis
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.store import Settled, Store

ROOT = Path(__file__).parents[2]
CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)

WITHOUT_PEOPLE = {
    "corrections", "constraints:version", "decisions", "forgotten", "gallery:changes",
    "gallery:network", "identity", "lease::matcher", "fences", "sent", "sightings", "transits",
}  # fmt: skip
"""Keys in which nobody is named: counters, empty streams, and that something was corrected."""


@pytest.fixture
def brief(redis_server: EmbeddedRedis) -> Iterator[Store]:
    """A store that keeps people for two seconds, and pictures for one."""
    retention = RetentionSettings(identities="2s", crops="1s")  # type: ignore[arg-type]
    site = f"brief-{uuid4().hex[:12]}"
    store = Store.connect(redis_server.url, site=site, retention=retention)
    yield store
    store.close()


def matcher(store: Store) -> MatchingService:
    store.open_sightings()
    return MatchingService(store, load_site(ROOT / "cams.yaml"), CALIBRATION, exact=True)


def work(service: MatchingService, seconds: float) -> None:
    """Lets the matcher do what it does all day, when nobody comes."""
    end = time.monotonic() + seconds
    service.run(lambda: time.monotonic() > end)


def keys(store: Store) -> set[str]:
    prefix = f"{{{store._site}}}:"
    found = {key.decode().removeprefix(prefix) for key in store._redis.scan_iter(f"{prefix}*")}
    return {key for key in found if not key.startswith("transit:")}  # how often it took how long


def test_old_tracklets_of_somebody_still_seen_expire(redis_server: EmbeddedRedis) -> None:
    retention = RetentionSettings(identities="1s", crops="1s")  # type: ignore[arg-type]
    store = Store.connect(redis_server.url, site="coming-again", retention=retention)
    for name in ("w1", "w2"):
        decision = Decision(name, "west", 1, DecisionKind.MATCHED, 0.9)
        store.record([Settled(sighting(name), decision)])
        time.sleep(0.7)
    person = store.identity(1)
    store.close()
    assert person is not None
    assert [record.tracklet for record in person.tracklets] == ["w2"]


def test_when_its_time_is_over_no_key_and_no_entry_speaks_of_anybody(brief: Store) -> None:
    service = matcher(brief)
    seen = [
        sighting("secret-1", end=5.0, closed=True),
        sighting("secret-2", "east", 8.0, 9.0, closed=True),
        sighting("secret-3", "east", 6.0, 9.0, person=2),  # never ends: its node has died
    ]
    for each in seen:
        brief.send_sighting(replace(each, thumbnail=b"a-picture"))
    work(service, 0.3)
    brief.corrections.rename(1, "a-name")
    new = brief.corrections.split(1, ["secret-2"], by="Ann").other
    brief.corrections.merge(1, new)
    before = dump(brief)
    assert all(trace in before for trace in (b"secret-1", b"secret-3", b"a-name", b"a-picture"))

    time.sleep(2.5)
    work(matcher(brief), 1.5)  # another one, that has seen nobody come
    after = dump(brief)
    assert [t for t in (b"secret-", b"a-name", b"a-picture") if t in after] == []
    assert keys(brief) <= WITHOUT_PEOPLE
    assert brief.gallery.size() == 0
    assert brief._redis.xlen(brief._key("decisions")) == 0
    assert brief._redis.xlen(brief._key("sightings")) == 0


def test_pictures_go_before_people_do(brief: Store) -> None:
    brief.record(
        [
            Settled(
                sighting("w1", thumbnail=b"a-picture"),
                Decision("w1", "west", 1, DecisionKind.NEW, 0.9),
            )
        ]
    )
    time.sleep(1.3)
    assert brief.crop("w1") is None
    assert b"a-picture" not in dump(brief)
    assert brief.identity(1) is not None


def test_what_was_decided_lately_stays(brief: Store) -> None:
    decision = Decision("w1", "west", 1, DecisionKind.NEW, 0.9)
    brief.record([Settled(sighting("w1"), decision)])
    brief.tidy()
    assert brief._redis.xlen(brief._key("decisions")) == 1
    assert brief.gallery.prune_expired() == 0
