"""All of a site's tracklets as `Passages`: read whole once, then kept in step with what is decided.

To read a hundred thousand tracklets takes Redis and Python seconds, too long for figures that are
asked for again and again. What is kept of each is a few numbers and its name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.data import DecisionKind, TrackletRecord
from pipeline.store import Store
from pipeline.viewer.passages import Passages

MOST = 200_000
"""Tracklets that are kept, the newest: 40 MB or so."""

_AT_ONCE = 1000
_ROW = np.dtype([("begin", "f8"), ("end", "f8"), ("identity", "i8"), ("camera", "i8")])


class PassageBook:
    """Keeps the passages of a site. Any thread may ask; they take turns.

    Args:
        store: of the site.
        most: how many are kept.
    """

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self._store = store
        self._most = most
        self._lock = threading.Lock()
        self._begin_anew()

    def since(self, begin: float) -> Passages | None:
        """Everybody who was seen at a time or later, as it stands now.

        Args:
            begin: seconds since the epoch.

        Returns:
            At least those whose passage ended then or later; None: not as many are kept.

        Raises:
            StoreError: Redis cannot be reached.
        """
        with self._lock:
            self._follow()
            if begin < self._known_since:
                return None
            return self._passages()

    def _begin_anew(self) -> None:
        self._rows: NDArray[np.void] = np.zeros(0, _ROW)
        self._names: list[str] = []
        self._places: dict[str, int] = {}
        self._open: set[str] = set()
        self._cameras: dict[str, int] = {}
        self._known_since = -np.inf
        self._place: str | None = None

    def _passages(self) -> Passages:
        rows = self._rows[: len(self._names)]
        begin, end, identity, camera = (rows[name].copy() for name in _ROW.names or ())
        return Passages(begin, end, identity, camera, tuple(self._cameras))

    # ── keeping in step ─────────────────────────────────────────────────────────────────────

    def _follow(self) -> None:
        if self._place is None or self._store.browse.missed(self._place):
            self._read_all()
            return
        place, numbers, gone = self._place, set[int](), set[int]()
        while entries := self._store.browse.decisions_after(place, _AT_ONCE):
            place = entries[-1][0]
            for _, decision in entries:
                forgotten = decision.kind is DecisionKind.FORGOTTEN
                (gone if forgotten else numbers).add(decision.identity)
        self._renew(sorted(self._open))  # they grow, of which nobody is told
        for records in self._store.members(numbers).values():
            self._put(records)
        self._remove_people(gone)
        self._remove_expired()
        self._place = place

    def _read_all(self) -> None:
        self._begin_anew()
        place = self._store.last_decision()  # first: what happens meanwhile is read twice
        below = None
        while entries := self._store.browse.tracklets(below=below, count=_AT_ONCE):
            below = entries[-1][0]
            self._put(record for _, record in entries if record is not None)
            if len(self._names) >= self._most:
                self._known_since = below.score
                break
        self._place = place

    def _renew(self, names: list[str]) -> None:
        found = self._store.browse.records(names)
        self._put(found.values())
        self._remove(name for name in names if name not in found)

    def _remove_people(self, numbers: set[int]) -> None:
        if numbers:
            theirs = np.isin(self._rows["identity"][: len(self._names)], sorted(numbers))
            self._remove([self._names[place] for place in np.flatnonzero(theirs)])

    def _remove_expired(self) -> None:
        """Those Redis has let go, and the oldest if there are too many."""
        oldest = self._store.browse.oldest()
        ends = self._rows["end"][: len(self._names)]
        if len(ends) > self._most:
            kept = float(np.partition(ends, -self._most * 9 // 10)[-self._most * 9 // 10])
            self._known_since = oldest = max(oldest, kept)
        self._remove([self._names[place] for place in np.flatnonzero(ends < oldest)])

    # ── the rows ────────────────────────────────────────────────────────────────────────────

    def _put(self, records: Iterable[TrackletRecord]) -> None:
        for record in records:
            if record.end >= self._known_since:
                self._put_one(record)

    def _put_one(self, record: TrackletRecord) -> None:
        name = record.tracklet
        place = self._places.setdefault(name, len(self._names))
        if place == len(self._names):
            self._names.append(name)
            if place == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros(max(1024, place), _ROW)])
        camera = self._cameras.setdefault(record.camera, len(self._cameras))
        self._rows[place] = record.begin, record.end, record.identity, camera
        (self._open.discard if record.closed else self._open.add)(name)

    def _remove(self, names: Iterable[str]) -> None:
        """The last row takes the place of each that goes."""
        for name in names:
            place, last = self._places.pop(name), self._names.pop()
            self._open.discard(name)
            if last != name:
                self._names[place], self._places[last] = last, place
                self._rows[place] = self._rows[len(self._names)]
