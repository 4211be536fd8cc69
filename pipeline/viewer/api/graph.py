"""/graph: the cameras as places with ways between them, learned and walked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from pipeline.gaps import EDGES, GapHistogram
from pipeline.store import Store
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.statistics import Span, passages_within
from pipeline.viewer.messages import Message
from pipeline.viewer.statistics import Flow, flows

_WHOLE_CAMERA = ">"  # the field of a pair's histogram whatever the zones; see `TransitModel`


class Bin(Message):
    """Transits that took so long; null: the bin is open on that side."""

    begin: float | None = Field(description="seconds")
    end: float | None = Field(description="seconds")
    weight: float = Field(description="how many, by how certain they were; old ones count less")


class TransitView(Message):
    """What the matcher has learned of the time from one camera to another."""

    weight: float = Field(description="how many transits it rests on; old ones count less")
    p10: float = Field(description="a tenth of people take less, seconds")
    median: float = Field(description="seconds; below zero if clocks differ")
    p90: float = Field(description="nine of ten take less, seconds")
    histogram: list[Bin] = Field(description="the bins in which there is anything, in order")


class Way(Message):
    """From one camera to another, or back into the same one."""

    from_camera: str
    to_camera: str
    learned: TransitView | None = Field(description="null: nothing was learned yet")
    flow: Flow | None = Field(description="who went this way in the time; null: nobody")


class GraphView(Message):
    """The cameras and the ways between them."""

    begin: float = Field(description="flows are of this time, seconds since the epoch")
    end: float
    cameras: list[str]
    ways: list[Way] = Field(description="the most walked first")


def router(parts: Parts) -> APIRouter:
    """The routes about the graph of the cameras."""
    routes = APIRouter(tags=["site"])

    @routes.get("/graph")
    def get_graph(span: Annotated[Span, Depends()]) -> GraphView:
        """Which ways people take from camera to camera, and how long they take.

        Transit times are what the matcher has learned so far; flows are counted over the last day
        or the time given.
        """
        begin, end = span.within(parts)
        walked = flows(passages_within(parts, begin, end))
        ways = _ways(_learned(parts.store), walked, set(parts.cameras))
        return GraphView(begin=begin, end=end, cameras=list(parts.cameras), ways=ways)

    return routes


def _ways(
    learned: dict[tuple[str, str], TransitView], walked: Iterable[Flow], cameras: set[str]
) -> list[Way]:
    found = {(flow.from_camera, flow.to_camera): flow for flow in walked}
    pairs = [*found, *sorted(learned.keys() - found.keys())]
    return [
        Way(from_camera=a, to_camera=b, learned=learned.get((a, b)), flow=found.get((a, b)))
        for a, b in pairs
        if {a, b} <= cameras
    ]


def _learned(store: Store) -> dict[tuple[str, str], TransitView]:
    found = {}
    for key, fields in store.learned.get().items():
        one, separator, other = key.partition(">")
        if separator and _WHOLE_CAMERA in fields:
            view = _transit(GapHistogram.from_bytes(fields[_WHOLE_CAMERA]))
            if view is not None:
                found[one, other] = view
    return found


def _transit(histogram: GapHistogram) -> TransitView | None:
    if not histogram.total > 0:
        return None
    bins = [
        Bin(begin=_finite(EDGES[place]), end=_finite(EDGES[place + 1]), weight=float(weight))
        for place, weight in enumerate(histogram.weights)
        if weight > 0
    ]
    p10, median, p90 = map(histogram.quantile, (0.1, 0.5, 0.9))
    return TransitView(weight=histogram.total, p10=p10, median=median, p90=p90, histogram=bins)


def _finite(bound: float) -> float | None:
    return float(bound) if math.isfinite(bound) else None
