"""Backup and restore as docs/operations.md tells it, on real servers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from people import looks, sighting
from redis_servers import RedisServer, wait_until
from site_life import identities

from pipeline.data import Decision, DecisionKind
from pipeline.store import Settled, Store

NAMES = {"west-1": 1, "west-2": 2}


def fill(store: Store) -> None:
    for number, name in enumerate(NAMES, start=1):
        seen = sighting(name, embedding=looks(number), closed=True)
        assert store.new_identity() == number
        decision = Decision(name, "west", number, DecisionKind.NEW, 0.9)
        store.record([Settled(seen, decision)])


def back_up(server: RedisServer, place: Path) -> None:
    with server.client() as client:
        client.bgsave()
        wait_until(lambda: not client.info("persistence")["rdb_bgsave_in_progress"], "a snapshot")
    shutil.copyfile(server.folder / "dump.rdb", place)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a site with two identities."""
    with RedisServer(persistent=True) as server:
        store = Store.connect(server.url, site="shop")
        fill(store)
        store.close()
        back_up(server, tmp_path / "dump.rdb")
    return tmp_path / "dump.rdb"


def test_a_backup_brings_everything_back_and_is_kept_from_then_on(backup: Path) -> None:
    with RedisServer(persistent=False) as server:
        server.stop()
        shutil.copyfile(backup, server.folder / "dump.rdb")
        server.start()  # without its log: with it Redis would not look at the snapshot
        with server.client() as client:
            client.config_set("appendonly", "yes")
            wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "its log")
            assert client.info("persistence")["aof_last_bgrewrite_status"] == "ok"
        server.kill()
        server._options["appendonly"] = "yes"
        server.start()
        store = Store.connect(server.url, site="shop")
        assert identities(store) == NAMES
        assert store.gallery.size() == len(NAMES)
        store.close()


def test_a_server_that_writes_a_log_passes_over_the_backup(backup: Path) -> None:
    with RedisServer(persistent=True) as server:
        server.stop()
        shutil.rmtree(server.folder / "appendonlydir")
        shutil.copyfile(backup, server.folder / "dump.rdb")
        server.start()
        with server.client() as client:
            assert client.dbsize() == 0


def test_numbers_given_out_after_the_backup_are_skipped_by_hand(backup: Path) -> None:
    with RedisServer() as server:
        server.stop()
        shutil.copyfile(backup, server.folder / "dump.rdb")
        server.start()
        with server.client() as client:
            client.incrby("{shop}:identity", 100000)
        store = Store.connect(server.url, site="shop")
        assert store.new_identity() == 100003
        store.close()
