"""Finding people by when and where they were seen, and by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Query

from pipeline.browse import Mark
from pipeline.data import IdentityRecord
from pipeline.in_view import LIVE_SECONDS, capture_now, is_live
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.selection import Selection

LiveFilter = Annotated[
    bool | None, Query(description="true: in view of a camera now; false: not in view")
]
NameFilter = Annotated[
    str | None,
    Query(max_length=80, description="a part of the name people have given, in either case"),
]

_LOOKED_THROUGH = 5000  # identities for one answer
_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is looked for.

    Attributes:
        selection: where and when they were seen, in one of their tracklets.
        live: in view now, not in view, or None for both.
        name: a part of their name, or None.
    """

    selection: Selection
    live: bool | None = None
    name: str | None = None

    def holds(self, person: IdentityRecord, now: float) -> bool:
        """True if the person is among them, by what was seen."""
        if not any(map(self.selection.holds, person.tracklets)):
            return False
        return self.live is None or self.live == any(is_live(t, now) for t in person.tracklets)


def find_people(
    parts: Parts, wanted: Wanted, *, below: Mark | None = None, count: int = 100
) -> tuple[list[IdentityRecord], Mark | None]:
    """People who are looked for, most recently seen first.

    Args:
        parts: where they are.
        wanted: who is looked for.
        below: where the page before has ended.
        count: how many at most.

    Returns:
        people, and where to go on; None: there is nobody else.
    """
    store = parts.store
    now = capture_now(store, parts.cameras) if wanted.live is not None else 0.0
    found: list[IdentityRecord] = []
    looked = 0
    for marks in _batches(parts, wanted, below, now, min(count, _AT_ONCE)):
        people = {person.identity: person for person in store.people(int(m.name) for m in marks)}
        for mark in marks:
            person = people.get(int(mark.name))
            if person is not None and wanted.holds(person, now):
                found.append(person)
            if len(found) == count:
                return found, mark
        looked += len(marks)
        if looked >= _LOOKED_THROUGH:
            return found, marks[-1]
    return found, None


def _batches(
    parts: Parts, wanted: Wanted, below: Mark | None, now: float, size: int
) -> Iterator[list[Mark]]:
    """Those who may be meant, latest first, some at a time."""
    browse = parts.store.browse
    numbers = _numbers(parts, wanted)
    if numbers is not None:
        marks = [m for m in browse.last_seen(numbers) if below is None or m < below]
        yield from (marks[first : first + size] for first in range(0, len(marks), size))
        return
    since = now - LIVE_SECONDS if wanted.live else wanted.selection.begin
    while marks := browse.identities(below=below, since=since, count=size):
        yield marks
        below, size = marks[-1], _AT_ONCE


def _numbers(parts: Parts, wanted: Wanted) -> list[int] | None:
    """Those who may be meant, where that is quicker to tell than to look through everybody."""
    camera, begin, end = wanted.selection.camera, wanted.selection.begin, wanted.selection.end
    if wanted.name is not None:
        part = wanted.name.casefold()
        named = parts.store.browse.names().items()
        return [number for number, name in named if part in name.casefold()]
    if wanted.live or (camera is None and end is None):
        return None
    kept = parts.passages.since(-math.inf if begin is None else begin)
    if kept is None:
        return None
    numbers: list[int] = np.unique(kept.within(begin, end, camera).identity).tolist()
    many = end is None and len(numbers) > _LOOKED_THROUGH  # then the latest of them are soon found
    return None if many else numbers
