"""Feet: where somebody stood, and how they walked, when they came and when they left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BORDER = 2.0
"""Pixels; a box that comes this near to the border of the picture is cut off by it."""

_STRETCH = 1.0  # seconds at either end of a tracklet from which its velocity is taken
_SHORTEST = 0.3  # seconds; in less, boxes waver more than people move
_FEWEST = 3  # foot points a velocity rests on
_MOST = 16  # foot points looked at, evenly spread; at 30 frames a second all say no more


@dataclass(frozen=True, slots=True)
class Foot:
    """Where somebody stood in one picture.

    Attributes:
        time: capture time, seconds since the epoch.
        point: middle of the box's lower edge, as fractions of the picture.
        cut: True if a border, but for the upper, cuts the box off: the feet are elsewhere.
    """

    time: float
    point: tuple[float, float]
    cut: bool

    @classmethod
    def of(cls, time: float, size: tuple[int, int], box: NDArray[np.floating]) -> Foot:
        """The foot point of a box in a picture of this width and height."""
        return cls(time, foot_point(size, box), cut=any(_borders(size, box)[1:]))


class Feet:
    """The foot points at both ends of a tracklet, as many as the ends are judged by."""

    def __init__(self) -> None:
        self._first: list[Foot] = []
        self._last: deque[Foot] = deque()

    def take(self, foot: Foot) -> None:
        """Takes the newest foot point."""
        if not self._first or foot.time - self._first[0].time <= _STRETCH:
            self._first.append(foot)
        self._last.append(foot)
        while foot.time - self._last[0].time > _STRETCH:
            self._last.popleft()

    def take_earlier(self, foot: Foot) -> None:
        """Takes a foot point of which it was found out only now that it belongs here."""
        feet = sorted([foot, *self._first], key=lambda each: each.time)
        self._first = [each for each in feet if each.time - feet[0].time <= _STRETCH]

    def parted(self, moment: float, known: Iterable[Foot]) -> tuple[Feet, Feet]:
        """Those until a moment, and those after it.

        Args:
            moment: between the first and the last foot point.
            known: foot points in between, which are not kept here.
        """
        every = {foot.time: foot for foot in (*self._first, *known, *self._last)}
        before, after = Feet(), Feet()
        for time in sorted(every):
            (before if time <= moment else after).take(every[time])
        return before, after

    @property
    def entered(self) -> tuple[float, float]:
        """The first foot point: of the first whole box, if there is one within a second."""
        return next((foot for foot in self._first if not foot.cut), self._first[0]).point

    @property
    def left(self) -> tuple[float, float]:
        """The last foot point: of the last whole box, if there is one within a second."""
        return next((foot for foot in reversed(self._last) if not foot.cut), self._last[-1]).point

    @property
    def entering(self) -> tuple[float, float]:
        """Velocity in the first second, fractions of the picture per second; see `velocity`."""
        return velocity(self._first)

    @property
    def leaving(self) -> tuple[float, float]:
        """Velocity in the last second, fractions of the picture per second; see `velocity`."""
        return velocity(list(self._last))


def velocity(feet: list[Foot]) -> tuple[float, float]:
    """How fast somebody walked: the median slope between any two foot points (Theil and Sen).

    A few boxes that are far off do not move it. Boxes the border cuts are left out if the others
    suffice: their feet move slower than the person.

    Returns:
        (vx, vy) in fractions of the picture per second; (0, 0) if there is too little to go by.
    """
    whole = [foot for foot in feet if not foot.cut]
    used = whole if _suffices(whole) else feet
    if not _suffices(used):
        return 0.0, 0.0
    used = used[:: -(-len(used) // _MOST)]
    times = np.array([foot.time for foot in used])
    points = np.array([foot.point for foot in used])
    earlier, later = np.triu_indices(len(used), 1)
    apart = times[later] - times[earlier]
    far = apart >= apart.max() / 3  # neighbours in time tell more of wavering than of walking
    slopes = (points[later] - points[earlier])[far] / apart[far, None]
    vx, vy = np.median(slopes, axis=0)
    return float(vx), float(vy)


def foot_point(size: tuple[int, int], box: NDArray[np.floating]) -> tuple[float, float]:
    """Middle of a box's lower edge, as fractions of a picture of this width and height."""
    width, height = size
    return float(box[0] + box[2]) / 2 / width, float(box[3]) / height


def is_cut(size: tuple[int, int], box: NDArray[np.floating]) -> bool:
    """True if a border of a picture of this width and height cuts the box off."""
    return any(_borders(size, box))


def _borders(size: tuple[int, int], box: NDArray[np.floating]) -> tuple[bool, bool, bool, bool]:
    """Whether the upper, left, right and lower border cut a box off."""
    width, height = size
    left, top, right, bottom = box
    return (
        bool(top < BORDER),
        bool(left < BORDER),
        bool(right > width - BORDER),
        bool(bottom > height - BORDER),
    )


def _suffices(feet: list[Foot]) -> bool:
    return len(feet) >= _FEWEST and feet[-1].time - feet[0].time >= _SHORTEST
