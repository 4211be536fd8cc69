"""Drawings of what a network finds: which queries, which gallery, right in green, wrong in red."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from engines.attention import Attention
from engines.datasets import LabelledTracklet
from engines.drawings import (
    RIGHT,
    SHOWN,
    WRONG,
    Ranking,
    choose_queries,
    draw_problem,
    overlay,
    rank_queries,
)
from engines.preprocess import Image
from engines.protocols import Embedding, RetrievalProblem, embed_problem

PARTS = 3


class LookingEmbedder:
    """Tells people apart by their grey, and looks at the upper half."""

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        angle = crops[0].mean() / 255
        return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)

    def explain(self, crops: Sequence[Image]) -> Attention:
        maps = np.zeros((len(crops), PARTS, 4, 2), dtype=np.float32)
        maps[:, :, :2] = 0.25
        return Attention(maps, np.full((len(crops), PARTS), 1 / len(crops), dtype=np.float32))


class SilentEmbedder:
    """The same without an explanation."""

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        return LookingEmbedder()(crops)


def answer(right: Sequence[bool], *, query: int = 0) -> Ranking:
    return Ranking(query, np.arange(len(right)), np.array(right))


@pytest.fixture
def problem(tmp_path: Path) -> RetrievalProblem:
    """1 is found at once; 2 looks like 3 does in the other camera; 9 is in one camera alone."""
    greys = {(1, 0): 20, (1, 1): 20, (2, 0): 100, (2, 1): 150, (3, 1): 102, (9, 0): 9}
    for (person, camera), grey in greys.items():
        cv2.imwrite(
            str(tmp_path / f"{person}_{camera}.png"), np.full((32, 16, 3), grey, dtype=np.uint8)
        )
    tracklets = {
        key: LabelledTracklet(*key, (tmp_path / f"{key[0]}_{key[1]}.png",) * 3) for key in greys
    }
    query = tuple(t for t in tracklets.values() if t.camera == 0)
    return RetrievalProblem(
        "two / three", query, tuple(t for t in tracklets.values() if t.camera == 1)
    )


def test_the_worst_queries_are_those_with_the_least_precision() -> None:
    rankings = [
        answer([True, False], query=0),
        answer([False, False, True], query=1),
        answer([False, True], query=2),
    ]
    chosen = choose_queries(rankings, worst=2, random=5)
    assert {name: each.query for name, each in chosen.items()} == {
        "worst_1": 1,
        "worst_2": 2,
        "random_1": 0,
    }


@pytest.mark.parametrize("rankings", [0, 1, 3])
def test_there_may_be_fewer_queries_than_asked_for(rankings: int) -> None:
    answers = [answer([True], query=number) for number in range(rankings)]
    assert len(choose_queries(answers, worst=4, random=2)) == rankings


def test_a_right_match_that_comes_late_is_shown_last() -> None:
    late = answer([False] * 40 + [True])
    assert late.shown() == [*range(SHOWN - 1), 40]
    assert late.first_right == 41


def test_a_small_gallery_is_shown_as_it_is() -> None:
    assert answer([False, True, False]).shown() == [0, 1, 2]


def test_only_queries_with_somebody_to_find_are_ranked(problem: RetrievalProblem) -> None:
    rankings = rank_queries(embed_problem(problem, SilentEmbedder()))
    assert [(each.query, each.first_right) for each in rankings] == [(0, 1), (1, 2)]


def contains(picture: Image, colour: str) -> bool:
    """Whether there is a line of a colour, uint8[H, W, 3] BGR."""
    wanted = np.round(255 * np.array(to_rgb(colour))[::-1])
    return int((np.abs(picture - wanted).max(axis=2) <= 2).sum()) > 200


def test_right_and_wrong_are_marked_and_the_worst_is_drawn_first(
    problem: RetrievalProblem, tmp_path: Path
) -> None:
    worst, good = draw_problem(problem, LookingEmbedder(), tmp_path / "out")
    assert worst == tmp_path / "out" / "two_three" / "worst_1.png"
    pictures = [cv2.imread(str(path)) for path in (worst, good)]
    assert all(contains(picture, RIGHT) and contains(picture, WRONG) for picture in pictures)


def test_without_an_explanation_only_the_ranking_is_drawn(
    problem: RetrievalProblem, tmp_path: Path
) -> None:
    (narrow, *_) = draw_problem(problem, SilentEmbedder(), tmp_path / "silent")
    (wide, *_) = draw_problem(problem, LookingEmbedder(), tmp_path / "looking")
    assert cv2.imread(str(narrow)).shape[1] < cv2.imread(str(wide)).shape[1]


def test_colour_is_where_the_attention_is() -> None:
    crop = np.full((64, 32, 3), 60, dtype=np.uint8)
    shares = np.array([[1.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    drawn = overlay(crop, shares).astype(int)
    assert drawn.shape == (64, 32, 3)
    assert np.ptp(drawn[5, 5]) > 50  # colour
    assert drawn[60, 28] == pytest.approx([60, 60, 60], abs=1)  # grey as it was
