"""A matcher in a process of its own that dies at a chosen command to Redis."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import redis
from redis.client import Pipeline

from pipeline.config import Site, load_site
from pipeline.evidence import Calibration
from pipeline.lease import Lease
from pipeline.matcher import MatchingService
from pipeline.presence import MATCHER
from pipeline.store import Store

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)
LEASE_SECONDS = 0.2


def load() -> Site:
    return load_site(Path(__file__).parents[2] / "cams.yaml")


def service(store: Store, owner: str, *, seconds: float = LEASE_SECONDS) -> MatchingService:
    lease = Lease(store.presence, MATCHER, owner, seconds=seconds)
    return MatchingService(store, load(), CALIBRATION, lease=lease)


def work(url: str, site: str, owner: str, dies_at: tuple[int, bool] | None, count: object) -> None:
    """A matcher's process. `dies_at`: at which command to Redis, and whether after it."""
    store = Store.connect(url, site=site)
    _count_commands(count, dies_at)
    service(store, owner).run(lambda: False, tick_seconds=0.01)


def _count_commands(count: object, dies_at: tuple[int, bool] | None) -> None:
    """Counts what this process asks of Redis, and kills it at its so-manyth command."""

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            count.value += 1  # type: ignore[attr-defined]
            now = count.value  # type: ignore[attr-defined]
            if dies_at == (now, False):
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return original(*args, **options)
            finally:  # also when Redis refused
                if dies_at == (now, True):
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    redis.Redis.execute_command = counted(redis.Redis.execute_command)  # type: ignore[method-assign]
    Pipeline.execute = counted(Pipeline.execute)  # type: ignore[method-assign]
