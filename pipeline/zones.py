"""Zones: the parts of a camera's picture where people come in and leave. Pure geometry."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]
"""x and y in fractions of the picture, from its upper left corner."""

REACH = 0.06
"""A foot point so far from a zone, in fractions of the picture, still belongs to it."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse.

    Attributes:
        centre: its centre.
        axes: its two half axes, fractions of the picture.
        angle: from the x axis to the first half axis, clockwise as seen, in radians.
    """

    centre: Point
    axes: tuple[float, float]
    angle: float = 0.0

    def distance(self, point: Point) -> float:
        """From its edge, along the line to its centre; 0 inside."""
        x, y = point[0] - self.centre[0], point[1] - self.centre[1]
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        along, across = x * cosine + y * sine, y * cosine - x * sine
        radius = math.hypot(along / self.axes[0], across / self.axes[1])
        return 0.0 if radius <= 1 else math.hypot(x, y) * (1 - 1 / radius)


@dataclass(frozen=True, slots=True)
class Polygon:
    """A polygon.

    Attributes:
        points: its corners in order, three at least.
    """

    points: tuple[Point, ...]

    @property
    def centre(self) -> Point:
        """Mean of its corners."""
        n = len(self.points)
        return sum(x for x, _ in self.points) / n, sum(y for _, y in self.points) / n

    def distance(self, point: Point) -> float:
        """From its edge; 0 inside."""
        sides = list(zip(self.points, (*self.points[1:], self.points[0]), strict=True))
        if sum(_is_left_of(point, a, b) for a, b in sides) % 2:
            return 0.0
        return min(_distance_to_side(point, a, b) for a, b in sides)


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a picture where people come in or leave.

    Attributes:
        camera: name of the camera.
        name: unique in the camera.
        shape: where it is.
        entries, exits: share of the camera's tracklets that begin or end in it.
        count: how many of both were seen.
        lost: not a way in or out: people are lost from sight here and found again.
    """

    camera: str
    name: str
    shape: Ellipse | Polygon
    entries: float = 0.0
    exits: float = 0.0
    count: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of a site.

    Attributes:
        by_camera: camera → its zones.
    """

    by_camera: Mapping[str, Sequence[Zone]] = field(default_factory=dict)

    @classmethod
    def build(cls, zones: Iterable[Zone]) -> Zones:
        """Sorts zones by camera."""
        by_camera: dict[str, list[Zone]] = {}
        for zone in zones:
            by_camera.setdefault(zone.camera, []).append(zone)
        return cls(by_camera)

    def of(self, camera: str, point: Point) -> str:
        """Name of the zone a foot point belongs to, "" if it is in none or none are known."""
        zone = self.find(camera, point)
        return zone.name if zone is not None else ""

    def find(self, camera: str, point: Point, *, reach: float = REACH) -> Zone | None:
        """The nearest zone within reach; of several around the point the nearest centre counts."""
        zones = self.by_camera.get(camera, ())
        near = [(zone.shape.distance(point), zone) for zone in zones]
        within = [(d, math.dist(zone.shape.centre, point), zone) for d, zone in near if d <= reach]
        return min(within, key=lambda each: each[:2])[2] if within else None


def _is_left_of(point: Point, a: Point, b: Point) -> bool:
    """True if a ray from the point to the right crosses a side."""
    if (a[1] > point[1]) == (b[1] > point[1]):
        return False
    return point[0] < a[0] + (b[0] - a[0]) * (point[1] - a[1]) / (b[1] - a[1])


def _distance_to_side(point: Point, a: Point, b: Point) -> float:
    x, y = b[0] - a[0], b[1] - a[1]
    length = x * x + y * y
    along = ((point[0] - a[0]) * x + (point[1] - a[1]) * y) / length if length else 0.0
    share = min(max(along, 0.0), 1.0)
    return math.dist(point, (a[0] + share * x, a[1] + share * y))
