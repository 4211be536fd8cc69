"""People who walk through a small site, and what must hold whatever was broken meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from people import looks, sighting

from pipeline.data import Decision, Sighting
from pipeline.store import Store


def walks(people: int, *, camera: str = "west", begin: float = 0.0) -> Iterator[Sighting]:
    """Each person is seen first in one camera, then in the next; every tracklet grows and ends."""
    for person in range(people):
        for order, where in enumerate((camera, f"{camera}-2")):
            start = begin + 20.0 * person + 10.0 * order
            name = f"{where}-p{person}"
            look = looks(person, noise=0.2, seed=order)
            yield sighting(name, where, start, start + 2.0, embedding=look)
            yield sighting(name, where, start, start + 6.0, embedding=look, closed=True)


def wait_for(condition: Callable[[], bool], *, seconds: float) -> float:
    """Seconds until it holds; fails if it does not in time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:g} s"
        time.sleep(0.02)
    return time.monotonic() - began


def identities(store: Store) -> dict[str, int]:
    """Tracklet → identity, as the page shows it."""
    return {t.tracklet: i.identity for i in store.identities(1000) for t in i.tracklets}


def decisions(store: Store) -> list[Decision]:
    """Every decision that was announced."""
    return [decision for _, decision in store.decisions("0-0", 0.01, count=100_000)]


def nothing_is_open(store: Store) -> bool:
    """True if every sighting that was sent has been settled."""
    redis, key = store._redis, store._key("sightings")
    return bool(redis.xlen(key) == 0 and redis.xpending(key, "matcher")["pending"] == 0)


def check(store: Store, tracklets: set[str]) -> None:
    """What must hold after everything: nothing lost, nothing decided twice, nobody is two."""
    announced = decisions(store)
    lost, invented = tracklets - set(identities(store)), set(identities(store)) - tracklets
    assert (lost, invented) == (set(), set()), "a sighting was lost"
    shown = [t.tracklet for i in store.identities(1000) for t in i.tracklets]
    assert max(Counter(shown).values()) == 1, "a tracklet has two identities"
    firsts = Counter(d.tracklet for d in announced if d.kind != "revised")
    twice = [d for d in announced if firsts[d.tracklet] > 1]
    assert not twice, "a sighting was decided twice"
    founded = Counter(d.identity for d in announced if d.kind == "new")
    assert max(founded.values()) == 1, "an identity number was used twice"
    for tracklet, identity in identities(store).items():
        record = store.tracklet(tracklet)
        assert record is not None
        assert record.identity == identity
