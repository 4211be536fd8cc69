"""The Site screen in a real browser: figures, ways, where people stand, files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_parts import walk_by, with_floor
from playwright.sync_api import Locator, Page, expect
from viewer_parts import NOON, Walk, report, see, serving

from pipeline.data import Clock
from pipeline.store import Store
from pipeline.transit import TransitModel

HOURS, PEOPLE = 6, 60
"""Everybody is seen west and, half a minute later, east; ten an hour."""


_WHERE = """
() => {
  const place = (selector) => document.querySelector(selector).getBoundingClientRect();
  const [dot, field] = [place(".plan .person-dot circle"), place(".plan .field")];
  return [field.left, (dot.left + dot.right) / 2, field.right];
}
"""
"""Edges of the first field, and the person between them, at one moment: they are drawn anew all the
time."""


@pytest.fixture
def afternoon(store: Store) -> Store:
    model = TransitModel()
    for number in range(1, PEOPLE + 1):
        begin = 360.0 * (number - 1)
        walk_by(store, f"west-{number}", number, begin=begin)
        walk_by(store, f"east-{number}", number, begin=begin + 38)
        model.observe("west", "", "east", "", 30.0, NOON + begin + 38)
    store.learned.put({key: model.to_fields(key) for key in model.take_changed()})
    report(store, "west", clock=Clock.FILE)
    return store


@pytest.fixture
def address(afternoon: Store) -> Iterator[str]:
    with serving(afternoon) as address:
        yield address


def figure(page: Page, title: str) -> Locator:
    return page.locator(".figure", has_text=title).locator("dd")


def test_the_figures_of_a_day(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}/#/site")
    expect(figure(page, "People seen")).to_have_text("60")
    expect(figure(page, "Median stay")).to_have_text("46 s")
    expect(figure(page, "Busiest camera")).to_have_text(re.compile(r"(west|east) \(60\)"))
    bars = page.locator(".hours .hour rect")
    expect(bars).not_to_have_count(0)
    heights = [float(bar.get_attribute("height") or 0) for bar in bars.all()]
    assert sum(height > 0 for height in heights) in (HOURS, HOURS + 1)
    assert complaints == []


def test_ways_say_how_many_and_how_long(page: Page, address: str) -> None:
    page.goto(f"{address}/#/site")
    drawing = page.locator("svg.ways")
    expect(drawing).to_have_attribute("aria-label", re.compile("west → east: 60×, 30 s"))
    page.locator(".counted > section", has=drawing).get_by_text("As a table").click()
    row = page.get_by_role("row", name=re.compile("^west east"))
    expect(row).to_contain_text("60")
    expect(row).to_contain_text("30 s")
    page.get_by_role("link", name="west", exact=True).click()
    expect(page).to_have_url(re.compile(r"#/identities\?camera=west"))


def test_another_time_is_in_the_address_and_in_the_files(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(f"{address}/#/site")
    expect(figure(page, "People seen")).to_have_text("60")
    page.get_by_label("Seen").select_option("between")
    page.get_by_label("From").fill("2009-06-25T14:00:00")
    page.get_by_label("To", exact=True).fill("2009-06-25T14:59:00")
    expect(figure(page, "People seen")).to_have_text("10")
    assert "from=" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="People as CSV").click()
    download.value.save_as(tmp_path / "people.csv")
    assert len(list(csv.DictReader((tmp_path / "people.csv").open()))) == 10
    page.reload()
    expect(figure(page, "People seen")).to_have_text("10")


def test_without_a_floor_it_says_how_to_measure_one(page: Page, address: str) -> None:
    page.goto(f"{address}/#/site")
    expect(page.get_by_text("calibration.ground points")).to_be_visible()
    expect(page.locator("svg.plan")).to_be_hidden()


def test_people_stand_where_their_feet_are(page: Page, store: Store, tmp_path: Path) -> None:
    see(store, "west", 1)
    with serving(store, with_floor(tmp_path)) as address, Walk(store, "west"):
        page.goto(f"{address}/#/site")
        person = page.locator(".plan .person-dot", has_text="Person 1")
        expect(person).to_be_visible()
        expect(page.locator(".plan .field")).to_have_count(2)
        left, x, right = page.evaluate(_WHERE)
        assert left <= x <= right
        expect(page.locator("svg.plan")).to_have_attribute(
            "aria-label", re.compile("In view: Person 1")
        )
