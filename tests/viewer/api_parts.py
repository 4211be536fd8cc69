"""A small site whose people the tests of the REST interface ask about."""

from __future__ import annotations

import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from viewer_parts import NOON, make_site

from calibration.plane import Ground, write_ground
from pipeline.config import CameraSettings, Site
from pipeline.data import Decision, DecisionKind, Evidence, Sighting
from pipeline.store import Settled, Store
from pipeline.viewer.looking import Looker


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
    store.record([Settled(sighting, decision, store.tracklet(tracklet))])


def crop(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = box.astype(int)
    return picture[y1:y2, x1:x2]


def remember(
    store: Store,
    looker: Looker,
    tracklet: str,
    identity: int,
    picture: NDArray[np.uint8],
    *,
    closed: bool = True,
    evidence: Evidence | None = None,
) -> None:
    """A tracklet of a real person, as a node and the matcher would have written it."""
    _, jpeg = cv2.imencode(".jpg", picture)
    camera, number = tracklet.split("-")
    begin = NOON + 60 * int(number)
    look = looker.embed(picture)
    sighting = Sighting(
        tracklet, camera, begin, begin + 8, look, 1, 0.9, closed, (0, 0), (1, 1), jpeg.tobytes()
    )
    kind = DecisionKind.MATCHED if evidence else DecisionKind.NEW
    decision = Decision(
        tracklet, camera, identity, kind, 0.9, evidence or Evidence(), time=begin + 8
    )
    store.record([Settled(sighting, decision)])


def populate(store: Store, looker: Looker, picture: NDArray[np.uint8]) -> None:
    """Everybody in the picture is somebody the site knows; who is second is still there."""
    store.gallery.begin(looker.network)
    boxes, _ = looker.people(picture)
    for index, box in enumerate(boxes[:4]):
        name = f"{'east' if index == 3 else 'west'}-{index}"
        remember(store, looker, name, index + 1, crop(picture, box), closed=index != 1)


def ground(camera: str, x: float = 4, y: float = 7, heading: float = 90) -> Ground:
    """A camera 3 m above a place, that looks down at 45°; heading 90 is east on the plan."""
    focal, tilt = 1.0, np.radians(45)
    down, along = (
        np.array([0, np.cos(tilt), np.sin(tilt)]),
        np.array([0, -np.sin(tilt), np.cos(tilt)]),
    )
    right = np.array([1.0, 0, 0])
    to_camera = np.column_stack([right, along, 3 * down])  # plan (x, y, 1) → camera
    picture = np.array([[focal, 0, 0.5], [0, focal, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(picture @ to_camera)
    norm = np.linalg.norm(matrix)
    upright = picture @ -down * norm
    made = Ground(
        camera=camera, picture=(100, 100), method="points", made=datetime.date(2026, 1, 1),
        homography=(matrix / norm).tolist(), covariance=np.zeros((9, 9)).tolist(),
        upright=[upright.tolist()],
    )  # fmt: skip
    return made.placed_at(x, y, heading)


def with_floor(folder: Path) -> Site:
    """The site of `make_site` whose cameras face each other over 14 m of floor."""
    cameras = {}
    for name, x, heading in (("west", 0.0, 90.0), ("east", 14.0, 270.0)):
        write_ground(ground(name, x, 5.0, heading), folder / f"{name}.yaml")
        cameras[name] = CameraSettings(source="rtsp://x", ground=folder / f"{name}.yaml")
    return make_site().model_copy(update={"cameras": cameras})
