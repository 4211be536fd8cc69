"""Redis that dies, freezes, is slow or comes back empty: all go on, and nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from people import sighting
from redis_servers import RedisServer
from site_life import check, decisions, identities, nothing_is_open, wait_for
from walking_node import STEP_SECONDS, Walkers, write_site

from pipeline.config import load_site
from pipeline.evidence import Calibration
from pipeline.lease import Lease
from pipeline.matcher import MatchingService
from pipeline.outbox import Outbox
from pipeline.presence import MATCHER
from pipeline.site_file import SiteFile
from pipeline.store import Store

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)


class Life:
    """A node, a matcher and their Redis at work."""

    def __init__(self, server: RedisServer, cams: Path) -> None:
        self.server = server
        self.store = Store.connect(server.url, site="walk")
        self.walkers = Walkers(Store.connect(server.url, site="walk"), SiteFile(cams), name="a")
        own = Store.connect(server.url, site="walk")
        lease = Lease(own.presence, MATCHER, "m")
        self.matcher = MatchingService(own, load_site(cams), CALIBRATION, lease=lease)
        self.sent: set[str] = set()

    def walk(self, seconds: float) -> None:
        """Life goes on for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.walkers.step()
            person = (self.walkers._steps - 1) // 20
            self.sent |= {f"{c}-{self.walkers.run}-{person}" for c in self.walkers._running}
            time.sleep(STEP_SECONDS)

    def settle(self) -> None:
        """Waits until all that was seen has been decided on."""
        wait_for(
            lambda: not self.walkers.courier.waiting and nothing_is_open(self.store), seconds=15.0
        )


@contextmanager
def life(server: RedisServer, cams: Path) -> Iterator[Life]:
    stop = threading.Event()
    here = Life(server, cams)
    matching = threading.Thread(target=here.matcher.run, args=(stop.is_set,))
    matching.start()
    try:
        with here.walkers:
            here.walk(2.5)
            yield here
    finally:
        stop.set()
        matching.join()


@pytest.fixture
def cams(tmp_path: Path) -> Path:
    return write_site(tmp_path / "cams.yaml", ["west", "east"])


def closed(store: Store) -> dict[str, int]:
    """The identities of those who have gone, which nothing changes any more."""
    records = [t for i in store.identities(1000) for t in i.tracklets]
    return {t.tracklet: t.identity for t in records if t.closed}


def crash(server: RedisServer, walk: Callable[[float], None]) -> None:
    server.kill()
    walk(7.0)  # longer than any lease
    server.start()


def freeze(server: RedisServer, walk: Callable[[float], None]) -> None:
    server.freeze()
    walk(7.0)
    server.thaw()


def stutter(server: RedisServer, walk: Callable[[float], None]) -> None:
    for _ in range(6):
        server.freeze()
        walk(0.5)
        server.thaw()
        walk(0.3)


@pytest.mark.parametrize("happens", [crash, freeze, stutter])
def test_nothing_is_lost(cams: Path, happens: Callable[..., None]) -> None:
    with RedisServer(persistent=True) as server, life(server, cams) as here:
        before = closed(here.store)
        happens(server, here.walk)
        here.walk(3.0)
        here.settle()
        check(here.store, here.sent)
        after = identities(here.store)
        assert len(here.sent) > len(before) > 0
        assert {t: after[t] for t in before} == before, "somebody has another number"


def test_after_redis_lost_everything_all_go_on_with_new_numbers(cams: Path) -> None:
    with RedisServer() as server, life(server, cams) as here:
        here.settle()
        old = {d.identity for d in decisions(here.store)}
        server.wipe()
        here.sent.clear()
        wait_for(lambda: bool(here.store.presence.owners([MATCHER])), seconds=8.0)
        here.walk(4.0)
        here.settle()
        check(here.store, here.sent & set(identities(here.store)))
        new = {d.identity for d in decisions(here.store)}
        assert new
        assert min(new) > max(old), "an identity number was used twice"
        assert {s.camera for s in here.store.statuses()} == {"west", "east"}


@pytest.mark.timed
def test_a_slow_redis_does_not_slow_the_node(cams: Path) -> None:
    with RedisServer(persistent=True) as server, life(server, cams) as here:
        server.freeze()
        began = time.monotonic()
        for _ in range(100):
            here.walkers.step()
        assert time.monotonic() - began < 1.0
        server.thaw()


def test_what_waits_is_bounded_and_the_newest_is_kept() -> None:
    outbox = Outbox(capacity=2)
    for name in ("w1", "w2", "w2", "w3"):
        outbox.put(sighting(name), 1)
    assert len(outbox) == 2
    assert outbox.dropped == 1
    first = outbox.first()
    assert first is not None
    assert first.sighting.tracklet == "w2"


def test_a_newer_sighting_takes_the_place_of_one_that_waits() -> None:
    outbox = Outbox()
    outbox.put(sighting("w1", end=5.0, thumbnail=b"picture"), 1)
    under_way = outbox.first()
    assert under_way is not None
    outbox.put(sighting("w1", end=9.0, thumbnail=None), 1)
    outbox.done(under_way)
    newest = outbox.first()
    assert newest is not None
    assert (newest.sighting.end, newest.sighting.thumbnail) == (9.0, b"picture")
    assert outbox.holds("west")
    assert not outbox.holds("east")
