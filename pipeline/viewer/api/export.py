"""/export: lists as files, CSV for spreadsheets and JSON for programs, sent as they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.people import Wanted, find_people
from pipeline.viewer.api.selection import Selection
from pipeline.viewer.api.statistics import Span, statistics, tracklets_within
from pipeline.viewer.messages import IdentityView

Row = Mapping[str, object]
Chosen = Annotated[Selection, Depends()]
_TRACKLET: TypeAdapter[TrackletRecord] = TypeAdapter(TrackletRecord)
_BLOCK = 1 << 16  # characters
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CSV: Any = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_JSON: Any = {200: {"content": {"application/json": {"schema": {"type": "array"}}}}}
_PEOPLE = (
    "identity", "name", "first_seen", "last_seen", "first_seen_utc", "last_seen_utc", "cameras",
    "tracklets",
)  # fmt: skip
_TRACKLETS = (
    "tracklet", "identity", "name", "camera", "begin", "end", "begin_utc", "end_utc",
    "confidence", "confirmed", "pinned", "closed", "appearance", "transit", "similarity",
    "closest", "came_from", "gap",
)  # fmt: skip
_HOURS = ("begin", "begin_utc", "camera", "people")


def router(parts: Parts) -> APIRouter:
    """The routes that give files."""
    routes = APIRouter(tags=["export"])

    @routes.get("/export/identities.csv", response_class=Response, responses=_CSV)
    def export_identities_csv(selection: Chosen) -> StreamingResponse:
        """People, most recently seen first, a line each."""
        people = _people(parts, selection)
        return _file("identities.csv", _csv(_PEOPLE, map(_person, people)))

    @routes.get("/export/identities.json", response_class=Response, responses=_JSON)
    def export_identities_json(selection: Chosen) -> StreamingResponse:
        """People, most recently seen first, with their tracklets, as `/identities` shows them."""
        people = _people(parts, selection)
        return _file("identities.json", _json(IdentityView.of(p).model_dump_json() for p in people))

    @routes.get("/export/tracklets.csv", response_class=Response, responses=_CSV)
    def export_tracklets_csv(selection: Chosen) -> StreamingResponse:
        """Tracklets, those that ended last first, a line each."""
        names = parts.store.browse.names()
        records = tracklets_within(parts.store, selection)
        return _file("tracklets.csv", _csv(_TRACKLETS, (_tracklet(r, names) for r in records)))

    @routes.get("/export/tracklets.json", response_class=Response, responses=_JSON)
    def export_tracklets_json(selection: Chosen) -> StreamingResponse:
        """Tracklets, those that ended last first, as `/tracklets` shows them."""
        records = tracklets_within(parts.store, selection)
        return _file("tracklets.json", _json(_TRACKLET.dump_json(r).decode() for r in records))

    @routes.get("/export/statistics.csv", response_class=Response, responses=_CSV)
    def export_statistics_csv(span: Annotated[Span, Depends()]) -> StreamingResponse:
        """Unique people by hour: a line for the site (without a camera) and one per camera."""
        found = statistics(parts, *span.within(parts))
        lines = [
            {"begin": hour.begin, "begin_utc": _utc(hour.begin), "camera": camera, "people": count}
            for hour in found.hours
            for camera, count in [("", hour.people), *hour.cameras.items()]
        ]
        return _file("statistics.csv", _csv(_HOURS, lines))

    @routes.get(
        "/export/statistics.json",
        response_class=Response,
        responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    )
    def export_statistics_json(span: Annotated[Span, Depends()]) -> StreamingResponse:
        """The figures of `/statistics` as a file."""
        found = statistics(parts, *span.within(parts))
        return _file("statistics.json", iter([found.model_dump_json()]))

    return routes


def _people(parts: Parts, selection: Selection) -> Iterator[IdentityRecord]:
    """All who were seen there and then."""
    below = None
    while True:
        people, below = find_people(parts, Wanted(selection), below=below, count=250)
        yield from people
        if below is None:
            return


def _person(person: IdentityRecord) -> Row:
    return {
        "identity": person.identity,
        "name": person.name or "",
        "first_seen": person.first_seen,
        "last_seen": person.last_seen,
        "first_seen_utc": _utc(person.first_seen),
        "last_seen_utc": _utc(person.last_seen),
        "cameras": " ".join(person.cameras),
        "tracklets": len(person.tracklets),
    }


def _tracklet(record: TrackletRecord, names: Mapping[int, str]) -> Row:
    row: dict[str, object] = {name: getattr(record, name, "") for name in _TRACKLETS}
    evidence = record.evidence
    for name in ("appearance", "transit", "similarity", "closest", "came_from", "gap"):
        value = getattr(evidence, name) if evidence else None
        row[name] = "" if value is None else value
    times = {"begin_utc": _utc(record.begin), "end_utc": _utc(record.end)}
    return row | times | {"name": names.get(record.identity, "")}


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Lines of a table, its head first."""
    yield _line(columns)
    for row in rows:
        yield _line([_cell(row[column]) for column in columns])


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: object) -> object:
    """What a spreadsheet will not take for a formula: names are written by anybody."""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return str(value).lower() if isinstance(value, bool) else value


def _json(items: Iterable[str]) -> Iterator[str]:
    """A list whose entries are JSON already."""
    before = "["
    for item in items:
        yield before + item
        before = ",\n"
    yield "[]" if before == "[" else "]"


def _file(name: str, parts: Iterator[str]) -> StreamingResponse:
    # What is read first is read before the answer begins: a Redis that is away is a 503 then.
    blocks = _blocks(parts)
    first = list(islice(blocks, 1))
    kind = "text/csv; charset=utf-8" if name.endswith(".csv") else "application/json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chain(first, blocks), media_type=kind, headers=headers)


def _blocks(parts: Iterable[str]) -> Iterator[str]:
    """The same text in large pieces: each takes the server a turn of its own."""
    waiting: list[str] = []
    length = 0
    for part in parts:
        waiting.append(part)
        length += len(part)
        if length >= _BLOCK:
            yield "".join(waiting)
            waiting, length = [], 0
    yield "".join(waiting)


def _utc(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):  # a camera's clock may be wrong by any amount
        return ""
