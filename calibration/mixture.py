"""A mixture of normal distributions in the plane over a background, its size chosen by the data.

Expectation maximisation over points in the unit square; what fits no component goes to a uniform
background. How many components there are is chosen by the integrated completed likelihood
(Biernacki, Celeux and Govaert, 2000): BIC, less what is unclear about who belongs where. It asks
for clusters that stand apart, where BIC alone would split one that is not quite normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.special import xlogy

Array = npt.NDArray[np.float64]

_PARAMETERS = 6  # of a component: its weight, 2 of its mean, 3 of its covariance
_NARROWEST = 0.02  # standard deviation: the detector's jitter
_BACKGROUND = 0.05  # share to begin with, and its floor: a point in twenty may be anywhere
_ROUNDS = 200
_STARTS = 3
_IN_VAIN = 3  # larger mixtures in a row that were no better
_ENOUGH = 1e-4  # log-likelihood per point that a round must gain


@dataclass(frozen=True, slots=True)
class Mixture:
    """A fitted mixture of k components.

    Attributes:
        weights: float64[k]; the background has what is missing from 1.
        means: float64[k, 2].
        covariances: float64[k, 2, 2].
        members: int64[n], the component of each point, -1 for the background.
        criterion: integrated completed likelihood criterion; less is better.
    """

    weights: Array
    means: Array
    covariances: Array
    members: npt.NDArray[np.int64]
    criterion: float


def fit_best(points: Array, *, most: int = 8, least_points: int = 4) -> Mixture:
    """The mixture that explains points best.

    Args:
        points: float64[n, 2].
        most: components to try at most.
        least_points: points that a component needs at least, on average.
    """
    places = len(np.unique(points, axis=0))  # k-means starts every component at another one
    largest = min(most, len(points) // least_points, places)
    best, in_vain = _without_components(points), 0
    for k in range(1, largest + 1):
        fits = [_fit(points, k, np.random.default_rng((k, start))) for start in range(_STARTS)]
        fit = min(fits, key=lambda each: each.criterion)
        in_vain = 0 if fit.criterion < best.criterion else in_vain + 1
        best = min(best, fit, key=lambda each: each.criterion)
        if in_vain == _IN_VAIN:
            break
    return best


def _without_components(points: Array) -> Mixture:
    """Nothing but background, whose density is 1."""
    nobody = np.full(len(points), -1)
    return Mixture(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2, 2)), nobody, 0.0)


def _fit(points: Array, k: int, rng: np.random.Generator) -> Mixture:
    _, labels = kmeans2(points, k, minit="++", seed=rng)
    shares = np.eye(k)[labels] * (1 - _BACKGROUND)
    shares = np.column_stack([shares, np.full(len(points), _BACKGROUND)])
    before = -np.inf
    for _ in range(_ROUNDS):
        weights, means, covariances = _maximise(points, shares)
        logs = _log_densities(points, weights, means, covariances)
        total = np.logaddexp.reduce(logs, axis=1)
        shares = np.exp(logs - total[:, None])
        likelihood = float(total.sum())
        if likelihood - before < _ENOUGH * len(points):
            break
        before = likelihood
    unclear = -float(xlogy(shares, shares).sum())
    bic = -2 * likelihood + _PARAMETERS * k * np.log(len(points))
    members = shares.argmax(axis=1)
    members[members == k] = -1
    return Mixture(weights, means, covariances, members, bic + 2 * unclear)


def _maximise(points: Array, shares: Array) -> tuple[Array, Array, Array]:
    """Weights, means and covariances of the components, given each point's shares in them."""
    inside = shares[:, :-1]
    sizes = inside.sum(axis=0) + 1e-9
    weights = sizes / len(points)
    weights *= min(1.0, (1 - _BACKGROUND) / weights.sum())
    means = (inside.T @ points) / sizes[:, None]
    apart = points[:, None, :] - means[None]
    spread = np.einsum("nk,nki,nkj->kij", inside, apart, apart) / sizes[:, None, None]
    return weights, means, spread + _NARROWEST**2 * np.eye(2)


def _log_densities(points: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """float64[n, k + 1] of log(weight · density); the background is the last column."""
    apart = points[:, None, :] - means[None]
    squares = np.einsum("nki,kij,nkj->nk", apart, np.linalg.inv(covariances), apart)
    norms = np.log(2 * np.pi) + 0.5 * np.log(np.linalg.det(covariances))
    components = np.log(weights) - norms - 0.5 * squares
    background = np.log(max(_BACKGROUND, 1 - weights.sum()))
    return np.column_stack([components, np.full(len(points), background)])
