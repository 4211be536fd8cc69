"""The servers the other tests break do what they say."""

from __future__ import annotations

import os

import pytest
import redis
from redis_servers import RedisCluster, RedisServer


def test_a_persistent_server_has_its_data_after_a_power_cut() -> None:
    with RedisServer(persistent=True) as server, server.client() as client:
        client.set("key", "value")
        server.kill()
        server.start()
        assert client.get("key") == b"value"


@pytest.mark.parametrize("persistent", [False, True])
def test_a_wiped_server_is_empty(persistent: bool) -> None:
    with RedisServer(persistent=persistent) as server, server.client() as client:
        client.set("key", "value")
        server.wipe()
        assert client.get("key") is None


def test_a_frozen_server_answers_when_it_is_thawed() -> None:
    with RedisServer() as server, server.client() as client:
        server.freeze()
        hasty = redis.Redis(port=server.port, socket_timeout=0.1)
        with hasty, pytest.raises(redis.TimeoutError):
            hasty.ping()
        server.thaw()
        assert client.ping()


def test_a_password_is_wanted() -> None:
    with RedisServer(password="secret") as server:
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with server.client() as client:
            assert client.ping()


def test_nothing_is_left() -> None:
    with RedisServer() as server:
        pid, folder = server.pid, server.folder
        server.freeze()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_cluster_serves_every_slot_and_goes_on_without_a_shard() -> None:
    with RedisCluster() as cluster:
        sites = [cluster.site_on(index) for index in range(3)]
        with redis.RedisCluster.from_url(cluster.url) as client:
            assert all(client.set(f"{{{site}}}:key", site) for site in sites)
        cluster.shard_of(f"{{{sites[2]}}}:key").kill()
        with cluster.shards[0].client() as first, cluster.shards[1].client() as second:
            assert first.get(f"{{{sites[0]}}}:key") == sites[0].encode()
            assert second.get(f"{{{sites[1]}}}:key") == sites[1].encode()
