"""What is on the canvases of the page: pixels, found by their colours."""

from __future__ import annotations

from playwright.sync_api import Page

GREEN = "#00ff00"  # the walking person of viewer_parts
BLUE = "#56b4e9"  # identity 1's colour (pipeline/viewer/static/colours.js)
TRAIL = "#4e95bc"  # the newest part of identity 1's trail on viewer_parts' ground

_FIND = """
([selector, colours]) => {
  const canvas = document.querySelector(selector);
  const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return colours.map((wanted) => {
    const columns = [];
    for (let i = 0; i < data.length; i += 4) {
      const near = wanted.every((value, channel) => Math.abs(data[i + channel] - value) < 24);
      if (near) columns.push((i / 4) % width);
    }
    columns.sort((a, b) => a - b);
    return { count: columns.length, left: columns[Math.floor(columns.length / 100)] / width };
  });
}
"""


def canvas(camera: str) -> str:
    """Selects a camera's canvas."""
    return f'[data-camera="{camera}"] canvas'


def find(page: Page, camera: str, *colours: str) -> list[dict[str, float]]:
    """How often each colour is on a camera's canvas, and its left end (0 to 1), at one moment."""
    channels = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours]
    found: list[dict[str, float]] = page.evaluate(_FIND, [canvas(camera), channels])
    return found


def pixels(page: Page, camera: str, colour: str) -> float:
    """How many pixels of a camera's canvas have a colour."""
    return find(page, camera, colour)[0]["count"]


def furthest_apart(page: Page, camera: str, *, looks: int = 20) -> float:
    """The largest distance between person and box, of the picture's width, in so many looks."""
    apart = []
    for _ in range(looks):
        person, box = find(page, camera, GREEN, BLUE)
        apart.append(abs(person["left"] - box["left"]))
        page.wait_for_timeout(60)
    return max(apart)
