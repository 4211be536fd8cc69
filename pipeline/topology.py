"""How the cameras of a site hang together: zones, ways between them, and what people said.

`load_topology` puts together what stands in cams.yaml (`topology:`) and the file that
`python -m calibration.topology learn` has written; what people said wins. The matcher asks

    topology.zone(camera, point)                                   # "" where none is known
    topology.given(from_camera, from_point, to_camera, to_point)   # Given or None
    topology.teach(model, now=…)                                   # a fresh model knows the file
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from pipeline.config import Name, Settings, Site, TopologySettings
from pipeline.config import Polygon as Points
from pipeline.errors import ConfigError
from pipeline.gaps import GapHistogram, Given, bin_of
from pipeline.settings_file import read_settings
from pipeline.transit import TransitModel
from pipeline.zones import Ellipse, Point, Polygon, Zone, Zones

Place = tuple[str, str]
"""A camera and one of its zones; "" for any."""
_NEVER = Given(never=True)


@dataclass(frozen=True, slots=True)
class Transit:
    """A way that people took from one zone to another, or back into the same camera.

    Attributes:
        start, to: camera and zone, zone "" if the point was in none.
        histogram: of the seconds between leaving and coming in.
        share: of those who left by that zone, who came in by this one next.
    """

    start: Place
    to: Place
    histogram: GapHistogram
    share: float

    @property
    def count(self) -> float:
        """How many took it, each with the probability that it was one person."""
        return self.histogram.total

    @property
    def median(self) -> float:
        """Seconds that half of them were faster than."""
        return self.histogram.quantile(0.5)


@dataclass(frozen=True, slots=True)
class Topology:
    """What is known of a site's zones and ways.

    Attributes:
        zones: of each camera.
        transits: ways that were learned.
        said: what people said of ways between places.
        never: pairs of cameras between which nobody goes directly, both directions.
        begin, end: capture times it was learned from, or None.
        tracklets: how many it was learned from.
    """

    zones: Zones = field(default_factory=Zones)
    transits: tuple[Transit, ...] = ()
    said: Mapping[tuple[Place, Place], Given] = field(default_factory=dict)
    never: frozenset[tuple[str, str]] = frozenset()
    begin: datetime | None = None
    end: datetime | None = None
    tracklets: int = 0

    def zone(self, camera: str, point: Point) -> str:
        """Name of the zone a foot point belongs to, "" for none."""
        return self.zones.of(camera, point)

    def given(
        self, from_camera: str, from_point: Point, to_camera: str, to_point: Point
    ) -> Given | None:
        """What people said of this transit, the most special first; None if nothing."""
        if (from_camera, to_camera) in self.never:
            return _NEVER
        if not self.said:
            return None
        starts = (from_camera, self.zone(from_camera, from_point)), (from_camera, "")
        ends = (to_camera, self.zone(to_camera, to_point)), (to_camera, "")
        found = (self.said.get((start, end)) for start in starts for end in ends)
        return next((each for each in found if each is not None), None)

    def teach(self, model: TransitModel, *, now: float) -> None:
        """Gives a model that has seen nothing yet what was learned before.

        Args:
            model: learns it.
            now: capture time at which it begins to work.
        """
        left: dict[Place, float] = {}
        for transit in self.transits:
            (camera, zone), (other, entered) = transit.start, transit.to
            for gap, weight in seen_gaps(transit.histogram):
                model.observe(camera, zone, other, entered, gap, now, weight)
            if transit.share > 0:
                left[transit.start] = transit.count / transit.share
        for (camera, zone), number in left.items():
            model.observe_exit(camera, zone, now, number)


def seen_gaps(histogram: GapHistogram) -> list[tuple[float, float]]:
    """The bins in use as (mean gap in seconds, weight)."""
    filled = np.flatnonzero(histogram.weights > 0)
    means = histogram.sums[filled] / histogram.weights[filled]
    return list(zip(means.tolist(), histogram.weights[filled].tolist(), strict=True))


# ── the file ────────────────────────────────────────────────────────────────────────────────────


def _positive_pair(value: tuple[float, float]) -> tuple[float, float]:
    if min(value) <= 0:
        raise ValueError("expected two half axes above 0")
    return value


Share = Annotated[float, Field(ge=0, le=1)]
Axes = Annotated[tuple[float, float], AfterValidator(_positive_pair)]


class ZoneEntry(Settings):
    """A zone in the file: an ellipse that was found, or a polygon that was drawn."""

    centre: tuple[float, float] | None = None
    """Of the ellipse, in fractions of the picture."""
    axes: Axes | None = None
    """Its two half axes."""
    angle: float = 0.0
    """Degrees from the x axis to the first half axis, clockwise."""
    polygon: Points | None = None
    """Corners, in place of an ellipse."""
    entries: Share = 0.0
    """Share of the camera's tracklets that begin here."""
    exits: Share = 0.0
    """Share of those that end here."""
    count: int = Field(default=0, ge=0)
    """How many of both were seen."""
    lost: bool = False
    """No way in or out: people are lost from sight here and found again."""

    @model_validator(mode="after")
    def _one_shape(self) -> ZoneEntry:
        if (self.polygon is None) == (self.centre is None) or (self.centre and self.axes is None):
            raise ValueError("expected `centre` and `axes`, or `polygon`")
        return self


