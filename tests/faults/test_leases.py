"""Leases: one owner at a time, and no word of an earlier one."""

from __future__ import annotations

import time

import pytest
from people import sighting

from pipeline.data import CameraState, CameraStatus, Decision, DecisionKind, ProcessRecord
from pipeline.lease import Lease
from pipeline.presence import MATCHER, Hold
from pipeline.store import Sent, Settled, Store


def held(store: Store, owner: str, *, seconds: float = 5.0) -> Hold:
    hold = store.presence.hold("west", owner, seconds=seconds)
    assert hold is not None
    return hold


def test_a_lease_has_one_owner(store: Store) -> None:
    first = held(store, "a")
    assert store.presence.hold("west", "b", seconds=5.0) is None
    assert held(store, "a") == Hold(first.token, first.token)
    assert store.presence.owners(["west", "east"]) == {"west": "a"}


def test_a_lease_that_is_not_renewed_ends(store: Store) -> None:
    first = held(store, "a", seconds=0.1)
    time.sleep(0.15)
    second = held(store, "b")
    assert second.token > first.token == second.before


def test_a_lease_that_was_given_back_is_free_at_once(store: Store) -> None:
    held(store, "a")
    store.presence.release("west", "b")  # it is not b's to give
    assert store.presence.owners(["west"]) == {"west": "a"}
    store.presence.release("west", "a")
    assert held(store, "b")


def test_tokens_grow_even_if_redis_loses_its_data(store: Store) -> None:
    first = held(store, "a")
    store._redis.flushall()
    second = held(store, "b")
    assert second.token > first.token
    assert second.before == 0


def test_only_the_newest_owner_can_send(store: Store) -> None:
    late = held(store, "a", seconds=0.05)
    time.sleep(0.1)
    now = held(store, "b")
    seen = sighting("w1")
    assert store.send_sighting(seen, token=late.token, owner="a", number=1) is Sent.FENCED
    assert store.send_sighting(seen, token=now.token, owner="b", number=1) is Sent.SENT
    assert store._redis.xlen(store._key("sightings")) == 1


def test_a_sighting_whose_answer_was_lost_arrives_once(store: Store) -> None:
    token = held(store, "a").token
    assert store.send_sighting(sighting("w1"), token=token, owner="a", number=7) is Sent.SENT
    assert store.send_sighting(sighting("w1"), token=token, owner="a", number=7) is Sent.BEFORE
    assert store.send_sighting(sighting("w1"), token=token, owner="a", number=8) is Sent.SENT
    assert store._redis.xlen(store._key("sightings")) == 2


def test_a_late_status_does_not_count(store: Store) -> None:
    token = held(store, "a").token
    status = CameraStatus("west", CameraState.RUNNING, since=1.0)
    store.put_statuses([status], {"west": token - 1})
    assert store.statuses() == []
    store.put_statuses([status], {"west": token})
    assert store.statuses() == [status]


def test_only_the_matcher_in_charge_can_decide(store: Store) -> None:
    lease = Lease(store.presence, MATCHER, "a")
    assert lease.keep()
    seen = sighting("w1")
    settled = [Settled(seen, Decision("w1", "west", 1, DecisionKind.NEW, 1.0))]
    assert not store.record(settled, token=(lease.token or 0) - 1)
    assert store.identities() == []
    assert store.record(settled, token=lease.token)
    assert [i.identity for i in store.identities()] == [1]


def test_a_lease_is_renewed_before_it_ends(store: Store) -> None:
    lease = Lease(store.presence, MATCHER, "a", seconds=0.3)
    rival = Lease(store.presence, MATCHER, "b", seconds=0.3)
    for _ in range(10):
        assert lease.keep()
        assert not rival.keep()
        time.sleep(0.05)
    lease.release()
    assert rival.keep()
    assert not lease.keep()


def test_processes_are_known_while_they_live(store: Store) -> None:
    record = ProcessRecord("till/node", "node", "till", 7, 1.0, 2.0, metrics=b"x 1\n")
    store.presence.put_process(record)
    assert store.presence.processes(metrics=True) == [record]
    store.presence.remove_process("till/node")
    assert store.presence.processes() == []


@pytest.mark.parametrize(("known", "given"), [(0, 1), (41, 42)])
def test_identity_numbers_go_on_above_the_highest_known(
    store: Store, known: int, given: int
) -> None:
    assert store.new_identity(above=known) == given
    assert store.new_identity(above=0) == given + 1
    assert store.last_identity() == given + 1
