"""What a camera sees of the plan. Needs numpy alone: the running system imports it."""

from __future__ import annotations

import numpy as np

from calibration.pinhole import Array
from calibration.plane import Ground

VAGUE = 2.0
"""Metres of error at which a field of view ends."""


def field_of_view(ground: Ground, *, vague: float = VAGUE, columns: int = 61) -> Array:
    """The outline float64[n, 2] on the plan of what is seen with an error below `vague` metres.

    Args:
        ground: the camera's.
        vague: metres.
        columns: how finely it is drawn: so many points near the camera, and as many far from it.
    """
    x, y = np.linspace(0, 1, columns), np.linspace(1, 0, 400)
    near, far = [], []
    for column in [np.column_stack([np.full(len(y), each), y]) for each in x]:
        good = np.nan_to_num(ground.error(column), nan=np.inf) < vague
        if good.any():
            near.append(column[good.argmax()])
            far.append(column[len(good) - 1 - good[::-1].argmax()])
    return ground.to_plan(np.array(near + far[::-1]).reshape(-1, 2))


def standpoint(ground: Ground) -> tuple[float, float] | None:
    """Where on the plan the camera stands, as far as its ground tells what is up.

    What stands upright points at the place below the camera, wherever it stands: the vanishing
    point of what is up is the picture of that place.
    """
    if ground.upright is None:
        return None
    x, y, depth = np.array(ground.homography) @ np.array(ground.upright[0])
    return None if abs(depth) < 1e-12 else (float(x / depth), float(y / depth))
