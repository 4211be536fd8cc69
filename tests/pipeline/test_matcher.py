"""The matching service on a real Redis: nothing is lost, nothing is decided twice differently."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from people import looks, sighting

from pipeline.config import Site, load_site
from pipeline.data import Candidate, Decision, DecisionKind, Sighting
from pipeline.embedded import EmbeddedRedis
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.store import Settled, Store

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)


@pytest.fixture
def site() -> Site:
    return load_site(Path(__file__).parents[2] / "cams.yaml")


@pytest.fixture
def service(store: Store, site: Site) -> MatchingService:
    store.open_sightings()
    return MatchingService(store, site, CALIBRATION, exact=True)


def send(store: Store, service: MatchingService, *sightings: Sighting) -> None:
    for each in sightings:
        store.send_sighting(each)
    while service.tick(wait_seconds=0.01):
        pass


def seen(name: str, camera: str, begin: float, end: float, *, person: int) -> Sighting:
    vector = looks(person, noise=0.3, seed=sum(name.encode()))
    return sighting(name, camera, begin, end, embedding=vector)


def identities(store: Store) -> dict[str, int]:
    return {t.tracklet: i.identity for i in store.identities() for t in i.tracklets}


def test_a_person_is_followed_over_cameras_and_back(store: Store, service: MatchingService) -> None:
    send(store, service, seen("w1", "west", 0, 5, person=1), seen("w2", "west", 1, 6, person=2))
    send(store, service, seen("e1", "east", 8, 12, person=2), seen("e2", "east", 9, 12, person=1))
    send(store, service, seen("w3", "west", 20, 25, person=1))
    of = identities(store)
    assert of["w1"] == of["e2"] == of["w3"] != of["w2"] == of["e1"]


def test_why_somebody_is_who_stays_with_the_tracklet_as_it_grows(
    store: Store, service: MatchingService
) -> None:
    send(store, service, replace(seen("w1", "west", 0, 5, person=1), closed=True))
    for end in (10, 12, 14):
        send(store, service, seen("e1", "east", 8, end, person=1))
    record = store.tracklet("e1")
    assert record is not None
    assert record.end == 14
    assert record.evidence is not None
    assert (record.evidence.closest, record.evidence.came_from) == ("w1", "w1")
    assert record.evidence.gap == 3.0
    assert store.people([record.identity])[0].tracklets[-1] == record


def test_somebody_is_known_by_how_they_looked_many_visits_ago(
    store: Store, service: MatchingService
) -> None:
    for number in range(20):
        begin = 20.0 * number
        look = looks(1 if number < 11 else 50, noise=0.3, seed=number)
        visit = sighting(f"w{number}", "west", begin, begin + 5, embedding=look, closed=True)
        decision = Decision(visit.tracklet, "west", 1, DecisionKind.MATCHED, 0.9)
        store.record([Settled(visit, decision)])
    store.new_identity()
    send(store, service, seen("e1", "east", 410, 415, person=1))
    assert identities(store)["e1"] == 1


def test_a_growing_tracklet_is_decided_on_with_its_latest_looks(
    store: Store, service: MatchingService
) -> None:
    send(store, service, seen("w1", "west", 0, 5, person=1))
    send(store, service, sighting("e1", "east", 8, 9, person=7))
    send(store, service, seen("e1", "east", 8, 11, person=1))
    assert len(set(identities(store).values())) == 1
    kinds = [d.kind for _, d in store.decisions("0-0", 0.01)]
    assert kinds == [DecisionKind.NEW, DecisionKind.NEW, DecisionKind.REVISED]


def test_deciding_the_same_sighting_twice_gives_the_same_answer(
    store: Store, service: MatchingService
) -> None:
    same = [seen("w1", "west", 0, 5, person=1), seen("e1", "east", 8, 12, person=1)]
    send(store, service, *same)
    before = identities(store)
    send(store, service, *same)
    assert identities(store) == before


def test_what_a_matcher_read_before_it_died_is_settled_by_the_next(
    store: Store, site: Site, service: MatchingService
) -> None:
    store.send_sighting(seen("w1", "west", 0, 5, person=1))
    assert len(store.sightings(wait_seconds=0.1)) == 1  # read, and then the matcher dies
    successor = MatchingService(store, site, CALIBRATION)
    deadline = time.monotonic() + 5.0
    successor.run(
        lambda: bool(store.identities()) or time.monotonic() > deadline, tick_seconds=0.01
    )
    assert list(identities(store)) == ["w1"]


def test_a_new_pass_of_the_demo_brings_new_people(store: Store, service: MatchingService) -> None:
    day = 86400.0
    send(store, service, seen("w1", "west", 0, 5, person=1))
    send(store, service, seen("w2", "west", day, day + 5, person=1))
    assert len(set(identities(store).values())) == 2


def test_the_matcher_waits_for_a_redis_that_went_away(site: Site) -> None:
    server = EmbeddedRedis()
    store = Store.connect(server.url, site="lost")
    stop = threading.Event()
    service = MatchingService(store, site, CALIBRATION)
    thread = threading.Thread(target=service.run, args=(stop.is_set,))
    thread.start()
    server.close()
    time.sleep(0.5)
    assert thread.is_alive()
    stop.set()
    thread.join(timeout=3.0)
    assert not thread.is_alive()


def test_whoever_looks_like_a_confirmed_tracklet_is_not_asked_for_while_it_goes_on(
    store: Store, service: MatchingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replace(seen("e1", "east", 8, 12, person=1), crops=6)
    send(store, service, seen("w1", "west", 0, 5, person=1), first)
    confirmed = store.tracklet("e1")
    assert confirmed is not None
    assert confirmed.confirmed
    asked: list[str] = []
    search = store.gallery.candidates

    def watched(sightings: list[Sighting], **options: object) -> list[list[Candidate]]:
        asked.extend(s.tracklet for s in sightings)
        return search(sightings, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(store.gallery, "candidates", watched)
    send(store, service, seen("e1", "east", 8, 14, person=7))
    assert asked == []
    grown = store.tracklet("e1")
    assert grown is not None
    assert (grown.identity, grown.end, grown.confirmed) == (confirmed.identity, 14, True)
    send(store, service, replace(seen("e1", "east", 8, 15, person=1), closed=True))
    assert asked == ["e1"]


def test_what_is_confirmed_is_asked_again_once_it_cannot_be(
    store: Store, service: MatchingService
) -> None:
    first = replace(seen("e1", "east", 8, 12, person=1), crops=6)
    send(store, service, seen("w1", "west", 0, 5, person=1), first)
    late = seen("n1", "north", 6, 9, person=1)  # of the same person, by a decision of before
    store.record([Settled(late, Decision("n1", "north", 1, DecisionKind.MATCHED, 0.9))])
    send(store, service, seen("e1", "east", 8, 14, person=1))
    assert identities(store)["e1"] != 1


def test_whoever_is_forgotten_is_not_kept_in_memory_either(
    store: Store, service: MatchingService
) -> None:
    def looks_kept() -> list[bool]:
        return [bool(service.weigher.strangers._recent), bool(store.gallery._ended._looks)]

    def wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    over = threading.Event()
    thread = threading.Thread(target=service.run, args=(over.is_set,))
    thread.start()
    try:
        wait_for(lambda: service._said != "")  # what people said before has been read
        store.send_sighting(replace(seen("w1", "west", 0, 5, person=1), closed=True))
        wait_for(lambda: looks_kept() == [True, True])
        store.corrections.forget(identities(store)["w1"])
        wait_for(lambda: looks_kept() == [False, False])
        assert not store.gallery._open._looks
    finally:
        over.set()
        thread.join()
