"""Who is in view now, and what time that is for the cameras."""

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


def in_view(store: Store, cameras: Sequence[str]) -> dict[str, set[int]]:
    """The numbers of the people each camera sees now; cameras that see nobody are left out."""
    now = capture_now(store, cameras)
    people: dict[str, set[int]] = {}
    below = None
    while entries := store.browse.tracklets(below=below, since=now - LIVE_SECONDS):
        for _, record in entries:
            if record is not None and is_live(record, now):
                people.setdefault(record.camera, set()).add(record.identity)
        below = entries[-1][0]
    return people
