"""Reading ahead: nothing is lost, settled twice, or decided on in another order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from people import sighting

from pipeline.config import load_site
from pipeline.evidence import Calibration
from pipeline.intake import Batch, Intake
from pipeline.matcher import MatchingService
from pipeline.metrics import Metrics
from pipeline.store import Store

SITE = load_site(Path(__file__).parents[2] / "cams.yaml")


@pytest.fixture
def intake(store: Store) -> Intake:
    store.open_sightings()
    return Intake(store, "", Metrics("matcher"), ahead=True)


def send(store: Store, *names: str, end: float = 5.0) -> None:
    for name in names:
        store.send_sighting(sighting(name, "west", 0.0, end))


def names(batch: Batch) -> list[str]:
    return list(batch.newest)


def test_what_has_come_meanwhile_is_taken_next(store: Store, intake: Intake) -> None:
    for number in range(300):  # more than are read at once
        send(store, f"w{number}")
    first = intake.take(wait_seconds=0.01)
    send(store, "late")
    second, third = intake.take(wait_seconds=0.01), intake.take(wait_seconds=0.01)
    assert [*names(first), *names(second)] == [f"w{number}" for number in range(300)]
    assert names(third) == ["late"]
    assert intake.take(wait_seconds=0.01).messages == 0


def test_of_two_of_a_tracklet_the_newer_settles_both(store: Store, intake: Intake) -> None:
    send(store, "w1", end=5.0)
    send(store, "w1", end=6.0)
    batch = intake.take(wait_seconds=0.01)
    assert batch.messages == len(batch.ids["w1"]) == 2
    assert batch.newest["w1"].end == 6.0


def test_what_was_read_ahead_is_not_taken_twice(store: Store, intake: Intake) -> None:
    send(store, "w1")
    intake.take(wait_seconds=0.01)
    send(store, "w2")
    intake.take(wait_seconds=0.01)
    send(store, "w3")
    store.sightings(wait_seconds=0.0)  # somebody else reads it, and is gone
    pending = intake.take(wait_seconds=0.01, pending=True)
    assert names(pending) == ["w1", "w2", "w3"]  # none of them was settled
    assert intake.take(wait_seconds=0.01).messages == 0


def test_what_a_matcher_had_read_ahead_is_settled_by_the_next(store: Store) -> None:
    first, second = (MatchingService(store, SITE, Calibration(20.0, -12.0)) for _ in range(2))
    store.open_sightings()
    send(store, *(f"w{number}" for number in range(300)))
    assert first.tick(wait_seconds=0.01) == 256  # and 44 more it has read
    while second.tick(wait_seconds=0.01, pending=True):
        pass
    settled = {t.tracklet for person in store.identities(1000) for t in person.tracklets}
    assert len(settled) == 300


def test_what_comes_ahead_from_another_network_is_set_aside(store: Store, intake: Intake) -> None:
    send(store, "w1")
    store.send_sighting(replace(sighting("w2", "west", 0.0, 5.0), network="another"))
    assert names(intake.take(wait_seconds=0.01)) == ["w1"]
    assert store._redis.xlen(store._key("rejected")) == 1
