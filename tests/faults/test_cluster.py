"""Sites on the shards of one cluster: each works as on a server of its own, and fails alone."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from people import looks, sighting
from redis_servers import RedisCluster, RedisServer, free_port, wait_until
from site_life import check, decisions, identities, nothing_is_open, wait_for, walks

from pipeline.config import load_site
from pipeline.data import CameraState, CameraStatus, ProcessRecord
from pipeline.errors import StoreError
from pipeline.evidence import Calibration
from pipeline.lease import Lease
from pipeline.matcher import MatchingService
from pipeline.presence import MATCHER
from pipeline.store import Sent, Store

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)
ROOT = Path(__file__).parents[2]
SHARDS = (0, 1, 2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster(persistent=True) as cluster:
        yield cluster


@pytest.fixture(params=SHARDS, ids=lambda shard: f"shard {shard}")
def store(request: pytest.FixtureRequest, cluster: RedisCluster) -> Iterator[Store]:
    """The store of a site on each of the shards, which no other test uses."""
    site = cluster.site_on(request.param, prefix=request.node.originalname.replace("_", "-"))
    store = Store.connect(cluster.url, site=site)
    yield store
    store.close()


@pytest.fixture
def sites(request: pytest.FixtureRequest, cluster: RedisCluster) -> Iterator[list[Store]]:
    """One site on each of the shards, which no other test uses; all connect by the same address."""
    prefix = re.sub(r"\W+|_", "-", request.node.name).strip("-")
    names = [cluster.site_on(shard, prefix=prefix) for shard in SHARDS]
    stores = [Store.connect(cluster.url, site=name) for name in names]
    yield stores
    for store in stores:
        store.close()


@contextmanager
def matcher(store: Store, owner: str = "a") -> Iterator[MatchingService]:
    """A matcher that works for as long as the context lasts."""
    stop = threading.Event()
    lease = Lease(store.presence, MATCHER, owner)
    site = load_site(ROOT / "cams.yaml")
    service = MatchingService(store, site, CALIBRATION, lease=lease)
    thread = threading.Thread(target=service.run, args=(stop.is_set,), kwargs={"tick_seconds": 0.1})
    thread.start()
    try:
        yield service
    finally:
        stop.set()
        thread.join()


@contextmanager
def away(cluster: RedisCluster, shard: int) -> Iterator[None]:
    """A shard is dead for as long as the context lasts."""
    cluster.shards[shard].kill()
    try:
        yield
    finally:
        cluster.shards[shard].start()


def send(store: Store, *, camera: str = "west", begin: float = 0.0) -> set[str]:
    """Two people walk through the site; returns their tracklets."""
    sent = list(walks(2, camera=camera, begin=begin))
    for seen in sent:
        store.send_sighting(seen)
    return {seen.tracklet for seen in sent}


def settle(store: Store) -> None:
    wait_for(lambda: nothing_is_open(store), seconds=10.0)


def same_people(store: Store) -> set[frozenset[str]]:
    of = identities(store)
    return {frozenset(t for t in of if of[t] == identity) for identity in of.values()}


def reaches(store: Store) -> bool:
    """True if the site's shard answers."""
    try:
        store.last_identity()
    except StoreError:
        return False
    return True


def keys_of(shard: RedisServer) -> set[str]:
    with shard.client() as client:
        return {key.decode() for key in client.scan_iter(count=1000)}


# ── each does what it does on one server ────────────────────────────────────────────────────


def test_sightings_are_decided(store: Store) -> None:
    store.open_sightings()
    tracklets = send(store)
    with matcher(store):
        settle(store)
    check(store, tracklets)
    assert same_people(store) == {frozenset({f"west-p{p}", f"west-2-p{p}"}) for p in (0, 1)}
    assert store.gallery.size() == len(tracklets)
    assert store.crop("west-p0") == b"jpeg"
    assert store.last_decision() != "0-0"


def test_the_gallery_is_searched_and_pruned(store: Store) -> None:
    store.open_sightings()
    send(store)
    with matcher(store):
        settle(store)
    stranger = sighting("new", begin=20.0, end=21.0, embedding=looks(0))
    found = store.gallery.candidates([stranger], memory=1000.0, exact=True)[0]
    assert {c.record.tracklet for c in found[:2]} == {"west-p0", "west-2-p0"}
    assert store.gallery.prune(before=30.0) == 3
    assert store.gallery.size() == 1
    assert store.gallery.begin("another network") == ""


def test_a_lease_is_held_by_one(store: Store) -> None:
    first = store.presence.hold("west", "a", seconds=5.0)
    assert first is not None
    assert store.presence.hold("west", "b", seconds=5.0) is None
    assert store.presence.owners(["west", "east"]) == {"west": "a"}
    store.presence.release("west", "a")
    second = store.presence.hold("west", "b", seconds=5.0)
    assert second is not None
    late = store.send_sighting(sighting("late"), token=first.token, owner="a", number=1)
    assert late is Sent.FENCED
    assert second.token > first.token


def test_statuses_and_processes_are_seen(store: Store) -> None:
    store.put_statuses([CameraStatus(name, CameraState.RUNNING, 0.0) for name in ("b", "a")])
    assert [status.camera for status in store.statuses()] == ["a", "b"]
    assert [status.camera for status in store.statuses(["b", "gone"])] == ["b"]
    record = ProcessRecord("a/node", "node", "a", 1, 0.0, 0.0, metrics=b"frames 1")
    store.presence.put_process(record)
    assert store.presence.processes(metrics=True) == [record]
    store.presence.remove_process("a/node")
    assert store.presence.processes() == []