class TransitEntry(Settings):
    """A way in the file."""

    start: str = Field(alias="from")
    """`camera.zone`, or `camera` for those who left in no zone."""
    to: str
    """The same: where they came in."""
    count: float = Field(gt=0)
    """How many took it, each with the probability that it was one person."""
    share: Share = 0.0
    """Of those who left there, who came in here next."""
    median: float | None = None
    """Seconds that half of them were faster than; for readers."""
    times: list[tuple[float, Annotated[float, Field(gt=0)]]] = Field(min_length=1)
    """[seconds, how many], one per bin of the histogram."""


class TopologyFile(Settings):
    """What `python -m calibration.topology learn` writes."""

    begin: AwareDatetime | None = None
    """From when on the site was watched."""
    end: AwareDatetime | None = None
    """Until when."""
    tracklets: int = Field(default=0, ge=0)
    """How many were seen."""
    zones: dict[Name, dict[Name, ZoneEntry]] = Field(default_factory=dict)
    """Camera → zone → where it is."""
    transits: list[TransitEntry] = Field(default_factory=list)
    """Ways that were taken."""


def read_topology(path: Path) -> Topology:
    """Reads a file that `python -m calibration.topology learn` has written.

    Raises:
        ConfigError: one sentence per mistake, each naming file and key.
    """
    file = read_settings(path, TopologyFile)
    zones = Zones.build(
        _zone(camera, name, entry)
        for camera, entries in file.zones.items()
        for name, entry in entries.items()
    )
    for i, transit in enumerate(file.transits):
        for key, place in (("from", transit.start), ("to", transit.to)):
            _check_place(zones, place, f"{path}: transits.{i}.{key}")
    return Topology(
        zones,
        tuple(map(_transit, file.transits)),
        begin=file.begin,
        end=file.end,
        tracklets=file.tracklets,
    )


def file_entries(topology: Topology) -> dict[str, Any]:
    """A topology as the file has it, for YAML."""
    zones = {
        camera: {zone.name: _zone_entry(zone) for zone in zones}
        for camera, zones in topology.zones.by_camera.items()
    }
    return {
        **({} if topology.begin is None else {"begin": topology.begin, "end": topology.end}),
        "tracklets": topology.tracklets,
        "zones": zones,
        "transits": [_transit_entry(transit) for transit in topology.transits],
    }


# ── what people said ────────────────────────────────────────────────────────────────────────────


