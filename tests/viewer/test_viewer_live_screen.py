"""The Live screen: layers, one camera large, and why somebody is thought to be who they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from canvases import BLUE, GREEN, TRAIL, canvas, furthest_apart, pixels
from playwright.sync_api import Page, expect
from viewer_parts import NOON, Walk, make_site, see, serving

from pipeline.config import CameraSettings, TopologySettings
from pipeline.data import Evidence
from pipeline.store import Store

ZONE = "#ffffff"
MASK = "#b0b8c4"


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Two cameras, each with a walking person, who is identity 1 in both."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    with Walk(store, "west", "east"), serving(store) as address:
        yield address


def opened(page: Page, address: str, hash_: str = "") -> None:
    page.goto(f"{address}/{hash_}")
    expect(page.locator(".delay").first).to_contain_text("ms")


def switch(page: Page, *layers: str) -> None:
    page.get_by_role("button", name="Layers").click()
    for layer in layers:
        page.get_by_role("group", name="Layers").get_by_text(layer).click()
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.fixture
def standing(store: Store) -> Iterator[str]:
    """The same, but nobody walks: they can be pointed at."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    with Walk(store, "west", "east", standing=4), serving(store) as address:
        yield address


def at_person(page: Page, camera: str) -> tuple[float, float]:
    """Where the standing person is on the screen."""
    box = page.locator(canvas(camera)).bounding_box()
    assert box is not None
    left = 20 + 21 * 4
    return box["x"] + box["width"] * (left + 20) / 320, box["y"] + box["height"] * 140 / 240


@pytest.mark.parametrize("layers", [(), ("Trails",), ("Names", "How certain")], ids=str)
@pytest.mark.parametrize("hash_", ["", "#/live/west"], ids=["all", "large"])
@pytest.mark.parametrize("width", [1400, 500])
def test_box_and_person_agree_whatever_is_shown(page, address, layers, hash_, width):
    opened(page, address, hash_)
    switch(page, *layers)
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(500)
    assert furthest_apart(page, "west", looks=8) < 0.03


def test_layers_can_be_switched_and_are_remembered(page, address):
    opened(page, address)
    assert pixels(page, "west", BLUE) > 300
    assert eventually(lambda: pixels(page, "west", TRAIL) > 30)
    switch(page, "Boxes", "Names", "Trails")
    assert pixels(page, "west", BLUE) + pixels(page, "west", TRAIL) == 0
    assert pixels(page, "west", GREEN) > 1000
    page.reload()
    expect(page.locator(".delay").first).to_contain_text("ms")
    assert pixels(page, "west", BLUE) == 0


def test_zones_and_masks_are_a_layer(page, store):
    corner = ((0.05, 0.05), (0.3, 0.05), (0.05, 0.4))
    site = make_site()
    west = site.cameras["west"].model_copy(update={"masks": (corner,)})
    zones = {"west": {"door": ((0.6, 0.6), (0.95, 0.6), (0.95, 0.95), (0.6, 0.95))}}
    changes = {
        "cameras": {**site.cameras, "west": west},
        "topology": TopologySettings.model_validate({"zones": zones}),
    }
    see(store, "west", 1, begin=NOON, end=NOON + 5)  # undecided, their boxes would be white, too
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    with (
        Walk(store, "west", "east"),
        serving(store, site.model_copy(update=changes)) as address,
    ):
        opened(page, address)
        assert pixels(page, "west", MASK) + pixels(page, "west", ZONE) == 0
        switch(page, "Boxes", "Names", "Trails", "Zones and masks")
        assert eventually(lambda: pixels(page, "west", ZONE) > 100)
        assert pixels(page, "west", MASK) > 30
        assert pixels(page, "east", ZONE) == 0
        page.reload()  # it is remembered
        expect(page.locator(".delay").first).to_contain_text("ms")
        assert eventually(lambda: pixels(page, "west", ZONE) > 100)


def test_who_may_turn_out_to_be_another_has_a_broken_line(page, address, store):
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20, confirmed=False)
    opened(page, address)
    switch(page, "Names")
    sure, unsure = pixels(page, "west", BLUE), pixels(page, "east", BLUE)
    assert 0.4 * sure < unsure < 0.8 * sure


