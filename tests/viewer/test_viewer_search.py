"""Search by picture in a real browser, by the real detector and network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from gallery_parts import BOXES, cut_out, meet, picture_of
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from viewer_parts import NOON, make_site, serving

from pipeline.config import DetectorSettings, NetworkSettings, Site
from pipeline.store import Store
from pipeline.viewer.looking import Looker

FIRST_MS = 30_000  # the first search loads the network, on a busy machine
PASTE = """
async (url) => {
  const blob = await (await fetch(url)).blob();
  const data = new DataTransfer();
  data.items.add(new File([blob], "photo.jpg", { type: "image/jpeg" }));
  window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
}
"""


@pytest.fixture(scope="module")
def site(ssdlite_path: Path) -> Site:
    detector = DetectorSettings(model=str(ssdlite_path))
    network = NetworkSettings(weights="drsa_osnet_x0_5")
    return make_site().model_copy(update={"detector": detector, "network": network})


@pytest.fixture(scope="module")
def looker(site: Site) -> Looker:
    return Looker(site)


@pytest.fixture(scope="module")
def clip_picture(vtest_path: Path) -> NDArray[np.uint8]:
    return picture_of(vtest_path)


@pytest.fixture(scope="module")
def photo(clip_picture: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of the street with five people on it."""
    path = tmp_path_factory.mktemp("photo") / "street.jpg"
    cv2.imwrite(str(path), clip_picture)
    return path


@pytest.fixture
def address(
    store: Store, site: Site, looker: Looker, clip_picture: NDArray[np.uint8], vtest_path: Path
) -> Iterator[str]:
    """Four people the network has seen; the first by west and, a minute later, by east."""
    store.gallery.begin(looker.network)
    pictures = cut_out(vtest_path)
    for number, (left, top, right, bottom) in enumerate(BOXES[:4], start=1):
        look = looker.embed(clip_picture[top:bottom, left:right])
        begin = NOON + 60 * number
        meet(store, f"west-{number}", number, pictures[number - 1], begin=begin, look=look)
        if number == 1:
            meet(store, "east-1", 1, pictures[0], begin=begin + 60, look=look)
    store.corrections.rename(1, "Ann")
    with serving(store, site) as address:
        yield address


def first(page: Page) -> str:
    return page.locator(".results .name").first.inner_text()


def test_people_on_a_photo_are_found_and_searched_for(page, address, photo, complaints):
    page.goto(f"{address}/#/search")
    page.locator("input[type=file]").set_input_files(photo)
    expect(page.locator(".person-box")).to_have_count(5, timeout=FIRST_MS)
    expect(page.locator(".search-note")).to_contain_text("the likeliest first")
    page.get_by_role("button", name="Search for person 1 on the photo").click()
    expect(page.locator(".results .name").first).to_have_text("Ann", timeout=FIRST_MS)
    before = page.locator(".results .probability").first.inner_text()
    assert before.endswith("likely")
    page.get_by_role("button", name="Search for person 2 on the photo").click()
    expect(page.locator(".results .name").first).to_have_text("Person 2")
    page.locator(".results a.result").first.click()
    expect(page.get_by_role("heading", name="Person 2")).to_be_focused()
    assert complaints == []


def test_camera_and_time_narrow_it_down(page, address, photo):
    page.goto(f"{address}/#/search")
    page.locator("input[type=file]").set_input_files(photo)
    expect(page.locator(".results > li")).to_have_count(5, timeout=FIRST_MS)
    page.get_by_role("combobox", name="Camera").select_option("east")
    expect(page.locator(".results > li")).to_have_count(1)
    page.get_by_role("combobox", name="Seen").select_option("hour")
    expect(page.locator(".results > li")).to_have_count(0)
    expect(page.locator(".search-note")).to_have_text("Nobody like that was seen there and then.")


def test_a_picture_of_somebody_leads_to_those_alike(page, address, complaints):
    page.goto(f"{address}/#/identities/1")
    page.locator('[data-tracklet="west-1"]').get_by_role("link", name="Search with").click()
    expect(page.locator(".results .name").first).to_have_text("Ann", timeout=FIRST_MS)
    expect(page.locator(".results > li").first).to_contain_text("east")
    expect(page.locator(".wanted")).to_be_visible()
    page.reload()
    expect(page.locator(".results .name").first).to_have_text("Ann", timeout=FIRST_MS)
    assert complaints == []


def test_a_photo_can_be_pasted(page, address, photo):
    page.goto(f"{address}/#/search")
    page.route("**/photo.jpg", lambda route: route.fulfill(path=photo))
    page.evaluate(PASTE, "/photo.jpg")
    expect(page.locator(".person-box")).to_have_count(5, timeout=FIRST_MS)


def test_what_is_no_photo_is_refused_in_a_sentence(page, address, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_text("no picture at all")
    page.goto(f"{address}/#/search")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator(".search-note.bad")).to_contain_text("expected", timeout=FIRST_MS)
    expect(page.locator(".results > li")).to_have_count(0)


def test_what_the_network_looked_at_is_laid_over_the_picture(page, address, complaints):
    page.goto(f"{address}/#/identities/1")
    row = page.locator('[data-tracklet="west-1"]')
    row.get_by_role("button", name="What the network looked at").click()
    expect(row.locator(".parts canvas")).to_have_count(6, timeout=FIRST_MS)
    expect(row).to_contain_text("6 parts")
    assert complaints == []
