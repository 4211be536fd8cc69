"""The page of one person in a real browser: where they were, why, and what people correct."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_parts import with_floor
from gallery_parts import cut_out, meet
from playwright.sync_api import Locator, Page, expect
from viewer_parts import NOON, serving

from pipeline.data import Evidence
from pipeline.store import Store

ALIKE = Evidence(6.5, 1.5, 2.0, 0.91, closest="west-1", came_from="west-1", gap=12.0)


@pytest.fixture(scope="module")
def pictures(vtest_path: Path) -> list[bytes]:
    return cut_out(vtest_path)


@pytest.fixture
def address(store: Store, pictures: list[bytes]) -> Iterator[str]:
    """Person 1 went from west to east and back; person 2 was seen once."""
    meet(store, "west-1", 1, pictures[0], begin=NOON)
    meet(store, "east-1", 1, pictures[1], begin=NOON + 20, evidence=ALIKE)
    meet(store, "west-9", 1, pictures[0], begin=NOON + 40)
    meet(store, "east-2", 2, pictures[2], begin=NOON + 60)
    store.new_identity(above=2)
    with serving(store) as address:
        yield address


def sighting(page: Page, tracklet: str) -> Locator:
    return page.locator(f'.tracklets [data-tracklet="{tracklet}"]')


def test_a_sighting_says_why_it_is_theirs(page, address, complaints):
    page.goto(f"{address}/#/identities/1")
    expect(page.locator(".tracklets > li")).to_have_count(3)
    row = sighting(page, "east-1")
    expect(row).to_contain_text("14:00:20 – 14:00:28 (8 s)")
    expect(row).to_contain_text("Very probably the same person: 93%")
    expect(row).to_contain_text("91% alike: makes it 665 times as likely")
    expect(row).to_contain_text("from west after 12 s")
    expect(row.locator(".like img")).to_be_visible()
    expect(row.locator(".like:visible")).to_contain_text("west, 14:00:00")
    assert complaints == []


def test_where_the_floor_is_known_the_path_is_drawn_on_it(page, store, pictures, tmp_path):
    meet(store, "west-1", 1, pictures[0], begin=NOON)
    meet(store, "east-1", 1, pictures[1], begin=NOON + 20)
    with serving(store, with_floor(tmp_path)) as address:
        page.goto(f"{address}/#/identities/1")
        plan = page.locator(".person svg.plan")
        expect(plan).to_have_attribute(
            "aria-label",
            "Path over the floor plan: west, 14:00:00 – 14:00:08; east, 14:00:20 – 14:00:28",
        )
        expect(plan.locator(".field")).to_have_count(2)
        expect(plan.locator(".unseen-way")).to_have_count(1)
        ways = [way.bounding_box() for way in plan.locator(".seen-way").all()]
        fields = [field.bounding_box() for field in plan.locator(".field").all()]
        for way, field in zip(ways, fields, strict=True):
            assert field["x"] <= way["x"]
            assert way["x"] + way["width"] <= field["x"] + field["width"] + 1
        expect(page.locator(".person svg.path")).to_be_hidden()


def test_the_journey_can_be_zoomed_and_leads_to_the_sightings(page, address):
    page.goto(f"{address}/#/identities/1")
    bars = page.locator(".journey .span")
    expect(bars).to_have_count(3)
    bars.nth(2).hover()
    expect(page.locator(".about")).to_have_text("east: 14:00:20 – 14:00:28 (8 s)")
    before = bars.nth(2).bounding_box()
    page.locator(".chart").focus()
    page.keyboard.press("+")
    after = bars.last.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.4 * before["width"]
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    page.get_by_role("button", name="east: 14:00:20").click()
    expect(sighting(page, "east-1")).to_be_focused()


def test_the_path_and_its_times_are_drawn(page, address):
    page.goto(f"{address}/#/identities/1")
    expect(page.get_by_role("img", name="west to east and east to west")).to_be_visible()
    expect(page.locator(".transits li")).to_have_text(
        [re.compile("east → west12 s"), re.compile("west → east12 s")]
    )


def test_a_new_name_is_typed_in_its_place(page, store, address, complaints):
    page.goto(f"{address}/#/identities/1")
    page.get_by_role("button", name="Rename").click()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ann", exact=True)).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("Person 1 is called Ann now.")
    expect(page.locator(".history li")).to_contain_text("Person 1 was renamed")
    person = store.identity(1)
    assert person is not None
    assert person.name == "Ann"
    page.get_by_role("button", name="Undo: Person 1 was renamed").click()
    expect(page.get_by_role("heading", name="Person 1", exact=True)).to_be_visible()
    assert complaints == []


def test_escape_leaves_a_name_as_it_was(page, store, address):
    page.goto(f"{address}/#/identities/1")
    page.get_by_role("button", name="Rename").click()
    page.keyboard.type("Ann")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rename")).to_be_focused()
    expect(page.get_by_role("heading", name="Person 1")).to_be_visible()
    assert store.corrections.history() == []


def test_sightings_of_somebody_else_are_split_off_and_come_back(page, store, address):
    page.goto(f"{address}/#/identities/1")
    sighting(page, "east-1").get_by_role("checkbox").check()
    expect(page.locator(".person .actions")).to_contain_text("1 of 3 sightings chosen")
    page.get_by_role("button", name="Is somebody else").click()
    expect(page.locator(".tracklets > li")).to_have_count(2)
    expect(page.locator(".toast")).to_contain_text("1 sighting of Person 1 is Person 4 now.")
    assert store.tracklet("east-1").pinned
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".tracklets > li")).to_have_count(3)
    assert [t.tracklet for t in store.identity(1).tracklets] == ["west-1", "east-1", "west-9"]


def test_nobody_is_left_without_a_sighting(page, address):
    page.goto(f"{address}/#/identities/2")
    sighting(page, "east-2").get_by_role("checkbox").check()
    expect(page.locator(".person .actions")).to_contain_text("At least one sighting must stay.")
    expect(page.get_by_role("button", name="Is somebody else")).to_be_disabled()


def test_somebody_is_found_by_number_and_merged(page, store, address, complaints):
    page.goto(f"{address}/#/identities/2")
    page.get_by_role("button", name="Merge with…").click()
    picker = page.get_by_role("dialog", name="Who else is Person 2?")
    picker.get_by_label("Name or number").fill("1")
    picker.get_by_role("button", name="Person 1").click()
    question = page.get_by_role("dialog", name="Are these two one person?")
    question.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("heading", name="Person 1")).to_be_visible()
    expect(page.locator(".tracklets > li")).to_have_count(4)
    expect(page.locator(".history li")).to_contain_text("Person 2 is Person 1")
    assert page.url.endswith("#/identities/1")
    page.goto(f"{address}/#/identities/2")  # a number that was merged leads on
    expect(page).to_have_url(f"{address}/#/identities/1")
    page.get_by_role("button", name="Undo: Person 2 is Person 1").click()
    expect(page.locator(".tracklets > li")).to_have_count(3)
    assert complaints == []


def test_to_forget_somebody_takes_a_clear_yes(page, store, address):
    page.goto(f"{address}/#/identities/1")
    page.get_by_role("button", name="Forget…").click()
    dialog = page.get_by_role("dialog", name="Forget Person 1?")
    expect(dialog).to_contain_text("3 sightings with pictures and looks")
    expect(dialog).to_contain_text("It cannot be undone.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    assert store.identity(1) is not None
    page.get_by_role("button", name="Forget…").click()
    dialog.get_by_role("button", name="Erase for ever").click()
    expect(page.locator(".portraits > li")).to_have_count(1)
    expect(page.locator(".toast")).to_contain_text("Person 1 is forgotten.")
    assert store.identity(1) is None


def test_what_others_correct_is_seen_at_once(page, store, address):
    page.goto(f"{address}/#/identities/1")
    expect(page.locator(".tracklets > li")).to_have_count(3)
    store.corrections.split(1, ["east-1"], by="somebody else")
    expect(page.locator(".tracklets > li")).to_have_count(2)
    expect(page.locator(".history li")).to_contain_text("somebody else")
    store.corrections.forget(1)
    expect(page.locator(".person .summary")).to_contain_text("Person 1 is not known here")


def test_a_correction_that_cannot_be_made_says_why(page, store, address):
    page.goto(f"{address}/#/identities/1")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of this person").fill("\u202eevil")
    page.keyboard.press("Enter")
    expect(page.locator(".toast.bad")).to_contain_text("expected")


def test_what_is_open_here_is_not_known_to_be_in_view(page, store, address, pictures):
    meet(store, "east-8", 8, pictures[3], begin=NOON, closed=False)
    page.goto(f"{address}/#/identities/8")
    expect(page.locator(".tracklets > li")).to_have_count(1)
    expect(page.locator(".person-header .now")).to_be_hidden()