def test_one_camera_large_and_the_way_back(page, address):
    opened(page, address)
    before = page.locator(canvas("east")).bounding_box()
    page.locator(canvas("east")).dblclick(position={"x": 10, "y": 10})
    expect(page.locator('.is-large[data-camera="east"]')).to_be_visible()
    after = page.locator(canvas("east")).bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.2 * before["width"]
    assert page.url.endswith("#/live/east")
    page.keyboard.press("ArrowLeft")
    expect(page.locator('.is-large[data-camera="west"]')).to_be_visible()
    expect(page.locator(".is-large")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".is-large")).to_have_count(0)
    page.get_by_role("link", name="west", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator('.is-large[data-camera="west"]')).to_be_visible()
    page.get_by_role("link", name="All cameras").click()
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2)


def test_a_camera_that_does_not_exist_shows_all(page, address):
    opened(page, address, "#/live/nowhere")
    expect(page.locator(".is-large")).to_have_count(0)
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2)


@pytest.mark.parametrize("size", [(1400, 900), (390, 844)], ids=["desk", "phone"])
@pytest.mark.parametrize("count", [1, 16, 64])
def test_any_number_of_cameras_fits(page, store, count, size):
    site = make_site()
    cameras = {f"camera {i}": CameraSettings(source="rtsp://camera") for i in range(count)}
    page.set_viewport_size({"width": size[0], "height": size[1]})
    with serving(store, site.model_copy(update={"cameras": cameras})) as address:
        page.goto(address)
        expect(page.locator(".tile")).to_have_count(count)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        widths = page.locator(".tile").evaluate_all("all => all.map((t) => t.offsetWidth)")
    assert min(widths) == max(widths)
    assert min(widths) >= 130


def test_pointing_at_somebody_tells_why(page, standing):
    opened(page, standing)
    page.mouse.move(*at_person(page, "east"))
    card = page.locator(".why")
    expect(card).to_contain_text("Person 1")
    expect(card).to_contain_text("Very probably the same person: 93%")
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()


def test_a_click_keeps_the_card_until_escape(page, standing):
    opened(page, standing, "#/live/east")
    page.mouse.click(*at_person(page, "east"))
    page.mouse.move(5, 5)
    page.wait_for_timeout(500)
    expect(page.locator(".why")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".why")).to_be_hidden()
    assert page.url.endswith("#/live/east")


def test_the_card_weighs_looks_and_way_in_words(page, standing, store):
    evidence = Evidence(
        appearance=2.5, transit=1.1, runner_up=-0.2, similarity=0.87,
        closest="west-1", came_from="west-1", gap=4.0,
    )  # fmt: skip
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20, confirmed=False, evidence=evidence)
    opened(page, standing)
    page.mouse.click(*at_person(page, "east"))
    card = page.locator(".why.pinned")
    expect(card.locator("figure").first).to_contain_text("west")
    expect(card).to_contain_text("provisional")
    expect(card).to_contain_text("87% alike: makes it 12 times as likely")
    expect(card).to_contain_text("from west after 4 s: makes it 3.0 times as likely")
    expect(card).to_contain_text("the next best is 45 times less likely")
    card.get_by_role("link", name="Person 1").click()
    expect(page.get_by_role("heading", name="Person 1")).to_be_visible()
    expect(card).to_be_hidden()


def test_the_card_comes_with_the_keyboard_and_goes_with_it(page, address):
    opened(page, address)
    page.locator('[data-identity="1"] a').focus()
    card = page.locator(".why")
    expect(card).to_contain_text("confirmed")
    expect(card.locator("figure:not([hidden])")).to_have_count(2)
    page.get_by_role("button", name="Layers").focus()
    expect(card).to_be_hidden()


def test_the_focus_stays_with_somebody_who_leaves_the_view(page, store):
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    with serving(store) as address:
        with Walk(store, "west", "east"):
            opened(page, address)
            link = page.locator('[data-identity="1"] a')
            expect(page.locator(".list section").first.locator(link)).to_be_visible()
            link.focus()
            expect(page.locator(".why")).to_be_visible()
        expect(page.locator(".list section").nth(1).locator(link)).to_be_focused(timeout=9000)
        expect(page.locator(".why")).to_be_visible()


def test_the_card_of_somebody_forgotten_goes(page, address, store):
    opened(page, address)
    page.locator('[data-identity="1"] a').focus()
    expect(page.locator(".why")).to_be_visible()
    store.corrections.forget(1)
    expect(page.locator(".why")).to_be_hidden(timeout=4000)


def test_the_people_can_be_put_away(page, address):
    opened(page, address)
    page.get_by_role("button", name="People beside the cameras").click()
    expect(page.locator(".people")).to_be_hidden()
    page.reload()
    expect(page.locator(".tile")).to_have_count(2)
    expect(page.locator(".people")).to_be_hidden()
