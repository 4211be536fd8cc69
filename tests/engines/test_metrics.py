"""CMC and mAP, against an independent implementation and against the mistakes others made."""

from __future__ import annotations

import numpy as np
import pytest

from engines.metrics import Labels, retrieval_scores


def random_problem(seed: int) -> tuple[np.ndarray, Labels, Labels]:
    """30 queries and 120 gallery tracklets of 12 people in 4 cameras, some junk."""
    rng = np.random.default_rng(seed)
    query = Labels(rng.integers(0, 12, 30), rng.integers(0, 4, 30))
    gallery = Labels(rng.integers(-1, 12, 120), rng.integers(0, 4, 120))
    same = query.people[:, None] == gallery.people[None, :]
    return (rng.normal(size=same.shape) + same).astype(np.float32), query, gallery


def scores_by_loops(similarity: np.ndarray, query: Labels, gallery: Labels) -> tuple[float, float]:
    """Rank-1 and mAP, written down plainly."""
    rank1, precisions = [], []
    for row, person, camera in zip(similarity, query.people, query.cameras, strict=True):
        ranking = []
        for column in sorted(range(len(row)), key=lambda i: -row[i]):
            if gallery.people[column] == -1:
                continue
            if gallery.people[column] == person and gallery.cameras[column] == camera:
                continue
            ranking.append(gallery.people[column] == person)
        if not any(ranking):
            continue
        rank1.append(ranking[0])
        hits = [position for position, right in enumerate(ranking, start=1) if right]
        precisions.append(sum((n + 1) / position for n, position in enumerate(hits)) / len(hits))
    return float(np.mean(rank1)), float(np.mean(precisions))


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_plain_loops(seed: int) -> None:
    similarity, query, gallery = random_problem(seed)
    scores = retrieval_scores(similarity, query, gallery)
    rank1, mean_average_precision = scores_by_loops(similarity, query, gallery)
    assert scores.rank1 == pytest.approx(rank1)
    assert scores.mean_average_precision == pytest.approx(mean_average_precision)


def test_the_same_person_in_the_same_camera_is_neither_right_nor_wrong() -> None:
    query = Labels(np.array([1]), np.array([0]))
    gallery = Labels(np.array([1, 2, 1]), np.array([0, 0, 1]))
    scores = retrieval_scores(np.array([[0.9, 0.8, 0.7]], dtype=np.float32), query, gallery)
    assert scores.rank1 == 0.0
    assert scores.cmc[1] == 1.0
    assert scores.mean_average_precision == pytest.approx(0.5)


def test_junk_is_left_out_of_the_ranking() -> None:
    query = Labels(np.array([1]), np.array([0]))
    gallery = Labels(np.array([-1, 1]), np.array([1, 1]))
    scores = retrieval_scores(np.array([[0.9, 0.1]], dtype=np.float32), query, gallery)
    assert scores.rank1 == 1.0


def test_queries_with_nobody_to_find_are_not_counted() -> None:
    query = Labels(np.array([1, 7]), np.array([0, 0]))
    gallery = Labels(np.array([1, 2]), np.array([1, 1]))
    scores = retrieval_scores(np.array([[0.9, 0.1]] * 2, dtype=np.float32), query, gallery)
    assert scores.queries == 1


def test_the_penalty_of_the_hardest_match_is_counted() -> None:
    query = Labels(np.array([1]), np.array([0]))
    gallery = Labels(np.array([1, 2, 2, 1]), np.array([1, 1, 1, 2]))
    scores = retrieval_scores(np.array([[4, 3, 2, 1]], dtype=np.float32), query, gallery)
    assert scores.mean_inverse_negative_penalty == pytest.approx(2 / 4)


def test_wrong_camera_labels_would_lift_the_figures() -> None:
    """Camera labels collected per frame come out of step and keep same-camera matches."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(30), 4)
    cameras = np.tile([0, 0, 1, 1], 30)
    look = rng.normal(size=(30, 2, 16))[people, cameras] + rng.normal(size=(30, 16))[people]
    similarity = (look @ look.T).astype(np.float32)
    right = Labels(people, cameras)
    wrong = Labels(people, np.arange(len(people)))
    honest = retrieval_scores(similarity, right, right)
    inflated = retrieval_scores(similarity, wrong, wrong)
    assert inflated.rank1 > honest.rank1 + 0.1
