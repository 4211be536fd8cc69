"""Records of tracklets as they were read, so that they need not be read again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable

from pipeline.data import TrackletRecord
from pipeline.wire import tracklet_of, unpack_record

_BELIEVED_SECONDS = 10.0  # at least, at most twice as long


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


class TrustedRecords:
    """Records of tracklets that the matcher in charge believes to be as they were.

    Nobody but itself writes records, except people who correct something, of which it hears before
    it decides. Whoever is not in charge believes nothing.

    Args:
        read: reads records from Redis; those of tracklets that are gone are left out.

    Attributes:
        in_charge: that what was read may be believed for some seconds.
    """

    def __init__(self, read: Callable[[Iterable[str]], dict[str, TrackletRecord]]) -> None:
        self.in_charge = False
        self._read = read
        self._young: dict[str, TrackletRecord] = {}
        self._old: dict[str, TrackletRecord] = {}
        self._turned = time.monotonic()

    def get(self, tracklets: Collection[str]) -> dict[str, TrackletRecord]:
        """The records of some tracklets, as far as there are any."""
        if not self.in_charge:
            return self._read(tracklets)
        now = time.monotonic()
        if now - self._turned > _BELIEVED_SECONDS:
            self._old, self._young, self._turned = self._young, {}, now
        young, old = self._young, self._old
        found = {n: r for n in tracklets if (r := young.get(n) or old.get(n)) is not None}
        missing = [name for name in tracklets if name not in found]
        if missing:
            read = self._read(missing)
            young |= read
            found |= read
        return found

    def drop(self, tracklets: Iterable[str]) -> None:
        """Reads these anew when they are asked for."""
        for name in tracklets:
            self._young.pop(name, None)
            self._old.pop(name, None)

    def clear(self) -> None:
        """Reads all of them anew."""
        self._young, self._old = {}, {}
