"""A topology learned from who was seen where: zones of each camera, and the ways between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from calibration.zones import counted, find_zones
from pipeline.config import TopologySettings
from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.gaps import GapHistogram
from pipeline.topology import Place, Topology, Transit, given_zones
from pipeline.zones import Zone, Zones

HALF_LIFE = 7 * 86400.0
"""Seconds after which what was seen counts half."""
EARLIEST = -5.0
"""A tracklet that begins so long before the other ends is no transit: the views overlap."""
LATEST = 12 * 3600.0
_LIGHTEST = 0.5  # transits of less weight are chance


def learn_topology(
    identities: Sequence[IdentityRecord],
    *,
    given: TopologySettings | None = None,
    half_life: float = HALF_LIFE,
) -> Topology:
    """Finds zones, and counts who went from where to where and how long it took.

    Each transit weighs as much as the identity of both its tracklets is certain.

    Args:
        identities: who was seen where.
        given: zones that people drew are used in place of those that would be found.
        half_life: seconds after which what was seen counts half.
    """
    tracklets = sorted((t for i in identities for t in i.tracklets), key=lambda t: t.begin)
    if not tracklets:
        return Topology()
    zones = Zones.build(
        zone
        for camera in sorted({t.camera for t in tracklets})
        for zone in _zones_of(camera, tracklets, given or TopologySettings())
    )
    begin, end = min(t.begin for t in tracklets), max(t.end for t in tracklets)
    return Topology(
        zones,
        tuple(_transits(identities, tracklets, zones, half_life)),
        begin=datetime.fromtimestamp(round(begin), UTC),
        end=datetime.fromtimestamp(round(end), UTC),
        tracklets=len(tracklets),
    )


def _zones_of(
    camera: str, tracklets: Sequence[TrackletRecord], given: TopologySettings
) -> Sequence[Zone]:
    own = [t for t in tracklets if t.camera == camera]
    drawn = [zone for zone in given_zones(given) if zone.camera == camera]
    return counted(drawn, own) if drawn else find_zones(camera, own)


def _transits(
    identities: Sequence[IdentityRecord],
    tracklets: Sequence[TrackletRecord],
    zones: Zones,
    half_life: float,
) -> list[Transit]:
    histograms: dict[tuple[Place, Place], GapHistogram] = {}
    steps = [step for i in identities for step in zip(i.tracklets, i.tracklets[1:], strict=False)]
    for before, after in sorted(steps, key=lambda step: step[1].begin):
        gap = after.begin - before.end
        if EARLIEST < gap < LATEST:
            way = _exit(zones, before), (after.camera, zones.of(after.camera, after.entered))
            histogram = histograms.setdefault(way, GapHistogram())
            weight = before.confidence * after.confidence
            histogram.add(gap, weight, now=after.begin, half_life=half_life)
    newest = max(histogram.updated for histogram in histograms.values()) if histograms else 0.0
    left = _exits(tracklets, zones, newest, half_life)
    found = [
        _transit(way, histogram, left, newest, half_life) for way, histogram in histograms.items()
    ]
    kept = [transit for transit in found if transit.count >= _LIGHTEST]
    return sorted(kept, key=lambda transit: (transit.start, -transit.count, transit.to))


def _exit(zones: Zones, tracklet: TrackletRecord) -> Place:
    return tracklet.camera, zones.of(tracklet.camera, tracklet.left)


def _exits(
    tracklets: Sequence[TrackletRecord], zones: Zones, now: float, half_life: float
) -> dict[Place, float]:
    """How many left by each zone, those of old counting less."""
    left: dict[Place, float] = {}
    for tracklet in tracklets:
        if tracklet.closed:
            fade = 0.5 ** (max(0.0, now - tracklet.end) / half_life)
            place = _exit(zones, tracklet)
            left[place] = left.get(place, 0.0) + fade
    return left


def _transit(
    way: tuple[Place, Place],
    histogram: GapHistogram,
    left: dict[Place, float],
    now: float,
    half_life: float,
) -> Transit:
    fade = 0.5 ** (max(0.0, now - histogram.updated) / half_life)
    histogram.weights *= fade
    histogram.sums *= fade
    share = histogram.total / max(left.get(way[0], 0.0), histogram.total, 1e-9)
    return Transit(*way, histogram, share)
