"""Which tracklets are meant: of a camera, of a stretch of time."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from pipeline.data import TrackletRecord
from pipeline.store import Store

CameraFilter = Annotated[
    str | None, Query(max_length=64, description="seen by this camera", examples=["west"])
]
Begin = Annotated[
    float | None,
    Query(
        alias="from",
        allow_inf_nan=False,
        description="seen at this time or later, seconds since the epoch",
    ),
]
End = Annotated[
    float | None,
    Query(
        alias="to",
        allow_inf_nan=False,
        description="seen at this time or before, seconds since the epoch",
    ),
]


LONGEST_SECONDS = 86400.0
"""No tracklet lasts longer than a day: how far after `to` one may end that began before it."""

_FEW = 300


class Selection:
    """Parameters that several lists take: `camera`, `from`, `to`."""

    def __init__(self, camera: CameraFilter = None, begin: Begin = None, end: End = None) -> None:
        self.camera = camera
        self.begin = begin
        self.end = end

    def holds(self, record: TrackletRecord) -> bool:
        """True if the tracklet was seen there and then, if only for a moment."""
        if self.camera is not None and record.camera != self.camera:
            return False
        if self.begin is not None and record.end < self.begin:
            return False
        return self.end is None or record.begin <= self.end

    @property
    def everything(self) -> bool:
        """True if nothing is left out."""
        return self.camera is None and self.begin is None and self.end is None

    @property
    def latest_end(self) -> float | None:
        """When those that are meant have ended at the latest."""
        return None if self.end is None else self.end + LONGEST_SECONDS


def few_of(store: Store, selection: Selection) -> list[str] | None:
    """The tracklets that are meant, if they are few; None: all are meant, or many."""
    if selection.everything or selection.begin is None:
        return None
    entries = store.browse.tracklets(since=selection.begin, until=selection.latest_end, count=_FEW)
    if len(entries) == _FEW:
        return None
    return [r.tracklet for _, r in entries if r is not None and selection.holds(r)]
