"""Takes the README's screenshot: the demo site in Chromium, once somebody was seen in two cameras.

python -m scripts.screenshot docs/screenshot.png
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Annotated

import requests
import typer
from playwright.sync_api import sync_playwright

from benchmarks.site_run import running
from pipeline.config import load_site
from pipeline.errors import HandoffError

_WAIT_SECONDS = 240.0
_NOW_SECONDS = 1.5  # somebody last seen no longer ago than this is in the picture

_THUMBNAILS_MILLISECONDS = 800  # the newest arrive a little after the news


def wait_for_handoff(address: str) -> None:
    """Waits until at least two people who came from another camera are in the picture.

    Raises:
        HandoffError: it did not happen within four minutes, more than two passes of the clip.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        people = requests.get(f"{address}api/v1/identities", timeout=10).json()["items"]
        latest = max((person["last_seen"] for person in people), default=0.0)
        here = [p for p in people if p["last_seen"] > latest - _NOW_SECONDS]
        if sum(len(person["cameras"]) > 1 for person in here) >= 2:
            return
        time.sleep(0.2)
    raise HandoffError("screenshot: expected people seen in two cameras, found none in time")


def take(address: str, path: Path) -> None:
    """Opens the page in the system's Chromium and saves what it shows."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
        page.goto(address)
        page.locator('.tile[data-state="live"]').nth(1).wait_for()
        wait_for_handoff(address)
        page.wait_for_timeout(_THUMBNAILS_MILLISECONDS)
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(path))
        browser.close()


def main(
    path: Annotated[Path, typer.Argument(help="The PNG file to write.")],
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
) -> None:
    """Runs the site, waits for a handoff and takes a picture of the page."""
    try:
        site = load_site(cameras)
        with (
            tempfile.TemporaryDirectory(prefix="handoff-screenshot-") as folder,
            running(site, Path(folder)) as (_, address),
        ):
            take(address, path)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