def load_topology(site: Site, *, where: str = "cams.yaml") -> Topology:
    """What cams.yaml says of the topology, on top of the file it names.

    Args:
        site: its `topology` section is used.
        where: name of cams.yaml, for messages.

    Raises:
        ConfigError: one sentence per mistake, each naming file and key.
    """
    settings = site.topology
    learned = Topology() if settings.file is None else read_topology(settings.file)
    zones = Zones.build([*_learned_zones(learned, settings), *given_zones(settings)])
    for i, transit in enumerate(settings.transits):
        for key, place in (("from", transit.start), ("to", transit.to)):
            _check_place(zones, place, f"{where}: topology.transits.{i}.{key}")
    said = {
        (_place(each.start), _place(each.to)): Given(
            shortest=each.seconds[0] if each.seconds else None,
            longest=each.seconds[1] if each.seconds else None,
            typical=each.typical,
        )
        for each in settings.transits
    }
    never = frozenset(pair for a, b in settings.never for pair in ((a, b), (b, a)))
    return Topology(
        zones,
        tuple(t for t in learned.transits if _still_there(zones, t)),
        said,
        never,
        learned.begin,
        learned.end,
        learned.tracklets,
    )


def given_zones(settings: TopologySettings) -> Iterator[Zone]:
    """The zones that people drew."""
    for camera, zones in settings.zones.items():
        for name, points in zones.items():
            yield Zone(camera, name, Polygon(points))


def _learned_zones(learned: Topology, settings: TopologySettings) -> Iterator[Zone]:
    """Those of the cameras for which people drew none."""
    for camera, zones in learned.zones.by_camera.items():
        if camera not in settings.zones:
            yield from zones


def _still_there(zones: Zones, transit: Transit) -> bool:
    """False if people drew other zones since."""
    return all(
        not zone or _has(zones, camera, zone) for camera, zone in (transit.start, transit.to)
    )


def _has(zones: Zones, camera: str, name: str) -> bool:
    return any(zone.name == name for zone in zones.by_camera.get(camera, ()))


def _check_place(zones: Zones, text: str, where: str) -> None:
    camera, name = _place(text)
    if name and not _has(zones, camera, name):
        known = ", ".join(zone.name for zone in zones.by_camera.get(camera, ())) or "none"
        raise ConfigError(
            f"{where}: expected a zone of camera {camera} (known: {known}), found {text!r}"
        )


def _place(text: str) -> Place:
    camera, _, zone = text.partition(".")
    return camera, zone


def _zone(camera: str, name: str, entry: ZoneEntry) -> Zone:
    shape: Ellipse | Polygon
    if entry.centre is not None and entry.axes is not None:
        shape = Ellipse(entry.centre, entry.axes, math.radians(entry.angle))
    else:
        shape = Polygon(entry.polygon or ())
    return Zone(camera, name, shape, entry.entries, entry.exits, entry.count, entry.lost)


def _zone_entry(zone: Zone) -> dict[str, Any]:
    shares = {"entries": round(zone.entries, 3), "exits": round(zone.exits, 3), "count": zone.count}
    return _shape_entry(zone.shape) | shares | ({"lost": True} if zone.lost else {})


def _shape_entry(shape: Ellipse | Polygon) -> dict[str, Any]:
    if isinstance(shape, Polygon):
        return {"polygon": [_rounded(point) for point in shape.points]}
    angle = round(math.degrees(shape.angle), 1)
    return {"centre": _rounded(shape.centre), "axes": _rounded(shape.axes), "angle": angle}


def _transit(entry: TransitEntry) -> Transit:
    histogram = GapHistogram()
    for gap, weight in entry.times:
        place = bin_of(gap)
        histogram.weights[place] += weight
        histogram.sums[place] += weight * gap
    return Transit(_place(entry.start), _place(entry.to), histogram, entry.share)


def _transit_entry(transit: Transit) -> dict[str, Any]:
    return {
        "from": ".".join(filter(None, transit.start)),
        "to": ".".join(filter(None, transit.to)),
        "count": round(transit.count, 2),
        "share": round(min(transit.share, 1.0), 3),
        "median": round(transit.median, 2),
        "times": [
            [round(gap, 2), round(weight, 3)] for gap, weight in seen_gaps(transit.histogram)
        ],
    }


def _rounded(pair: tuple[float, float]) -> list[float]:
    return [round(each, 4) for each in pair]
