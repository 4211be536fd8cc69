"""What time it is for the cameras, and who is in view at it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from pipeline.data import Clock, TrackletRecord
from pipeline.store import Store

LIVE_SECONDS = 5.0
"""Somebody who was seen so long ago is still in view: trackers bridge as much."""


def capture_now(store: Store, cameras: Sequence[str]) -> float:
    """The capture time of what cameras see now, seconds since the epoch.

    A live camera sees what happens now. A recording that is played has a time of its own: where
    every camera is one, it is as late as the newest thing seen.
    """
    clocks = [status.clock for status in store.statuses(cameras) if status.clock]
    recorded = bool(clocks) and all(clock is Clock.FILE for clock in clocks)
    return store.browse.newest() if recorded else time.time()


def is_live(tracklet: TrackletRecord, now: float) -> bool:
    """True if the tracklet goes on at this time."""
    return not tracklet.closed and abs(now - tracklet.end) <= LIVE_SECONDS
