"""What axe-core knows of accessibility holds on every screen, light and dark, large and small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from gallery_parts import cut_out, meet
from playwright.sync_api import Browser, Page, expect
from viewer_parts import NOON, Walk, make_site, serving

from pipeline.store import Store
from pipeline.viewer.accounts import hash_password

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
SIZES = {"desktop": (1400, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[bytes]:
    return cut_out(vtest_path)


@pytest.fixture
def address(store: Store, pictures: list[bytes]) -> Iterator[str]:
    """Five people, of whom the first walks through two cameras."""
    for number, picture in enumerate(pictures, start=1):
        meet(store, f"west-{number}", number, picture, begin=NOON + 60 * number)
    meet(store, "east-1", 1, pictures[0], begin=NOON + 80)
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


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def test_every_screen_is_accessible(tab: Page, address: str) -> None:
    found = {}
    for screen, ready in SCREENS.items():
        tab.goto(f"{address}/{screen}")
        expect(tab.locator(ready).locator("visible=true").first).to_be_visible()
        found[screen] = violations(tab)
    assert {screen: lines for screen, lines in found.items() if lines} == {}


def test_the_sign_in_is_accessible(tab: Page, store: Store) -> None:
    users = {"ann": {"password": hash_password("a long enough password"), "role": "operator"}}
    with serving(store, make_site(users=users)) as address:
        tab.goto(address)
        expect(tab.get_by_label("Password")).to_be_visible()
        assert violations(tab) == []
