"""Looks held in memory: of the tracklets that go on, and of those that ended last."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting

Vectors = NDArray[np.float32]


class OpenLooks:
    """Embeddings of the tracklets that still grow, held in memory to be compared.

    Args:
        looks: tracklet → embedding, as Redis has them.
        changes: the counter of changes in Redis when they were read.
    """

    def __init__(self, looks: Mapping[bytes, bytes] | None = None, changes: int = 0) -> None:
        self.changes = changes
        self._looks: dict[str, Vectors] = {
            name.decode(): np.frombuffer(look, dtype="<f4") for name, look in (looks or {}).items()
        }
        self._stacked: Vectors | None = None

    def put(self, sighting: Sighting, changes: int) -> None:
        """Takes what has been written, if nobody else has written since it was read."""
        if changes != self.changes + 1:
            return  # read anew with the next question
        self.changes = changes
        self._stacked = None
        if sighting.closed:
            self._looks.pop(sighting.tracklet, None)
        else:
            self._looks[sighting.tracklet] = sighting.embedding

    def forget(self, tracklets: Iterable[str], changes: int) -> None:
        """The same for tracklets that have been taken out."""
        if changes != self.changes + 1:
            return
        self.changes = changes
        self._stacked = None
        for tracklet in tracklets:
            self._looks.pop(tracklet, None)

    def similar(
        self, sightings: Sequence[Sighting], above: Sequence[float]
    ) -> list[dict[str, float]]:
        """For each sighting the tracklets more like it than so much, -1 to 1, and how alike."""
        if not self._looks:
            return [{} for _ in sightings]
        if self._stacked is None:
            self._stacked = np.stack(list(self._looks.values()))
        names = list(self._looks)
        rows = np.stack([sighting.embedding for sighting in sightings]) @ self._stacked.T
        return [
            {names[i]: float(row[i]) for i in np.flatnonzero(row > floor)}
            for row, floor in zip(rows, above, strict=True)
        ]


class LatestEnded:
    """Embeddings of the tracklets that ended last, for searches that had begun by then.

    Args:
        capacity: how many are kept.

    Attributes:
        count: how many have ended so far.
    """

    def __init__(self, capacity: int) -> None:
        self._looks: deque[tuple[str, Vectors]] = deque(maxlen=capacity)
        self.count = 0

    def put(self, tracklet: str, look: Vectors) -> None:
        """Takes a tracklet that has ended."""
        self._looks.append((tracklet, look))
        self.count += 1

    def forget(self, tracklets: Collection[str]) -> None:
        """Keeps these no more."""
        for place, (name, look) in enumerate(self._looks):
            if name in tracklets:
                self._looks[place] = ("", np.zeros_like(look))

    def similar(self, look: Vectors, since: int) -> dict[str, float]:
        """Those that ended after the first `since`, and how alike a look they are, -1 to 1."""
        later = islice(reversed(self._looks), self.count - since)
        return {name: float(look @ other) for name, other in later if name}
