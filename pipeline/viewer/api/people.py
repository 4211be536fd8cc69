"""Finding people by when and where they were seen, and by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from pipeline.browse import Mark
from pipeline.data import IdentityRecord
from pipeline.in_view import LIVE_SECONDS, capture_now, is_live
from pipeline.store import Store
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
    store: Store,
    cameras: Sequence[str],
    wanted: Wanted,
    *,
    below: Mark | None = None,
    count: int = 100,
) -> tuple[list[IdentityRecord], Mark | None]:
    """People who are looked for, most recently seen first.

    Args:
        store: where they are.
        cameras: the site's cameras.
        wanted: who is looked for.
        below: where the page before has ended.
        count: how many at most.

    Returns:
        people, and where to go on; None: there is nobody else.
    """
    now = capture_now(store, cameras) if wanted.live is not None else 0.0
    found: list[IdentityRecord] = []
    looked = 0
    for marks in _batches(store, wanted, below, now, min(count, _AT_ONCE)):
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
    store: Store, wanted: Wanted, below: Mark | None, now: float, size: int
) -> Iterator[list[Mark]]:
    """Those who may be meant, latest first, some at a time."""
    if wanted.name is not None:
        part = wanted.name.casefold()
        named = [n for n, name in store.browse.names().items() if part in name.casefold()]
        marks = [m for m in store.browse.last_seen(named) if below is None or m < below]
        yield from (marks[first : first + size] for first in range(0, len(marks), size))
        return
    since = now - LIVE_SECONDS if wanted.live else wanted.selection.begin
    while marks := store.browse.identities(below=below, since=since, count=size):
        yield marks
        below, size = marks[-1], _AT_ONCE
