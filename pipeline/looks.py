"""What tracklets look like, held in the memory of the process that compares them all the time.

Redis keeps the same and is what counts (`pipeline.gallery`). Those that still grow are few and
are compared one by one. Those that have ended are many and lie in a graph of neighbours
(usearch), which answers in a tenth of the time that Redis' vector set takes: it compares 8-bit
numbers with the processor's vector instructions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from usearch.index import Index, Matches

from pipeline.data import Sighting

Looks = NDArray[np.float32]
"""float32[D], unit length."""

_LINKS = 16
_EFFORT_ADDING = 128
_EFFORT = 300  # neighbours looked at; see docs/decisions.md


class OpenLooks:
    """Embeddings of the tracklets that still grow.

    Args:
        looks: tracklet → embedding, as Redis has them.
    """

    def __init__(self, looks: Mapping[bytes, bytes] | None = None) -> None:
        self._looks: dict[str, Looks] = {
            name.decode(): np.frombuffer(look, dtype="<f4") for name, look in (looks or {}).items()
        }
        self._stacked: Looks | None = None

    def put(self, tracklet: str, look: Looks) -> None:
        """Takes one in, or what it looks like by now."""
        self._looks[tracklet] = look
        self._stacked = None

    def remove(self, tracklets: Iterable[str]) -> None:
        """Forgets some; those that are not there do not matter."""
        for tracklet in tracklets:
            self._looks.pop(tracklet, None)
        self._stacked = None

    def similar(self, sightings: Sequence[Sighting], count: int) -> list[dict[str, float]]:
        """For each sighting the tracklets most like it, and how alike they are, -1 to 1."""
        if not self._looks:
            return [{} for _ in sightings]
        if self._stacked is None:
            self._stacked = np.stack(list(self._looks.values()))
        names = list(self._looks)
        asked = np.stack([sighting.embedding for sighting in sightings])
        rows = asked @ self._stacked.T
        best = np.argsort(-rows, axis=1, kind="stable")[:, :count]
        return [
            {names[i]: float(row[i]) for i in chosen}
            for row, chosen in zip(rows, best, strict=True)
        ]


class EndedLooks:
    """Embeddings of the tracklets that have ended, 8 bits a number; some 1.6 kB each at 768."""

    def __init__(self) -> None:
        self._graph: Index | None = None
        self._names: dict[int, str] = {}
        self._keys: dict[str, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def names(self) -> Collection[str]:
        """The tracklets that are there."""
        return self._keys.keys()

    def put(self, looks: Mapping[str, NDArray[Any]]) -> None:
        """Takes some in: vectors [D] of any length, float32 or int8."""
        if not looks:
            return
        self.remove(looks)
        vectors = np.stack([_in_8_bits(look) for look in looks.values()])
        keys = np.arange(self._next, self._next + len(looks))
        self._next += len(looks)
        if self._graph is None:
            self._graph = Index(
                ndim=vectors.shape[1],
                metric="cos",
                dtype="i8",
                connectivity=_LINKS,
                expansion_add=_EFFORT_ADDING,
                expansion_search=_EFFORT,
            )
        self._graph.add(keys, vectors)
        self._names |= zip(keys.tolist(), looks, strict=True)
        self._keys |= zip(looks, keys.tolist(), strict=True)

    def remove(self, tracklets: Iterable[str]) -> None:
        """Forgets some; those that are not there do not matter."""
        keys = [self._keys.pop(name) for name in tracklets if name in self._keys]
        for key in keys:
            del self._names[key]
        if keys and self._graph is not None:
            self._graph.remove(np.array(keys))

    def similar(self, sightings: Sequence[Sighting], count: int) -> list[dict[str, float]]:
        """For each sighting the tracklets most like it, and how alike they are, -1 to 1."""
        if self._graph is None or not self._keys:
            return [{} for _ in sightings]
        asked = np.stack([_in_8_bits(sighting.embedding) for sighting in sightings])
        found = self._graph.search(asked, count, threads=1)
        each = [found] if isinstance(found, Matches) else found  # of one question, or of several
        return [
            {
                self._names[key]: 1.0 - distance
                for key, distance in zip(some.keys.tolist(), some.distances.tolist(), strict=True)
            }
            for some in each
        ]


def _in_8_bits(look: NDArray[Any]) -> NDArray[np.int8]:
    """Its direction, as finely as 8 bits a number allow."""
    if look.dtype == np.int8:
        return look
    return np.rint(look * (127.0 / np.abs(look).max())).astype(np.int8)
