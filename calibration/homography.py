"""The ground from points that somebody clicked: pixels of the picture and metres of the plan.

The map is a homography, found from four points at a time and judged by the median (least median of
squares), so that a wrong point among many stands out and is named; then fitted to all the others
by their distance in the picture, where a click is off by a pixel or two (Hartley and Zisserman,
Multiple View Geometry, ch. 4).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.pinhole import Array, apply, inverse
from pipeline.errors import ConfigError

_FEWEST = 4
_FEWEST_FOR_OUTLIERS = 6  # of five, any four fit whatever the fifth is: no one can say who is wrong
_MOST_TRIALS = 2000
_IN_LINE = 0.02  # area of a triangle, of the longest side squared, below which it is a line
_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Pairs:
    """Points in the picture and on the plan.

    Attributes:
        names: what each is called in messages.
        pixels: float64[n, 2], in the picture.
        places: float64[n, 2], metres on the plan.
    """

    names: Sequence[str]
    pixels: Array
    places: Array

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: NDArray[np.intp]) -> Pairs:
        """Some of the pairs, by their indices."""
        return Pairs([self.names[i] for i in rows], self.pixels[rows], self.places[rows])


@dataclass(frozen=True, slots=True)
class ClickedGround:
    """A homography and how well it fits.

    Attributes:
        to_plan: float64[3, 3], pixels to metres, squares adding up to 1; the third coordinate is
            positive where the points lie.
        covariance: float64[9, 9] of its numbers.
        used: indices of the points it rests on; the others are outliers.
        error: float64[n], metres on the plan from each point to where its pixel is mapped.
        left_out: float64[n], the same with a homography that has not seen the point; NaN for
            outliers, and for all where no point can be spared.
    """

    to_plan: Array
    covariance: Array
    used: NDArray[np.intp]
    error: Array
    left_out: Array


def fit_points(pairs: Pairs, size: tuple[int, int], *, click_error: float = 2.0) -> ClickedGround:
    """Finds the homography.

    Args:
        pairs: four points or more.
        size: width and height of the picture in pixels.
        click_error: standard deviation in pixels by which a click is off, each way.

    Raises:
        ConfigError: too few points, outside of the picture, in line, or on no common ground.
    """
    _check(pairs, size)
    used = _agreeing(pairs, click_error)
    matrix, covariance = _refine(pairs[used], click_error)
    error = np.linalg.norm(apply(matrix, pairs.pixels) - pairs.places, axis=1)
    left_out = np.full(len(pairs), np.nan)
    for i in used if len(used) > _FEWEST else ():
        rest = pairs[used[used != i]]
        if _spread_out(rest.pixels) and _spread_out(rest.places):
            guess = apply(_refine(rest, click_error)[0], pairs.pixels[[i]])
            left_out[i] = np.linalg.norm(guess - pairs.places[i])
    return ClickedGround(matrix, covariance, used, error, left_out)


def _check(pairs: Pairs, size: tuple[int, int]) -> None:
    if len(pairs) < _FEWEST:
        raise ConfigError(f"points: expected at least {_FEWEST} points, found {len(pairs)}")
    outside = np.flatnonzero(((pairs.pixels < 0) | (pairs.pixels > size)).any(axis=1))
    if len(outside):
        name, pixel = pairs.names[outside[0]], pairs.pixels[outside[0]]
        raise ConfigError(
            f"points: {name}: expected a pixel inside the {size[0]}×{size[1]} picture of the "
            f"camera after its region, found {pixel.tolist()}"
        )
    for what, points in (("picture", pairs.pixels), ("plan", pairs.places)):
        if not _spread_out(points):
            raise ConfigError(
                f"points: expected four points of which no three are in line, found none such "
                f"in the {what}"
            )


def _spread_out(points: Array) -> bool:
    """True if four of the points make a quadrangle."""
    fours = _samples(len(points))
    corners = points[fours]
    return bool(_proper(corners).any())


def _proper(corners: Array) -> NDArray[np.bool_]:
    """For float64[n, 4, 2]: True where no three of the four are in line."""
    good = np.ones(len(corners), bool)
    for three in itertools.combinations(range(4), 3):
        a, b, c = (corners[:, i] for i in three)
        area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
        longest = max_of(((b - a) ** 2).sum(1), ((c - a) ** 2).sum(1), ((c - b) ** 2).sum(1))
        good &= area > _IN_LINE * np.maximum(longest, 1e-12)
    return good


def max_of(*arrays: Array) -> Array:
    """The largest of some arrays, element by element."""
    result: Array = np.max(arrays, axis=0)
    return result


def _samples(n: int) -> NDArray[np.intp]:
    """Every four of n indices, or many of them at random: int[k, 4]."""
    fours = np.array(list(itertools.combinations(range(n), 4))) if n <= 16 else None
    if fours is None:
        random = np.random.default_rng(0)
        fours = np.array([random.choice(n, 4, replace=False) for _ in range(_MOST_TRIALS)])
    return fours[:_MOST_TRIALS]


def _agreeing(pairs: Pairs, click_error: float) -> NDArray[np.intp]:
    """Indices of the points that lie on one plane, by the least median of squares.

    Raises:
        ConfigError: whatever the plane, its horizon runs between the points.
    """
    fours = _samples(len(pairs))
    fours = fours[_proper(pairs.pixels[fours]) & _proper(pairs.places[fours])]
    best, best_rest = np.inf, None
    for four in fours:
        rest = _distances(_direct(pairs[four]), pairs)
        median = float(np.median(rest)) if len(pairs) > _FEWEST else float(rest.max())
        if median < best:
            best, best_rest = median, rest
    if best_rest is None:
        raise ConfigError(
            "points: expected points on the ground, all of them below the horizon, found some "
            "that no picture of flat ground can show: is a pixel or a place of another point?"
        )
    everything = np.arange(len(pairs))
    if len(pairs) < _FEWEST_FOR_OUTLIERS:
        return everything
    # Rousseeuw's estimate of the standard deviation, for samples this small.
    deviation = 1.4826 * (1 + 5 / (len(pairs) - _FEWEST)) * best
    used = everything[best_rest <= max(2.5 * deviation, 4 * click_error)]
    if not (_spread_out(pairs.pixels[used]) and _spread_out(pairs.places[used])):
        return everything
    return used


def _distances(to_plan: Array, pairs: Pairs) -> Array:
    """Pixels float64[n] between each point and where its place is in the picture; infinite if a
    point lies beyond the horizon."""
    if abs(np.linalg.det(to_plan)) < 1e-12:
        return np.full(len(pairs), np.inf)
    back = apply(inverse(to_plan), pairs.places)
    beyond = ~np.isfinite(apply(to_plan, pairs.pixels)).all(axis=1)
    rest = np.linalg.norm(back - pairs.pixels, axis=1)
    return np.where(beyond | ~np.isfinite(rest), np.inf, rest)


def _direct(pairs: Pairs) -> Array:
    """Direct linear transformation: float64[3, 3], pixels to plan, oriented by the points."""
    (a, pixels), (b, places) = _normalised(pairs.pixels), _normalised(pairs.places)
    ones, zeros = np.ones((len(pairs), 1)), np.zeros((len(pairs), 3))
    row = np.hstack([pixels, ones])
    upper = np.hstack([row, zeros, -places[:, :1] * row])
    lower = np.hstack([zeros, row, -places[:, 1:] * row])
    matrix = np.linalg.svd(np.vstack([upper, lower]))[2][-1].reshape(3, 3)
    return _oriented(np.linalg.inv(b) @ matrix @ a, pairs.pixels)


def _normalised(points: Array) -> tuple[Array, Array]:
    """The similarity that moves points to the origin at distance √2, and the points moved."""
    middle = points.mean(axis=0)
    scale = np.sqrt(2) / max(np.linalg.norm(points - middle, axis=1).mean(), 1e-12)
    move = np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]])
    return move, (points - middle) * scale


def _oriented(matrix: Array, pixels: Array) -> Array:
    """The same map of length 1, its third coordinate positive at most of the points."""
    third = pixels @ matrix[2, :2] + matrix[2, 2]
    result: Array = matrix / np.linalg.norm(matrix) * (1.0 if np.median(third) > 0 else -1.0)
    return result


def _refine(pairs: Pairs, click_error: float) -> tuple[Array, Array]:
    """Least squares in the picture: the map pixels → plan, and the covariance of its numbers.

    The clicks' error is at least `click_error`, and more if the points say so.
    """
    (a, pixels), (b, places) = _normalised(pairs.pixels), _normalised(pairs.places)
    start = a @ np.linalg.inv(_direct(pairs)) @ np.linalg.inv(b)  # plan → picture, both normalised
    start = start / start[2, 2]

    def rest(x: Array) -> Array:
        mapped = np.nan_to_num(apply(_filled(x), places), nan=1e3)
        distance: Array = ((mapped - pixels) / (click_error * a[0, 0])).ravel()
        return distance

    fit = least_squares(rest, start.ravel()[:8], x_scale="jac", max_nfev=200)
    spare = max(len(fit.fun) - 8, 1)
    worse = max(1.0, float((fit.fun**2).sum()) / spare) if len(fit.fun) > 8 else 1.0
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * worse

    def to_plan(x: Array) -> Array:
        back = np.linalg.inv(b) @ np.linalg.inv(_filled(x)) @ a
        return _oriented(back, pairs.pixels).ravel()

    steps = np.eye(8) * _STEP
    slope = np.array([to_plan(fit.x + d) - to_plan(fit.x - d) for d in steps]).T / (2 * _STEP)
    return to_plan(fit.x).reshape(3, 3), slope @ covariance @ slope.T


def _filled(x: Array) -> Array:
    return np.append(x, 1.0).reshape(3, 3)
