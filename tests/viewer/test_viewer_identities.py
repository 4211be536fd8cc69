"""The Identities screen in a real browser: everybody who was seen, found, chosen and merged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from crowds import write_crowd
from gallery_parts import cut_out, meet
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as TooSlow
from viewer_parts import NOON, Walk, serving

from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store

TO_THE_END = """
() => {
  for (const each of [document.querySelector(".identities"), document.scrollingElement])
    each.scrollTop = each.scrollHeight;
}
"""


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[bytes]:
    return cut_out(vtest_path)


@pytest.fixture
def address(store: Store, pictures: list[bytes]) -> Iterator[str]:
    """Five people; the first was seen by both cameras, the third is called Ann."""
    for number, picture in enumerate(pictures, start=1):
        meet(store, f"west-{number}", number, picture, begin=NOON + 60 * number)
    meet(store, "east-1", 1, pictures[0], begin=NOON + 80)
    store.corrections.rename(3, "Ann")
    with serving(store) as address:
        yield address


def tile(page: Page, number: int) -> Locator:
    return page.locator(f'.portraits [data-identity="{number}"]')


def choose(page: Page, label: str, value: str) -> None:
    """Sets one of the filters."""
    if label == "Name":
        page.get_by_role("searchbox", name="Name").fill(value)
    else:
        page.get_by_role("combobox", name=label).select_option(value)


def names(page: Page) -> list[str]:
    return page.locator(".portraits .name").all_inner_texts()


def test_everybody_is_there_with_pictures_the_latest_first(page, address, complaints):
    page.goto(f"{address}/#/identities")
    expect(page.locator(".portraits > li")).to_have_count(5)
    assert names(page) == ["Person 5", "Person 4", "Ann", "Person 2", "Person 1"]
    expect(tile(page, 1).locator("img")).to_have_count(2)
    expect(tile(page, 1)).to_contain_text("14:01:00 – 14:01:28")
    expect(tile(page, 1)).to_contain_text("2 cameras · 2 times")
    expect(tile(page, 1)).to_contain_text("25 Jun 2009")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.portrait img')].every((i) => i.naturalWidth > 0)"
    )
    assert complaints == []


@pytest.mark.parametrize(
    ("label", "value", "found"),
    [
        pytest.param("Name", "an", ["Ann"], id="name"),
        pytest.param("Camera", "east", ["Person 1"], id="camera"),
        pytest.param("Seen", "hour", [], id="time"),
    ],
)
def test_people_are_found_by_name_camera_and_time(page, address, label, value, found):
    page.goto(f"{address}/#/identities")
    expect(page.locator(".portraits > li")).to_have_count(5)
    choose(page, label, value)
    expect(page.locator(".portraits > li")).to_have_count(len(found))
    assert names(page) == found
    expect(page.locator(".gallery .empty")).to_be_visible(visible=not found)


def test_a_stretch_of_time_stands_in_the_address_and_is_found_again(page, address):
    page.goto(f"{address}/#/identities")
    choose(page, "Seen", "between")
    page.get_by_label("From").fill("2009-06-25T14:02:30")
    page.get_by_label("To", exact=True).fill("2009-06-25T14:04:00")
    expect(page.locator(".portraits > li")).to_have_count(2)
    kept = page.url
    tile(page, 3).locator("a").click()
    expect(page.get_by_role("heading", name="Ann")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".portraits > li")).to_have_count(2)
    page.goto("about:blank")
    page.goto(kept)
    expect(page.locator(".portraits > li")).to_have_count(2)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".portraits > li")).to_have_count(5)
    assert page.url.endswith("#/identities")


def test_who_is_in_view_now_is_marked_and_can_be_asked_for(page, store, address, pictures):
    now = time.time()
    meet(store, "east-6", 6, pictures[0], begin=now - 5, seconds=5, closed=False)
    with Walk(store, "west", "east"):
        page.goto(f"{address}/#/identities")
        page.get_by_label("In view now").check()
        expect(page.locator(".portraits > li")).to_have_count(1)
        meet(store, "east-6", 6, pictures[0], begin=now - 5, seconds=7, closed=False)
        expect(tile(page, 6).locator(".now")).to_be_visible()


def test_whoever_comes_appears_at_the_top_while_one_looks(page, store, address, pictures):
    page.goto(f"{address}/#/identities")
    expect(page.locator(".portraits > li")).to_have_count(5)
    meet(store, "east-6", 6, pictures[0], begin=NOON + 900)
    expect(page.locator(".portraits .name").first).to_have_text("Person 6")


def test_nothing_moves_under_somebody_who_chooses(page, store, address, pictures):
    page.goto(f"{address}/#/identities")
    tile(page, 5).get_by_role("checkbox").check()
    meet(store, "east-6", 6, pictures[0], begin=NOON + 900)
    newer = page.get_by_role("button", name="1 newer")
    expect(newer).to_be_visible()
    expect(page.locator(".portraits > li")).to_have_count(5)
    newer.click()
    expect(page.locator(".portraits .name").first).to_have_text("Person 6")


def test_several_are_merged_and_it_is_undone(page, store, address, complaints):
    page.goto(f"{address}/#/identities")
    for number in (2, 3, 4):
        tile(page, number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Merge").click()
    dialog = page.get_by_role("dialog", name="Are these 3 one person?")
    expect(dialog.get_by_role("radio", name="Ann")).to_be_checked()
    dialog.get_by_role("button", name="Merge").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("are Person 3 now")
    expect(page.locator(".portraits > li")).to_have_count(3)
    expect(tile(page, 3)).to_contain_text("west · 3 times")
    assert store.corrections.constraints().resolve(4) == 3
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_contain_text("Undone")
    expect(page.locator(".portraits > li")).to_have_count(5)
    assert store.corrections.constraints().resolve(4) == 4
    assert complaints == []


def test_somebody_forgotten_elsewhere_goes(page, store, address):
    page.goto(f"{address}/#/identities")
    expect(tile(page, 2)).to_be_visible()
    store.corrections.forget(2)
    expect(tile(page, 2)).to_have_count(0)


def test_ten_thousand_people_cost_no_more_than_those_in_sight(
    page: Page, store: Store, redis_server: EmbeddedRedis, complaints: list[str]
) -> None:
    write_crowd(redis_server.url, str(store._site), people=10_000, each=1)
    with serving(store) as address:
        page.goto(f"{address}/#/identities")
        expect(page.locator(".portraits .name").first).to_have_text("Person 10000")
        tiles = []
        for _ in range(300):
            page.evaluate(TO_THE_END)
            page.wait_for_timeout(50)
            tiles.append(page.locator(".portraits > li").count())
            if tile(page, 1).count():
                break
        expect(tile(page, 1)).to_be_visible()
        assert max(tiles) < 100
        assert httpx.get(f"{address}/api/v1/identities?to={NOON + 800}").json()["items"]
    assert complaints == []


def test_nobody_is_left_out_on_the_way_down(page, store, redis_server):
    write_crowd(redis_server.url, str(store._site), people=400, each=1)
    with serving(store) as address:
        page.goto(f"{address}/#/identities")
        expect(page.locator(".portraits .name").first).to_have_text("Person 400")
        shown = set(names(page))
        page.locator("h2", has_text="Identities").hover()
        for _ in range(60):
            page.mouse.wheel(0, 900)
            page.wait_for_timeout(60)
            shown |= set(names(page))
        expect(tile(page, 1)).to_be_visible()
        assert len(shown) == 400


def test_a_server_that_fails_is_said_and_asked_again(page, address):
    broken = {"status": 503, "content_type": "application/json", "body": '{"detail": "no Redis"}'}
    page.route("**/api/v1/identities?*", lambda route: route.fulfill(**broken))
    page.goto(f"{address}/#/identities")
    expect(page.locator(".gallery .empty")).to_have_text("no Redis")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    page.unroute("**/api/v1/identities?*")
    with suppress(TooSlow):  # news came, and it has asked by itself
        again.click(timeout=3000)
    expect(page.locator(".portraits > li")).to_have_count(5)


def test_a_site_without_anybody_says_so(page, store):
    with serving(store) as address:
        page.goto(f"{address}/#/identities")
        expect(page.locator(".gallery .empty")).to_contain_text("Everybody the cameras see")


@pytest.mark.parametrize("width", [320, 768], ids=lambda width: f"{width} px")
@pytest.mark.parametrize("hash_", ["#/identities", "#/identities/1", "#/search"])
def test_no_width_scrolls_sideways(page, address, width, hash_):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{address}/{hash_}")
    expect(page.locator("#screen h2:visible")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
