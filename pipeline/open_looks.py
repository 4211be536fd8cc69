"""Looks held in memory: of the tracklets that go on, and of those that ended last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

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
    """Embeddings of the tracklets that ended last, in a ring.

    Args:
        capacity: how many are kept.
    """

    def __init__(self, capacity: int) -> None:
        self._names: list[str] = [""] * capacity
        self._looks = np.zeros((0, 0), np.float32)
        self.count = 0

    def put(self, tracklet: str, look: Vectors) -> None:
        """Takes a tracklet that has ended."""
        if self._looks.shape[1] != len(look):
            self._looks = np.zeros((len(self._names), len(look)), np.float32)
        place = self.count % len(self._names)
        self._names[place], self._looks[place] = tracklet, look
        self.count += 1

    def forget(self, tracklets: Collection[str]) -> None:
        """Keeps these no more."""
        for place, name in enumerate(self._names):
            if name in tracklets:
                self._names[place] = ""
                self._looks[place] = 0.0

    def holds(self, since: int) -> bool:
        """True if all that came after so many others are still kept."""
        return self.count - since <= len(self._names)

    def similar(self, asked: Vectors) -> Vectors:
        """How alike each of some embeddings and all that are kept are: float32[N, kept]."""
        kept = self._looks[: self.count]
        return asked @ kept.T if len(kept) else np.zeros((len(asked), 0), np.float32)

    def since(self, number: int) -> tuple[list[str], list[int]]:
        """Those that came after the first `number`, and where in `similar` they stand."""
        places = [i % len(self._names) for i in range(number, self.count)]
        places = [place for place in places if self._names[place]]
        return [self._names[i] for i in places], places
