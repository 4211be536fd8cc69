"""Records of tracklets as they were read, so that they need not be read again."""

from __future__ import annotations

import threading

from pipeline.data import TrackletRecord
from pipeline.wire import tracklet_of, unpack_record


class KnownRecords:
    """Records as they were read: most come again with the next sighting.

    Of each tracklet the newest alone is kept: those that grow are written once a second, and would
    fill any memory. What is not read between two turns is forgotten: people come and go all day.
    Any thread may read.

    Args:
        most: tracklets that are known at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[bytes, tuple[bytes, TrackletRecord]] = {}
        self._old: dict[bytes, tuple[bytes, TrackletRecord]] = {}
        self._lock = threading.Lock()

    def read(self, text: bytes) -> TrackletRecord:
        """The record that a text says."""
        name = tracklet_of(text)
        known = self._young.get(name)
        if known is not None and known[0] == text:
            return known[1]
        known = self._old.get(name)
        record = known[1] if known is not None and known[0] == text else unpack_record(text)
        with self._lock:
            self._young[name] = text, record
            full = len(self._young) > self._most // 2
        if full:
            self.turn()
        return record

    def turn(self) -> None:
        """Forgets what was not read since the last turn."""
        with self._lock:
            self._old, self._young = self._young, {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
