"""Nodes that come, go, die and freeze: every camera has one, and no late word counts."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from site_life import wait_for
from walking_node import NodeProcess, write_site

from pipeline.claims import LEASE_SECONDS
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store
from pipeline.wire import unpack_sighting

CAMERAS = [f"door-{i}" for i in range(6)]
Start = Callable[..., NodeProcess]


@pytest.fixture
def cams(tmp_path: Path) -> Path:
    return write_site(tmp_path / "cams.yaml", CAMERAS)


@pytest.fixture
def start(store: Store, redis_server: EmbeddedRedis, cams: Path) -> Iterator[Start]:
    """Starts a node of the test's site."""
    nodes: list[NodeProcess] = []

    def begin(name: str, *, cost: float = 0.1) -> NodeProcess:
        nodes.append(NodeProcess(redis_server.url, store._site, cams, name, cost=cost))
        return nodes[-1]

    yield begin
    for node in nodes:
        node.kill()


def runs(store: Store) -> dict[str, str]:
    """Camera → the node that holds its lease."""
    return {c: o.split("/")[0] for c, o in store.presence.owners(CAMERAS).items()}


def shares(store: Store) -> list[int]:
    return sorted(Counter(runs(store).values()).values())


def test_nodes_share_the_cameras_evenly_also_when_one_joins_late(
    store: Store, start: Start
) -> None:
    start("a")
    wait_for(lambda: shares(store) == [6], seconds=20.0)
    start("b")
    start("c")
    wait_for(lambda: shares(store) == [2, 2, 2], seconds=60.0)
    before = runs(store)
    time.sleep(3.0)
    assert runs(store) == before, "cameras move without need"


def test_the_cameras_of_a_killed_node_are_taken_over_in_time(store: Store, start: Start) -> None:
    victim = start("a")
    wait_for(lambda: shares(store) == [6], seconds=20.0)
    start("b")
    wait_for(lambda: "b" in runs(store).values(), seconds=20.0)
    victim.kill()
    assert wait_for(lambda: runs(store) == dict.fromkeys(CAMERAS, "b"), seconds=15.0) < 10.0
    wait_for(
        lambda: {s.camera: s.node for s in store.statuses()} == dict.fromkeys(CAMERAS, "b"),
        seconds=3.0,
    )


def test_a_node_that_ends_as_it_should_is_replaced_at_once(store: Store, start: Start) -> None:
    leaves = start("a")
    wait_for(lambda: shares(store) == [6], seconds=20.0)
    start("b")
    wait_for(lambda: len(store.presence.processes()) == 2, seconds=15.0)
    assert leaves.end() == 0
    took = wait_for(lambda: runs(store) == dict.fromkeys(CAMERAS, "b"), seconds=15.0)
    assert took < LEASE_SECONDS, "its leases were not given back"


def test_what_a_node_that_wakes_up_late_says_does_not_count(store: Store, start: Start) -> None:
    frozen = start("a")
    wait_for(lambda: shares(store) == [6] and sent(store) > 20, seconds=20.0)
    frozen.send(signal.SIGSTOP)
    start("b")
    wait_for(lambda: runs(store) == dict.fromkeys(CAMERAS, "b"), seconds=20.0)
    last = store._redis.xrevrange(store._key("sightings"), count=1)[0][0]
    frozen.send(signal.SIGCONT)
    time.sleep(1.5)  # it tries
    entries = store._redis.xrange(store._key("sightings"), f"({last.decode()}")
    speakers = {unpack_sighting(f).tracklet.split("-")[2] for _, f in entries}
    assert len(entries) > 50
    assert len(speakers) == 1, "a camera has two nodes"
    assert "a" not in {s.node for s in store.statuses()}


def test_cameras_are_added_and_removed_while_the_rest_does_not_blink(
    store: Store, start: Start, cams: Path
) -> None:
    node = start("a")
    wait_for(lambda: shares(store) == [6], seconds=20.0)
    tokens = tokens_of(store, CAMERAS[1:])
    write_site(cams, [*CAMERAS[1:], "gate"])
    node.send(signal.SIGHUP)
    wait_for(lambda: set(store.presence.owners([*CAMERAS, "gate"])) == {*CAMERAS[1:], "gate"},
             seconds=15.0)  # fmt: skip
    assert tokens_of(store, CAMERAS[1:]) == tokens
    cams.write_text("cameras: [", encoding="utf-8")  # a mistake changes nothing
    store.presence.ask_reload()
    time.sleep(1.5)
    assert tokens_of(store, CAMERAS[1:]) == tokens
    write_site(cams, CAMERAS)
    store.presence.ask_reload()
    wait_for(lambda: set(runs(store)) == set(CAMERAS), seconds=15.0)


def test_a_node_keeps_to_the_cameras_it_was_given(store: Store, start: Start, cams: Path) -> None:
    more = f"nodes:\n  a: [{CAMERAS[0]}, {CAMERAS[1]}]\n  b: [{CAMERAS[2]}]\n"
    write_site(cams, CAMERAS, more=more)
    for name in ("a", "b", "c"):
        start(name)
    wait_for(lambda: shares(store) == [1, 2], seconds=20.0)
    time.sleep(2.0)
    assert runs(store) == {CAMERAS[0]: "a", CAMERAS[1]: "a", CAMERAS[2]: "b"}


def sent(store: Store) -> int:
    return int(store._redis.xlen(store._key("sightings")))


def tokens_of(store: Store, cameras: list[str]) -> list[bytes]:
    values: list[bytes] = store._redis.hmget(store._key("fences"), cameras)
    return values
