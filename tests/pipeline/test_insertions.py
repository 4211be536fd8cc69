"""Looks on their way into the vector set: found meanwhile, never lost, gone if erased."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from people import sighting

from pipeline.data import Decision, DecisionKind
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import StoreError
from pipeline.insertions import Insertions
from pipeline.store import Settled, Store


def decide(store: Store, name: str, *, person: int = 1, closed: bool = True) -> None:
    seen = sighting(name, person=person, closed=closed)
    decision = Decision(name, seen.camera, person, DecisionKind.NEW, 0.9, time=seen.end)
    assert store.record([Settled(seen, decision, store.tracklet(name))])


def found(store: Store) -> dict[str, float]:
    query = sighting("query", "east", 100.0, 101.0, person=1)
    (candidates,) = store.gallery.candidates([query], memory=1000.0)
    return {each.record.tracklet: each.similarity for each in candidates}


def ending(store: Store) -> dict[bytes, bytes]:
    return store._redis.hgetall(store._key("gallery", "ending"))


def inserted(store: Store, name: str) -> bool:
    return store._redis.execute_command("VEMB", store._key("gallery"), name) is not None


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Until it is set, no insertion goes on."""
    event, add = threading.Event(), Insertions._add

    def late(self: Insertions, *arguments: object) -> None:
        event.wait()
        add(self, *arguments)

    monkeypatch.setattr(Insertions, "_add", late)
    yield event
    event.set()


def test_is_found_before_during_and_after(store: Store, held: threading.Event) -> None:
    decide(store, "w1", closed=False)
    assert found(store) == pytest.approx({"w1": 1.0}, abs=0.01)
    decide(store, "w1")
    assert found(store) == pytest.approx({"w1": 1.0}, abs=0.01)
    assert not inserted(store, "w1")
    held.set()
    store.gallery.take_inserted(wait=True)
    assert ending(store) == {}
    assert inserted(store, "w1")
    assert found(store) == pytest.approx({"w1": 1.0}, abs=0.01)


def test_other_processes_find_it_meanwhile(
    store: Store, held: threading.Event, redis_server: EmbeddedRedis
) -> None:
    decide(store, "w1")
    other = Store.connect(redis_server.url, site=store._site)
    assert found(other).keys() == {"w1"}
    assert other.gallery.looks(["w1"]).keys() == {"w1"}


def test_what_a_matcher_that_died_has_left_is_inserted(
    store: Store, held: threading.Event, redis_server: EmbeddedRedis
) -> None:
    store.gallery.begin("a network")
    decide(store, "w1")
    held.set()
    heir = Store.connect(redis_server.url, site=store._site)
    heir.gallery.begin("a network")
    heir.gallery.take_inserted(wait=True)
    assert inserted(heir, "w1")
    assert ending(heir) == {}


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies"])
def test_who_is_erased_meanwhile_does_not_come_back(
    store: Store, held: threading.Event, redis_server: EmbeddedRedis, dies: bool
) -> None:
    store.gallery.begin("a network")
    decide(store, "w1")
    decide(store, "w2", person=2)
    Store.connect(redis_server.url, site=store._site).corrections.forget(1)
    assert ending(store)[b"w1"] == b""  # of what they look like nothing is left
    held.set()
    if dies:
        [begun.done.result() for begun in store.gallery._insertions._begun]
        assert inserted(store, "w1")  # it came too late to know
        store = Store.connect(redis_server.url, site=store._site)
        store.gallery.begin("a network")
    store.gallery.take_inserted(wait=True)
    assert not inserted(store, "w1")
    assert inserted(store, "w2")
    assert ending(store) == {}
    assert found(store).keys() == {"w2"}


def test_what_is_pruned_meanwhile_does_not_come_back(store: Store) -> None:
    for number in range(20):
        decide(store, f"w{number}")
        store.gallery.forget([f"w{number}"])
    assert found(store) == {}
    assert ending(store) == {}
    assert store._redis.execute_command("VCARD", store._key("gallery")) == 0


def test_who_goes_on_after_all_is_open_again(store: Store, held: threading.Event) -> None:
    decide(store, "w1")
    decide(store, "w1", closed=False)
    held.set()
    store.gallery.take_inserted(wait=True)
    assert not inserted(store, "w1")
    assert found(store).keys() == {"w1"}
    decide(store, "w1")
    store.gallery.take_inserted(wait=True)
    assert inserted(store, "w1")


def test_redis_may_lose_what_is_inserted_while_all_others_leave(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Insertions, "_add", lambda *arguments: None)
    decide(store, "w1")
    store.gallery.take_inserted(wait=True)
    assert inserted(store, "w1")
    assert ending(store) == {}


def test_what_could_not_be_inserted_is_said_and_begun_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Insertions._add
    store.gallery.begin("a network")
    monkeypatch.setattr(Insertions, "_add", lambda self, name, look: self._redis.get(object()))
    decide(store, "w1")
    decide(store, "w2")
    store.gallery._insertions._begun[0].done.exception()  # waits for it
    with pytest.raises(StoreError):
        found(store)
    monkeypatch.setattr(Insertions, "_add", add)
    store.gallery.begin("a network")
    assert found(store).keys() == {"w1", "w2"}
    store.gallery.take_inserted(wait=True)
    assert inserted(store, "w1")
    assert inserted(store, "w2")


def test_a_burst_of_endings_is_waited_for(store: Store) -> None:
    for number in range(300):
        decide(store, f"w{number}", person=number)
    store.gallery.take_inserted()
    assert len(store.gallery._insertions._begun) <= 256


def test_a_gallery_of_another_network_takes_nothing_of_the_old_one(
    store: Store, held: threading.Event
) -> None:
    store.gallery.begin("one")
    decide(store, "w1")
    threading.Timer(0.2, held.set).start()
    store.gallery.begin("another")
    store.gallery.take_inserted(wait=True)
    assert not inserted(store, "w1")
    assert found(store) == {}
