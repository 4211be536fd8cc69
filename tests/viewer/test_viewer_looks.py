"""The page asks for no more of a camera than it shows: as wide as the tile, while it is seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from canvases import BLUE, canvas, pixels
from playwright.sync_api import Browser, Page, expect
from viewer_parts import NOON, Walk, make_site, see, serving

from pipeline.config import CameraSettings
from pipeline.onlookers import Look
from pipeline.store import Store

MANY = {f"camera-{i}": CameraSettings(source="rtsp://camera") for i in range(24)}


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    """Two cameras, each with a walking person, who is identity 1 in both."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    with Walk(store, "west", "east"), serving(store) as address:
        yield address


def eventually(condition: Callable[[], bool], seconds: float = 4) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def widths(store: Store) -> dict[str, int]:
    """The width that is asked for, by camera."""
    return {
        camera: look.without_video.width
        for camera, look in (store.onlookers.wanted() or {}).items()
    }


def opened(page: Page, address: str, hash_: str = "") -> None:
    page.goto(f"{address}/{hash_}")
    expect(page.locator(".delay").first).to_contain_text("ms")


def tile_width(page: Page, camera: str) -> float:
    box = page.locator(canvas(camera)).bounding_box()
    assert box is not None
    return box["width"]


def test_pictures_are_as_wide_as_their_tiles(page, address, store):
    opened(page, address)
    step = Look(round(tile_width(page, "west"))).step
    assert eventually(lambda: widths(store) == {"west": step, "east": step})
    page.goto(f"{address}/#/live/west")
    large = Look(round(tile_width(page, "west"))).step
    small = Look(round(tile_width(page, "east"))).step
    assert eventually(lambda: widths(store) == {"west": large, "east": small})
    assert large > small
    page.set_viewport_size({"width": 500, "height": 700})
    assert eventually(lambda: widths(store)["west"] < large)


def test_a_screen_of_many_pixels_asks_for_larger_pictures(chromium: Browser, address, store):
    page = chromium.new_page(viewport={"width": 1400, "height": 900}, device_scale_factor=2)
    opened(page, address)
    step = Look(2 * round(tile_width(page, "west"))).step
    assert eventually(lambda: widths(store).get("west") == step)
    page.close()
    assert eventually(lambda: store.onlookers.wanted() is None)


def test_the_more_demanding_of_two_browsers_is_served(page, context, address, store):
    page.set_viewport_size({"width": 500, "height": 700})
    opened(page, address)
    assert eventually(lambda: set(widths(store).values()) == {320})
    other = context.new_page()
    other.set_viewport_size({"width": 1400, "height": 900})
    opened(other, address, "#/live/west")
    large = Look(round(tile_width(other, "west"))).step
    assert eventually(lambda: widths(store)["west"] == large)
    other.close()
    assert eventually(lambda: set(widths(store).values()) == {320})


def test_another_screen_asks_for_no_pictures_and_coming_back_for_all(page, address, store):
    opened(page, address)
    page.locator('nav [data-screen="health"]').click()
    assert eventually(lambda: widths(store) == {})
    page.locator('nav [data-screen="live"]').click()
    assert eventually(lambda: len(widths(store)) == 2)
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2)
    assert pixels(page, "west", BLUE) > 100


def test_a_page_that_begins_elsewhere_is_sent_pictures_when_it_comes_to_them(page, address):
    page.goto(f"{address}/#/health")
    page.wait_for_timeout(1000)
    page.locator('nav [data-screen="live"]').click()
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2)
    expect(page.locator(".delay").first).to_contain_text("ms")


def test_what_is_scrolled_away_is_not_asked_for(page, store):
    site = make_site().model_copy(update={"cameras": MANY})
    page.set_viewport_size({"width": 390, "height": 844})
    with Walk(store, *MANY), serving(store, site) as address:
        opened(page, address)
        assert eventually(lambda: 4 <= len(widths(store)) < 16)
        assert "camera-23" not in widths(store)
        page.locator('[data-camera="camera-23"]').scroll_into_view_if_needed()
        assert eventually(lambda: "camera-23" in widths(store))
        assert eventually(lambda: "camera-0" not in widths(store))


def test_a_hidden_tab_asks_for_nothing(page, address, store):
    opened(page, address)
    assert eventually(lambda: len(widths(store)) == 2)
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { value: true, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    assert eventually(lambda: widths(store) == {})
