"""The page in a real browser: what somebody who watches sees."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from canvases import BLUE, GREEN, canvas, furthest_apart, pixels
from playwright.sync_api import Browser, Page, expect
from viewer_parts import NOON, Walk, make_site, report, see, serving

from pipeline.data import CameraState
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Two cameras, each with a walking person, who is identity 1 in both."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    with Walk(store, "west", "east"), serving(store) as address:
        yield address


@pytest.fixture(scope="module")
def quiet_page(chromium: Browser, redis_server: EmbeddedRedis) -> Iterator[Page]:
    """The page of a site where nothing happens, to ask its modules questions."""
    with serving(Store.connect(redis_server.url, site="quiet")) as address:
        page = chromium.new_page()
        page.goto(address)
        yield page
        page.close()


def wait_for_pictures(page: Page) -> None:
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2)
    expect(page.locator(".delay").first).to_contain_text("ms")


def test_both_cameras_show_the_person_with_box_and_pace(page, address, complaints):
    page.goto(address)
    wait_for_pictures(page)
    assert pixels(page, "west", GREEN) > 1000
    assert pixels(page, "west", BLUE) > 300
    assert pixels(page, "east", BLUE) > 300
    expect(page.locator(".rate").first).to_have_text(re.compile(r"^\d+\.\d fps$"))
    expect(page.locator(".delay").first).to_have_text(re.compile(r"^\d+ ms$"))
    expect(page.locator("#summary")).to_have_text("2 of 2 cameras live · 1 person in view")
    assert complaints == []


def test_the_same_person_has_the_same_name_in_both_cameras(page, address):
    page.goto(address)
    expect(page.locator(canvas("west"))).to_have_attribute("aria-label", "west: Person 1")
    expect(page.locator(canvas("east"))).to_have_attribute("aria-label", "east: Person 1")


def test_box_and_person_belong_to_the_same_picture(page, address):
    page.goto(address)
    wait_for_pictures(page)
    assert furthest_apart(page, "west") < 0.03  # the person walks 0.066 from picture to picture


def test_somebody_undecided_has_a_box_but_no_label(page, store):
    with Walk(store, "west", "east"), serving(store) as address:
        page.goto(address)
        wait_for_pictures(page)
        assert pixels(page, "west", "#ffffff") > 50
        expect(page.locator(canvas("west"))).to_have_attribute(
            "aria-label", "west: nobody recognised in view"
        )
        expect(page.locator(".nobody")).to_be_visible()


def test_a_handover_is_one_card_with_a_picture_from_each_camera(page, address):
    page.goto(address)
    card = page.locator('[data-identity="1"]')
    expect(card.locator(".route")).to_contain_text("west → east")
    expect(card.locator(".badge")).to_have_text("2 cameras")
    expect(card.locator("img")).to_have_count(2)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.card img')].every((i) => i.naturalWidth > 0)"
    )
    expect(page.locator(".zone")).to_have_text("Capture times, 25 Jun 2009, UTC+2")
    expect(card.locator(".times")).to_contain_text("14:00:00")  # noon UTC, in Berlin's summer


def test_a_decision_labels_the_box_while_one_watches(page, store):
    with Walk(store, "west", "east"), serving(store) as address:
        page.goto(address)
        wait_for_pictures(page)
        see(store, "west", 1)
        expect(page.locator('[data-identity="1"]')).to_be_visible(timeout=2000)
        expect(page.locator(canvas("west"))).to_have_attribute("aria-label", "west: Person 1")


def test_a_revised_tracklet_changes_hands(page, address, store):
    page.goto(address)
    expect(page.locator('[data-identity="1"] .badge')).to_be_visible()
    see(store, "east", 2, begin=NOON + 9, end=NOON + 20)
    expect(page.locator('[data-identity="2"] .route')).to_contain_text("east")
    expect(page.locator('[data-identity="1"] .route')).not_to_contain_text("east")


def test_pointing_at_somebody_dims_the_others(page, address, store):
    see(store, "east", 2, begin=NOON + 9, end=NOON + 20)
    page.goto(address)
    wait_for_pictures(page)
    before = pixels(page, "west", BLUE)
    page.locator('[data-identity="2"] a').hover()
    page.wait_for_timeout(300)
    assert pixels(page, "west", BLUE) < before / 4


def test_pointing_at_somebody_out_of_view_dims_nobody(page, address, store):
    see(store, "gone", 2)
    page.goto(address)
    wait_for_pictures(page)
    page.locator('[data-identity="2"] a').hover()
    page.wait_for_timeout(300)
    assert pixels(page, "west", BLUE) > 300


def test_a_person_opens_and_closes_by_keyboard(page, address):
    page.goto(address)
    card = page.locator('[data-identity="1"] a')
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Person 1")).to_be_focused()
    expect(page.locator(".tracklets li")).to_have_count(2)
    expect(page.locator(".tracklets li").first).to_contain_text("the same person: 93%")
    page.keyboard.press("Escape")
    expect(page.locator('.identities [data-identity="1"] a')).to_be_focused()


def test_somebody_unknown_is_said_to_be_unknown(page, address):
    page.goto(address + "/#/identities/77")
    expect(page.locator(".person .summary")).to_contain_text("Person 77 is not known")


def test_an_offline_camera_says_why_since_when_and_when_next(page, store):
    with serving(store) as address:
        report(
            store, "west", CameraState.WAITING,
            error="authentication failed at rtsp://***@10.0.0.7/stream1",
            since=NOON, next_try=time.time() + 60,
        )  # fmt: skip
        report(store, "east", CameraState.ENDED)
        page.goto(address)
        west = page.locator('[data-camera="west"]')
        expect(west).to_have_attribute("data-state", "offline")
        expect(west).to_contain_text("authentication failed at rtsp://***@10.0.0.7/stream1")
        expect(west).to_contain_text("since 14:00:00")
        expect(west).to_contain_text(re.compile(r"next try in \d+ s"))
        expect(page.locator('[data-camera="east"]')).to_contain_text("Recording ended")


def test_a_camera_no_node_reports_is_said_to_be_so(page, store):
    with serving(store) as address:
        page.goto(address)
        expect(page.locator('[data-camera="west"]')).to_contain_text("No node is running")


def test_a_lost_connection_is_told_and_mended(page, store):
    with serving(store) as address:
        port = int(address.rsplit(":", 1)[1])
        page.goto(address)
        expect(page.locator("#site")).to_have_text("demo")
    expect(page.locator("#banner")).to_contain_text("connection to the viewer is lost")
    expect(page.locator("#summary")).to_have_text("Not connected")
    with serving(store, make_site(port=port)):
        expect(page.locator("#banner")).to_be_hidden()


def test_the_token_leaves_the_address_bar_and_stays_in_the_browser(page, store, complaints):
    token = "a-secret-of-some-length"
    with serving(store, make_site(token=token)) as address:
        page.goto(f"{address}/?token={token}")
        expect(page.locator("#site")).to_have_text("demo")
        assert page.url == f"{address}/"
        page.reload()
        expect(page.locator("#site")).to_have_text("demo")
        assert complaints == []


def test_who_has_no_token_can_type_it(page, store):
    token = "a-secret-of-some-length"
    with serving(store, make_site(token=token)) as address:
        page.goto(address)
        page.get_by_label("Token").fill(token)
        page.get_by_role("button").click()
        expect(page.locator("#site")).to_have_text("demo")


@pytest.mark.parametrize("width", [320, 390, 768, 1024], ids=lambda width: f"{width} px")
def test_no_width_scrolls_sideways(page, address, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(address)
    wait_for_pictures(page)
    expect(page.locator('[data-identity="1"]')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_asks_nobody_but_its_own_server(page, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    wait_for_pictures(page)
    assert {url.split("/")[2] for url in asked if not url.startswith("blob:")} == {
        address.split("/")[2]
    }


@pytest.mark.parametrize(
    ("count", "aspect", "size", "columns"),
    [
        (1, 16 / 9, (1000, 800), 1),
        (2, 0.573, (1000, 800), 2),
        (2, 16 / 9, (1000, 1200), 1),
        (4, 16 / 9, (1000, 640), 2),
        (16, 16 / 9, (1600, 900), 4),
        (40, 16 / 9, (1000, 700), 4),  # cannot all be seen at once: the smallest tiles, scrolling
        (3, 16 / 9, (180, 500), 1),
    ],
)
def test_the_grid_makes_the_pictures_as_large_as_they_can_be(
    quiet_page, count, aspect, size, columns
):
    options = {"count": count, "aspect": aspect, "width": size[0], "height": size[1]}
    options |= {"gap": 16, "caption": 34, "minimum": 200}
    found = quiet_page.evaluate(
        "async (options) => (await import('/static/layout.js')).fit(options)", options
    )
    assert found["columns"] == columns
    assert found["columns"] * (found["tile"] + 16) - 16 <= size[0]


def test_a_name_takes_the_place_of_the_number(page, address, store, complaints):
    page.goto(address)
    wait_for_pictures(page)
    store.corrections.rename(1, "Ann")
    expect(page.locator('[data-identity="1"] .name')).to_have_text("Ann", timeout=3000)
    expect(page.locator(canvas("west"))).to_have_attribute("aria-label", "west: Ann")
    page.locator('[data-identity="1"] a').click()
    expect(page.locator(".person h2")).to_have_text("Ann")
    assert complaints == []


def test_a_number_that_is_merged_goes_and_leads_to_the_other(page, address, store):
    see(store, "east", 2, begin=NOON + 9, end=NOON + 20)
    page.goto(f"{address}/#person-2")
    expect(page.locator(".person h2")).to_have_text("Person 2")
    expect(page.locator(".person .tracklets li")).to_have_count(1)
    store.corrections.merge(1, 2)
    expect(page.locator(".person h2")).to_have_text("Person 1", timeout=5000)
    expect(page.locator(".person .tracklets li")).to_have_count(2)
    page.goto(f"{address}/#/identities")
    expect(page.locator(".identities [data-identity]")).to_have_count(1)


def test_somebody_who_is_forgotten_goes_from_the_page(page, address, store):
    page.goto(address)
    expect(page.locator('[data-identity="1"]')).to_be_visible()
    store.corrections.forget(1)
    expect(page.locator('[data-identity="1"]')).to_have_count(0, timeout=3000)
