"""Hindsight while a site runs: what is found to be otherwise, and how it is put right in Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import psutil
import pytest
from people import looks, sighting

from pipeline.config import CameraSettings, MatchingSettings, Site
from pipeline.constraints import Constraints
from pipeline.data import Decision, DecisionKind, Evidence, Sighting, TrackletRecord
from pipeline.evidence import Calibration
from pipeline.hindsight import Change, changes, look_back
from pipeline.matcher import MatchingService
from pipeline.presence import MATCHER
from pipeline.review import Look, Review
from pipeline.second_pass import Belonging
from pipeline.store import Settled, Store
from pipeline.weigh import Nowhere, Weigher

CALIBRATION = Calibration(slope=20.0, offset=-10.0)
SURE = Belonging(0, 0.99, Evidence(appearance=4.0, similarity=0.9))


def ended(name: str, camera: str, begin: float, *, person: int, length: float = 5.0) -> Sighting:
    look = looks(person, noise=0.2, seed=sum(name.encode()))
    return sighting(name, camera, begin, begin + length, embedding=look, closed=True)


def put(store: Store, seen: Sighting, identity: int) -> None:
    decision = Decision(seen.tracklet, seen.camera, identity, DecisionKind.MATCHED, 0.8)
    store.record([Settled(seen, decision, store.tracklet(seen.tracklet))])


def owners(store: Store) -> dict[str, int]:
    return {t.tracklet: i.identity for i in store.identities() for t in i.tracklets}


# ── what is found ───────────────────────────────────────────────────────────────────────────


def found(**identities: int) -> dict[str, Belonging]:
    return {name: Belonging(number, 0.9) for name, number in identities.items()}


def test_where_both_agree_nothing_changes() -> None:
    assert changes(found(a=1, b=2), {"a": 1, "b": 2}) == []


def test_two_numbers_of_one_person_become_one_and_the_first_stays() -> None:
    (change,) = changes(found(a=7, b=7, c=7), {"a": 3, "b": 7, "c": 7})
    assert (change.source, change.target, change.merges) == (7, 3, True)
    assert set(change.moved) == {"b", "c"}


def test_a_tracklet_of_somebody_else_moves_alone() -> None:
    (change,) = changes(found(a=1, b=2, c=2), {"a": 1, "b": 1, "c": 2})
    assert (change.source, change.target, change.merges) == (1, 2, False)
    assert set(change.moved) == {"b"}


def test_who_shares_a_number_and_has_none_is_somebody_new() -> None:
    (change,) = changes(found(a=1, b=9), {"a": 1, "b": 1})
    assert (change.source, change.target, change.merges) == (1, None, False)


def test_looking_back_finds_what_was_decided_too_early() -> None:
    seen = [ended(f"a{i}", "ew"[i % 2], 20.0 * i, person=1) for i in range(4)]
    seen += [ended(f"b{i}", "ew"[i % 2], 20.0 * i + 8, person=2) for i in range(4)]
    online = {s.tracklet: 1 if s.tracklet[0] == "a" else 2 for s in seen} | {"a0": 3, "b2": 1}
    made = look_back(seen, online, Weigher(CALIBRATION), Constraints())
    assert {(c.source, c.target, tuple(c.moved)) for c in made} == {
        (3, 1, ("a0",)),
        (1, 2, ("b2",)),
    }


# ── how it is put right ─────────────────────────────────────────────────────────────────────


def never(one: TrackletRecord, other: TrackletRecord) -> bool:
    return False


@pytest.fixture
def make(store: Store) -> Callable[..., int | None]:
    numbers = count(100)

    def make(change: Change, **more: object) -> int | None:
        options = {"exclude": never, "new_identity": lambda: next(numbers)} | more
        said = store.corrections.constraints()
        return store.regrouping.make(change, said, **options)  # type: ignore[arg-type]

    return make


def change(source: int, target: int | None, *names: str, merges: bool = False) -> Change:
    return Change(source, target, dict.fromkeys(names, SURE), merges)


@pytest.fixture
def people(store: Store) -> Store:
    """Person 1 with a1 and a2, person 2 with b1, and b2, which is 1's by mistake."""
    put(store, ended("a1", "west", 0, person=1), 1)
    put(store, ended("a2", "east", 20, person=1), 1)
    put(store, ended("b1", "west", 40, person=2), 2)
    put(store, ended("b2", "east", 60, person=2), 1)
    return store


def test_a_tracklet_goes_where_it_belongs_with_an_event_that_says_why(
    people: Store, make: Callable[..., int | None]
) -> None:
    after = people.last_decision()
    assert make(change(1, 2, "b2")) == 1
    assert owners(people) == {"a1": 1, "a2": 1, "b1": 2, "b2": 2}
    ((_, event),) = people.decisions(after, 0.1)
    assert (event.tracklet, event.identity, event.kind) == ("b2", 2, DecisionKind.REVISED)
    assert (event.by, event.confidence, event.evidence.similarity) == ("matcher", 0.99, 0.9)
    record = people.tracklet("b2")
    assert record is not None
    assert (record.confirmed, record.evidence) == (True, SURE.evidence)
    assert people.corrections.history() == []  # nobody said so


