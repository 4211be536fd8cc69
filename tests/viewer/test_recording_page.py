"""The page of a recording in a real browser: boxes and pictures, keys, everybody over time."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest
from accessibility import SIZES, violations
from playwright.sync_api import Browser, Page, Route, expect
from recording_parts import FRAMES, RATE, WIDTH, copy_with, pictures, run_offline, viewing

from pipeline.mot import read_table

PALETTE = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#0072b2")

_SHOWN = """
(index) => {
  const view = document.querySelectorAll(".view")[index];
  return [view.dataset.frame, view.querySelector("canvas").toDataURL("image/png")];
}
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, vtest_path: Path) -> Path:
    """What an offline run with video has left; east begins three seconds after west."""
    return run_offline(tmp_path_factory.mktemp("run"), vtest_path, "--video")


@pytest.fixture(scope="module")
def address(results: Path):
    """Its page."""
    with viewing(results) as address:
        yield address


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    """The page, once west's first picture is there."""
    page.goto(address)
    expect(view(page, "west")).to_have_attribute("data-frame", "0")
    return page


def view(page: Page, camera: str):
    return page.locator(".view", has=page.get_by_role("heading", name=camera, exact=True))


def go_to(page: Page, seconds: float) -> None:
    """By the line to go along, as a hand would."""
    slider = page.get_by_role("slider", name="Place in the recording")
    slider.evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", seconds
    )


def shown_of(page: Page, camera: str) -> tuple[str, np.ndarray]:
    """The number a camera says, and uint8[H, W, 3] RGB, what is on its canvas at that moment."""
    number, address = page.evaluate(_SHOWN, list(WIDTH).index(camera))
    data = np.frombuffer(b64decode(address.partition(",")[2]), np.uint8)
    return number, cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def canvas_of(page: Page, camera: str) -> np.ndarray:
    return shown_of(page, camera)[1]


def closest(shown: np.ndarray, filmed: list[np.ndarray]) -> int:
    """Which of the pictures that were filmed is shown, by the parts of them that change."""
    height, width = shown.shape[:2]
    there = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in filmed]
    grey = np.stack([picture.mean(axis=2) for picture in there])
    change = grey.std(axis=0) > 12
    return int(np.argmin(np.abs(grey - shown.mean(axis=2))[:, change].mean(axis=1)))


@pytest.mark.parametrize("index", [0, 1, 2, 5, 70, 76, FRAMES - 1])  # somebody walks in these
def test_the_picture_shown_is_the_one_whose_number_it_says(opened, results, index):
    opened.get_by_role("checkbox", name="Boxes").uncheck()
    opened.get_by_role("checkbox", name="Names").uncheck()
    go_to(opened, index / RATE + 0.01)
    expect(view(opened, "west")).to_have_attribute("data-frame", str(index))
    filmed = pictures(results.parent / "clip.avi", "west")
    assert closest(canvas_of(opened, "west"), filmed) == index


@pytest.mark.parametrize("camera", ["west", "east"])
def test_the_boxes_drawn_are_those_of_the_picture_shown(opened, results, camera):
    table = read_table(results / f"{camera}.txt")
    opened.get_by_role("checkbox", name="Names").uncheck()
    late = 3 if camera == "east" else 0
    for frame in np.unique(table.frame)[:: max(1, len(np.unique(table.frame)) // 4)]:
        go_to(opened, late + (frame - 1) / RATE + 0.01)
        expect(view(opened, camera)).to_have_attribute("data-frame", str(frame - 1))
        rows = table.at(int(frame))
        shown = canvas_of(opened, camera)
        for identity, box in zip(rows.identity, rows.xyxy, strict=True):
            assert coloured(shown, box, WIDTH[camera], PALETTE[(identity - 1) % 7]) > 0.5


def coloured(shown: np.ndarray, box: np.ndarray, width: int, colour: str) -> float:
    """How much of a box's upright edges has a colour, of the better one: others may hide one."""
    scale = shown.shape[1] / width
    left, top, right, bottom = (round(value * scale) for value in box)
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])

    def share(x: int) -> float:
        strip = shown[max(0, top) + 4 : bottom - 4, max(0, x - 3) : x + 4].astype(int)
        return float((np.abs(strip - wanted).max(axis=2) < 40).any(axis=1).mean())

    return max(share(left), share(right))


