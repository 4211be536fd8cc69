"""Searches that begin before their turn comes: made once, and complete all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from people import looks, sighting

from pipeline.data import Decision, DecisionKind, Sighting
from pipeline.embedded import EmbeddedRedis
from pipeline.open_looks import LatestEnded
from pipeline.store import Settled, Store


class Searches:
    """Counts the searches of a store's gallery: how many sightings they are for."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sightings = 0
        search = store.gallery._searches._search

        def counted(asked: Sequence[Sighting], *rest: Any, **more: Any) -> list[dict[str, float]]:
            self.sightings += len(asked)
            return search(asked, *rest, **more)

        monkeypatch.setattr(store.gallery._searches, "_search", counted)


@pytest.fixture
def searches(store: Store, monkeypatch: pytest.MonkeyPatch) -> Searches:
    return Searches(store, monkeypatch)


def decide(store: Store, name: str, *, person: int = 1, confirmed: bool = False) -> None:
    """A tracklet ends; one whose decision is confirmed goes on."""
    seen = sighting(name, "east", 100.0, 101.0, person=person, closed=not confirmed)
    decision = Decision(
        name, "east", person, DecisionKind.NEW, 0.9, time=101.0, confirmed=confirmed
    )
    assert store.record([Settled(seen, decision, store.tracklet(name))])


def ask(store: Store, query: Sighting) -> set[str]:
    (found,) = store.gallery.candidates([query], memory=1000.0)
    return {candidate.record.tracklet for candidate in found}


def test_a_search_that_was_begun_ahead_is_not_made_again(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    query = sighting("query", "east", 100.0, 101.0)
    store.gallery.look_ahead([query])
    decide(store, "w2")  # ends while it is searched
    assert ask(store, query) == {"w1", "w2"}
    assert searches.sightings == 1


def test_what_was_begun_for_an_older_sighting_is_not_used(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    store.gallery.look_ahead([sighting("query", "east", 100.0, 101.0)])
    assert ask(store, sighting("query", "east", 100.0, 102.0, person=2)) == {"w1"}
    assert searches.sightings == 2


def test_who_is_taken_out_meanwhile_is_not_found(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    query = sighting("query", "east", 100.0, 101.0)
    store.gallery.look_ahead([query])
    store.gallery._searches._begun["query"].answers.result()  # before the next one ends
    decide(store, "w2")
    store.gallery.forget(["w2"])
    assert ask(store, query) == {"w1"}
    assert searches.sightings == 1


def test_what_others_write_meanwhile_is_found(
    store: Store, searches: Searches, redis_server: EmbeddedRedis
) -> None:
    decide(store, "w1")
    query = sighting("query", "east", 100.0, 101.0)
    store.gallery.look_ahead([query])
    decide(Store.connect(redis_server.url, site=store._site), "w2")
    assert ask(store, query) == {"w1", "w2"}
    assert searches.sightings == 2


def test_who_stands_is_not_searched_for_ahead(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    decide(store, "query", confirmed=True)
    store.gallery.look_ahead([sighting("query", "east", 100.0, 102.0)])
    assert searches.sightings == 0
    store.gallery.look_ahead([sighting("query", "east", 100.0, 103.0, closed=True)])
    store.gallery._searches._threads.shutdown()
    assert searches.sightings == 1


def test_who_stands_is_remembered_until_somebody_may_have_been_erased(store: Store) -> None:
    decide(store, "query", confirmed=True)
    assert store.gallery._settled == {"query"}
    store.gallery.let_go()
    assert store.gallery._settled == set()


def test_those_that_ended_last_are_kept_but_for_whom_is_forgotten() -> None:
    ended = LatestEnded(3)
    for number in range(5):
        ended.put(f"t{number}", looks(number))
    assert ended.similar(looks(4), 0).keys() == {"t2", "t3", "t4"}
    assert ended.similar(looks(4), 4) == pytest.approx({"t4": 1.0})
    assert ended.similar(looks(4), 5) == {}
    ended.forget({"t3"})
    assert ended.similar(looks(4), 0).keys() == {"t2", "t4"}
