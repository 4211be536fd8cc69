"""Real people for the tests of the page: cut out of the sample clip, seen by a site."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data import Decision, DecisionKind, Evidence, Sighting
from pipeline.store import Settled, Store

_INDEX = 199
BOXES = (
    (221, 188, 257, 270),
    (83, 153, 120, 219),
    (671, 103, 694, 159),
    (491, 140, 517, 209),
    (695, 249, 741, 355),
)
"""Left, top, right, bottom of the people in `picture_of` the clip, the clearest first."""


def picture_of(clip: Path) -> NDArray[np.uint8]:
    """A picture of the clip, with five people in it."""
    video = cv2.VideoCapture(str(clip))
    for _ in range(_INDEX + 1):
        _, picture = video.read()
    return np.asarray(picture, np.uint8)


def cut_out(clip: Path) -> list[bytes]:
    """JPEGs of the people in `picture_of` the clip."""
    picture = picture_of(clip)
    crops = [picture[top:bottom, left:right] for left, top, right, bottom in BOXES]
    return [cv2.imencode(".jpg", crop)[1].tobytes() for crop in crops]


def meet(
    store: Store,
    tracklet: str,
    identity: int,
    picture: bytes,
    *,
    begin: float,
    seconds: float = 8.0,
    evidence: Evidence | None = None,
    closed: bool = True,
    look: NDArray[np.float32] | None = None,
) -> None:
    """Somebody is seen by a camera.

    Args:
        tracklet: its id, which begins with the camera's name: `west-1`.
        picture: a JPEG of them.
        begin: capture time, seconds since the epoch.
        look: their embedding; None: one that only this identity has.
    """
    camera, end = tracklet.split("-")[0], begin + seconds
    embedding = np.eye(1, 64, identity % 64, dtype=np.float32)[0] if look is None else look
    feet = ((0.1, 0.9), (0.8, 0.9))
    sighting = Sighting(tracklet, camera, begin, end, embedding, 6, 0.9, closed, *feet, picture)
    why, kind = evidence or Evidence(), DecisionKind.NEW
    decision = Decision(tracklet, camera, identity, kind, 0.93, why, time=end, confirmed=closed)
    store.record([Settled(sighting, decision, store.tracklet(tracklet))])
