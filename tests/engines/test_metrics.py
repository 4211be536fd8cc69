"""CMC, mAP and mINP against their plain definitions, and the mistakes others made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engines.metrics import Labels, RetrievalScores, mean_scores, ranked_gallery, retrieval_scores
from pipeline.errors import InvalidArray


class Problem(NamedTuple):
    similarity: np.ndarray
    query: Labels
    gallery: Labels


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Some people in some cameras, junk in the gallery, and similarities that are often equal."""
    queries, entries = draw(st.integers(1, 8)), draw(st.integers(1, 40))
    people, cameras = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    query = Labels(rng.integers(0, people, queries), rng.integers(0, cameras, queries))
    gallery = Labels(rng.integers(-1, people, entries), rng.integers(0, cameras, entries))
    same = query.people[:, None] == gallery.people[None, :]
    return Problem((rng.integers(0, 6, same.shape) + same).astype(np.float32), query, gallery)


def answers_by_definition(problem: Problem) -> list[list[bool]]:
    """Right or wrong for every query with somebody to find, best first."""
    answers = []
    for row, person, camera in zip(
        problem.similarity, problem.query.people, problem.query.cameras, strict=True
    ):
        entries = []
        for column, who in enumerate(problem.gallery.people):
            is_same_view = who == person and problem.gallery.cameras[column] == camera
            if who != -1 and not is_same_view:
                entries.append((-row[column], column, bool(who == person)))
        answer = [right for _, _, right in sorted(entries)]
        if any(answer):
            answers.append(answer)
    return answers


def average_precision_by_definition(answer: list[bool]) -> float:
    """Area under the steps of precision over recall."""
    area = 0.0
    for rank in range(1, len(answer) + 1):
        found, found_before = sum(answer[:rank]), sum(answer[: rank - 1])
        recall_gained = (found - found_before) / sum(answer)
        area += recall_gained * found / rank
    return area


def inverse_negative_penalty_by_definition(answer: list[bool]) -> float:
    """Number of right matches over the rank at which the last of them comes."""
    hardest = max(rank for rank, right in enumerate(answer, start=1) if right)
    return sum(answer) / hardest


@given(problem=problems())
def test_scores_are_what_their_definitions_say(problem: Problem) -> None:
    answers = answers_by_definition(problem)
    assume(answers)
    scores = retrieval_scores(*problem)
    precisions = [average_precision_by_definition(answer) for answer in answers]
    penalties = [inverse_negative_penalty_by_definition(answer) for answer in answers]
    assert scores.queries == len(answers)
    assert [scores.rank(rank) for rank in (1, 5, 10, 20)] == pytest.approx(
        [np.mean([any(answer[:rank]) for answer in answers]) for rank in (1, 5, 10, 20)]
    )
    assert scores.mean_average_precision == pytest.approx(np.mean(precisions))
    assert scores.mean_inverse_negative_penalty == pytest.approx(np.mean(penalties))


def test_a_textbook_ranking_has_the_textbook_average_precision() -> None:
    """Right at ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3."""
    query = Labels(np.array([1]), np.array([0]))
    gallery = Labels(np.array([1, 2, 1, 3, 4, 1]), np.ones(6, dtype=np.int64))
    similarity = np.array([[6, 5, 4, 3, 2, 1]], dtype=np.float32)
    scores = retrieval_scores(similarity, query, gallery)
    assert scores.mean_average_precision == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


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


def test_the_ranking_leaves_out_what_is_ignored() -> None:
    gallery = Labels(np.array([1, -1, 2, 1]), np.array([0, 1, 0, 1]))
    order = ranked_gallery(np.array([0.9, 0.8, 0.1, 0.2], dtype=np.float32), 1, 0, gallery)
    assert order.tolist() == [3, 2]


def test_splits_weigh_the_same_whatever_their_number_of_queries() -> None:
    splits = [
        RetrievalScores(np.array([share]), share, share, queries)
        for share, queries in ((1.0, 1), (0.0, 99))
    ]
    mean = mean_scores(splits)
    assert mean.rank1 == mean.mean_average_precision == 0.5
    assert mean.queries == 100


def test_nobody_to_find_at_all_is_an_error() -> None:
    labels = Labels(np.array([1]), np.array([0]))
    with pytest.raises(InvalidArray, match="expected a right match"):
        retrieval_scores(np.ones((1, 1), dtype=np.float32), labels, labels)


def test_cameras_collected_per_frame_are_refused() -> None:
    """The published mistake: three tracklets of four frames each, labels appended in the loop."""
    people, cameras_per_frame = np.array([1, 1, 2]), np.repeat([0, 1, 1], 4)
    with pytest.raises(InvalidArray, match=r"one camera per embedding, .* cameras \[12\]"):
        Labels(people, cameras_per_frame)


def test_labels_of_another_matrix_are_refused() -> None:
    labels = Labels(np.array([1, 2]), np.array([0, 1]))
    with pytest.raises(InvalidArray, match=r"\[2, 2\], found \[2, 3\]"):
        retrieval_scores(np.ones((2, 3), dtype=np.float32), labels, labels)


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
