"""The memory of the page in a real Chromium, sampled while it shows a site."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.soak import Record, trend

EVERY_SECONDS = 10.0
WARM_UP_SECONDS = 60.0
ALLOWED = 0.05
"""Growth from the first to the last quarter that counts as none, as a share."""

_ARGUMENTS = ["--no-sandbox", "--disable-gpu"]
HEAP, RENDERER = "heap of the page after collection, MiB", "its process, MiB"
BROWSER = "all of Chromium, MiB"


@contextmanager
def opened(address: str, *, tiles: int, video: bool) -> Iterator[Page]:
    """The page in Chromium, once so many tiles are live; without `video`: it cannot decode any."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        if not video:
            page.add_init_script("delete window.VideoDecoder")
        page.goto(address)
        page.locator('.tile[data-state="live"]').nth(tiles - 1).wait_for(timeout=180_000)
        yield page
        browser.close()


def watch(address: str, *, tiles: int, video: bool, minutes: float) -> tuple[Record, list[str]]:
    """Samples of the page's memory over so long, and what each tile showed at the end."""
    record, began = Record(minutes=minutes), time.monotonic()
    with opened(address, tiles=tiles, video=video) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        while (seconds := time.monotonic() - began) < 60 * minutes:
            record.add(seconds, _sample(session))
            page.wait_for_timeout(1000 * EVERY_SECONDS)
        kinds = page.locator(".tile").evaluate_all("(all) => all.map((e) => e.dataset.kind)")
    return record, list(kinds)


def rows(record: Record) -> list[list[str]]:
    """A row for each thing that was measured."""
    warm_up = min(WARM_UP_SECONDS, 60 * record.minutes / 4)
    found = []
    for name, series in record.series.items():
        one = trend(series, warm_up=warm_up, share=ALLOWED)
        verdict = "pass" if one.flat else "FAIL"
        slope = f"{one.slope:+.1f} ± {one.error:.1f}"
        found.append([name, f"{one.first:.1f}", f"{one.last:.1f}", slope, verdict])
    return found


def _sample(session: CDPSession) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    heap = next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
    sizes = _sizes()
    return {HEAP: heap / 2**20, RENDERER: max(sizes["renderer"]), BROWSER: sum(sizes["all"])}


def _sizes() -> dict[str, list[float]]:
    """Resident memory of Chromium's processes, MiB: those that hold pages, and all of them."""
    sizes: dict[str, list[float]] = {"renderer": [], "all": []}
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" not in process.name():
                continue
            size = process.memory_info().rss / 2**20
            sizes["all"].append(size)
            if "--type=renderer" in process.cmdline():
                sizes["renderer"].append(size)
        except psutil.NoSuchProcess:
            continue
    return sizes
