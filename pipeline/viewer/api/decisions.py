"""/decisions: who was taken for whom, as it was decided."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

from fastapi import APIRouter, Query

from pipeline.data import Decision, DecisionKind
from pipeline.store import Store
from pipeline.viewer.api.paging import Count, Page
from pipeline.viewer.api.parts import Parts

ENTRY = r"^[0-9]{1,19}-[0-9]{1,19}$"
"""What the id of an entry of a stream looks like."""

After = Annotated[
    str | None,
    Query(
        pattern=ENTRY,
        description="only what came after this one, oldest first: to follow what is decided",
        examples=["1245931200000-0"],
    ),
]
KindFilter = Annotated[DecisionKind | None, Query(description="only decisions of this kind")]
EntryCursor = Annotated[
    str | None, Query(pattern=ENTRY, description="`next` of the page before; none: the first page")
]

_LOOKED_THROUGH = 10_000  # decisions for one answer


@dataclass(frozen=True, slots=True)
class DecisionEntry(Decision):
    """A decision and its place in the order of all."""

    id: str = ""

    @classmethod
    def of(cls, entry: str, decision: Decision) -> DecisionEntry:
        """The entry of a decision."""
        return cls(**{f.name: getattr(decision, f.name) for f in fields(decision)}, id=entry)


def router(parts: Parts) -> APIRouter:
    """The routes about decisions."""
    routes = APIRouter(tags=["decisions"])

    @routes.get("/decisions")
    def list_decisions(
        after: After = None,
        kind: KindFilter = None,
        count: Count = 100,
        cursor: EntryCursor = None,
    ) -> Page[DecisionEntry]:
        """What was decided, newest first; with `after` what came after it, oldest first.

        Decisions that leave a tracklet where it is are not told. Old ones are dropped, see
        `retention.events`.
        """
        return _find(parts.store, after, kind, count, cursor)

    return routes


def _find(
    store: Store, after: str | None, kind: DecisionKind | None, count: int, cursor: str | None
) -> Page[DecisionEntry]:
    read = store.browse.decisions_before if after is None else store.browse.decisions_after
    place = cursor or after or ""
    found: list[DecisionEntry] = []
    for _ in range(0, _LOOKED_THROUGH, 1000):
        entries = read(place, 1000)
        for entry, decision in entries:
            place = entry
            if kind is None or decision.kind is kind:
                found.append(DecisionEntry.of(entry, decision))
            if len(found) == count:
                return Page(items=found, next=entry)
        if len(entries) < 1000:
            return Page(items=found, next=None)
    return Page(items=found, next=place)