def test_while_it_plays_pictures_and_numbers_stay_together(opened, results):
    filmed = pictures(results.parent / "clip.avi", "west")
    opened.get_by_role("checkbox", name="Boxes").uncheck()
    opened.get_by_role("checkbox", name="Names").uncheck()
    go_to(opened, 68 / RATE + 0.01)
    expect(view(opened, "west")).to_have_attribute("data-frame", "68")
    opened.get_by_label("Speed").select_option("0.5")
    opened.get_by_role("button", name="Play").click()
    looks = []
    for _ in range(6):
        opened.wait_for_timeout(200)
        looks.append(shown_of(opened, "west"))
    numbers = [int(number) for number, _ in looks]
    assert [closest(shown, filmed) for _, shown in looks] == numbers
    assert 68 < numbers[-1] < FRAMES


def test_cameras_keep_to_their_own_clocks(opened):
    expect(view(opened, "east")).to_have_attribute("data-frame", "")  # it begins later
    go_to(opened, 5.01)
    expect(view(opened, "west")).to_have_attribute("data-frame", str(5 * RATE))
    expect(view(opened, "east")).to_have_attribute("data-frame", str(2 * RATE))


@pytest.mark.parametrize(
    ("keys", "frame"),
    [
        (["ArrowRight"], 1),
        (["ArrowRight", "ArrowRight", "ArrowLeft"], 1),
        (["ArrowLeft"], 0),
        (["Shift+ArrowRight"], 5 * RATE),
        (["Shift+ArrowRight", "Home"], 0),
    ],
)
def test_keys_go_through_the_recording(opened, keys, frame):
    for key in keys:
        opened.keyboard.press(key)
    expect(view(opened, "west")).to_have_attribute("data-frame", str(frame))


def test_a_key_back_counts_before_the_jump_has_arrived(opened):
    opened.evaluate(
        """() => {
          for (const press of [{ key: "ArrowRight", shiftKey: true }, { key: "Home" }])
            document.dispatchEvent(new KeyboardEvent("keydown", { ...press, bubbles: true }));
        }"""
    )
    opened.wait_for_timeout(600)
    expect(view(opened, "west")).to_have_attribute("data-frame", "0")


def test_the_end_is_the_last_picture(opened):
    opened.keyboard.press("End")
    expect(view(opened, "east")).to_have_attribute("data-frame", str(FRAMES - 1))


def test_many_keys_in_a_row_end_at_the_right_picture(opened):
    for _ in range(60):
        opened.keyboard.press("ArrowRight")
    expect(opened.locator(".place")).not_to_contain_text("0:00.0 /")
    wanted = opened.locator(".place").inner_text()
    west = view(opened, "west")
    expect(west).to_have_attribute("data-frame", re.compile(r"^\d\d$"))
    opened.wait_for_timeout(600)
    minutes, seconds = wanted.split(" / ")[0].split(":")
    assert int(west.get_attribute("data-frame")) / RATE == pytest.approx(
        60 * int(minutes) + float(seconds), abs=0.15
    )


def test_space_plays_and_pauses_and_the_speed_can_be_chosen(opened):
    opened.get_by_label("Speed").select_option("8")
    opened.locator("h2").first.evaluate("() => document.activeElement.blur()")
    opened.keyboard.press(" ")
    expect(opened.get_by_role("button", name="Pause")).to_be_visible()
    expect(view(opened, "east")).to_have_attribute("data-frame", re.compile(r"^[4-8]\d$"))
    opened.keyboard.press(" ")
    expect(opened.get_by_role("button", name="Play")).to_be_visible()


def test_a_bar_of_the_timeline_leads_to_where_somebody_came_in(opened, results):
    lane = opened.locator(".rows [data-identity]").nth(2)
    bar = lane.locator(".bar-of").first
    camera = bar.inner_text()
    bar.click()
    shown = view(opened, camera)
    expect(shown).to_have_attribute("data-frame", re.compile(r"\d"))
    opened.wait_for_timeout(300)
    table = read_table(results / f"{camera}.txt")
    identity = int(lane.get_attribute("data-identity"))
    frame = int(shown.get_attribute("data-frame")) + 1
    first = table.frame[table.identity == identity]
    assert np.abs(first - frame).min() <= 1
    expect(lane).to_have_class(re.compile("chosen"))


def test_a_person_has_a_page_that_leads_back_into_the_recording(opened, complaints):
    opened.locator(".rows .who").first.click()
    expect(opened.get_by_role("heading", name=re.compile(r"Person \d"))).to_be_visible()
    expect(opened.get_by_role("button", name="Rename")).to_have_count(0)
    opened.get_by_role("link", name="Watch in the recording").first.click()
    expect(opened.locator("nav [aria-current=page]")).to_have_text("Recording")
    expect(opened.locator(".rows .chosen")).to_have_count(1)
    assert complaints == []


