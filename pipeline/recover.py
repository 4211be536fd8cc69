"""Recover: a track's boxes of earlier frames, known once it is confirmed or found again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pipeline.data import Frame

_BACKWARD_IOU = 0.3
"""Overlap from which an unclaimed box of the frame before is where a new track comes from."""

_MADE_UP = 0.3
"""Confidence of a box that nobody has seen; less than a track needs to count as a person."""

_GROWTH = 2.0
"""A track found again with a box so many times as high says nothing of the time between."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """Boxes of an earlier frame whose tracks were confirmed, or found again, only later.

    Attributes:
        index: number of the frame, as in `Frame.index`.
        time: its capture time, seconds since the epoch.
        tracks: the boxes, with `tracker_id`.
    """

    index: int
    time: float
    tracks: sv.Detections


@dataclass(slots=True)
class _Past:
    """A frame, and its boxes that belong to no track yet."""

    index: int
    time: float
    free: sv.Detections

    def claim(self, tracks: sv.Detections) -> sv.Detections:
        """Finds the boxes that these tracks of the frame after came from, and gives them away."""
        overlap = sv.box_iou_batch(tracks.xyxy, self.free.xyxy)
        rows, columns = linear_sum_assignment(overlap, maximize=True)
        enough = overlap[rows, columns] >= _BACKWARD_IOU
        found = select(self.free, columns[enough])
        found.tracker_id = track_numbers(tracks)[rows[enough]]
        self.free = select(self.free, np.setdiff1d(np.arange(len(self.free)), columns[enough]))
        return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """When and where a track was seen last."""

    time: float
    box: NDArray[np.float32]

    def towards(self, box: NDArray[np.float32], now: float, then: float) -> NDArray[np.float32]:
        """Where it was then, on a straight line to where it is now."""
        share = np.float32((then - self.time) / (now - self.time))
        return self.box + share * (box - self.box)


class Recovery:
    """Gives tracks boxes for when they were not confirmed yet and for when they were lost.

    A new track is followed backwards through the boxes nobody has claimed. A track that is found
    again soon has been on its way between its two boxes all the time, only hidden: it gets boxes
    on a straight line. (To give it boxes nobody has claimed on that line was tried and is worse:
    they are weak, and often half of somebody else.)

    Args:
        young: frames a new track is followed back.
        longest_gap: seconds; a track that was lost for longer gets nothing.
    """

    def __init__(self, *, young: int, longest_gap: float) -> None:
        self._young = young
        self._longest_gap = longest_gap
        self._past: deque[_Past] = deque()
        self._seen: dict[int, _Seen] = {}
        self._newest = -1

    def update(self, frame: Frame, tracks: sv.Detections, free: sv.Detections) -> list[Recovered]:
        """Takes a frame's tracks and its other boxes; returns boxes of earlier frames, in order.

        A track is new if its number is higher than all before.
        """
        numbers = track_numbers(tracks)
        recovered = self._follow_back(select(tracks, numbers > self._newest))
        recovered += self._bridge(frame.time, tracks)
        self._newest = max([self._newest, *numbers.tolist()])
        self._remember(frame, tracks, free)
        return sorted(recovered, key=lambda past: past.index)

    def clear(self) -> None:
        """Forgets everything."""
        self._past.clear()
        self._seen.clear()

    def _follow_back(self, new: sv.Detections) -> list[Recovered]:
        recovered = []
        for past in list(self._past)[: -self._young - 1 : -1] if len(new) else ():
            new = past.claim(new)
            recovered += [Recovered(past.index, past.time, new)] if len(new) else []
        return recovered

    def _bridge(self, now: float, tracks: sv.Detections) -> list[Recovered]:
        before = self._past[-1].time if self._past else now
        ends = [
            (number, seen, box)
            for number, box in zip(track_numbers(tracks).tolist(), tracks.xyxy, strict=True)
            if (seen := self._seen.get(number)) and seen.time < before and _alike(seen.box, box)
        ]
        recovered = []
        for past in self._past if ends else ():
            lost = [(n, seen, box) for n, seen, box in ends if seen.time < past.time]
            boxes = [seen.towards(box, now, past.time) for _, seen, box in lost]
            made_up = _made_up(boxes, [number for number, _, _ in lost])
            recovered += [Recovered(past.index, past.time, made_up)] if lost else []
        return recovered

    def _remember(self, frame: Frame, tracks: sv.Detections, free: sv.Detections) -> None:
        self._past.append(_Past(frame.index, frame.time, free))
        for number, box in zip(track_numbers(tracks).tolist(), tracks.xyxy, strict=True):
            self._seen[number] = _Seen(frame.time, box)
        oldest = frame.time - self._longest_gap
        while len(self._past) > self._young and self._past[0].time < oldest:
            self._past.popleft()
        self._seen = {n: seen for n, seen in self._seen.items() if seen.time >= oldest}


def _made_up(boxes: list[NDArray[np.float32]], numbers: list[int]) -> sv.Detections:
    return sv.Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.full(len(boxes), _MADE_UP, np.float32),
        class_id=np.zeros(len(boxes), int),
        tracker_id=np.array(numbers, int),
    )


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    heights = one[3] - one[1], other[3] - other[1]
    return bool(max(heights) <= _GROWTH * max(min(heights), 1.0))


def select(detections: sv.Detections, rows: NDArray[Any]) -> sv.Detections:
    """Some rows of detections, by number or mask."""
    return cast(sv.Detections, detections[rows])


def track_numbers(tracks: sv.Detections) -> NDArray[np.int64]:
    """`tracker_id` as int64[n]; empty for no tracks, which need not have any."""
    if tracks.tracker_id is None:
        return np.empty(0, np.int64)
    return np.asarray(tracks.tracker_id, np.int64)
