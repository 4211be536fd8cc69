"""Simulated embeddings are as alike, and as different, as those of the shipped network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from world.looks import CROPS, Appearance, Looks, confusing
from world.numbers import names, normal, uniform

PEOPLE, CAMERAS, EACH, SEEDS = 60, 12, 4, 6


@dataclass(frozen=True)
class Similarities:
    """Of pairs of tracklets: float32[n] each."""

    same_apart: NDArray[np.float32]
    others_apart: NDArray[np.float32]
    others_together: NDArray[np.float32]


def similarities(looks: Looks, crops: int = CROPS) -> Similarities:
    """What some sites give."""
    sites = [_site(looks, seed, crops) for seed in range(SEEDS)]
    kinds = ("same_apart", "others_apart", "others_together")
    return Similarities(*(np.concatenate([getattr(s, kind) for s in sites]) for kind in kinds))


def _site(looks: Looks, seed: int, crops: int) -> Similarities:
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(PEOPLE), EACH)
    cameras = rng.integers(0, CAMERAS, len(people))
    tracklets = rng.integers(0, 2**62, len(people)).astype(np.uint64)
    small = replace(looks, dimensions=looks.latent)  # a turned copy; similarities stay
    embeddings = Appearance(small, seed).embed(
        people, cameras, tracklets, np.full(len(people), crops)
    )
    pairs = np.triu_indices(len(people), 1)
    similarity = (embeddings @ embeddings.T)[pairs]
    same, apart = (test[pairs] for test in (people[:, None] == people, cameras[:, None] != cameras))
    return Similarities(
        similarity[same & apart], similarity[~same & apart], similarity[~same & ~apart]
    )


@pytest.fixture(scope="module")
def shipped() -> Similarities:
    return similarities(Looks())


@pytest.mark.parametrize(
    ("kind", "mean", "spread", "low", "high"),
    [
        pytest.param("same_apart", 0.650, 0.161, 0.355, 0.849, id="one person, two cameras"),
        pytest.param("others_apart", 0.124, 0.093, -0.006, 0.279, id="two people, two cameras"),
        pytest.param("others_together", 0.279, 0.142, 0.066, 0.540, id="two people, one camera"),
    ],
)
def test_similarities_are_spread_as_measured(
    shipped: Similarities, kind: str, mean: float, spread: float, low: float, high: float
) -> None:
    found = getattr(shipped, kind)
    simulated = [found.mean(), found.std(), *np.quantile(found, [0.05, 0.95])]
    np.testing.assert_allclose(simulated, [mean, spread, low, high], atol=0.03)


def test_a_single_crop_tells_as_little_as_measured() -> None:
    assert similarities(Looks(), crops=1).same_apart.mean() == pytest.approx(0.509, abs=0.03)


def test_lookalikes_are_more_alike_than_some_true_pairs() -> None:
    alike = similarities(confusing())
    assert max(alike.others_apart.max(), alike.others_together.max()) > 0.9
    assert 0.15 < (alike.same_apart < 0.7).mean() < 0.35
    assert np.quantile(alike.others_together, 0.95) > 0.8


def test_the_share_of_lookalikes_is_a_parameter() -> None:
    few, many = (_site(confusing(share), 1, CROPS).others_apart for share in (0.1, 0.8))
    assert (few > 0.6).mean() < 0.02
    assert (many > 0.6).mean() > 0.1


def test_embeddings_are_of_unit_length_and_of_the_networks_size() -> None:
    one = np.ones(1, np.int64)
    embedding = Appearance(Looks(), 1).embed(one, one, one.astype(np.uint64), one)
    assert embedding.shape == (1, 256)
    assert embedding.dtype == np.float32
    assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-5)


def test_somebody_looks_the_same_whoever_else_is_asked_for() -> None:
    appearance = Appearance(Looks(), 1)
    people, tracklets = np.arange(50), np.arange(50, dtype=np.uint64)
    cameras, crops = people % 7, 1 + people % CROPS
    together = appearance.embed(people, cameras, tracklets, crops)
    alone = appearance.embed(people[31:32], cameras[31:32], tracklets[31:32], crops[31:32])
    np.testing.assert_allclose(alone[0], together[31], atol=1e-6)


def test_numbers_by_name_are_normal_and_uniform() -> None:
    named = names(1, 2, np.arange(2000))
    drawn, shares = normal(named, 101), uniform(named, 50)
    assert abs(drawn.mean()) < 0.01
    assert drawn.std() == pytest.approx(1.0, abs=0.01)
    assert np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1] == pytest.approx(0, abs=0.01)
    np.testing.assert_allclose(np.quantile(shares, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.01)
