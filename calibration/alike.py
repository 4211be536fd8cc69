"""Pairs of tracklets of a running site of which one may know whether they are one person.

One person: what the matcher joined with confidence, leaving out a tracklet broken in one view,
whose parts look alike as no two visits do. Two people: who is seen at the same time in two places.
And what people said goes before either. Confident decisions favour those who look alike, so a curve
fitted to them is rather too sure; what people corrected is the better teacher.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt

from engines.reliability import Pairs
from pipeline.constraints import Pair
from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.errors import ConfigError
from pipeline.evidence import over_views

Looks = Mapping[str, npt.NDArray[np.float32]]
"""Tracklet → embedding of unit length."""

CONFIDENT = 0.9
"""Probability from which a decision counts as right."""
LEAST_PAIRS = 20
"""Of one person, and of two, without which nothing is fitted."""

_BROKEN_SECONDS = 30.0  # two tracklets of one view so near in time are one, broken
_TOGETHER_SECONDS = 1.0
_APART = 0.1  # of the picture, between two who are in view together
_OF_ONE_PERSON = 50  # pairs per identity
_MOST = 50_000  # pairs of two people


def site_pairs(
    identities: Sequence[IdentityRecord],
    looks: Looks,
    *,
    said: Iterable[Pair] = (),
    tolerance: float = 0.5,
) -> Pairs:
    """Pairs to fit a curve to; both answers weigh the same.

    Args:
        identities: who was seen where.
        looks: embeddings, of as many tracklets as there are.
        said: what people said.
        tolerance: seconds by which the cameras' clocks may differ.

    Raises:
        ConfigError: too few pairs.
    """
    weights: dict[tuple[str, str, bool], float] = {}
    for one, other in _together(identities, tolerance):
        weights[_key(one.tracklet, other.tracklet, same=False)] = 1.0
    for one, other in _joined(identities):
        weights[_key(one.tracklet, other.tracklet, same=True)] = one.confidence * other.confidence
    for pair in said:
        weights.pop(_key(pair.one, pair.other, same=not pair.same), None)
        weights[_key(pair.one, pair.other, same=pair.same)] = 1.0
    known = {key: w for key, w in weights.items() if key[0] in looks and key[1] in looks}
    same = np.array([key[2] for key in known], dtype=bool)
    if min(same.sum(), (~same).sum()) < LEAST_PAIRS:
        raise ConfigError(
            f"expected at least {LEAST_PAIRS} pairs of one person and as many of two people, found "
            f"{same.sum()} and {(~same).sum()}: the site has to run for longer"
        )
    camera = {t.tracklet: t.camera for identity in identities for t in identity.tracklets}
    similarity = np.array(
        [
            over_views(float(looks[one] @ looks[other]), camera[one], camera[other])
            for one, other, _ in known
        ]
    )
    weight = np.array(list(known.values()))
    weight[same] *= 0.5 / weight[same].sum()
    weight[~same] *= 0.5 / weight[~same].sum()
    return Pairs(similarity, same, weight)


def _key(one: str, other: str, *, same: bool) -> tuple[str, str, bool]:
    return min(one, other), max(one, other), same


def _joined(
    identities: Sequence[IdentityRecord],
) -> Iterator[tuple[TrackletRecord, TrackletRecord]]:
    """Pairs that the matcher holds for one person, and is sure of."""
    for identity in identities:
        sure = [t for t in identity.tracklets if t.confidence >= CONFIDENT]
        visits = (pair for pair in combinations(sure, 2) if not _is_broken(*pair))
        yield from islice(visits, _OF_ONE_PERSON)


def _is_broken(one: TrackletRecord, other: TrackletRecord) -> bool:
    return one.camera == other.camera and -_overlap(one, other) < _BROKEN_SECONDS


def _together(
    identities: Sequence[IdentityRecord], tolerance: float
) -> Iterator[tuple[TrackletRecord, TrackletRecord]]:
    """Pairs that were in two places at the same time; of too many of them the newest."""
    tracklets = sorted((t for i in identities for t in i.tracklets), key=lambda t: -t.begin)
    return islice(_all_together(tracklets, tolerance), _MOST)


def _all_together(
    tracklets: Sequence[TrackletRecord], tolerance: float
) -> Iterator[tuple[TrackletRecord, TrackletRecord]]:
    there: list[TrackletRecord] = []
    for tracklet in tracklets:  # from the newest back: those that begin later stay for a while
        there = [t for t in there if t.begin < tracklet.end]
        yield from ((t, tracklet) for t in there if _are_two(t, tracklet, tolerance))
        there.append(tracklet)


def _are_two(one: TrackletRecord, other: TrackletRecord, tolerance: float) -> bool:
    if one.camera != other.camera:
        return _overlap(one, other) > _TOGETHER_SECONDS + tolerance
    if _overlap(one, other) <= _TOGETHER_SECONDS:
        return False
    middle = (max(one.begin, other.begin) + min(one.end, other.end)) / 2
    return math.dist(_foot(one, middle), _foot(other, middle)) > _APART


def _overlap(one: TrackletRecord, other: TrackletRecord) -> float:
    """Seconds for which both are there; below zero: the gap between them."""
    return min(one.end, other.end) - max(one.begin, other.begin)


def _foot(tracklet: TrackletRecord, time: float) -> tuple[float, float]:
    """Where somebody may have been in between, as if they had walked straight on."""
    share = (time - tracklet.begin) / max(tracklet.end - tracklet.begin, 1e-6)
    (x, y), (u, v) = tracklet.entered, tracklet.left
    return x + share * (u - x), y + share * (v - y)
