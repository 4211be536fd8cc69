"""Zones found where tracklets begin and end: supervised by nothing but people walking.

The foot points of both are clustered together, for a door is a way in and out. A cluster away from
the border where tracklets end and others begin at once beside them is no door: there people are
lost from sight and found again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.mixture import Mixture, fit_best
from pipeline.data import TrackletRecord
from pipeline.zones import Ellipse, Point, Zone, Zones

Array = npt.NDArray[np.float64]

MOST_POINTS = 2_000
"""Foot points that are clustered at most; more of them are thinned out evenly."""
LEAST_COUNT = 5
"""Foot points that make a zone."""
_LEAST_SHARE = 0.02
_DENSER = 2.0  # times as dense as if people came in anywhere
_DEVIATIONS = 2.0  # an ellipse holds 86 % of its points
_WIDEST_EDGE = 1.0  # second: what begins or ends with the recording did not come in or leave
_BORDER = 0.08  # an ellipse that comes as near reaches the border
_AGAIN_SECONDS, _AGAIN_DISTANCE = 4.0, 0.12


def find_zones(camera: str, tracklets: Sequence[TrackletRecord]) -> list[Zone]:
    """The zones of one camera.

    Args:
        camera: its name.
        tracklets: all of its tracklets, of any identity.
    """
    entries, exits = foot_points(tracklets)
    points = np.array([*entries, *exits], dtype=np.float64).reshape(-1, 2)
    mixture = fit_best(_thinned(np.clip(points, 0.0, 1.0)), least_points=LEAST_COUNT)
    shapes = [_ellipse(mixture, k) for k in range(len(mixture.weights)) if _is_dense(mixture, k)]
    found = [Zone(camera, str(k), shape) for k, shape in enumerate(shapes)]
    used = [zone.shape for zone in counted(found, tracklets) if _is_used(zone, len(points))]
    names = _names([shape.centre for shape in used])
    zones = [Zone(camera, name, shape) for name, shape in zip(names, used, strict=True)]
    return [_judged(zone, Zones.build(zones), tracklets) for zone in counted(zones, tracklets)]


def foot_points(tracklets: Sequence[TrackletRecord]) -> tuple[list[Point], list[Point]]:
    """Where people came in and where they left, without what begins or ends with the recording."""
    if not tracklets:
        return [], []
    first, last = min(t.begin for t in tracklets), max(t.end for t in tracklets)
    entries = [t.entered for t in tracklets if t.begin > first + _WIDEST_EDGE]
    exits = [t.left for t in tracklets if t.closed and t.end < last - _WIDEST_EDGE]
    return entries, exits


def counted(zones: Sequence[Zone], tracklets: Sequence[TrackletRecord]) -> list[Zone]:
    """Zones of one camera with their shares in its entries and exits."""
    by_camera = Zones.build(zones)
    entries, exits = foot_points(tracklets)
    come = Counter(zone.name for p in entries if (zone := _find(by_camera, zones, p)))
    go = Counter(zone.name for p in exits if (zone := _find(by_camera, zones, p)))
    return [
        Zone(
            zone.camera,
            zone.name,
            zone.shape,
            entries=come[zone.name] / max(1, len(entries)),
            exits=go[zone.name] / max(1, len(exits)),
            count=come[zone.name] + go[zone.name],
            lost=zone.lost,
        )
        for zone in zones
    ]


def _find(by_camera: Zones, zones: Sequence[Zone], point: Point) -> Zone | None:
    return by_camera.find(zones[0].camera, point) if zones else None


def _thinned(points: Array) -> Array:
    step = -(-len(points) // MOST_POINTS) or 1
    return points[::step]


def _ellipse(mixture: Mixture, k: int) -> Ellipse:
    values, vectors = np.linalg.eigh(mixture.covariances[k])
    long, short = _DEVIATIONS * np.sqrt(values[::-1])
    x, y = vectors[:, 1]
    angle = float(np.arctan2(y, x)) % np.pi
    centre = float(mixture.means[k, 0]), float(mixture.means[k, 1])
    return Ellipse(centre, (float(long), float(short)), angle)


def _is_dense(mixture: Mixture, k: int) -> bool:
    """False for a cloud over half the picture: that is no place."""
    area = np.pi * _DEVIATIONS**2 * np.sqrt(np.linalg.det(mixture.covariances[k]))
    return bool(mixture.weights[k] / area > _DENSER)


def _is_used(zone: Zone, points: int) -> bool:
    return zone.count >= max(LEAST_COUNT, _LEAST_SHARE * points)


# ── lost here ───────────────────────────────────────────────────────────────────────────────────


def _judged(zone: Zone, zones: Zones, tracklets: Sequence[TrackletRecord]) -> Zone:
    """Says of a zone whether people are only lost from sight there."""
    left = [t for t in tracklets if t.closed and zones.of(zone.camera, t.left) == zone.name]
    lost = not _at_border(zone) and _found_again(left, tracklets) > 0.5
    name = zone.name.replace("middle", "lost") if lost else zone.name
    return Zone(zone.camera, name, zone.shape, zone.entries, zone.exits, zone.count, lost)


def _at_border(zone: Zone) -> bool:
    x, y = zone.shape.centre
    edges = (0.0, y), (1.0, y), (x, 0.0), (x, 1.0)
    return min(zone.shape.distance(edge) for edge in edges) < _BORDER


def _found_again(left: Sequence[TrackletRecord], tracklets: Sequence[TrackletRecord]) -> float:
    """Share of those who left after whom somebody appears at once in about the same place."""
    if not left:
        return 0.0
    begin = np.array([t.begin for t in tracklets])
    entered = np.array([t.entered for t in tracklets])
    names = np.array([t.tracklet for t in tracklets])
    again = 0
    for each in left:
        soon = (begin > each.end - 1.0) & (begin < each.end + _AGAIN_SECONDS)
        near = np.hypot(*(entered - each.left).T) < _AGAIN_DISTANCE
        again += bool((soon & near & (names != each.tracklet)).any())
    return again / len(left)


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def _names(centres: Sequence[Point]) -> list[str]:
    """A name per zone by where it is, numbered from left to right if several are there."""
    places = [_place(centre) for centre in centres]
    names = list(places)
    for place in {place for place in places if places.count(place) > 1}:
        alike = sorted((centres[i], i) for i in range(len(places)) if places[i] == place)
        for number, (_, i) in enumerate(alike, 1):
            names[i] = f"{place}-{number}"
    return names


def _place(centre: Point) -> str:
    x, y = centre
    across = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    down = "top" if y < 0.4 else "bottom" if y > 0.85 else ""
    return "-".join(filter(None, (down, across))) or "middle"
