"""What the tests of corrections share: what is decided, sent and known."""

from __future__ import annotations

from people import sighting

from pipeline.data import Decision, DecisionKind, Sighting
from pipeline.matcher import MatchingService
from pipeline.store import Settled, Store


def decide(store: Store, name: str, identity: int, *, person: int = 1, end: float = 5.0) -> None:
    seen = sighting(name, person=person, end=end, thumbnail=f"picture of {name}".encode())
    decision = Decision(name, seen.camera, identity, DecisionKind.NEW, 0.9, time=seen.end)
    store._redis.set(store._key("identity"), max(identity, store.last_identity()))
    store.record([Settled(seen, decision, store.tracklet(name))])


def identities(store: Store) -> dict[str, int]:
    """Tracklet → identity, as the page shows it; checked against the tracklets' own records."""
    shown = {t.tracklet: i.identity for i in store.identities(1000) for t in i.tracklets}
    assert {t: r.identity for t in shown if (r := store.tracklet(t))} == shown
    return shown


def nothing_is_open(store: Store) -> bool:
    """True if every sighting that was sent has been settled."""
    redis, key = store._redis, store._key("sightings")
    return bool(redis.xlen(key) == 0 and redis.xpending(key, "matcher")["pending"] == 0)


def announced(store: Store, after: str) -> list[tuple[str, int, str, str]]:
    news = [decision for _, decision in store.decisions(after, 0.01)]
    return [(d.tracklet, d.identity, d.kind.value, d.by) for d in news]


def send(store: Store, service: MatchingService, *sightings: Sighting) -> None:
    for each in sightings:
        store.send_sighting(each)
    while service.tick(wait_seconds=0.01):
        pass
