"""Figures about people: how many in each hour, how long they stay, which ways they take. Pure.

Everything is counted from tracklets, whose identities may still be revised: figures of the last
minutes may change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from pipeline.data import TrackletRecord

HOUR = 3600.0
VISIT_GAP_SECONDS = 300.0
"""Who is out of sight for longer has left; when they come back it is another visit."""


@dataclass(frozen=True, slots=True)
class Hour:
    """Who was seen within an hour of UTC.

    Attributes:
        begin: seconds since the epoch.
        people: how many, each counted once.
        cameras: the same for each camera that has seen anybody.
    """

    begin: float
    people: int
    cameras: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long visits last. A visit ends when somebody is out of sight for five minutes.

    Attributes:
        visits: how many there were.
        mean, median, p90: seconds from first to last sight.
    """

    visits: int
    mean: float
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Flow:
    """People who were seen in one camera and next in another, or in the same one again.

    Attributes:
        from_camera, to_camera: where they went.
        count: how often.
        median: seconds between, below zero if clocks differ.
    """

    from_camera: str
    to_camera: str
    count: int
    median: float


@dataclass(frozen=True, slots=True)
class Step:
    """One person's way from one tracklet to the next.

    Attributes:
        before, after: the tracklets.
        seconds: from the end of the one to the begin of the other.
    """

    before: TrackletRecord
    after: TrackletRecord

    @property
    def seconds(self) -> float:
        """From the end of the one to the begin of the other, below zero if they overlap."""
        return self.after.begin - self.before.end


def hours(records: Iterable[TrackletRecord], begin: float, end: float) -> list[Hour]:
    """Unique people of each hour that the time touches, the empty ones included.

    Args:
        records: tracklets, in any order.
        begin, end: seconds since the epoch.
    """
    first, last = int(begin // HOUR), int(end // HOUR)
    seen: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        start, stop = max(record.begin, begin), min(record.end, end)
        for hour in range(int(start // HOUR), int(stop // HOUR) + 1):
            seen[hour][record.camera].add(record.identity)
    return [_hour(hour, seen.get(hour, {})) for hour in range(first, last + 1)]


def _hour(number: int, cameras: Mapping[str, set[int]]) -> Hour:
    people = set().union(*cameras.values())
    counts = {camera: len(each) for camera, each in sorted(cameras.items())}
    return Hour(number * HOUR, len(people), counts)


def dwell(records: Iterable[TrackletRecord]) -> tuple[Dwell, dict[str, Dwell]]:
    """How long people stay: in the site as a whole, and in each camera."""
    everywhere: list[float] = []
    cameras: dict[str, list[float]] = defaultdict(list)
    for tracklets in by_person(records):
        everywhere += _visits(tracklets)
        in_cameras: dict[str, list[TrackletRecord]] = defaultdict(list)
        for record in tracklets:
            in_cameras[record.camera].append(record)
        for camera, each in in_cameras.items():
            cameras[camera] += _visits(each)
    return _dwell(everywhere), {name: _dwell(each) for name, each in sorted(cameras.items())}


def _visits(tracklets: Sequence[TrackletRecord]) -> list[float]:
    """Lengths in seconds of one person's visits; tracklets in order of time."""
    lengths: list[float] = []
    begin, end = tracklets[0].begin, tracklets[0].end
    for record in tracklets[1:]:
        if record.begin - end > VISIT_GAP_SECONDS:
            lengths.append(end - begin)
            begin, end = record.begin, record.end
        end = max(end, record.end)
    return [*lengths, end - begin]


def _dwell(lengths: Sequence[float]) -> Dwell:
    if not lengths:
        return Dwell(0, 0.0, 0.0, 0.0)
    median, p90 = np.quantile(lengths, (0.5, 0.9))
    return Dwell(len(lengths), float(np.mean(lengths)), float(median), float(p90))


def flows(records: Iterable[TrackletRecord]) -> list[Flow]:
    """The ways people took, the most frequent first."""
    gaps: dict[tuple[str, str], list[float]] = defaultdict(list)
    for tracklets in by_person(records):
        for step in steps(tracklets):
            gaps[step.before.camera, step.after.camera].append(step.seconds)
    found = [Flow(a, b, len(each), float(np.median(each))) for (a, b), each in gaps.items()]
    return sorted(found, key=lambda flow: (-flow.count, flow.from_camera, flow.to_camera))


def steps(tracklets: Sequence[TrackletRecord]) -> list[Step]:
    """One person's ways from tracklet to tracklet; tracklets in order of time."""
    return [Step(before, after) for before, after in pairwise(tracklets)]


def by_person(records: Iterable[TrackletRecord]) -> list[list[TrackletRecord]]:
    """Each person's tracklets in order of time."""
    ordered = sorted(records, key=lambda r: (r.identity, r.begin, r.tracklet))
    return [list(each) for _, each in groupby(ordered, key=lambda r: r.identity)]
