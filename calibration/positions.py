"""Where everybody's feet were, in metres on the plan, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.pinhole import Array
from calibration.plane import Ground
from pipeline.mot import Table


@dataclass(frozen=True, slots=True)
class Positions:
    """Where a camera's people stood: the rows of a `Table`, on the plan.

    Attributes:
        frame: int64[n], number of the picture, from 1.
        identity: int64[n].
        place: float64[n, 2], metres on the plan; NaN above the horizon.
        error: float64[n], standard deviation in metres.
    """

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    place: Array
    error: Array


def positions(table: Table, ground: Ground) -> Positions:
    """Puts the feet of everybody in a table on the plan."""
    width, height = ground.picture
    middle = (table.xyxy[:, 0] + table.xyxy[:, 2]) / 2
    feet = np.column_stack([middle / width, table.xyxy[:, 3] / height])
    return Positions(table.frame, table.identity, ground.to_plan(feet), ground.error(feet))


def write_positions(found: Positions, path: Path) -> None:
    """Writes `frame,identity,x,y,error`, metres; places above the horizon are left out."""
    rows = zip(found.frame, found.identity, found.place, found.error, strict=True)
    lines = [
        f"{frame},{identity},{x:.3f},{y:.3f},{error:.3f}\n"
        for frame, identity, (x, y), error in rows
        if np.isfinite(error)
    ]
    path.write_text("frame,identity,x,y,error\n" + "".join(lines), encoding="ascii", newline="\n")
