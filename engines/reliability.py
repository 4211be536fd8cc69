"""The curve from similarity to likelihood ratio: its fit to pairs, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

from engines.card import LikelihoodRatio

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of tracklets.

    Attributes:
        similarity: float64[n].
        same: bool[n], whether the two are one person.
        weight: float64[n], sums to 1; both answers weigh the same.
    """

    similarity: Array
    same: npt.NDArray[np.bool_]
    weight: Array


def join(sets: Sequence[Pairs]) -> Pairs:
    """Puts sets together, each with the same weight whatever its size."""
    return Pairs(
        np.concatenate([pairs.similarity for pairs in sets]),
        np.concatenate([pairs.same for pairs in sets]),
        np.concatenate([pairs.weight for pairs in sets]) / len(sets),
    )


def fit(pairs: Pairs, *, doubt: float = 0.0) -> LikelihoodRatio:
    """Logistic regression by maximum likelihood.

    Args:
        pairs: what is known.
        doubt: share of them that may be wrong: without it, pairs that are told apart without a
            mistake make the curve as steep as can be.
    """
    sign = np.where(pairs.same, 1.0, -1.0)

    def loss(parameters: Array) -> float:
        log_odds = parameters[0] * pairs.similarity + parameters[1]
        right = np.logaddexp(0.0, -sign * log_odds)
        wrong = np.logaddexp(0.0, sign * log_odds)
        return float(np.sum(pairs.weight * ((1 - doubt) * right + doubt * wrong)))

    slope, offset = minimize(loss, x0=np.array([10.0, -5.0])).x
    return LikelihoodRatio(float(slope), float(offset))


def brier_score(ratio: LikelihoodRatio, pairs: Pairs) -> float:
    """Mean squared error of the probability; 0.25 is what always saying one half gives."""
    error = ratio.probability(pairs.similarity) - pairs.same
    return float(np.sum(pairs.weight * error**2))


def left_out_scores(sets: Mapping[str, Pairs]) -> dict[str, float]:
    """Brier score of each set under a fit to the others alone; nothing for a single set."""
    others = {name: [sets[other] for other in sets if other != name] for name in sets}
    return {name: brier_score(fit(join(rest)), sets[name]) for name, rest in others.items() if rest}


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs to which the fit gives about the same probability.

    Attributes:
        lowest, highest: bounds of the probability.
        pairs: how many fall between.
        weight: their share of all weight.
        predicted: mean probability of theirs, by weight; NaN without pairs.
        observed: share of them that are one person, by weight; NaN without pairs.
    """

    lowest: float
    highest: float
    pairs: int
    weight: float
    predicted: float
    observed: float


def reliability(ratio: LikelihoodRatio, pairs: Pairs, *, bins: int = 10) -> list[ReliabilityBin]:
    """Compares what is predicted with what is so, in bins of equal width.

    Args:
        ratio: the fit.
        pairs: the prior is one half, as both answers weigh the same.
        bins: how many.
    """
    probability = ratio.probability(pairs.similarity)
    places = np.minimum((probability * bins).astype(np.int64), bins - 1)
    return [
        _reliability_bin(pairs, probability, place, places == place, bins) for place in range(bins)
    ]


def _reliability_bin(
    pairs: Pairs, probability: Array, place: int, chosen: npt.NDArray[np.bool_], bins: int
) -> ReliabilityBin:
    weight = pairs.weight[chosen]
    total = float(weight.sum())
    mean = partial(np.average, weights=weight) if total else lambda _: np.nan
    return ReliabilityBin(
        lowest=place / bins,
        highest=(place + 1) / bins,
        pairs=int(chosen.sum()),
        weight=total,
        predicted=float(mean(probability[chosen])),
        observed=float(mean(pairs.same[chosen].astype(np.float64))),
    )


def expected_error(bins: Sequence[ReliabilityBin]) -> float:
    """Expected calibration error: |predicted - observed|, averaged over the bins by weight."""
    return sum(each.weight * abs(each.predicted - each.observed) for each in bins if each.pairs)


def reliability_table(bins: Sequence[ReliabilityBin]) -> Table:
    """One row per bin."""
    table = Table("probability", "pairs", "weight", "predicted", "observed", title="reliability")
    for each in bins:
        table.add_row(
            f"{each.lowest:.1f} to {each.highest:.1f}",
            str(each.pairs),
            *(f"{value:.3f}" for value in (each.weight, each.predicted, each.observed)),
        )
    return table


def report(ratio: LikelihoodRatio, sets: Mapping[str, Pairs], console: Console) -> None:
    """Prints the curve, the Brier scores by set, and the reliability over all sets."""
    console.print(f"log-likelihood ratio = {ratio.slope:.2f} · similarity {ratio.offset:+.2f}")
    console.print(f"nothing is known at similarity {-ratio.offset / ratio.slope:.2f}")
    left_out = left_out_scores(sets)
    table = Table("set", "pairs", "of one person", "Brier score", "fitted without it")
    for name, pairs in sets.items():
        without = f"{left_out[name]:.3f}" if name in left_out else "-"
        counts = str(len(pairs.same)), str(int(pairs.same.sum()))
        table.add_row(name, *counts, f"{brier_score(ratio, pairs):.3f}", without)
    console.print(table)
    bins = reliability(ratio, join(list(sets.values())))
    console.print(reliability_table(bins))
    console.print(f"expected calibration error {expected_error(bins):.3f}")
