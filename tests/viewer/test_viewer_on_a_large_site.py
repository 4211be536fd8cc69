"""Sixteen synthetic cameras, followed by the real stages: every screen against what is true."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from accessibility import SIZES, violations
from followed_world import Replay, film, follow
from playwright.sync_api import Browser, Page, expect
from viewer_parts import serving
from world import SiteSpec, World
from world.recording import Film

from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store
from pipeline.viewer_settings import ViewerSettings

SPEC = SiteSpec(cameras=16, people=32, seconds=20, spacing=17, errands=2, seed=8)
FILM = Film(fps=4, size=(320, 180))
SCREENS = {
    "live": ("live", '.tile[data-state="live"]'),
    "one camera large": ("live/{camera}", '.tile[data-camera="{camera}"][data-state="live"]'),
    "identities": ("identities", ".portraits > li"),
    "a person": ("identities/{identity}", ".tracklets > li"),
    "search": ("search?tracklet={tracklet}", ".results > li"),
    "site": ("site", "svg.ways .flow"),
    "health": ("health", ".health tbody tr"),
}

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def world() -> World:
    return World(SPEC)


@pytest.fixture(scope="module")
def address(
    world: World,
    redis_server: EmbeddedRedis,
    ssdlite_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The page of the site, after everybody has been followed once."""
    site = film(world, tmp_path_factory.mktemp("world"), FILM)
    site = site.model_copy(update={"site": uuid4().hex[:8], "viewer": ViewerSettings(port=0)})
    store = Store.connect(redis_server.url, site=site.site)
    seen = follow(site, store, ssdlite_path)
    with serving(store, site) as address, Replay(store, seen, fps=FILM.fps):
        yield address
    store.close()


@pytest.fixture(scope="module")
def ask(address: str) -> Iterator[Ask]:
    """What the interface says."""
    with httpx.Client(base_url=f"{address}/api/v1", timeout=30) as client:
        yield lambda path, **query: client.get(path, params=query).raise_for_status().json()


@pytest.fixture(scope="module")
def people(ask: Ask) -> list[dict[str, Any]]:
    """Everybody who was found."""
    return list(ask("/identities", count=1000)["items"])


@pytest.fixture(scope="module")
def traveller(people: list[dict[str, Any]]) -> dict[str, Any]:
    """Who was seen by most cameras."""
    return max(people, key=lambda person: len(person["cameras"]))


@pytest.fixture(scope="module")
def true_cameras(world: World) -> dict[str, set[int]]:
    """The cameras where people are, and who."""
    true: dict[str, set[int]] = {}
    for visit in world.visits():
        true.setdefault(visit.camera, set()).add(visit.person)
    return true


@pytest.fixture(params=SIZES)
def tab(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A tab on a desk, light, or on a phone, dark."""
    width, height = SIZES[request.param]
    scheme = "dark" if request.param == "phone" else "light"
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    yield page
    page.close()


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_is_filled_and_without_complaint(
    tab: Page, address: str, traveller: dict[str, Any], screen: str
) -> None:
    complaints: list[str] = []
    tab.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    last = traveller["tracklets"][-1]
    route, filled = (text.format(**{**traveller, **last}) for text in SCREENS[screen])
    tab.goto(f"{address}/#/{route}")
    expect(tab.locator(filled).first).to_be_visible(timeout=60_000)
    widths = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]  # nothing sticks out
    assert violations(tab) == []
    assert complaints == []


def test_all_screens_list_all_cameras(page: Page, address: str, world: World) -> None:
    names = sorted(world.plan.index)
    page.goto(f"{address}/#/live")
    expect(page.locator('.tile[data-state="live"]')).to_have_count(16, timeout=60_000)
    assert page.locator(".tile .camera").all_inner_texts() == names
    page.goto(f"{address}/#/identities")
    choice = page.get_by_role("combobox", name="Camera")
    expect(choice.locator("option")).to_have_text(["All cameras", *names])
    page.goto(f"{address}/#/site")
    expect(page.locator("svg.ways .camera-node")).to_have_text(names)
    page.goto(f"{address}/#/health")
    cameras = page.get_by_role("table", name="Cameras")
    expect(cameras.get_by_role("rowheader")).to_have_text(names)


def test_everybody_is_found_about_once_and_where_people_are(
    people: list[dict[str, Any]], true_cameras: dict[str, set[int]]
) -> None:
    found = {camera for person in people for camera in person["cameras"]}
    assert found <= set(true_cameras)
    assert {camera for camera, seen in true_cameras.items() if len(seen) >= 4} <= found
    everybody = set().union(*true_cameras.values())
    assert 0.5 < len(people) / len(everybody) < 1.5


def test_people_are_followed_along_ways_that_people_took(
    people: list[dict[str, Any]], world: World
) -> None:
    ways: dict[int, list[str]] = {}
    for visit in world.visits():
        ways.setdefault(visit.person, []).append(visit.camera)
    true = {way for cameras in ways.values() for way in pairwise(cameras) if len(set(way)) == 2}
    found = {way for person in people for way in pairwise(person["cameras"])}
    assert len(found & true) >= 2


def test_all_screens_count_the_same(
    page: Page, address: str, ask: Ask, people: list[dict[str, Any]]
) -> None:
    sightings = sum(len(person["tracklets"]) for person in people)
    assert len(ask("/tracklets", count=1000)["items"]) == sightings
    page.goto(f"{address}/#/site")
    counted = page.locator(".figure", has_text="People seen").locator("dd")
    expect(counted).to_have_text(str(len(people)))
    page.goto(f"{address}/#/identities")
    expect(page.locator(".portraits .name").first).to_have_text(re.compile(r"Person \d+"))
    shown: set[str] = set()
    page.locator("h2", has_text="Identities").hover()
    for _ in range(12):
        shown |= set(page.locator(".portraits .name").all_inner_texts())
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(100)
    assert shown == {f"Person {person['identity']}" for person in people}


def test_a_person_has_the_sightings_and_cameras_that_were_found(
    page: Page, address: str, traveller: dict[str, Any]
) -> None:
    page.goto(f"{address}/#/identities/{traveller['identity']}")
    expect(page.locator(".tracklets > li")).to_have_count(len(traveller["tracklets"]))
    lanes = page.locator(".journey .lanes .camera")
    expect(lanes).to_have_text(traveller["cameras"])


def test_somebodys_own_picture_is_found_first(
    page: Page, address: str, traveller: dict[str, Any]
) -> None:
    page.goto(f"{address}/#/search?tracklet={traveller['tracklets'][-1]['tracklet']}")
    first = page.locator(".results .name").first
    expect(first).to_have_text(f"Person {traveller['identity']}", timeout=60_000)
