"""Outbox: what a node has to tell the matcher, kept while Redis is away."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from pipeline.data import Sighting
from pipeline.intake import fresher

CAPACITY = 10_000
"""Tracklets whose sightings are kept: an hour of a busy node, some 80 MB."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A sighting on its way.

    Attributes:
        sighting: the newest one of its tracklet.
        tenure: in which tenure of the camera it was made.
        number: given when it is first sent, so that Redis takes it once, or None.
    """

    sighting: Sighting
    tenure: int
    number: int | None = None


class Outbox:
    """Sightings in the order in which their tracklets first waited. Any thread may use it.

    A newer sighting of a tracklet takes the place of the one that still waits: it says all that
    the older one would have said. So what waits grows with the people seen, not with time.

    Args:
        capacity: tracklets kept at most; then the oldest is dropped.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """Sightings lost so far because too many waited."""
        return self._dropped

    def put(self, sighting: Sighting, tenure: int) -> None:
        """Adds a sighting."""
        with self._lock:
            before = self._waiting.get(sighting.tracklet)
            newest = fresher(before.sighting if before else None, sighting)
            self._waiting[sighting.tracklet] = Waiting(newest, tenure)
            if len(self._waiting) > self._capacity:
                self._waiting.popitem(last=False)
                self._dropped += 1

    def first(self) -> Waiting | None:
        """What has waited longest; it stays until it is `done`."""
        with self._lock:
            return next(iter(self._waiting.values()), None)

    def done(self, waiting: Waiting) -> None:
        """It has arrived, or never will; a newer one of its tracklet stays."""
        with self._lock:
            tracklet = waiting.sighting.tracklet
            if self._waiting.get(tracklet) is waiting:
                del self._waiting[tracklet]

    def holds(self, camera: str) -> bool:
        """True if something of this camera waits."""
        with self._lock:
            return any(w.sighting.camera == camera for w in self._waiting.values())
