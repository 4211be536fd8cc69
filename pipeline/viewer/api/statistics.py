"""/statistics: people now, people per hour and camera, how long they stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from pipeline.data import TrackletRecord
from pipeline.in_view import capture_now, in_view
from pipeline.store import Store
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import unusable
from pipeline.viewer.api.selection import Begin, End, Selection
from pipeline.viewer.messages import Message
from pipeline.viewer.passages import Passages
from pipeline.viewer.statistics import Dwell, Hour, dwell, hours

LONGEST_SECONDS = 31 * 86400.0
"""A time for which figures are asked may be so long."""

_DAY = 86400.0
_AT_ONCE = 1000


class Span:
    """Parameters `from` and `to`: the last day if they are not given."""

    def __init__(self, begin: Begin = None, end: End = None) -> None:
        self._begin = begin
        self._end = end

    def within(self, parts: Parts) -> tuple[float, float]:
        """Begin and end, seconds since the epoch.

        Raises:
            HTTPException: 422, it is too long or ends before it begins.
        """
        now = capture_now(parts.store, parts.cameras)
        end = self._end if self._end is not None else max(now, self._begin or 0.0)
        begin = self._begin if self._begin is not None else end - _DAY
        if not 0.0 <= end - begin <= LONGEST_SECONDS:
            raise unusable("from, to", "a time of 31 days at most, in order", f"{begin}, {end}")
        return begin, end


class Now(Message):
    """Who is in view now."""

    people: int
    cameras: dict[str, int] = Field(description="for each camera that sees anybody")


class StatisticsView(Message):
    """Figures about the people of a time. Times are seconds since the epoch."""

    begin: float
    end: float
    now: Now
    people: int = Field(description="seen within this time, each counted once")
    cameras: dict[str, int] = Field(description="the same by camera")
    hours: list[Hour] = Field(description="by the hours of UTC, in order, the empty ones too")
    stay: Dwell = Field(description="how long people stay in the site")
    stays: dict[str, Dwell] = Field(description="how long they stay in view, by camera")


def router(parts: Parts) -> APIRouter:
    """The routes about figures."""
    routes = APIRouter(tags=["site"])

    @routes.get("/statistics")
    def get_statistics(span: Annotated[Span, Depends()]) -> StatisticsView:
        """How many people, where and for how long: of the last day, or of the time given.

        Tracklets of the last minutes may still come to another person, and figures with them.
        """
        return statistics(parts, *span.within(parts))

    return routes


def statistics(parts: Parts, begin: float, end: float) -> StatisticsView:
    """Figures about the people of a time."""
    passages = passages_within(parts, begin, end)
    stay, stays = dwell(passages)
    return StatisticsView(
        begin=begin,
        end=end,
        now=people_now(parts),
        people=passages.people(),
        cameras=passages.people_by_camera(),
        hours=hours(passages, begin, end),
        stay=stay,
        stays=stays,
    )


def people_now(parts: Parts) -> Now:
    """Who is in view now."""
    seen = in_view(parts.store, parts.cameras)
    return Now(
        people=len(set().union(*seen.values())),
        cameras={camera: len(people) for camera, people in sorted(seen.items())},
    )


def passages_within(parts: Parts, begin: float, end: float) -> Passages:
    """Everybody who was seen in a time, from Redis if it is longer ago than is kept."""
    kept = parts.passages.since(begin)
    if kept is None:
        return Passages.of(tracklets_within(parts.store, Selection(None, begin, end)))
    return kept.within(begin, end)


def tracklets_within(store: Store, selection: Selection) -> Iterator[TrackletRecord]:
    """All tracklets that are meant, those that ended last first."""
    below = None
    while entries := store.browse.tracklets(
        below=below, since=selection.begin, until=selection.latest_end, count=_AT_ONCE
    ):
        yield from (r for _, r in entries if r is not None and selection.holds(r))
        below = entries[-1][0]
