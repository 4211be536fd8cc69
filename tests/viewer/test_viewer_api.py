"""The REST interface: typed, described, and honest about what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from viewer_parts import NOON, report, see, serving

import pipeline.viewer
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


def test_cameras_come_in_the_order_of_the_settings(api, store):
    report(store, "east", fps=6.5)
    west, east = api.get("/api/cameras").json()
    assert (west["name"], west["status"]) == ("west", None)
    assert (east["name"], east["status"]["state"], east["status"]["fps"]) == (
        "east",
        "running",
        6.5,
    )


def test_an_identity_tells_where_and_when_somebody_was_seen(api, store):
    see(store, "west", 7, begin=NOON, end=NOON + 5)
    see(store, "east", 7, begin=NOON + 9, end=NOON + 20)
    identity = api.get("/api/identities/7").json()
    assert identity["cameras"] == ["west", "east"]
    assert (identity["first_seen"], identity["last_seen"]) == (NOON, NOON + 20)
    assert [t["tracklet"] for t in identity["tracklets"]] == ["west-1", "east-1"]
    assert api.get("/api/identities").json() == [identity]


def test_a_crop_is_a_jpeg(api, store):
    see(store, "west", 7)
    answer = api.get("/api/crops/west-1.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/identities/99", 404),
        ("/api/crops/nobody.jpg", 404),
        ("/api/identities/seven", 422),
        ("/api/identities?count=0", 422),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(api, path, status):
    answer = api.get(path)
    assert answer.status_code == status
    assert "expected" in answer.text or "should be" in answer.text


def test_everything_is_described(api):
    description = api.get("/api/openapi.json").json()
    assert set(description["paths"]) == {
        "/api/cameras",
        "/api/identities",
        "/api/identities/{number}",
        "/api/crops/{tracklet}.jpg",
        "/api/health",
        "/api/reload",
    }
    assert {"CameraView", "IdentityView", "TrackletRecord"} <= set(
        description["components"]["schemas"]
    )


def test_without_redis_the_answer_is_a_sentence():
    with EmbeddedRedis() as redis:
        store = Store.connect(redis.url, site="lost")
        with serving(store) as address:
            redis.close()
            paths = ("/api/cameras", "/api/health", "/metrics")
            answers = [httpx.get(address + path) for path in paths]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all("Redis" in answer.json()["detail"] for answer in answers)


def test_the_whole_page_is_small():
    static = Path(pipeline.viewer.__file__).parent / "static"
    assert sum(file.stat().st_size for file in static.iterdir()) < 100_000


def test_a_number_that_was_merged_leads_to_the_person(api, store):
    see(store, "west", 7)
    see(store, "east", 8)
    store.corrections.rename(8, "Ann")
    store.corrections.merge(7, 8)
    identity = api.get("/api/identities/8").json()
    assert (identity["identity"], identity["name"]) == (7, "Ann")
    assert {t["pinned"] for t in identity["tracklets"]} == {True}
