"""/events: what happens, as it happens, to whoever follows it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from api_parts import walk_by
from viewer_parts import make_site, run, serving

from pipeline.client import ApiError, Client
from pipeline.embedded import EmbeddedRedis
from pipeline.events import CameraChange, Position, Wanted
from pipeline.metrics import Metrics
from pipeline.server_sent import read_blocks
from pipeline.store import Store
from pipeline.viewer.feed import Feed, TooSlow

LOST = CameraChange("west", "lost", before="running")


@dataclass
class Told:
    """One server-sent event."""

    kind: str
    id: str
    data: dict


@contextmanager
def following(address: str, query: str = "", **headers: str) -> Iterator[Iterator[Told]]:
    """Events of a viewer, once it has said that they follow."""
    url = f"{address}/api/v1/events{query}"
    with httpx.stream("GET", url, headers=headers, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == ": events follow"
        yield told(lines)


def told(lines: Iterator[str]) -> Iterator[Told]:
    blocks = (block for block in read_blocks(lines) if block.data)
    return (Told(block.event, block.id, json.loads(block.data)) for block in blocks)


def several(events: Iterator[Told], count: int) -> list[Told]:
    return [next(events) for _ in range(count)]


def test_decisions_corrections_and_cameras_are_told_in_their_order(store):
    walk_by(store, "west-0", 1)
    with serving(store) as address, following(address) as events:
        walk_by(store, "west-1", 2)
        store.corrections.rename(2, "Ann", by="Bob")
        store.events.tell_cameras([LOST])
        got = several(events, 4)
    assert [each.kind for each in got] == [
        "decision.new", "decision.renamed", "correction.rename", "camera.lost",
    ]  # fmt: skip
    assert got[0].data["decision"]["tracklet"] == "west-1"
    assert got[0].data["picture"] == "/api/v1/crops/west-1.jpg"
    assert (got[2].data["correction"]["by"], got[2].data["name"]) == ("Bob", "Ann")
    assert got[3].data["change"]["before"] == "running"


def test_whoever_comes_back_misses_nothing(store):
    walk_by(store, "west-0", 1)
    with serving(store) as address:
        with following(address, "?after=0-0.0-0.0-0") as events:
            (first,) = several(events, 1)
        walk_by(store, "west-1", 2)
        store.events.tell_cameras([LOST])
        with following(address, **{"Last-Event-ID": first.id}) as events:
            second, third = several(events, 2)
    assert (second.data["identity"], third.kind) == (2, "camera.lost")


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        pytest.param("kind=camera", ["camera.lost"], id="family"),
        pytest.param("kind=decision.renamed", ["decision.renamed"], id="kind"),
        pytest.param("camera=west&kind=decision", ["decision.new"], id="camera"),
        pytest.param("identity=2&kind=correction", ["correction.rename"], id="identity"),
    ],
)
def test_only_what_is_asked_for_is_told(store, query, kinds):
    walk_by(store, "west-0", 1)
    walk_by(store, "east-0", 2)
    store.corrections.rename(1, "Bob")
    store.corrections.rename(2, "Ann")
    store.events.tell_cameras([LOST])
    with serving(store) as address:
        query = f"?after=0-0.0-0.0-0&{query}"
        with following(address, query) as events:
            assert [each.kind for each in several(events, len(kinds))] == kinds


@pytest.mark.parametrize(
    "query", ["kind=weather", "after=yesterday", "identity=0"], ids=["kind", "place", "identity"]
)
def test_what_cannot_be_followed_is_a_sentence(store, query):
    with serving(store) as address:
        answer = httpx.get(f"{address}/api/v1/events?{query}")
    assert answer.status_code == 422
    assert "expected" in answer.json()["detail"]


def test_following_needs_the_token(store):
    with serving(store, make_site(token="a-secret-of-some-length")) as address:
        assert httpx.get(f"{address}/api/v1/events").status_code == 401


def test_who_was_forgotten_is_told_to_nobody_any_more(store):
    walk_by(store, "west-0", 1)
    store.corrections.forget(1)
    with serving(store) as address, following(address, "?after=0-0.0-0.0-0") as events:
        got = several(events, 2)
    assert [each.kind for each in got] == ["decision.forgotten", "correction.forget"]
    assert "west-0" not in str(got)


def test_an_outage_of_redis_is_told_and_survived():
    with EmbeddedRedis() as redis:
        store = Store.connect(redis.url, site="away")
        with serving(store) as address, following(address) as events:
            redis.close()
            assert next(events).kind == "trouble"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fill(store: Store, count: int) -> None:
    for number in range(count):
        store.events.tell_cameras([CameraChange("west", "lost", node=str(number))])


def test_long_lists_come_whole_and_once(store, monkeypatch):
    monkeypatch.setattr("pipeline.viewer.feed._PAGE", 7)
    fill(store, 40)
    feed = Feed(store.events, metrics=Metrics("viewer"))

    async def follow() -> list[str]:
        numbers = []
        events = feed.follow(Position(), Wanted())
        await anext(events)  # the place where it begins
        async for event in events:
            numbers.append(event.change.node)
            if len(numbers) == 20:  # while it catches up
                await asyncio.to_thread(fill, store, 3)
            if len(numbers) == 43:
                return numbers
        return numbers

    numbers = run(asyncio.wait_for(follow(), 20))
    assert numbers == [*map(str, range(40)), *map(str, range(3))]


def test_whoever_is_too_slow_is_let_go(store):
    feed = Feed(store.events, metrics=Metrics("viewer"), waiting=5)

    async def follow() -> None:
        events = feed.follow(None, Wanted())
        await anext(events)
        first = asyncio.create_task(anext(events))
        await asyncio.to_thread(fill, store, 1)
        await first
        await asyncio.to_thread(fill, store, 30)
        await asyncio.sleep(1)
        async for _ in events:
            pass

    with pytest.raises(TooSlow):
        run(asyncio.wait_for(follow(), 20))


def test_no_more_than_agreed_follow_at_once(store, monkeypatch):
    monkeypatch.setattr("pipeline.viewer.feed.Feed.full", True)
    with serving(store) as address:
        answer = httpx.get(f"{address}/api/v1/events")
    assert answer.status_code == 503


def test_following_ends_after_a_while(store):
    feed = Feed(store.events, metrics=Metrics("viewer"), longest_seconds=0.5)

    async def follow() -> list[object]:
        return [event async for event in feed.follow(None, Wanted())]

    assert len(run(asyncio.wait_for(follow(), 5))) == 1


def test_the_client_goes_on_after_an_outage(store, monkeypatch):
    monkeypatch.setattr("pipeline.client._AGAIN_SECONDS", 0.1)
    walk_by(store, "west-0", 1)
    site = make_site(port=free_port())
    with Client(f"http://127.0.0.1:{site.viewer.port}") as client:
        events = client.events(kinds=["decision"], after=str(Position()))
        with serving(store, site):
            first = next(events)
        walk_by(store, "west-1", 2)  # while nobody answers
        with serving(store, site):
            second = next(events)
    assert (first.identity, second.identity) == (1, 2)


def test_the_client_hears_why_it_may_not_follow(store):
    with serving(store) as address, Client(address) as client, pytest.raises(ApiError) as error:
        next(client.events(kinds=["weather"]))
    assert error.value.status == 422
