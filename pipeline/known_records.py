"""Records of tracklets as they were read, so that they need not be read again."""

from __future__ import annotations

import threading

from pipeline.data import TrackletRecord
from pipeline.wire import tracklet_of, unpack_record


class KnownRecords:
    """Records by the texts that say them: most come again with the next sighting.

    Of each tracklet the newest alone is kept: those that grow are written once a second, and would
    fill any memory. What is not read between two turns is forgotten: people come and go all day.
    Any thread may read.

    Args:
        most: tracklets that are known at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[bytes, TrackletRecord] = {}
        self._old: dict[bytes, TrackletRecord] = {}
        self._texts: dict[bytes, bytes] = {}  # tracklet → its newest text, of those in `_young`
        self._lock = threading.Lock()

    def read(self, text: bytes) -> TrackletRecord:
        """The record that a text says."""
        return self._young.get(text) or self._take(text)

    def turn(self) -> None:
        """Forgets what was not read since the last turn."""
        with self._lock:
            self._old, self._young, self._texts = self._young, {}, {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def _take(self, text: bytes) -> TrackletRecord:
        record = self._old.get(text) or unpack_record(text)
        with self._lock:
            name = tracklet_of(text)
            before = self._texts.get(name)
            if before is not None:
                self._young.pop(before, None)
                self._old.pop(before, None)
            self._young[text] = record
            self._texts[name] = text
            full = len(self._young) > self._most // 2
        if full:
            self.turn()
        return record
