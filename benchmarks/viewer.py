"""What the page costs: 16 cameras, several viewers, as pictures and as the cameras' own video.

    python -m benchmarks.viewer
    python -m benchmarks.viewer --minutes 20

16 cameras of 640×360 at 10 pictures a second show the sample clip; a process does what a node does
with pictures that were analysed, another is the viewer. Clients connect as browsers do: they say
what they show (tiles of 320 pixels), and confirm each picture before the next is sent; decoding and
drawing are missing. Then one real Chromium opens the page: *first paint* as it says itself,
*frames* the intervals of its animation frames while 16 tiles are live. Everything runs on this
machine, clients and browser included. *node* is the processor time for making and sending what is
shown, per picture, without decoding and analysis.

`--minutes`: instead, the page stays open for so long with 16 tiles, as many of them of video as it
takes on this machine (or `--no-video`: none), and its memory is sampled every ten seconds:
JavaScript's heap after a collection, and the browser's processes. It is flat if the mean of the
last quarter is no more than 5 % above that of the first, or the slope is less than twice its own
error; the first minute does not count.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from typing import Annotated, Any

import numpy as np
import typer
from websockets.asyncio.client import connect

from benchmarks.machine import describe_machine, markdown
from benchmarks.page_memory import opened, rows, watch
from benchmarks.viewed_site import CAMERAS, FPS, SIZE, ViewedSite, site_at_work

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
_KINDS = {False: "pictures", True: "video"}


async def _look(
    address: str, seconds: float, settle: float, *, video: bool
) -> tuple[list[float], int]:
    """One client: delays in seconds of the pictures it got, and their bytes."""
    delays, size, begin = [], 0, time.time() + settle
    async with connect(f"ws{address[4:]}/live", max_size=None, origin=address) as socket:  # type: ignore[arg-type]
        look = {camera: {"width": _TILE, "fps": FPS, "video": video} for camera in CAMERAS}
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
            if now >= begin and video == ("film" in header):
                delays.append(time.time() - header["arrival"])
                size += len(message)
    return delays, size


async def _crowd(
    address: str, count: int, seconds: float, settle: float, *, video: bool
) -> list[Any]:
    looks = (_look(address, seconds, settle, video=video) for _ in range(count))
    return await asyncio.gather(*looks)


def measure(site: ViewedSite, count: int, seconds: float, *, video: bool) -> list[str]:
    """One row: so many viewers for so long."""
    before, node_before, began = site.viewer.cpu_times(), site.node_work, time.time()
    seen = asyncio.run(_crowd(site.address, count, seconds, 3.0, video=video))
    after, elapsed = site.viewer.cpu_times(), time.time() - began
    viewer = 100 * (after.user + after.system - before.user - before.system) / elapsed
    spent, pictures = site.node_work - node_before
    node = 1e3 * spent / max(1.0, pictures)
    delays = np.array([delay for each, _ in seen for delay in each])
    rate = len(delays) / count / len(CAMERAS) / seconds
    megabits = sum(size for _, size in seen) * 8 / 1e6 / seconds
    median, p95 = np.quantile(delays, [0.5, 0.95]) * 1e3
    delay = f"{median:.0f}, {p95:.0f}"
    return [_KINDS[video], str(count), f"{rate:.1f}", delay, f"{node:.2f}", f"{viewer:.1f}",
            f"{megabits:.1f}"]  # fmt: skip


def browse(address: str, seconds: float, *, video: bool) -> str:
    """What a real browser says of the page."""
    with opened(address, tiles=len(CAMERAS), video=video) as page:
        paint, weight = page.evaluate(_PAINT), page.evaluate(_WEIGHT)
        page.wait_for_timeout(3000)  # video begins with a key frame
        frames = np.array(page.evaluate(_FRAMES, seconds))
        rates = page.locator(".rate").all_inner_texts()
        kinds = page.locator(".tile").evaluate_all("(all) => all.map((e) => e.dataset.kind)")
    shown = np.mean([float(text.split()[0]) for text in rates if text])
    return (
        f"Chromium, {kinds.count(_KINDS[video])} tiles of {_KINDS[video]}: first paint after "
        f"{paint:.0f} ms, {weight / 1000:.0f} KB of page; {1000 / frames.mean():.0f} frames a "
        f"second, 95 % within {np.quantile(frames, 0.95):.0f} ms; {shown:.1f} pictures a second "
        "and tile"
    )


def costs(seconds: float) -> None:
    """Prints what viewers cost, and what a browser says."""
    header = [
        "sent",
        "viewers",
        "pictures/s and tile",
        "delay ms: median, 95 %",
        "node ms a picture",
        "viewer's CPU %",
        "Mbit/s",
    ]
    with site_at_work() as site:
        table = [
            measure(site, count, seconds, video=video)
            for video in (False, True)
            for count in (1, 4, 16)
        ]
        said = [browse(site.address, seconds, video=video) for video in (False, True)]
    typer.echo(markdown(header, table))
    typer.echo("\n" + "\n".join(said))


def memory(minutes: float, *, video: bool) -> None:
    """Prints how the memory of the page has gone."""
    with site_at_work() as site:
        record, kinds = watch(site.address, tiles=len(CAMERAS), video=video, minutes=minutes)
    header = ["", "first quarter", "last quarter", "slope per hour", "flat"]
    typer.echo(f"{minutes:g} minutes; {kinds.count(_KINDS[video])} tiles of {_KINDS[video]}\n")
    typer.echo(markdown(header, rows(record)))


def main(
    seconds: Annotated[float, typer.Option(min=3.0, help="How long each is measured.")] = 20.0,
    minutes: Annotated[
        float | None, typer.Option(min=2.0, help="Instead: the page's memory over so long.")
    ] = None,
    video: Annotated[bool, typer.Option(help="With --minutes: as video, or as pictures.")] = True,
) -> None:
    """Measures and prints one table, and what a browser says."""
    typer.echo(
        f"{describe_machine()}; {len(CAMERAS)} cameras of {SIZE[0]}×{SIZE[1]}, {FPS} pictures a "
        "second\n"
    )
    if minutes is None:
        costs(seconds)
    else:
        memory(minutes, video=video)


if __name__ == "__main__":
    typer.run(main)
