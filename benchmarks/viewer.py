"""What the page costs: 16 cameras, several viewers.

    python -m benchmarks.viewer

A viewer process serves 16 synthetic cameras of 640×360 at 10 pictures a second, sent through Redis
as a node would. Clients connect as browsers do: they say what they show (tiles of 320 pixels) and
confirm each picture before the next is sent; drawing is missing. Then one real Chromium opens the
page: *first paint* as it says itself, *frames* the intervals of its animation frames while 16 tiles
are live. Everything runs on this machine, clients and browser included; what a node takes to make
the pictures is not in it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Annotated, Any

import cv2
import numpy as np
import psutil
import supervision as sv
import typer
from playwright.sync_api import sync_playwright
from websockets.asyncio.client import connect

from benchmarks.machine import describe_machine, markdown
from pipeline.config import CameraSettings, Site
from pipeline.data import CameraState, CameraStatus, Frame
from pipeline.embedded import EmbeddedRedis
from pipeline.preview import encode_preview
from pipeline.store import Store
from pipeline.viewer import serve
from pipeline.viewer_settings import ViewerSettings

CAMERAS = tuple(f"camera-{number:02}" for number in range(1, 17))
FPS = 10
_SITE = "benchmark"
_SIZE = (640, 360)
_TILE = 320
_FRAMES = """
(seconds) => new Promise((done) => {
  const times = [];
  const step = (now) => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(step);
    else done(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(step);
})
"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
_WEIGHT = (
    "performance.getEntriesByType('resource').filter((r) => r.name.includes('/static/'))"
    ".reduce((sum, r) => sum + r.decodedBodySize, 0)"
)

_processes = multiprocessing.get_context("spawn")


def _view(url: str, addresses: Any) -> None:
    """The viewer, in a process of its own."""
    cameras = {name: CameraSettings(source="rtsp://camera") for name in CAMERAS}
    site = Site(site=_SITE, cameras=cameras, viewer=ViewerSettings(port=0))
    serve(site, Store.connect(url, site=_SITE), started=addresses.put)


def _feed(url: str, stop: Event) -> None:
    """A node's part: a picture of every camera that somebody looks at, ten times a second."""
    store, noise = Store.connect(url, site=_SITE), np.random.default_rng(1)
    ground = cv2.resize(noise.integers(0, 255, (45, 80, 3), np.uint8), _SIZE)
    box = np.array([[100.0, 80.0, 180.0, 300.0]])
    index, due = 0, time.time()
    while not stop.is_set():
        index, due = index + 1, due + 1 / FPS
        for camera, look in store.looked_at(CAMERAS).items():
            image = np.asarray(np.roll(ground, 7 * index, axis=1), np.uint8)
            frame = Frame(camera, index, time.time(), image, arrival=time.time())
            tracks = sv.Detections(xyxy=box + np.array([1, 0, 1, 0]) * (5 * index % 400))
            store.send_view(camera, encode_preview(frame, tracks, ["t"], width=look.step))
        if index % FPS == 1:
            now = time.time()
            running = [CameraStatus(c, CameraState.RUNNING, now, updated=now) for c in CAMERAS]
            store.put_statuses(running)
        time.sleep(max(0.0, due - time.time()))


@contextmanager
def site_at_work() -> Iterator[tuple[str, psutil.Process]]:
    """The page's address, and the process that serves it."""
    with EmbeddedRedis() as server:
        addresses, stop = _processes.Queue(), _processes.Event()
        viewer = _processes.Process(target=_view, args=(server.url, addresses), daemon=True)
        node = _processes.Process(target=_feed, args=(server.url, stop), daemon=True)
        viewer.start()
        node.start()
        try:
            yield addresses.get(timeout=60).rstrip("/"), psutil.Process(viewer.pid)
        finally:
            stop.set()
            node.join(timeout=5)
            viewer.terminate()
            viewer.join(timeout=5)


async def _look(address: str, seconds: float, settle: float) -> tuple[list[float], int]:
    """One client: delays in seconds of the pictures it got, and their bytes."""
    delays, size, begin = [], 0, time.time() + settle
    async with connect(f"ws{address[4:]}/live", max_size=None, origin=address) as socket:  # type: ignore[arg-type]
        look = {camera: {"width": _TILE, "fps": FPS} for camera in CAMERAS}
        await socket.send(json.dumps({"type": "look", "cameras": look}))
        while (now := time.time()) < begin + seconds:
            try:
                message = await asyncio.wait_for(socket.recv(), 1.0)
            except TimeoutError:
                continue
            if isinstance(message, str):
                continue
            (length,) = struct.unpack_from(">I", message)
            header = json.loads(message[4 : 4 + length])
            await socket.send(json.dumps({"type": "shown", "cameras": [header["camera"]]}))
            if now >= begin:
                delays.append(time.time() - header["arrival"])
                size += len(message)
    return delays, size


async def _crowd(address: str, count: int, seconds: float, settle: float) -> list[Any]:
    return await asyncio.gather(*(_look(address, seconds, settle) for _ in range(count)))


def measure(address: str, viewer: psutil.Process, count: int, seconds: float) -> list[str]:
    """One row: so many viewers for so long."""
    settle, before = 3.0, viewer.cpu_times()
    began = time.time()
    seen = asyncio.run(_crowd(address, count, seconds, settle))
    after = viewer.cpu_times()
    cpu = 100 * (after.user + after.system - before.user - before.system) / (time.time() - began)
    delays = np.array([delay for each, _ in seen for delay in each])
    rate = len(delays) / count / len(CAMERAS) / seconds
    megabits = sum(size for _, size in seen) * 8 / 1e6 / seconds
    median, p95 = np.quantile(delays, [0.5, 0.95]) * 1e3
    return [str(count), f"{rate:.1f}", f"{median:.0f}, {p95:.0f}", f"{cpu:.0f}", f"{megabits:.1f}"]


def browse(address: str, seconds: float) -> str:
    """What a real browser says of the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(address)
        page.locator('.tile[data-state="live"]').nth(15).wait_for(timeout=60_000)
        paint, weight = page.evaluate(_PAINT), page.evaluate(_WEIGHT)
        frames = np.array(page.evaluate(_FRAMES, seconds))
        rates = page.locator(".rate").all_inner_texts()
        browser.close()
    shown = np.mean([float(text.split()[0]) for text in rates if text])
    return (
        f"Chromium, 16 tiles: first paint after {paint:.0f} ms, {weight / 1000:.0f} KB of page; "
        f"{1000 / frames.mean():.0f} frames a second, 95 % within {np.quantile(frames, 0.95):.0f} "
        f"ms; {shown:.1f} pictures a second and tile"
    )


def main(
    seconds: Annotated[float, typer.Option(min=3.0, help="How long each is measured.")] = 20.0,
) -> None:
    """Measures and prints one table, and what a browser says."""
    header = [
        "viewers",
        "pictures/s and tile",
        "delay ms: median, 95 %",
        "viewer's CPU %",
        "Mbit/s",
    ]
    with site_at_work() as (address, viewer):
        rows = [measure(address, viewer, count, seconds) for count in (1, 4, 16)]
        browser = browse(address, seconds)
    typer.echo(f"{describe_machine()}; {len(CAMERAS)} cameras, {FPS} pictures a second\n")
    typer.echo(markdown(header, rows))
    typer.echo(f"\n{browser}")


if __name__ == "__main__":
    typer.run(main)
