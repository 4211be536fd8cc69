"""Does memory settle? Days of a small site's people in minutes, through the matcher and Redis.

    python -m benchmarks.turnover --tracklets 60000

A soak (`benchmarks.soak`) sees an hour. Here a synthetic site's tracklets come 60 a second through
the stream to `MatchingService` and the embedded Redis, which keep people for half a minute, so that
all that is kept turns over many times.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated

import psutil
import redis
import structlog
import typer

from benchmarks.machine import describe_machine, markdown
from pipeline.config import (
    DEFAULT_NETWORK,
    CameraSettings,
    MatchingSettings,
    RetentionSettings,
    Site,
)
from pipeline.data import Sighting
from pipeline.embed import find_weights, read_calibration
from pipeline.embedded import EmbeddedRedis
from pipeline.matcher import MatchingService
from pipeline.rubbish import Rubbish
from pipeline.store import Store
from tests.world import SiteSpec, World

HEADER = ("tracklets", "kept", "Redis: data MiB", "Redis: resident MiB", "matcher: resident MiB")
_MIB = 2**20
_REMEMBERED = 240.0  # seconds of the site's time
_KEPT = 30.0  # seconds, by the clock
_AT_ONCE = 50
_RATE = 60.0  # tracklets a second; the matcher clears away 100 a second at least


def people_passing(spec: SiteSpec) -> Iterator[list[Sighting]]:
    """Ended tracklets of a site that never closes, some at a time."""
    reports = World(spec).stream(growing=False)
    while batch := [report.sighting for report in islice(reports, _AT_ONCE)]:
        yield batch


def measure(tracklets: int, *, rows: int) -> Iterator[list[str]]:
    """A row of the table each time another share of the tracklets has been decided on."""
    spec = SiteSpec(cameras=8, people=tracklets, seconds=3.0 * tracklets, returns=0.0)
    site = Site(
        site="turnover",
        cameras={"a": CameraSettings(source="none.mp4")},
        matching=MatchingSettings(memory=_REMEMBERED),
        retention=RetentionSettings(identities=_KEPT, crops=_KEPT, events=1000),
    )
    with EmbeddedRedis() as server:
        client = redis.Redis.from_url(server.url, protocol=3)
        store = Store(client, site=site.site, retention=site.retention)
        sent, step, began = 0, tracklets // rows, time.monotonic()
        with _matching(site, server.url):
            for batch in people_passing(spec):
                time.sleep(max(0.0, began + sent / _RATE - time.monotonic()))
                for sighting in batch:
                    store.send_sighting(sighting)
                sent += len(batch)
                if sent % step < len(batch):
                    yield _row(sent, store, client, server.pid)
                if sent >= tracklets:
                    return


@contextmanager
def _matching(site: Site, url: str) -> Iterator[None]:
    """A matcher works for as long as the context lasts."""
    store = Store(redis.Redis.from_url(url, protocol=3), site=site.site, retention=site.retention)
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    service = MatchingService(store, site, calibration, rubbish=Rubbish())
    over = threading.Event()
    thread = threading.Thread(target=service.run, args=(over.is_set,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _row(sent: int, store: Store, client: redis.Redis, pid: int) -> list[str]:
    resident = psutil.Process(pid).memory_info().rss, psutil.Process().memory_info().rss
    data = client.info("memory")["used_memory"]
    figures = [f"{value / _MIB:.1f}" for value in (data, *resident)]
    return [f"{sent:,}", f"{store.gallery.size():,}", *figures]


def main(
    tracklets: Annotated[int, typer.Option(min=1000, help="How many pass in all.")] = 60_000,
    rows: Annotated[int, typer.Option(min=2, help="How often memory is looked at.")] = 10,
) -> None:
    """Lets people pass and prints what memory the matcher and Redis have."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    print(markdown(list(HEADER), list(measure(tracklets, rows=rows))))
    print(f"\nMachine: {describe_machine()}")


if __name__ == "__main__":
    typer.run(main)
