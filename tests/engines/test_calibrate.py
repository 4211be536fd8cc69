"""Similarity → likelihood ratio."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.calibrate import camera_pairs, main
from engines.card import LikelihoodRatio, graph_paths, read_card
from engines.metrics import Labels
from engines.protocols import EmbeddedProblem
from engines.reliability import (
    Pairs,
    brier_score,
    expected_error,
    fit,
    join,
    left_out_scores,
    reliability,
)
from pipeline.config import DEFAULT_NETWORK
from pipeline.embed import WEIGHTS


def drawn_pairs(same: int, different: int) -> Pairs:
    """Two normal distributions of deviation 0.1 at 0.7 and 0.3: slope 40, offset -20."""
    rng = np.random.default_rng(0)
    similarity = np.concatenate([rng.normal(0.7, 0.1, same), rng.normal(0.3, 0.1, different)])
    is_same = np.arange(same + different) < same
    weight = np.where(is_same, 0.5 / same, 0.5 / different)
    return Pairs(similarity, is_same, weight)


@pytest.mark.parametrize(("same", "different"), [(20000, 20000), (5000, 80000)])
def test_the_fit_finds_the_true_ratio_whatever_the_numbers_of_pairs(
    same: int, different: int
) -> None:
    ratio = fit(drawn_pairs(same, different))
    assert ratio.slope == pytest.approx(40, rel=0.1)
    assert ratio.offset == pytest.approx(-20, rel=0.1)


def test_a_good_fit_has_a_low_brier_score() -> None:
    pairs = drawn_pairs(2000, 2000)
    assert brier_score(fit(pairs), pairs) < 0.03
    assert brier_score(LikelihoodRatio(0.0, 0.0), pairs) == pytest.approx(0.25)


def test_the_prior_moves_the_probability_and_not_the_ratio() -> None:
    ratio = LikelihoodRatio(slope=10.0, offset=-5.0)
    assert ratio(0.5) == pytest.approx(0.0)
    assert ratio.probability(0.5) == pytest.approx(0.5)
    assert ratio.probability(0.5, prior=0.01) == pytest.approx(0.01)
    assert ratio.probability([-100.0, 100.0]).tolist() == [0.0, 1.0]


def test_pairs_are_of_different_cameras_and_both_answers_weigh_the_same() -> None:
    labels = Labels(np.array([1, 1, 2]), np.array([0, 1, 1]))
    pairs = camera_pairs(EmbeddedProblem(np.eye(3, dtype=np.float32), labels, labels))
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.weight[pairs.same].sum() == pytest.approx(0.5)
    assert join([pairs, pairs]).weight.sum() == pytest.approx(1.0)


def test_junk_is_no_answer() -> None:
    query = Labels(np.array([1]), np.array([0]))
    gallery = Labels(np.array([1, 2, -1]), np.array([1, 1, 1]))
    pairs = camera_pairs(EmbeddedProblem(np.ones((1, 3), dtype=np.float32), query, gallery))
    assert pairs.same.tolist() == [True, False]


def test_a_good_fit_is_reliable_in_every_bin() -> None:
    pairs = drawn_pairs(50_000, 50_000)
    bins = reliability(fit(pairs), pairs)
    assert [each.predicted for each in bins] == pytest.approx(
        [each.observed for each in bins], abs=0.08
    )
    assert expected_error(bins) < 0.01


def test_bins_share_out_all_pairs() -> None:
    pairs = drawn_pairs(300, 700)
    bins = reliability(fit(pairs), pairs)
    assert sum(each.pairs for each in bins) == 1000
    assert sum(each.weight for each in bins) == pytest.approx(1.0)
    assert [each.lowest for each in bins[1:]] == [each.highest for each in bins[:-1]]


def test_a_fit_that_is_too_sure_is_found_out() -> None:
    pairs = drawn_pairs(5000, 5000)
    honest = fit(pairs)
    boastful = LikelihoodRatio(20 * honest.slope, 20 * honest.offset)
    assert expected_error(reliability(boastful, pairs)) > expected_error(reliability(honest, pairs))


def test_an_empty_bin_has_no_shares() -> None:
    pairs = Pairs(np.array([0.0, 1.0]), np.array([False, True]), np.array([0.5, 0.5]))
    middle = reliability(LikelihoodRatio(100.0, -50.0), pairs)[5]
    assert middle.pairs == 0
    assert np.isnan([middle.predicted, middle.observed]).all()


def test_a_set_is_also_scored_by_a_fit_to_the_others() -> None:
    pairs = drawn_pairs(3000, 3000)
    shifted = Pairs(pairs.similarity - 0.3, pairs.same, pairs.weight)
    scores = left_out_scores({"a": pairs, "b": shifted})
    assert scores["a"] > brier_score(fit(pairs), pairs) + 0.1
    assert left_out_scores({"a": pairs}) == {}


def test_a_set_of_ones_own_calibrates_the_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = graph_paths(WEIGHTS, DEFAULT_NETWORK)
    copies = graph_paths(tmp_path, "site")
    shutil.copy(shipped.crop, copies.crop)
    shutil.copy(shipped.tracklet, copies.tracklet)
    rng = np.random.default_rng(0)
    for person, camera in product("abc", "12"):
        folder = tmp_path / "people" / person / camera
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "1.png"), rng.integers(0, 256, (64, 32, 3), dtype=np.uint8))
    options = ["--weights", tmp_path, "--name", "site", "--set", "folder", tmp_path / "people"]
    monkeypatch.setattr("sys.argv", ["calibrate", *map(str, options)])
    main()
    fitted = read_card(copies.crop).calibration
    assert fitted is not None
    assert fitted != read_card(shipped.crop).calibration
    assert read_card(copies.tracklet).calibration == fitted