def test_the_other_results_can_be_looked_at(opened, results):
    online = read_table(results / "online" / "west.txt")
    opened.get_by_label("Results").select_option("online")
    opened.get_by_role("checkbox", name="Names").uncheck()
    frame = int(online.frame[len(online) // 2])
    go_to(opened, (frame - 1) / RATE + 0.01)
    expect(view(opened, "west")).to_have_attribute("data-frame", str(frame - 1))
    opened.wait_for_timeout(300)
    shown = canvas_of(opened, "west")
    rows = online.at(frame)
    assert coloured(shown, rows.xyxy[0], WIDTH["west"], PALETTE[(rows.identity[0] - 1) % 7]) > 0.5


def still_preparing(route: Route) -> None:
    """The server's answer, had it only begun to make the videos."""
    said = route.fetch().json()
    for camera in said["cameras"]:
        camera.update(state="preparing", progress=0.3)
    route.fulfill(json=said)


def test_pictures_are_there_before_their_videos_are(page, results, tmp_path, complaints):
    folder = copy_with(results, tmp_path / "out")
    filmed = pictures(results.parent / "clip.avi", "west")
    with viewing(folder) as address:
        page.route("**/api/v1/recording", still_preparing)
        page.goto(address)
        expect(page.get_by_text("A smooth video is being made: 30%")).to_have_count(2)
        page.get_by_role("checkbox", name="Boxes").uncheck()
        page.get_by_role("checkbox", name="Names").uncheck()
        for index in (76, 2, 70):
            go_to(page, index / RATE + 0.01)
            expect(view(page, "west")).to_have_attribute("data-frame", str(index))
            assert closest(canvas_of(page, "west"), filmed) == index
    assert complaints == []


def test_a_click_on_somebody_says_why_they_are_who_they_are(opened, results, complaints):
    table = read_table(results / "west.txt")
    frame = int(table.frame[len(table) // 2])
    go_to(opened, (frame - 1) / RATE + 0.01)
    west = view(opened, "west")
    expect(west).to_have_attribute("data-frame", str(frame - 1))
    rows = table.at(frame)
    left, top, right, bottom = rows.xyxy[0]
    scale = west.locator("canvas").bounding_box()["width"] / WIDTH["west"]
    middle = {"x": (left + right) / 2 * scale, "y": (top + bottom) / 2 * scale}
    west.locator("canvas").click(position=middle)
    card = opened.get_by_role("region", name="Why this person")
    expect(card).to_be_visible()
    expect(card.locator(".name")).to_have_text(re.compile(r"Person \d"))
    expect(card.locator("dt").last).to_have_text("Others")
    opened.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert complaints == []


def test_without_pictures_boxes_stand_on_empty_ground(page, results, tmp_path):
    folder = copy_with(results, tmp_path / "out", west="gone.avi", east="gone.avi")
    table = read_table(results / "west.txt")
    frame = int(table.frame[len(table) // 2])
    with viewing(folder) as address:
        page.goto(address)
        expect(page.get_by_text("No pictures", exact=True)).to_have_count(2)
        go_to(page, (frame - 1) / RATE + 0.01)
        expect(view(page, "west")).to_have_attribute("data-frame", str(frame - 1))
        page.wait_for_timeout(300)
        box = table.at(frame)
        shown = canvas_of(page, "west")
        colour = PALETTE[(box.identity[0] - 1) % 7]
        assert coloured(shown, box.xyxy[0], WIDTH["west"], colour) > 0.5


def test_figures_are_shown_if_the_results_were_evaluated(page, results, tmp_path):
    scores = {"hota": 0.5, "idf1": 0.625, "mota": 0.4, "switches": 2, "people": 3, "identities": 4}
    folder = copy_with(results, tmp_path / "out")
    text = f'{{"cameras": {{"west": {scores}}}, "across": {scores}}}'.replace("'", '"')
    (folder / "evaluation.json").write_text(text)
    with viewing(folder) as address:
        page.goto(address)
        row = page.get_by_role("row", name="Across cameras 0.500 0.625 0.400 2 3 4")
        expect(row).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_recording_is_accessible(chromium: Browser, address, results, size, scheme):
    width, height = SIZES[size]
    page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address)
    expect(view(page, "west")).to_have_attribute("data-frame", "0")
    expect(page.locator(".rows .bar-of").first).to_be_visible()
    assert violations(page) == []
    somebody = json.loads((results / "identities.json").read_text())["identities"][0]["identity"]
    page.goto(f"{address}/#/identities/{somebody}")
    expect(page.locator(".tracklets > li").first).to_be_visible()
    assert violations(page) == []
    page.close()
