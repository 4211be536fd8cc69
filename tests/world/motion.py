"""From ways to poses: where somebody looks, and how far their legs have carried them."""

from __future__ import annotations

import numpy as np

from .bodies import Pose
from .plan import Floats

_AROUND = 0.3  # seconds before and after over which a turn is spread


class Motion:
    """One person on one way.

    Args:
        times: float64[k], when they are at each knot.
        places: float64[k, 2], metres on the plan.
    """

    def __init__(self, times: Floats, places: Floats) -> None:
        steps = np.diff(places, axis=0)
        lengths = np.linalg.norm(steps, axis=1)
        self._times = times
        self._places = places
        self._walked = np.concatenate([[0.0], np.cumsum(lengths)])
        angles = np.where(lengths > 1e-6, np.arctan2(steps[:, 1], steps[:, 0]), np.nan)
        moving = np.maximum.accumulate(np.where(np.isnan(angles), 0, np.arange(len(angles))))
        self._headings = np.nan_to_num(angles[moving])

    @property
    def begin(self) -> float:
        """When it begins."""
        return float(self._times[0])

    @property
    def end(self) -> float:
        """When it is over."""
        return float(self._times[-1])

    def pose(self, time: float) -> Pose:
        """How the person is at some time between."""
        before, now, after = (self._place(time + shift) for shift in (-_AROUND, 0.0, _AROUND))
        way = after - before
        leg = int(
            np.clip(np.searchsorted(self._times, time, "right") - 1, 0, len(self._headings) - 1)
        )
        moved = float(np.linalg.norm(way))
        heading = float(np.arctan2(way[1], way[0])) if moved > 0.05 else self._headings[leg]
        return Pose(
            place=(float(now[0]), float(now[1])),
            heading=float(heading),
            walked=float(np.interp(time, self._times, self._walked)),
            speed=moved / (2 * _AROUND),
        )

    def _place(self, time: float) -> Floats:
        return np.array([np.interp(time, self._times, self._places[:, axis]) for axis in (0, 1)])
