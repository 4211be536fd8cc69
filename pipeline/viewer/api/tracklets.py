"""/tracklets: every stretch of time somebody was seen in one camera, and why they are who."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from pipeline.browse import Mark
from pipeline.data import TrackletRecord
from pipeline.store import Store
from pipeline.viewer.api.paging import Count, Cursor, Page, decode, encode
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import NOT_FOUND, not_found
from pipeline.viewer.api.selection import Selection
from pipeline.viewer.messages import Message

_LOOKED_THROUGH = 10_000  # tracklets for one answer
_AT_ONCE = 500

IdentityFilter = Annotated[
    int | None, Query(ge=1, le=2**63 - 1, description="those of this person")
]


class AttentionView(Message):
    """Where each part of the network looks in a tracklet's picture."""

    crop: str = Field(description="address of the picture")
    rows: int
    columns: int
    parts: list[list[float]] = Field(
        description="for each part its weights, row by row from the upper left; they sum to 1"
    )


class TrackletView(Message):
    """A tracklet, and the tracklets that its identity rests on, as they are now."""

    tracklet: TrackletRecord
    closest: TrackletRecord | None = Field(
        description="the person's tracklet that looks most like it (`evidence.similarity`)"
    )
    came_from: TrackletRecord | None = Field(
        description="where the person was seen last before (`evidence.gap` seconds)"
    )

    @classmethod
    def of(cls, store: Store, record: TrackletRecord) -> TrackletView:
        """The view of a record; what its evidence names is looked up."""
        evidence = record.evidence
        names = [evidence.closest, evidence.came_from] if evidence else [None, None]
        found = store.gallery.records({name for name in names if name})
        still_theirs = {n: r for n, r in found.items() if r.identity == record.identity}
        closest, came_from = (still_theirs.get(name or "") for name in names)
        return cls(tracklet=record, closest=closest, came_from=came_from)


def router(parts: Parts) -> APIRouter:
    """The routes about tracklets."""
    routes = APIRouter(tags=["tracklets"])

    @routes.get("/tracklets")
    def list_tracklets(
        selection: Annotated[Selection, Depends()],
        identity: IdentityFilter = None,
        count: Count = 100,
        cursor: Cursor = None,
    ) -> Page[TrackletRecord]:
        """Tracklets, those that ended last first."""
        below = decode(cursor)
        find = _find if identity is None else _find_of_one
        items, mark = find(parts.store, selection, identity, below, count)
        return Page(items=items, next=encode(mark))

    @routes.get("/tracklets/{tracklet}", responses=NOT_FOUND)
    def get_tracklet(tracklet: str) -> TrackletView:
        """One tracklet, and why it belongs to its person."""
        record = parts.store.tracklet(tracklet)
        if record is None:
            raise not_found("the id of a known tracklet", tracklet)
        return TrackletView.of(parts.store, record)

    @routes.get("/tracklets/{tracklet}/attention", responses=NOT_FOUND)
    def get_attention(tracklet: str) -> AttentionView:
        """Where the network looks in the picture of a tracklet, by the network itself.

        The picture is stretched to the network's input, so the maps lie over all of it.
        """
        maps = parts.search.attention(tracklet)
        if maps is None:
            raise not_found("a tracklet whose picture is kept", tracklet)
        _, rows, columns = maps.shape
        return AttentionView(
            crop=f"/api/v1/crops/{quote(tracklet, safe='')}.jpg",
            rows=rows,
            columns=columns,
            parts=[[round(float(weight), 6) for weight in part.ravel()] for part in maps],
        )

    return routes


Found = tuple[list[TrackletRecord], Mark | None]


def _find(
    store: Store, selection: Selection, identity: int | None, below: Mark | None, count: int
) -> Found:
    """Those of everybody."""
    found: list[TrackletRecord] = []
    looked = 0
    while looked < _LOOKED_THROUGH:
        entries = store.browse.tracklets(
            below=below,
            since=selection.begin,
            until=selection.latest_end,
            count=max(count, _AT_ONCE),
        )
        if not entries:
            return found, None
        for mark, record in entries:
            below = mark
            if record is not None and selection.holds(record):
                found.append(record)
            if len(found) == count:
                return found, mark
        looked += len(entries)
    return found, below


def _find_of_one(
    store: Store, selection: Selection, identity: int | None, below: Mark | None, count: int
) -> Found:
    """Those of one person."""
    person = store.identity(identity) if identity else None
    records = [r for r in (person.tracklets if person else ()) if selection.holds(r)]
    marked = sorted(((Mark(r.end, r.tracklet), r) for r in records), key=_place, reverse=True)
    left = [(mark, record) for mark, record in marked if below is None or mark < below]
    last = left[count - 1][0] if len(left) > count else None
    return [record for _, record in left[:count]], last


def _place(entry: tuple[Mark, TrackletRecord]) -> Mark:
    return entry[0]
