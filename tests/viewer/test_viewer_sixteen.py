"""Sixteen cameras on one screen: all alive, and in each the box belongs to the picture."""

from __future__ import annotations

import pytest
from canvases import furthest_apart
from playwright.sync_api import Page, expect
from viewer_parts import Walk, make_site, see, serving

from pipeline.config import CameraSettings
from pipeline.store import Store

CAMERAS = tuple(f"camera-{number:02}" for number in range(1, 17))
SIZES = [
    pytest.param({"width": 1400, "height": 900}, id="desk"),
    pytest.param({"width": 390, "height": 844}, id="phone"),
]


@pytest.mark.parametrize("size", SIZES)
def test_each_of_sixteen_cameras_is_alive_and_its_boxes_fit(
    page: Page, store: Store, complaints: list[str], size: dict[str, int]
) -> None:
    cameras = {name: CameraSettings(source="rtsp://x") for name in CAMERAS}
    for number, name in enumerate(CAMERAS):
        see(store, name, 1, begin=1245931200.0 + 10 * number, end=1245931208.0 + 10 * number)
    site = make_site().model_copy(update={"cameras": cameras})
    with serving(store, site) as address, Walk(store, *CAMERAS):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(address)
        expect(page.locator(".tile")).to_have_count(16)
        for name in CAMERAS:
            tile = page.locator(f'.tile[data-camera="{name}"]')
            tile.scroll_into_view_if_needed()  # of what is scrolled away no pictures are sent
            expect(tile).to_have_attribute("data-state", "live", timeout=30_000)
            expect(tile.locator(".delay")).to_contain_text("ms", timeout=30_000)
            assert furthest_apart(page, name, looks=3) < 0.04, name
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]  # nothing sticks out
    assert complaints == []
