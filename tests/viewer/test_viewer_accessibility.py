"""What axe-core knows of accessibility holds on every screen, light and dark, large and small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from accessibility import SIZES, violations
from gallery_parts import cut_out, meet
from playwright.sync_api import Browser, Locator, Page, expect
from viewer_parts import NOON, Walk, make_site, serving

from pipeline.data import Evidence
from pipeline.store import Store
from pipeline.viewer.accounts import hash_password

ALIKE = Evidence(6.5, 1.5, 2.0, 0.91, closest="west-1", came_from="west-1", gap=12.0)
SCREENS = {
    "#/live": '.tile[data-state="live"]',
    "#/live/west": '.tile[data-state="live"]',
    "#/identities": ".portraits > li",
    "#/identities/1": "main h1, main h2",
    "#/search": "main h1, main h2",
    "#/site": "main h1, main h2",
    "#/health": "main h1, main h2",
    "#/audit": "main h1, main h2",
}


def rename(page: Page) -> Locator:
    page.get_by_role("button", name="Rename").click()
    return page.get_by_label("Name of this person")


def choose_somebody(page: Page) -> Locator:
    page.get_by_role("button", name="Merge with…").click()
    return page.get_by_role("dialog", name="Who else is Person 1?").get_by_role("button").first


def merge(page: Page) -> Locator:
    page.get_by_role("button", name="Merge with…").click()
    page.get_by_role("dialog").get_by_role("button", name="Person 2").click()
    return page.get_by_role("dialog", name="Are these two one person?")


def forget(page: Page) -> Locator:
    page.get_by_role("button", name="Forget…").click()
    return page.get_by_role("dialog", name="Forget Person 1?")


def split(page: Page) -> Locator:
    page.locator(".tracklets").get_by_role("checkbox").first.check()
    return page.get_by_role("button", name="Is somebody else")


def keys(page: Page) -> Locator:
    page.keyboard.press("?")
    return page.get_by_role("dialog", name="Keys")


OPENED = (rename, choose_somebody, merge, forget, keys, split)
"""What can be opened on somebody's page; each gives something of what is there then."""


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[bytes]:
    return cut_out(vtest_path)


@pytest.fixture
def address(store: Store, pictures: list[bytes]) -> Iterator[str]:
    """Five people, of whom the first walks through two cameras."""
    for number, picture in enumerate(pictures, start=1):
        meet(store, f"west-{number}", number, picture, begin=NOON + 60 * number)
    meet(store, "east-1", 1, pictures[0], begin=NOON + 80, evidence=ALIKE)
    store.corrections.rename(5, "Ann")
    with Walk(store, "west", "east"), serving(store) as address:
        yield address


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=SIZES)
def tab(request: pytest.FixtureRequest, chromium: Browser, scheme: str) -> Iterator[Page]:
    """A tab of one size in one scheme of colours."""
    width, height = SIZES[request.param]
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    yield page
    page.close()


def test_every_screen_is_accessible(tab: Page, address: str) -> None:
    found = {}
    for screen, ready in SCREENS.items():
        tab.goto(f"{address}/{screen}")
        expect(tab.locator(ready).locator("visible=true").first).to_be_visible()
        found[screen] = violations(tab)
    assert {screen: lines for screen, lines in found.items() if lines} == {}


def test_a_plan_that_has_not_come_yet_is_accessible(tab: Page, address: str) -> None:
    tab.route("**/api/v1/plan", lambda route: None)  # never answered
    tab.goto(f"{address}/#/site")
    expect(tab.locator("svg.plan")).to_be_attached()
    assert violations(tab) == []


def test_whatever_opens_on_a_persons_page_is_accessible(tab: Page, address: str) -> None:
    found = {}
    tab.goto(f"{address}/#/identities/1")
    expect(tab.locator(".tracklets > li")).to_have_count(2)
    for opened in OPENED:
        expect(opened(tab)).to_be_visible()
        found[opened.__name__] = violations(tab)
        tab.keyboard.press("Escape")
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_why_somebody_is_who_they_are_is_accessible(tab: Page, address: str) -> None:
    tab.goto(f"{address}/#/identities/1")
    row = tab.locator('[data-tracklet="east-1"]')
    expect(row.locator(".like img")).to_be_visible()
    row.get_by_role("button", name="What the network looked at").click()
    expect(row.locator(".parts > *").first).to_be_visible(timeout=60_000)  # it loads the network
    assert violations(tab) == []


def test_what_a_search_has_found_is_accessible(tab: Page, address: str) -> None:
    tab.goto(f"{address}/#/search?tracklet=west-1")
    expect(tab.locator(".results > li").nth(1)).to_be_visible()
    assert violations(tab) == []


def test_the_sign_in_is_accessible(tab: Page, store: Store) -> None:
    users = {"ann": {"password": hash_password("a long enough password"), "role": "operator"}}
    with serving(store, make_site(users=users)) as address:
        tab.goto(address)
        expect(tab.get_by_label("Password")).to_be_visible()
        assert violations(tab) == []
        tab.get_by_label("Name").fill("ann")
        tab.get_by_label("Password").fill("not the right one")
        tab.get_by_role("button").click()
        expect(tab.get_by_role("alert")).to_be_visible()
        assert violations(tab) == []
