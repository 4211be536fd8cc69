"""Which way is up in a picture whose ground is known: the lens and the place of the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.pinhole import Array

_WIDEST, _LONGEST = 0.2, 10.0  # focal lengths that can be, of the picture's longer side


@dataclass(frozen=True, slots=True)
class Upright:
    """What the ground's homography says about the camera.

    Attributes:
        focal: focal length in pixels.
        column: float64[3], what a metre upwards adds to homogeneous coordinates in the picture,
            in the scale of the homography plan → picture.
        position: float64[3], where the camera is: x and y on the plan, height above it, metres.
    """

    focal: float
    column: Array
    position: Array


def find_upright(
    to_picture: Array, centre: tuple[float, float], longer_side: int
) -> Upright | None:
    """Takes the homography plan → picture apart into lens, rotation and place.

    The two directions of the plan are at right angles and equally long, which tells the focal
    length, unless the camera looks straight down or along one of them too exactly.

    Args:
        to_picture: float64[3, 3], metres → pixels, third coordinate positive before the camera.
        centre: middle (x, y) of the lens in pixels of the picture.
        longer_side: of the whole picture in pixels.

    Returns:
        What is up, or None if no lens that could be explains the homography.
    """
    move = np.array([[1.0, 0.0, -centre[0]], [0.0, 1.0, -centre[1]], [0.0, 0.0, 1.0]])
    east, north, origin = (move @ to_picture).T
    # x·y = 0 and x·x = y·y, with the first two coordinates divided by the focal length
    flat = np.array([east[:2] @ north[:2], east[:2] @ east[:2] - north[:2] @ north[:2]])
    deep = np.array([east[2] * north[2], east[2] ** 2 - north[2] ** 2])
    squared = -float(flat @ deep) / max(float(flat @ flat), 1e-300)
    if squared <= 0 or not _WIDEST < squared**-0.5 / longer_side < _LONGEST:
        return None
    focal = squared**-0.5
    inner = np.diag([focal, focal, 1.0])
    x, y, t = (np.linalg.inv(inner) @ np.column_stack([east, north, origin])).T
    scale = (np.linalg.norm(x) + np.linalg.norm(y)) / 2
    up = np.cross(x, y) / scale
    place = -np.linalg.solve(np.column_stack([x, y, up]), t)
    if place[2] < 0:  # the plan's y runs the other way: up is on the other side
        up, place[2] = -up, -place[2]
    return Upright(focal, np.linalg.inv(move) @ inner @ up, place)
