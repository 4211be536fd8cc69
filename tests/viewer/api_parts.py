"""A small site whose people the tests of the REST interface ask about."""

from __future__ import annotations

import cv2
import numpy as np
from viewer_parts import NOON

from pipeline.data import Decision, DecisionKind, Evidence, Sighting
from pipeline.store import Store


def jpeg() -> bytes:
    """A grey picture of a person's proportions."""
    _, picture = cv2.imencode(".jpg", np.full((64, 32, 3), 128, dtype=np.uint8))
    return picture.tobytes()


def walk_by(
    store: Store,
    tracklet: str,
    identity: int,
    *,
    begin: float = 0.0,
    seconds: float = 8.0,
    evidence: Evidence | None = None,
    closed: bool = True,
    kind: DecisionKind = DecisionKind.NEW,
    looks: int = 0,
) -> None:
    """Somebody walks by a camera.

    Args:
        tracklet: its id, which begins with the camera's name: `west-1`.
        begin: seconds after noon.
        looks: people of the same looks look the same.
    """
    camera, end = tracklet.split("-")[0], NOON + begin + seconds
    embedding = np.eye(1, 64, looks % 64, dtype=np.float32)[0]
    feet = ((0.1, 0.9), (0.8, 0.9))
    sighting = Sighting(
        tracklet, camera, NOON + begin, end, embedding, 6, 0.9, closed, *feet, jpeg()
    )
    decision = Decision(
        tracklet, camera, identity, kind, 0.93, evidence or Evidence(), time=end, confirmed=closed
    )
    store.record(sighting, decision, previous=store.tracklet(tracklet))