def test_a_merged_number_leads_on_and_a_name_goes_along(
    people: Store, make: Callable[..., int | None]
) -> None:
    people.corrections.rename(2, "Ann")
    assert make(change(2, 1, "b1", merges=True)) == 1
    person = people.identity(2)
    assert person is not None
    assert (person.identity, person.name, len(person.tracklets)) == (1, "Ann", 4)
    kinds = [d.kind for _, d in people.decisions("0-0", 0.1)]
    assert kinds[-1] is DecisionKind.MERGED


def test_a_merge_takes_along_what_was_not_looked_at(
    people: Store, make: Callable[..., int | None]
) -> None:
    assert make(change(1, 2, "a1", "b2", merges=True)) == 3
    assert set(owners(people).values()) == {2}


def test_who_was_in_two_places_at_once_is_not_merged_but_what_was_looked_at_moves(
    people: Store, make: Callable[..., int | None]
) -> None:
    def exclude(one: TrackletRecord, other: TrackletRecord) -> bool:
        return one.tracklet == "a1"

    assert make(change(1, 2, "a1", "b2", merges=True), exclude=exclude) == 1
    assert owners(people) == {"a1": 1, "a2": 1, "b1": 2, "b2": 2}


def test_somebody_new_gets_a_new_number(people: Store, make: Callable[..., int | None]) -> None:
    assert make(change(1, None, "b2")) == 1
    assert owners(people)["b2"] == 100


def test_what_people_said_stands(people: Store, make: Callable[..., int | None]) -> None:
    split = people.corrections.split(1, ["b2"])
    assert make(change(split.other, 1, "b2", merges=True)) == 0
    assert make(change(1, split.other, "a1")) == 0
    assert owners(people) == {"a1": 1, "a2": 1, "b1": 2, "b2": split.other}


def test_whoever_was_erased_meanwhile_gets_nobody_s_tracklets(
    people: Store, make: Callable[..., int | None]
) -> None:
    people.corrections.forget(2)
    assert make(change(1, 2, "b2")) == 0
    assert make(change(1, 2, "gone")) == 0


def test_a_matcher_that_is_not_in_charge_any_more_changes_nothing(
    people: Store, make: Callable[..., int | None]
) -> None:
    hold = people.presence.hold(MATCHER, "one", seconds=10.0)
    assert hold is not None
    assert make(change(1, 2, "b2"), token=hold.token + 1) is None
    assert owners(people)["b2"] == 1


# ── while a site runs ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def review(store: Store) -> Iterator[Review]:
    review = Review(store, Look(CALIBRATION, Nowhere(), 0.5), period=0.0)
    yield review
    review.close()


def test_a_look_back_is_taken_by_a_process_that_leaves_nothing_behind(
    people: Store, review: Review
) -> None:
    deadline, found = time.monotonic() + 60.0, []
    while not found and time.monotonic() < deadline:
        found = review.poll(now=time.monotonic(), newest=65.0)
        time.sleep(0.05)
    assert {name for each in found for name in each.moved} == {"b2"}
    review.close()
    assert not [c for c in psutil.Process().children() if "pipeline.review" in c.cmdline()]


@pytest.mark.timed
def test_closing_ends_a_look_that_is_under_way(people: Store, review: Review) -> None:
    review.poll(now=1.0, newest=65.0)
    began = time.monotonic()
    review.close()
    assert time.monotonic() - began < 2.0


def test_the_matching_service_puts_right_what_it_decided_wrongly(people: Store) -> None:
    site = Site(
        site="test",
        cameras={
            "west": CameraSettings(source="rtsp://a"),
            "east": CameraSettings(source="rtsp://b"),
        },
        matching=MatchingSettings(hindsight=0.2),
    )
    people.new_identity(above=2)
    people.open_sightings()
    service = MatchingService(people, site, CALIBRATION, exact=True)
    people.send_sighting(ended("c1", "west", 70, person=9))
    done = threading.Event()
    thread = threading.Thread(target=service.run, args=(done.is_set,))
    thread.start()
    deadline = time.monotonic() + 60.0
    while owners(people).get("b2") != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    done.set()
    thread.join(timeout=10.0)
    assert owners(people) | {"c1": 0} == {"a1": 1, "a2": 1, "b1": 2, "b2": 2, "c1": 0}


def test_hindsight_can_be_switched_off() -> None:
    assert MatchingSettings.model_validate({"hindsight": "off"}).hindsight == "off"
    assert MatchingSettings.model_validate({"hindsight": "5m"}).hindsight == 300.0
