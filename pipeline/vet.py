"""Vetting: is this track a person at all?"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import supervision as sv

from pipeline.data import Frame
from pipeline.recover import Recovered, track_numbers


@dataclass(slots=True)
class _Suspect:
    """What is known of one track: when it was last seen, and its boxes while in doubt."""

    last_seen: float = 0.0
    certain: bool = False
    held: deque[Recovered] = field(default_factory=deque)


class Vetting:
    """Holds a track back until one of its boxes leaves no doubt that it is a person.

    A post, a shadow or a sign gets weak boxes for hours; a person gets a strong one sooner or
    later, and then what was held back counts, too. Measured on street scenes with YOLOX-nano,
    tracks that never reached 0.6 were no people, but for a few of less than a second.

    Args:
        certain: the confidence that removes all doubt, 0 to 1.
        memory: boxes are held for this many seconds; a track unseen for longer is forgotten.
    """

    def __init__(self, *, certain: float, memory: float = 10.0) -> None:
        self._certain = certain
        self._memory = memory
        self._suspects: dict[int, _Suspect] = {}

    def update(
        self, frame: Frame, tracks: sv.Detections, recovered: Sequence[Recovered]
    ) -> tuple[sv.Detections, list[Recovered]]:
        """Takes what the tracker says of a frame.

        Args:
            frame: the picture; frames come in order of time.
            tracks: its confirmed tracks.
            recovered: boxes of earlier frames, of tracks that are among `tracks`.

        Returns:
            the tracks that are people, and the boxes of earlier frames that belong to them,
            oldest first.
        """
        self._forget(frame.time)
        released: list[Recovered] = []
        for past in recovered:
            released += self._hold(past)
        now = Recovered(frame.index, frame.time, self._doubtful(frame.time, tracks))
        released += self._hold(now)
        earlier = sorted((r for r in released if r.index != frame.index), key=lambda r: r.index)
        people = [self._suspects[int(number)].certain for number in track_numbers(tracks)]
        return cast(sv.Detections, tracks[np.array(people, bool)]), earlier

    def _doubtful(self, now: float, tracks: sv.Detections) -> sv.Detections:
        """The tracks that are not certain yet; of the others it is noted that they are there."""
        rows = []
        for row, number in enumerate(track_numbers(tracks)):
            suspect = self._suspects.setdefault(int(number), _Suspect())
            suspect.last_seen = now
            if not suspect.certain:
                rows.append(row)
        return cast(sv.Detections, tracks[np.array(rows, int)])

    def _hold(self, seen: Recovered) -> list[Recovered]:
        """Takes the boxes of one frame; returns those, of any frame, that count from now on."""
        released: list[Recovered] = []
        for row, number in enumerate(track_numbers(seen.tracks)):
            suspect = self._suspects.setdefault(int(number), _Suspect())
            suspect.last_seen = max(suspect.last_seen, seen.time)
            box = Recovered(seen.index, seen.time, cast(sv.Detections, seen.tracks[[row]]))
            suspect.held.append(box)
            suspect.certain = suspect.certain or _confidence(box) >= self._certain
            if suspect.certain:
                released += suspect.held
                suspect.held.clear()
        return released

    def _forget(self, now: float) -> None:
        gone = [n for n, s in self._suspects.items() if now - s.last_seen > self._memory]
        for number in gone:
            del self._suspects[number]
        for suspect in self._suspects.values():
            while suspect.held and now - suspect.held[0].time > self._memory:
                suspect.held.popleft()


def _confidence(box: Recovered) -> float:
    return 1.0 if box.tracks.confidence is None else float(box.tracks.confidence[0])
