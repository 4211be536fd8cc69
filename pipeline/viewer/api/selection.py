"""Which tracklets are meant: of a camera, of a stretch of time."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from pipeline.data import TrackletRecord

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
