"""Answers that still hold: who looks as before is not searched for anew, and finds the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from people import looks, sighting

from pipeline.answers import Answers, StoredLook
from pipeline.data import Decision, DecisionKind, Sighting
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Settled, Store


class Searches:
    """Counts the searches of a store's gallery, and how many sightings they are for."""

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


def decide(store: Store, name: str, *, person: int = 1, closed: bool = True) -> None:
    seen = sighting(name, person=person, closed=closed)
    decision = Decision(name, seen.camera, person, DecisionKind.NEW, 0.9, time=seen.end)
    assert store.record([Settled(seen, decision, store.tracklet(name))])


def ask(
    store: Store,
    *,
    at: float = 100.0,
    look: NDArray[np.float32] | None = None,
    closed: bool = False,
) -> dict[str, float]:
    query = sighting("query", "east", 100.0, at, closed=closed, embedding=look)
    (found,) = store.gallery.candidates([query], memory=1000.0)
    return {candidate.record.tracklet: candidate.similarity for candidate in found}


def moved(cosine_distance: float) -> NDArray[np.float32]:
    """The looks of person 1, moved so far."""
    base, aside = looks(1), looks(99)
    aside = aside - (aside @ base) * base
    aside = aside / np.linalg.norm(aside)
    cosine = 1.0 - cosine_distance
    return np.asarray(cosine * base + np.sqrt(1 - cosine**2) * aside, np.float32)


def test_who_looks_as_before_is_not_searched_for(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    decide(store, "w2", person=2)
    first = ask(store, at=101.0)
    again = ask(store, at=102.0)
    assert searches.sightings == 1
    assert again == pytest.approx(first, abs=0.02)


def test_similarities_are_those_of_the_looks_by_now(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    ask(store, at=101.0)
    assert ask(store, at=102.0, look=moved(0.04))["w1"] == pytest.approx(0.96, abs=0.02)
    assert searches.sightings == 1


def test_a_tracklet_that_ended_a_moment_ago_is_found(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    ask(store, at=101.0)
    decide(store, "w2", closed=False)
    decide(store, "w2")
    decide(store, "w3")
    assert ask(store, at=102.0).keys() == {"w1", "w2", "w3"}
    assert searches.sightings == 1


@pytest.mark.parametrize(
    ("at", "look"),
    [(102.0, moved(0.08)), (130.0, moved(0.0))],
    ids=["looks otherwise", "long ago"],
)
def test_is_searched_for_anew(
    store: Store, searches: Searches, at: float, look: NDArray[np.float32]
) -> None:
    decide(store, "w1")
    ask(store, at=101.0)
    assert ask(store, at=at, look=look)
    assert searches.sightings == 2


def test_who_has_ended_and_looks_as_before_is_not_searched_for(
    store: Store, searches: Searches
) -> None:
    decide(store, "w1")
    ask(store, at=101.0)
    decide(store, "w2")
    assert ask(store, at=102.0, closed=True).keys() == {"w1", "w2"}
    assert searches.sightings == 1


def test_what_is_taken_out_is_not_found_again(store: Store, searches: Searches) -> None:
    for name in ("w1", "w2"):
        decide(store, name)
    ask(store, at=101.0)
    decide(store, "w3")
    store.gallery.forget(["w1", "w3"])
    assert ask(store, at=102.0).keys() == {"w2"}


def test_what_others_write_is_found(
    store: Store, searches: Searches, redis_server: EmbeddedRedis
) -> None:
    decide(store, "w1")
    ask(store, at=101.0)
    decide(Store.connect(redis_server.url, site=store._site), "w2")
    assert ask(store, at=102.0).keys() == {"w1", "w2"}
    assert searches.sightings == 2


def test_exact_search_is_always_a_search(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    query = sighting("query", "east", 100.0, 101.0)
    for _ in range(2):
        store.gallery.candidates([query], memory=1000.0, exact=True)
    assert searches.sightings == 2


def test_is_searched_for_anew_when_more_has_ended_than_is_kept() -> None:
    answers = Answers(lambda names: dict.fromkeys(names, StoredLook(b"", 0.0)))
    seen = sighting("query")
    answers.put(seen, [], answers.moment)
    for number in range(512):
        answers.ended(f"t{number}", looks(number))
    assert answers.hold(seen)
    answers.ended("one more", looks(600))
    assert not answers.hold(seen)


def test_tracklets_that_end_without_a_word_are_forgotten() -> None:
    answers = Answers(lambda names: {})
    for number in range(1000):
        seen = sighting(f"t{number}", end=float(number))
        answers.put(seen, [], answers.moment)
    assert len(answers) < 50


def test_a_search_that_was_begun_ahead_is_not_made_again(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    query = sighting("query", "east", 100.0, 101.0)
    store.gallery.look_ahead([query])
    decide(store, "w2")  # ends while it is searched
    (found,) = store.gallery.candidates([query], memory=1000.0)
    assert {candidate.record.tracklet for candidate in found} == {"w1", "w2"}
    assert searches.sightings == 1


def test_what_was_begun_for_an_older_sighting_is_not_used(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    store.gallery.look_ahead([sighting("query", "east", 100.0, 101.0)])
    assert ask(store, at=102.0, look=moved(0.2))["w1"] == pytest.approx(0.8, abs=0.02)
    assert searches.sightings == 2


def test_who_stands_is_not_searched_for_ahead(store: Store, searches: Searches) -> None:
    decide(store, "w1")
    seen = sighting("query", "east", 100.0, 101.0)
    decision = Decision("query", "east", 1, DecisionKind.MATCHED, 0.9, time=101.0, confirmed=True)
    store.record([Settled(seen, decision)])
    store.gallery.look_ahead([sighting("query", "east", 100.0, 102.0)])
    assert searches.sightings == 0
    store.gallery.look_ahead([sighting("query", "east", 100.0, 103.0, closed=True)])
    store.gallery._searches._threads.shutdown()
    assert searches.sightings == 1


def test_who_stands_is_remembered_until_somebody_may_have_been_erased(store: Store) -> None:
    seen = sighting("query", "east", 100.0, 101.0)
    decision = Decision("query", "east", 1, DecisionKind.MATCHED, 0.9, time=101.0, confirmed=True)
    store.record([Settled(seen, decision)])
    assert store.gallery._settled == {"query"}
    store.gallery.let_go()
    assert store.gallery._settled == set()
