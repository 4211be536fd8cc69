"""The REST interface: typed, described, and honest about what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from viewer_parts import NOON, make_site, report, see, serving

import pipeline.viewer
from pipeline.embedded import EmbeddedRedis
from pipeline.privacy_settings import PrivacySettings
from pipeline.store import Store


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=address) as client:
        yield client


def test_cameras_come_in_the_order_of_the_settings(api, store):
    report(store, "east", fps=6.5)
    west, east = api.get("/api/v1/cameras").json()
    assert (west["name"], west["status"]) == ("west", None)
    assert (east["name"], east["status"]["state"], east["status"]["fps"]) == (
        "east",
        "running",
        6.5,
    )


def test_an_identity_tells_where_and_when_somebody_was_seen(api, store):
    see(store, "west", 7, begin=NOON, end=NOON + 5)
    see(store, "east", 7, begin=NOON + 9, end=NOON + 20)
    identity = api.get("/api/v1/identities/7").json()
    assert identity["cameras"] == ["west", "east"]
    assert (identity["first_seen"], identity["last_seen"]) == (NOON, NOON + 20)
    assert [t["tracklet"] for t in identity["tracklets"]] == ["west-1", "east-1"]
    assert api.get("/api/v1/identities").json() == {"items": [identity], "next": None}


def test_a_crop_is_a_jpeg(api, store):
    see(store, "west", 7)
    answer = api.get("/api/v1/crops/west-1.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/identities/99", 404),
        ("/api/v1/crops/nobody.jpg", 404),
        ("/api/v1/identities/seven", 422),
        ("/api/v1/identities?count=0", 422),
        ("/api/v1/identities?cursor=nonsense", 422),
        ("/api/v1/tracklets?from=nan", 422),
        ("/api/v1/tracklets/nobody", 404),
    ],
)
def test_what_is_not_there_is_said_to_be_missing(api, path, status):
    answer = api.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"].count("expected") == 1


def test_everything_is_described(api):
    description = api.get("/api/v1/openapi.json").json()
    assert {"/api/v1/cameras", "/api/v1/identities/{number}"} <= set(description["paths"])
    assert {"CameraView", "IdentityView", "TrackletRecord", "Evidence"} <= set(
        description["components"]["schemas"]
    )


def test_every_route_has_a_tag_and_every_mistake_is_described_as_a_sentence(api):
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    routes = [route for path in paths.values() for route in path.values()]
    answers = [a for r in routes for code, a in r["responses"].items() if int(code) >= 400]
    schemas = {a["content"]["application/json"]["schema"]["$ref"] for a in answers}
    assert [
        route for route in routes if not route.get("tags") or not route.get("description")
    ] == []
    assert schemas == {"#/components/schemas/Problem"}


def test_without_redis_the_answer_is_a_sentence():
    with EmbeddedRedis() as redis:
        store = Store.connect(redis.url, site="lost")
        with serving(store) as address:
            redis.close()
            paths = ("/api/v1/cameras", "/api/v1/health", "/metrics")
            answers = [httpx.get(address + path) for path in paths]
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all("Redis" in answer.json()["detail"] for answer in answers)


def test_the_whole_page_is_small():
    static = Path(pipeline.viewer.__file__).parent / "static"
    files = [file for file in static.rglob("*") if file.is_file()]
    recording = {static / name for name in ("recording.html", "recording_main.js")}
    recording |= {*(static / "recording").iterdir(), *(static / "screens").glob("recording.*")}
    page = [file for file in files if file not in recording]  # of a recording: another page
    assert sum(file.stat().st_size for file in page) < 300_000


def test_a_number_that_was_merged_leads_to_the_person(api, store):
    see(store, "west", 7)
    see(store, "east", 8)
    store.corrections.rename(8, "Ann")
    store.corrections.merge(7, 8)
    identity = api.get("/api/v1/identities/8").json()
    assert (identity["identity"], identity["name"]) == (7, "Ann")
    assert {t["pinned"] for t in identity["tracklets"]} == {True}


def test_a_crop_of_which_nobody_knows_who_is_in_it_is_hidden_as_a_whole(store):
    image = np.random.default_rng(1).integers(0, 256, (128, 64, 3)).astype(np.uint8)
    see(store, "west", 7, image=image)
    site = make_site().model_copy(update={"privacy": PrivacySettings(people="faces")})
    with serving(store, site) as address:
        shown = httpx.get(f"{address}/api/v1/crops/west-1.jpg").content
    assert detail(store.crop("west-1")) > 20
    assert detail(shown) < 10


def detail(picture: bytes) -> float:
    """Mean difference of neighbouring pixels."""
    pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return float(np.abs(np.diff(pixels.astype(int), axis=0)).mean())
