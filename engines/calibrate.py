"""Similarity → likelihood ratio, fitted on people the network was never trained on.

`python -m engines.calibrate --weights engines/weights --data ROOT` writes the fit into the graphs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from engines.card import LikelihoodRatio, graph_paths
from engines.embedders import GraphEmbedder
from engines.evaluate import held_out_problems
from engines.export import write_metadata
from engines.protocols import EmbeddedProblem, embed_problem

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of tracklets in different cameras.

    Attributes:
        similarity: float64[n].
        same: bool[n], whether the two are one person.
        weight: float64[n], sums to 1; both answers weigh the same.
    """

    similarity: Array
    same: npt.NDArray[np.bool_]
    weight: Array


def camera_pairs(problem: EmbeddedProblem) -> Pairs:
    """Every query with every gallery tracklet of another camera."""
    apart = problem.query.cameras[:, None] != problem.gallery.cameras[None, :]
    same = (problem.query.people[:, None] == problem.gallery.people[None, :])[apart]
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    return Pairs(problem.similarity[apart].astype(np.float64), same, weight)


def join(sets: Sequence[Pairs]) -> Pairs:
    """Puts sets together, each with the same weight whatever its size."""
    return Pairs(
        np.concatenate([pairs.similarity for pairs in sets]),
        np.concatenate([pairs.same for pairs in sets]),
        np.concatenate([pairs.weight for pairs in sets]) / len(sets),
    )


def fit(pairs: Pairs) -> LikelihoodRatio:
    """Logistic regression by maximum likelihood."""
    sign = np.where(pairs.same, 1.0, -1.0)

    def loss(parameters: Array) -> float:
        log_odds = parameters[0] * pairs.similarity + parameters[1]
        return float(np.sum(pairs.weight * np.logaddexp(0.0, -sign * log_odds)))

    slope, offset = minimize(loss, x0=np.array([10.0, -5.0])).x
    return LikelihoodRatio(float(slope), float(offset))


def brier_score(ratio: LikelihoodRatio, pairs: Pairs) -> float:
    """Mean squared error of the probability; 0.25 is what always saying one half gives."""
    error = ratio.probability(pairs.similarity) - pairs.same
    return float(np.sum(pairs.weight * error**2))


def main() -> None:
    """Fits on the held-out sets and writes the result into both graphs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--name", default="drsa_lite0")
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()

    embedder = GraphEmbedder(arguments.weights, arguments.name)
    problems = held_out_problems(arguments.data)
    sets = {
        name: camera_pairs(embed_problem(problems[name], embedder))
        for name in ("held-out people", "mini_mars test")
    }
    ratio = fit(join(list(sets.values())))
    paths = graph_paths(arguments.weights, arguments.name)
    for path in (paths.crop, paths.tracklet):
        write_metadata(path, {"calibration": json.dumps(asdict(ratio))})
    print(f"log-likelihood ratio = {ratio.slope:.2f} · similarity {ratio.offset:+.2f}")
    for name, pairs in sets.items():
        print(f"{name}: Brier score {brier_score(ratio, pairs):.3f}")


if __name__ == "__main__":
    main()
