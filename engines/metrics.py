"""Retrieval metrics of person re-identification: CMC and mAP under the same-camera rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engines.datasets import JUNK_PERSON


@dataclass(frozen=True, slots=True)
class Labels:
    """Who and where, one entry per embedding.

    Attributes:
        people: int64[n].
        cameras: int64[n].
    """

    people: npt.NDArray[np.int64]
    cameras: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Shares between 0 and 1, averaged over the queries that have somebody to find.

    Attributes:
        cmc: cmc[r - 1] is the share of queries with a right match among the best r.
        mean_average_precision: mAP, area under each query's precision-recall steps.
        mean_inverse_negative_penalty: mINP, how early the hardest right match comes.
        queries: number of queries counted.
    """

    cmc: npt.NDArray[np.float64]
    mean_average_precision: float
    mean_inverse_negative_penalty: float
    queries: int

    @property
    def rank1(self) -> float:
        return float(self.cmc[0])

    def __str__(self) -> str:
        return (
            f"rank-1 {self.rank1:.3f}  rank-5 {self.cmc[4]:.3f}  "
            f"mAP {self.mean_average_precision:.3f}  ({self.queries} queries)"
        )


def retrieval_scores(
    similarity: npt.NDArray[np.float32], query: Labels, gallery: Labels, *, ranks: int = 20
) -> RetrievalScores:
    """Ranks the gallery for every query.

    The query's own person in the query's own camera is ignored, and so is junk.

    Args:
        similarity: float32[q, g], higher is more alike.
        query: labels of the q rows.
        gallery: labels of the g columns.
        ranks: length of the CMC curve.

    Raises:
        ValueError: no query has anybody to find.
    """
    outcomes = [
        _ranked_matches(row, person, camera, gallery)
        for row, person, camera in zip(similarity, query.people, query.cameras, strict=True)
    ]
    counted = [matches for matches in outcomes if matches.any()]
    if not counted:
        raise ValueError("retrieval: expected a right match for some query, found none")
    firsts = np.array([int(matches.argmax()) for matches in counted])
    return RetrievalScores(
        cmc=np.array([(firsts <= rank).mean() for rank in range(ranks)]),
        mean_average_precision=float(np.mean([_average_precision(m) for m in counted])),
        mean_inverse_negative_penalty=float(np.mean([_inverse_negative(m) for m in counted])),
        queries=len(counted),
    )


def _ranked_matches(
    similarity: npt.NDArray[np.float32], person: int, camera: int, gallery: Labels
) -> npt.NDArray[np.bool_]:
    """Right or wrong, best first, without what is to be ignored."""
    same_view = (gallery.people == person) & (gallery.cameras == camera)
    kept = ~same_view & (gallery.people != JUNK_PERSON)
    order = np.argsort(-similarity[kept], kind="stable")
    matches: npt.NDArray[np.bool_] = (gallery.people[kept] == person)[order]
    return matches


def _average_precision(matches: npt.NDArray[np.bool_]) -> float:
    positions = np.flatnonzero(matches) + 1
    return float(np.mean(np.arange(1, len(positions) + 1) / positions))


def _inverse_negative(matches: npt.NDArray[np.bool_]) -> float:
    positions = np.flatnonzero(matches) + 1
    return float(len(positions) / positions[-1])
