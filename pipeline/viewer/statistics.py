"""Figures about people: how many in each hour, how long they stay, which ways they take. Pure.

Everything is counted from tracklets, whose identities may still be revised: figures of the last
minutes may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.data import TrackletRecord
from pipeline.viewer.passages import Passages

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


def hours(passages: Passages, begin: float, end: float) -> list[Hour]:
    """Unique people of each hour that the time touches, the empty ones included.

    Args:
        passages: in any order.
        begin, end: seconds since the epoch.
    """
    first, last = int(begin // HOUR), int(end // HOUR)
    there = passages.within(begin, end)
    start = np.maximum(there.begin, begin) // HOUR
    count = (np.minimum(there.end, end) // HOUR - start).astype(np.int64) + 1
    row = np.repeat(np.arange(len(there)), count)  # one for each hour a passage touches
    into = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    hour = (start - begin // HOUR).astype(np.int64)[row] + into  # of the time: 0 is its first
    touched, number = there[row], max(1, len(passages.cameras))
    total = touched.people_by(hour, last - first + 1)
    each = touched.people_by(hour * number + touched.camera, (last - first + 1) * number)
    cells = each.reshape(-1, number).tolist()
    return [
        Hour((first + place) * HOUR, people, _by_camera(passages.cameras, cell))
        for place, (people, cell) in enumerate(zip(total.tolist(), cells, strict=True))
    ]


def _by_camera(cameras: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    named = zip(cameras, counts, strict=False)  # a site without cameras has a column, too
    return {name: count for name, count in sorted(named) if count}


def dwell(passages: Passages) -> tuple[Dwell, dict[str, Dwell]]:
    """How long people stay: in the site as a whole, and in each camera."""
    cameras = {}
    for place, name in sorted(enumerate(passages.cameras), key=lambda each: each[1]):
        inside = passages[passages.camera == place]
        if len(inside):
            cameras[name] = _dwell(_visits(inside))
    return _dwell(_visits(passages)), cameras


def _visits(passages: Passages) -> NDArray[np.float64]:
    """Lengths in seconds of everybody's visits."""
    if not len(passages):
        return np.empty(0)
    ordered = passages.by_person()
    another = np.diff(ordered.identity, prepend=-1) != 0
    # One after the other, each with a time line of their own: then the latest end so far is theirs.
    first = ordered.begin.min()
    line = np.cumsum(another) * (ordered.end.max() - first + VISIT_GAP_SECONDS) - first
    until = np.maximum.accumulate(ordered.end + line)
    away = (ordered.begin + line)[1:] - until[:-1]
    begins = np.flatnonzero(another | np.concatenate([[True], away > VISIT_GAP_SECONDS]))
    ends = np.maximum.reduceat(ordered.end, begins)
    return np.asarray(ends - ordered.begin[begins])


def _dwell(lengths: NDArray[np.float64]) -> Dwell:
    if not len(lengths):
        return Dwell(0, 0.0, 0.0, 0.0)
    median, p90 = np.quantile(lengths, (0.5, 0.9))
    return Dwell(len(lengths), float(np.mean(lengths)), float(median), float(p90))


def flows(passages: Passages) -> list[Flow]:
    """The ways people took, the most frequent first."""
    ordered = passages.by_person()
    same = np.flatnonzero(np.diff(ordered.identity) == 0)
    gaps = ordered.begin[same + 1] - ordered.end[same]
    pairs = np.stack([ordered.camera[same], ordered.camera[same + 1]], axis=1)
    ways, way = np.unique(pairs, axis=0, return_inverse=True)
    names = passages.cameras
    found = []
    for number, (one, other) in enumerate(ways.tolist()):
        taken = gaps[way.reshape(-1) == number]
        found.append(Flow(names[one], names[other], len(taken), float(np.median(taken))))
    return sorted(found, key=lambda flow: (-flow.count, flow.from_camera, flow.to_camera))


def steps(tracklets: Sequence[TrackletRecord]) -> list[Step]:
    """One person's ways from tracklet to tracklet; tracklets in order of time."""
    return [Step(before, after) for before, after in pairwise(tracklets)]
