"""The whole system at once: the command, real video, and what a browser shows of it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).resolve().parents[2]
SITE = """
site: live
cameras:
  west: {source: 'sample:vtest', region: [0, 0, 330, 576], fps: 7, loop: true}
  east: {source: 'sample:vtest', region: [440, 0, 328, 576], fps: 7, loop: true}
detector: {model: ssdlite}
viewer: {port: 0}
"""
HUES = ["e69f00", "56b4e9", "009e73", "f0e442", "0072b2", "d55e00", "cc79a7"]
COUNT = """
([camera, hues]) => {
  const canvas = document.querySelector(`[data-camera="${camera}"] canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const wanted = hues.map((hue) => [0, 2, 4].map((i) => parseInt(hue.slice(i, i + 2), 16)));
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (wanted.some((hue) => hue.every((v, c) => Math.abs(data[i + c] - v) < 4))) count += 1;
  }
  return count;
}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, vtest_path: Path) -> Iterator[str]:
    """The page of the running demo site."""
    cams = tmp_path_factory.mktemp("live") / "cams.yaml"
    cams.write_text(SITE, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run_pipeline.py"), "--cameras", str(cams)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    found = None
    while found is None:
        line = process.stdout.readline()
        assert line, "the system ended before the page was up"
        found = re.search(r"viewer: (http://\S+)", line)
    yield found[1]
    process.terminate()
    assert process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def handed_over(address: str) -> int:
    """Somebody who has been seen in both cameras."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for person in httpx.get(f"{address}api/v1/identities").json()["items"]:
            if set(person["cameras"]) == {"west", "east"}:
                return int(person["identity"])
        time.sleep(0.5)
    pytest.fail("nobody was seen in both cameras within two minutes")


def test_both_cameras_are_shown_live(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2, timeout=30_000)
    expect(page.locator(".delay").first).to_contain_text("ms")


def test_people_have_boxes_in_the_colour_of_their_identity(
    page: Page, address: str, handed_over: int
) -> None:
    page.goto(address)
    expect(page.locator('.tile[data-state="live"]')).to_have_count(2, timeout=30_000)
    deadline = time.monotonic() + 60
    most = 0
    while most < 200 and time.monotonic() < deadline:
        most = max(page.evaluate(COUNT, [camera, HUES]) for camera in ("west", "east"))
        page.wait_for_timeout(200)
    assert most >= 200


def test_the_list_shows_who_was_seen_in_both(page: Page, address: str, handed_over: int) -> None:
    page.goto(address)
    expect(page.get_by_text(f"Person {handed_over}", exact=True).first).to_be_visible()
    person = httpx.get(f"{address}api/v1/identities/{handed_over}").json()
    for tracklet in person["tracklets"]:
        crop = httpx.get(f"{address}api/v1/crops/{tracklet['tracklet']}.jpg")
        assert crop.content.startswith(b"\xff\xd8")
