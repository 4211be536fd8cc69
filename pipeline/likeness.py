"""What the looks of a recording's tracklets say of each two of them, worked out when it is asked.

A long recording has 50,000 tracklets, and all pairs of them would take 10 GB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting
from pipeline.weigh import Weigher

_ROWS = 512  # compared with all at once


class Likeness:
    """How alike N tracklets are.

    Args:
        sightings: the last one of each of the N.
        weigher: what likeness says between which cameras; as it is now, it is not asked again.
    """

    def __init__(self, sightings: Sequence[Sighting], weigher: Weigher) -> None:
        self._embeddings = np.array([s.embedding for s in sightings], np.float32)
        names, self._camera = np.unique([s.camera for s in sightings], return_inverse=True)
        self._slope, self._offset = weigher.lines(names.tolist())

    def similarity(self, one: int, others: Sequence[int]) -> NDArray[np.float32]:
        """Cosine similarity of one tracklet to each of K others: [K]."""
        found: NDArray[np.float32] = self._embeddings[list(others)] @ self._embeddings[one]
        return found

    def among(self, some: Sequence[int]) -> NDArray[np.float32]:
        """Nats for each two of K tracklets being one person: [K, K]."""
        chosen = np.asarray(some)
        return self._said(chosen, chosen)

    def nearest(self, count: int) -> NDArray[np.intp]:
        """The others that each looks like most, the most alike first: [N, at most `count`]."""
        everybody = np.arange(len(self._embeddings))
        count = min(count, len(everybody) - 1)
        blocks = [everybody[i : i + _ROWS] for i in range(0, len(everybody), _ROWS)]
        return np.concatenate([self._nearest(block, everybody, count) for block in blocks])

    def _nearest(
        self, some: NDArray[np.intp], others: NDArray[np.intp], count: int
    ) -> NDArray[np.intp]:
        unlike = -self._said(some, others)
        unlike[np.arange(len(some)), some] = np.inf
        found = np.argpartition(unlike, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(unlike, found, 1), axis=1, kind="stable")
        return np.take_along_axis(found, order, 1)

    def _said(self, some: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float32]:
        pair = self._camera[some][:, None], self._camera[others]
        similarity = self._embeddings[some] @ self._embeddings[others].T
        said: NDArray[np.float32] = self._slope[pair] * similarity + self._offset[pair]
        return said
