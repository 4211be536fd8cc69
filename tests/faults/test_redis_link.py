"""The link to Redis: the same on one server and on a cluster, and honest when it breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import redis
from redis_servers import RedisCluster, RedisServer

from pipeline.errors import StoreError
from pipeline.redis_link import Client, in_our_words, listen, open_client, publish, subscribers

CHANNELS = ["{site}:view:west", "{site}:view:east"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["server", "cluster"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    client = open_client(request.getfixturevalue(request.param).url)
    yield client
    client.close()


def drain(messages: Iterator[object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        next(messages)


def test_the_server_says_whether_it_is_a_cluster(
    server: RedisServer, cluster: RedisCluster
) -> None:
    assert isinstance(open_client(server.url), redis.Redis)
    assert isinstance(open_client(cluster.url), redis.RedisCluster)


def test_messages_reach_who_listens_to_their_channel(client: Client) -> None:
    with listen(client, CHANNELS, idle_seconds=0.05) as messages:
        assert next(messages) is None
        threading.Timer(0.1, publish, [client, CHANNELS[1], b"picture"]).start()
        assert next(m for m in messages if m is not None) == (CHANNELS[1].encode(), b"picture")


def test_those_who_listen_are_counted_by_channel(client: Client) -> None:
    with listen(client, CHANNELS[:1], idle_seconds=0.05) as messages:
        next(messages)
        assert subscribers(client, CHANNELS) == {b"{site}:view:west": 1, b"{site}:view:east": 0}
    assert publish(client, CHANNELS[0], b"nobody") == 0


def test_a_client_of_another_server_of_the_cluster_sees_the_same(cluster: RedisCluster) -> None:
    one, other = (open_client(cluster.shards[i].url) for i in (0, 2))
    with listen(one, CHANNELS, idle_seconds=0.05) as messages:
        next(messages)
        assert subscribers(other, CHANNELS)[CHANNELS[0].encode()] == 1
        publish(other, CHANNELS[0], b"picture")
        assert next(m for m in messages if m is not None)[1] == b"picture"


def test_who_listens_for_long_to_a_silent_channel_is_not_taken_for_dead(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.redis_link._ANSWER_SECONDS", 0.3)
    with listen(client, CHANNELS, idle_seconds=0.1) as messages:
        end = time.monotonic() + 6.5  # the connection is tried after 5 s
        while time.monotonic() < end:
            assert next(messages) is None


def test_a_frozen_server_is_an_error_within_seconds() -> None:
    with RedisServer() as server:
        client = open_client(server.url)
        server.freeze()
        begin = time.monotonic()
        with pytest.raises(StoreError):
            in_our_words(client.get)("key")
        assert time.monotonic() - begin < 4.0


def test_who_listens_to_a_frozen_server_hears_of_it() -> None:
    with RedisServer() as server:
        client = open_client(server.url)
        with listen(client, CHANNELS, idle_seconds=0.1) as messages:
            next(messages)
            server.freeze()
            with pytest.raises(StoreError, match="expected an answer"):
                drain(messages, seconds=12.0)


@pytest.mark.parametrize("kind", [RedisServer, RedisCluster], ids=["server", "cluster"])
def test_listening_works_again_after_the_server_was_killed(kind: type) -> None:
    with kind() as servers:
        client = open_client(servers.url)
        shard = servers.shard_of(CHANNELS[0]) if kind is RedisCluster else servers
        with listen(client, CHANNELS, idle_seconds=0.05) as messages:
            next(messages)
            shard.kill()
            with pytest.raises(StoreError):
                drain(messages, seconds=5.0)
        shard.start()
        if kind is RedisCluster:
            servers.wait_until_ok()
        with listen(client, CHANNELS, idle_seconds=0.05) as messages:
            next(messages)
            publish(client, CHANNELS[0], b"again")
            assert next(m for m in messages if m is not None)[1] == b"again"
