"""Retrieval metrics of person re-identification: CMC, mAP and mINP under the same-camera rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engines.datasets import JUNK_PERSON
from pipeline.errors import InvalidArray


@dataclass(frozen=True, slots=True)
class Labels:
    """Who and where, one entry per embedding.

    Attributes:
        people: int64[n].
        cameras: int64[n].

    Raises:
        InvalidArray: not one camera for each; collected per frame they would be more, come out of
            step and keep matches in the same camera.
    """

    people: npt.NDArray[np.int64]
    cameras: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.people.ndim != 1 or self.people.shape != self.cameras.shape:
            raise InvalidArray(
                f"labels: expected one person and one camera per embedding, found people "
                f"{list(self.people.shape)} and cameras {list(self.cameras.shape)}"
            )

    def __len__(self) -> int:
        return len(self.people)


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
        return self.rank(1)

    def rank(self, best: int) -> float:
        """Share of queries with a right match among the `best` first."""
        return float(self.cmc[best - 1])

    def __str__(self) -> str:
        return (
            f"rank-1 {self.rank1:.3f}  rank-5 {self.rank(5):.3f}  "
            f"mAP {self.mean_average_precision:.3f}  ({self.queries} queries)"
        )


def mean_scores(splits: Sequence[RetrievalScores]) -> RetrievalScores:
    """Scores of a set that is measured in splits, each weighing the same; queries are added up."""
    return RetrievalScores(
        cmc=np.mean([scores.cmc for scores in splits], axis=0),
        mean_average_precision=float(np.mean([s.mean_average_precision for s in splits])),
        mean_inverse_negative_penalty=float(
            np.mean([s.mean_inverse_negative_penalty for s in splits])
        ),
        queries=sum(scores.queries for scores in splits),
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
        InvalidArray: no query has anybody to find, or the labels do not fit the matrix.
    """
    _check_shape(similarity, query, gallery)
    outcomes = [
        gallery.people[ranked_gallery(row, person, camera, gallery)] == person
        for row, person, camera in zip(similarity, query.people, query.cameras, strict=True)
    ]
    counted = [matches for matches in outcomes if matches.any()]
    if not counted:
        raise InvalidArray("retrieval: expected a right match for some query, found none")
    firsts = np.array([int(matches.argmax()) for matches in counted])
    return RetrievalScores(
        cmc=np.array([(firsts <= rank).mean() for rank in range(ranks)]),
        mean_average_precision=float(np.mean([average_precision(m) for m in counted])),
        mean_inverse_negative_penalty=float(np.mean([_inverse_negative(m) for m in counted])),
        queries=len(counted),
    )


def ranked_gallery(
    similarity: npt.NDArray[np.float32], person: int, camera: int, gallery: Labels
) -> npt.NDArray[np.int64]:
    """Indices of the gallery for one query, best first, without what is to be ignored.

    Args:
        similarity: float32[g], of the query to each.
        person, camera: labels of the query.
        gallery: labels of the g.
    """
    same_view = (gallery.people == person) & (gallery.cameras == camera)
    kept = np.flatnonzero(~same_view & (gallery.people != JUNK_PERSON))
    order: npt.NDArray[np.int64] = kept[np.argsort(-similarity[kept], kind="stable")]
    return order


def average_precision(matches: npt.NDArray[np.bool_]) -> float:
    """Mean of the precision at each right match.

    Args:
        matches: bool[n], right or wrong, best first; at least one is right.
    """
    positions = np.flatnonzero(matches) + 1
    return float(np.mean(np.arange(1, len(positions) + 1) / positions))


def _check_shape(similarity: npt.NDArray[np.float32], query: Labels, gallery: Labels) -> None:
    expected = (len(query), len(gallery))
    if similarity.shape != expected:
        raise InvalidArray(
            f"similarity: expected one row per query and one column per gallery entry "
            f"{list(expected)}, found {list(similarity.shape)}"
        )


def _inverse_negative(matches: npt.NDArray[np.bool_]) -> float:
    positions = np.flatnonzero(matches) + 1
    return float(len(positions) / positions[-1])
