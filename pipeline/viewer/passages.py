"""Who passed which camera when, as arrays: however many tracklets are counted at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data import TrackletRecord

Mask = NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """N tracklets as parallel arrays, in any order.

    Attributes:
        begin, end: float64[N], capture time, seconds since the epoch.
        identity: int64[N], whose they are.
        camera: int64[N], their camera's place in `cameras`.
        cameras: names.
    """

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    identity: NDArray[np.int64]
    camera: NDArray[np.int64]
    cameras: tuple[str, ...]

    @classmethod
    def of(cls, records: Iterable[TrackletRecord]) -> Passages:
        """The passages of some tracklets."""
        rows = [(r.begin, r.end, r.identity, r.camera) for r in records]
        cameras = tuple(sorted({camera for *_, camera in rows}))
        places = {camera: place for place, camera in enumerate(cameras)}
        return cls(
            begin=np.array([row[0] for row in rows], np.float64),
            end=np.array([row[1] for row in rows], np.float64),
            identity=np.array([row[2] for row in rows], np.int64),
            camera=np.array([places[row[3]] for row in rows], np.int64),
            cameras=cameras,
        )

    def __len__(self) -> int:
        return len(self.begin)

    def __getitem__(self, mask: Mask) -> Passages:
        """Some of them, or all in another order."""
        return Passages(
            self.begin[mask], self.end[mask], self.identity[mask], self.camera[mask], self.cameras
        )

    def within(self, begin: float | None, end: float | None, camera: str | None = None) -> Passages:
        """Those that were there at some time from `begin` to `end`; None: no bound."""
        mask = np.ones(len(self), np.bool_)
        if begin is not None:
            mask &= self.end >= begin
        if end is not None:
            mask &= self.begin <= end
        if camera is not None:
            place = self.cameras.index(camera) if camera in self.cameras else -1
            mask &= self.camera == place
        return self[mask]

    def by_person(self) -> Passages:
        """In order of the person, and of time."""
        return self[np.lexsort((self.end, self.begin, self.identity))]

    def people(self) -> int:
        """How many people, each counted once."""
        return len(np.unique(self.identity))

    def people_by(self, group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
        """How many different people there are in each group, int64[groups].

        Args:
            group: int64[N], the group of each passage.
            groups: how many there are.
        """
        known, person = np.unique(self.identity, return_inverse=True)
        pairs = np.unique(group * len(known) + person.reshape(-1))
        return np.bincount(pairs // max(1, len(known)), minlength=groups).astype(np.int64)

    def people_by_camera(self) -> dict[str, int]:
        """The same for each camera that has seen anybody."""
        counts = self.people_by(self.camera, len(self.cameras)).tolist()
        named = sorted(zip(self.cameras, counts, strict=True))
        return {name: count for name, count in named if count}