def test_numbers_only_grow(store: Store) -> None:
    assert [store.new_identity(), store.new_identity(), store.new_identity(above=9)] == [1, 2, 10]
    assert store.last_identity() == 10
    store.presence.ask_reload()
    assert store.presence.reloads_asked() == 1


def test_people_correct_who_is_who(store: Store) -> None:
    store.open_sightings()
    send(store)
    with matcher(store):
        settle(store)
    one, other = sorted(set(identities(store).values()))
    new = store.corrections.split(one, ["west-p0"]).other
    merged = store.corrections.merge(one, other)
    store.corrections.undo(merged.id)
    store.corrections.rename(new, "Ann")
    store.corrections.forget(one)
    store.corrections.prune()
    assert [(i.identity, i.name) for i in store.identities()] == [(other, None), (new, "Ann")]
    assert store.gallery.size() == 3


def test_previews_reach_who_looks(store: Store) -> None:
    assert store.watched(["west", "east"]) == set()
    with store.views(["west"], idle_seconds=0.05) as views:
        next(views)
        assert store.watched(["west", "east"]) == {"west"}
        threading.Timer(0.1, store.send_view, ["west", b"picture"]).start()
        assert next(view for view in views if view is not None) == ("west", b"picture")


# ── and they do not get in each other's way ─────────────────────────────────────────────────


def test_all_of_a_site_is_on_its_shard(cluster: RedisCluster, sites: list[Store]) -> None:
    with ExitStack() as stack:
        for store in sites:
            store.open_sightings()
            stack.enter_context(matcher(store))
            store.put_statuses([CameraStatus("west", CameraState.RUNNING, 0.0)])
            store.presence.ask_reload()
            store.presence.put_process(ProcessRecord("a", "node", "a", 1, 0.0, 0.0, metrics=b"m"))
            send(store)
        for store in sites:
            settle(store)
    for shard, store in zip(cluster.shards, sites, strict=True):
        own = {key for key in keys_of(shard) if key.startswith(f"{{{store._site}}}:")}
        everywhere = {key for other in cluster.shards for key in keys_of(other)}
        assert len(own) > 15
        assert own == {key for key in everywhere if store._site in key}
        assert all(key.startswith("{") for key in everywhere)


@pytest.mark.parametrize("dead", SHARDS)
def test_a_site_whose_shard_dies_stops_no_other_and_comes_back(
    cluster: RedisCluster, sites: list[Store], dead: int
) -> None:
    tracklets: dict[int, set[str]] = {}
    others = [shard for shard in SHARDS if shard != dead]
    with ExitStack() as stack:
        for shard, store in enumerate(sites):
            store.open_sightings()
            stack.enter_context(matcher(store))
            tracklets[shard] = send(store)
        for store in sites:
            settle(store)
        decided = identities(sites[dead])
        with away(cluster, dead):
            assert not reaches(sites[dead])
            for shard in others:
                tracklets[shard] |= send(sites[shard], camera="north", begin=1000.0)
                wait_for(lambda s=sites[shard]: nothing_is_open(s), seconds=2.0)
        wait_until(lambda: reaches(sites[dead]), "the shard to be reached", seconds=5.0)
        assert identities(sites[dead]) == decided
        tracklets[dead] |= send(sites[dead], camera="north", begin=1000.0)
        settle(sites[dead])
    cluster.wait_until_ok()
    for shard, store in enumerate(sites):
        check(store, tracklets[shard])
        assert len(decisions(store)) >= len(tracklets[shard])


def test_a_process_that_starts_while_another_shard_is_away_works(cluster: RedisCluster) -> None:
    with cluster.shards[1].client() as shard:
        shard.script_flush()  # as after a restart: nobody has used the scripts there yet
    with away(cluster, 2):
        store = Store.connect(cluster.url, site=cluster.site_on(1, prefix="late"))
        store.open_sightings()
        with matcher(store):
            tracklets = send(store)
            settle(store)
        check(store, tracklets)
        store.close()
    cluster.wait_until_ok()


@pytest.mark.parametrize("frozen", [0, 2])
def test_a_shard_that_does_not_answer_any_more_delays_no_other_site(
    cluster: RedisCluster, sites: list[Store], frozen: int
) -> None:
    store = sites[1]
    store.open_sightings()
    with matcher(store):
        tracklets = send(store)
        settle(store)
        cluster.shards[frozen].freeze()
        tracklets |= send(store, camera="north", begin=1000.0)
        took = wait_for(lambda: nothing_is_open(store), seconds=5.0)
        cluster.shards[frozen].thaw()
    cluster.wait_until_ok()
    check(store, tracklets)
    assert took < 2.0


# ── the whole command ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["matcher", "viewer"])
def test_the_command_works_on_a_cluster(cluster: RedisCluster, tmp_path: Path, role: str) -> None:
    cams = tmp_path / "cams.yaml"
    cams.write_text(
        f"site: {cluster.site_on(2, prefix='command')}\n"
        "cameras: {door: {source: 'device:0'}}\n"
        f"viewer: {{port: {free_port()}}}\n",
        encoding="utf-8",
    )
    command = [
        sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", str(cams), "--role", role,
        "--duration", "3", "--redis", cluster.url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stderr
