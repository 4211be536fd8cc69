"""A matcher that dies or freezes: another one goes on, and nothing is lost or decided twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from dying_matcher import service, work
from forks import processes
from site_life import check, identities, nothing_is_open, wait_for, walks

from pipeline.embedded import EmbeddedRedis
from pipeline.matcher import MatchingService
from pipeline.presence import MATCHER
from pipeline.store import Store

PEOPLE = 1


@contextmanager
def matcher(
    store: Store, url: str, owner: str, dies_at: tuple[int, bool] | None = None
) -> Iterator[tuple[multiprocessing.process.BaseProcess, object]]:
    """A matcher in a process of its own, and how many commands it has sent to Redis."""
    count = processes.Value("i", 0)
    process = processes.Process(target=work, args=(url, store._site, owner, dies_at, count))
    process.start()
    yield process, count
    process.kill()
    process.join()


def fresh(url: str) -> Store:
    store = Store.connect(url, site=f"test-{uuid4().hex[:12]}")
    store.open_sightings()
    return store


def send_all(store: Store, people: int = PEOPLE) -> set[str]:
    sent = list(walks(people))
    for seen in sent:
        store.send_sighting(seen)
    return {seen.tracklet for seen in sent}


def finish(store: Store, works: MatchingService) -> None:
    """Lets a matcher take charge and settle all there is."""
    works.run(lambda: works.in_charge and nothing_is_open(store), tick_seconds=0.01)


def same_people(of: dict[str, int]) -> set[frozenset[str]]:
    return {frozenset(t for t in of if of[t] == identity) for identity in of.values()}


@pytest.fixture(scope="module")
def undisturbed(redis_server: EmbeddedRedis) -> tuple[int, set[frozenset[str]]]:
    """How many commands a matcher sends for this work, and who is who."""
    store = fresh(redis_server.url)
    tracklets = send_all(store)
    with matcher(store, redis_server.url, "a") as (_, count):
        wait_for(lambda: nothing_is_open(store), seconds=10.0)
        steps = count.value  # type: ignore[attr-defined]
    check(store, tracklets)
    return steps, same_people(identities(store))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_matcher_killed_at_any_step_of_a_decision_is_replaced(
    redis_server: EmbeddedRedis, undisturbed: tuple[int, set[frozenset[str]]], after: bool
) -> None:
    steps, people = undisturbed
    assert steps > 10
    for step in range(1, steps + 1):
        store = fresh(redis_server.url)
        tracklets = send_all(store)
        with matcher(store, redis_server.url, "a", (step, after)) as (process, _):
            process.join(10.0)
            assert process.exitcode == -signal.SIGKILL
        finish(store, service(store, "b"))
        check(store, tracklets)
        assert same_people(identities(store)) == people, f"killed at step {step}"


def test_the_one_that_stands_by_takes_over(redis_server: EmbeddedRedis) -> None:
    store = fresh(redis_server.url)
    stop = threading.Event()
    with matcher(store, redis_server.url, "a") as (process, _):
        wait_for(lambda: "a" in store.presence.owners([MATCHER]).values(), seconds=5.0)
        stand_by = service(store, "b", seconds=3.0)
        thread = threading.Thread(target=stand_by.run, args=(stop.is_set,))
        thread.start()
        first = send_all(store, 2)
        wait_for(lambda: nothing_is_open(store), seconds=5.0)
        assert not stand_by.in_charge
        process.kill()
        late = list(walks(2, camera="north", begin=1000.0))
        for seen in late:
            store.send_sighting(seen)
        assert wait_for(lambda: nothing_is_open(store), seconds=5.0) < 5.0
    stop.set()
    thread.join()
    check(store, first | {seen.tracklet for seen in late})


def test_one_that_wakes_up_late_changes_nothing(redis_server: EmbeddedRedis) -> None:
    store = fresh(redis_server.url)
    stop = threading.Event()
    with matcher(store, redis_server.url, "a") as (process, count):
        wait_for(lambda: count.value > 20, seconds=5.0)  # type: ignore[attr-defined]
        os.kill(process.pid or 0, signal.SIGSTOP)
        # Redis hands the frozen one, which waits for news, the first of these.
        tracklets = send_all(store)
        successor = service(store, "b")
        thread = threading.Thread(target=successor.run, args=(stop.is_set,))
        thread.start()
        wait_for(lambda: nothing_is_open(store), seconds=8.0)
        before = identities(store)
        os.kill(process.pid or 0, signal.SIGCONT)
        time.sleep(0.5)
        assert successor.in_charge
        assert identities(store) == before
        check(store, tracklets)
    stop.set()
    thread.join()


def test_what_cannot_be_read_holds_up_nobody(redis_server: EmbeddedRedis) -> None:
    store = fresh(redis_server.url)
    store._redis.xadd(store._key("sightings"), {"meta": b"{", "embedding": b"?"})
    store._redis.xadd(store._key("sightings"), {"other": b"things"})
    tracklets = send_all(store)
    finish(store, service(store, "a"))
    check(store, tracklets)
    assert store._redis.xlen(store._key("rejected")) == 2


def test_another_network_begins_the_gallery_anew(redis_server: EmbeddedRedis) -> None:
    store = fresh(redis_server.url)
    assert store.gallery.begin("first@1") is None
    send_all(store, 1)
    assert store.gallery.begin("first@1") is None
    assert store.gallery.begin("second@2") == "first@1"
    assert store.gallery.size() == 0
