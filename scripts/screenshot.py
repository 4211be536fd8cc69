"""Takes the pictures of the page in the documentation: the demo site in Chromium.

    python -m scripts.screenshot docs/screenshot.png --screens docs/screens

The first is the Live screen once somebody was seen in two cameras, the others one of each screen,
and one of the same recordings followed offline.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Queue
from typing import Annotated

import requests
import typer
from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.offline import COMMAND
from benchmarks.site_run import running
from pipeline.client import Client
from pipeline.config import load_site
from pipeline.errors import HandoffError
from pipeline.viewer.recording_app import serve_recording

_WAIT_SECONDS = 240.0
_NOW_SECONDS = 1.5  # somebody last seen no longer ago than this is in the picture

_THUMBNAILS_MILLISECONDS = 800  # the newest arrive a little after the news
_SCREEN_MILLISECONDS = 6000  # the first search loads the network


def wait_for_handoff(address: str) -> int:
    """Waits until at least two people who came from another camera are in the picture.

    Returns:
        the number of one of them.

    Raises:
        HandoffError: it did not happen within four minutes, more than two passes of the clip.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        people = requests.get(f"{address}api/v1/identities", timeout=10).json()["items"]
        latest = max((person["last_seen"] for person in people), default=0.0)
        here = [p for p in people if p["last_seen"] > latest - _NOW_SECONDS]
        handed_over = [person["identity"] for person in here if len(person["cameras"]) > 1]
        if len(handed_over) >= 2:
            return int(handed_over[0])
        time.sleep(0.2)
    raise HandoffError("screenshot: expected people seen in two cameras, found none in time")


def open_page(playwright: Playwright) -> Page:
    """A tab of the system's Chromium; it goes with Playwright."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    return browser.new_page(
        viewport={"width": 1280, "height": 900}, color_scheme="light", locale="en-GB"
    )


def take(address: str, path: Path, screens: Path | None) -> None:
    """Opens the page in the system's Chromium and saves what it shows."""
    with sync_playwright() as playwright:
        page = open_page(playwright)
        page.goto(address)
        page.locator('.tile[data-state="live"]').nth(1).wait_for()
        person = wait_for_handoff(address)
        page.wait_for_timeout(_THUMBNAILS_MILLISECONDS)
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(path))
        if screens is not None:
            take_screens(page, address, screens, person)


def take_screens(page: Page, address: str, folder: Path, person: int) -> None:
    """One picture of each screen."""
    folder.mkdir(parents=True, exist_ok=True)
    (tracklet, *_) = requests.get(f"{address}api/v1/identities/{person}", timeout=10).json()[
        "tracklets"
    ]
    routes = {
        "live": "live/west",
        "identities": "identities",
        "identity": f"identities/{person}",
        "search": f"search?tracklet={tracklet['tracklet']}",
        "site": "site",
        "health": "health",
    }
    for name, route in routes.items():
        take_screen(page, f"{address}#/{route}", folder / f"{name}.jpg")
    leave_traces(address, person)
    take_screen(page, f"{address}#/audit", folder / "audit.jpg")


def take_screen(page: Page, address: str, path: Path) -> None:
    """A picture of what is there some seconds after one has come."""
    page.goto(address)
    page.wait_for_timeout(_SCREEN_MILLISECONDS)
    page.screenshot(path=str(path), type="jpeg", quality=72)


def leave_traces(address: str, person: int) -> None:
    """Does what the audit log tells of: somebody gets a name, and a file is taken home."""
    with Client(address) as site:
        site.rename(person, "Ann")
        b"".join(site.export("tracklets.csv"))


def take_recording(cameras: Path, folder: Path, path: Path) -> None:
    """The recordings of a site, followed offline, while somebody asks who that is."""
    results = folder / "results"
    command = [sys.executable, str(COMMAND), f"--cameras={cameras}", "--offline", "--video"]
    subprocess.run([*command, f"--output={results}"], check=True)
    addresses: Queue[str] = Queue()
    stop = threading.Event()
    options = {"port": 0, "started": addresses.put, "stop": stop}
    server = threading.Thread(target=serve_recording, args=(results,), kwargs=options)
    server.start()
    try:
        with sync_playwright() as playwright:
            page = open_page(playwright)
            page.goto(addresses.get(timeout=30))
            page.locator(".bar-of").nth(2).click()
            page.wait_for_timeout(_SCREEN_MILLISECONDS)
            page.screenshot(path=str(path), type="jpeg", quality=72)
    finally:
        stop.set()
        server.join()


def main(
    path: Annotated[Path, typer.Argument(help="The PNG file to write.")],
    screens: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each screen.")
    ] = None,
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
) -> None:
    """Runs the site, waits for a handoff and takes pictures of the page."""
    try:
        site = load_site(cameras)
        with (
            tempfile.TemporaryDirectory(prefix="handoff-screenshot-") as folder,
            running(site, Path(folder)) as (_, address),
        ):
            take(address, path, screens)
        if screens is not None:
            with tempfile.TemporaryDirectory(prefix="handoff-screenshot-") as folder:
                take_recording(cameras, Path(folder), screens / "recording.jpg")
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(main)
