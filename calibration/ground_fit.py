"""One maximum a posteriori estimate of a camera over flat ground, from strides of people.

Iteratively reweighted least squares: what does not fit (a box cut off by a table, somebody who
sits, a child, a runner) loses its weight step by step, by Cauchy's rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from calibration.pinhole import Array, Pinhole
from calibration.walking import Strides

PERSON, BOX = 0.05, 0.04  # relative sd of heights: between people (8 cm), within one person
_EDGE = 1.0  # pixels by which an edge of a stride's box is off
WALKER, STRIDE = 0.2, 0.15  # relative sd of paces: between people, within one person
_SLOWEST, _FASTEST = 0.4, 3.0  # metres per second: slower is standing, faster is no walking
_NOISIEST = 0.3  # relative error of a pace above which it is left out
_CAUCHY = 2.4  # standard deviations at which a weight has fallen to a half
_MISFIT = 3.0  # what a box above the horizon counts as: a large error, the same for all

_SCALE = np.array([0.3, 0.1, 0.02, 0.3, 0.05, 0.1])
_LOWEST = np.array([np.log(50.0), -0.5, -0.3, np.log(0.5), np.log(0.3), np.log(0.1)])
_HIGHEST = np.array([np.log(50_000.0), 1.5, 0.3, np.log(100.0), np.log(3.0), np.log(5.0)])


class GroundFit:
    """The estimate, a vector x of six numbers: ln focal length in pixels, pitch, roll (radians),
    ln height of the camera (m), ln mean height of people (m), ln mean pace of people (m/s).

    Attributes:
        x: float64[6].
        cost: half the sum of squares, with Cauchy's loss.
        walking: bool[n], strides whose pace counts.
        outliers: share of the strides whose height has lost more than half of its weight.
    """

    def __init__(
        self,
        strides: Strides,
        mean: Array,
        sd: Array,
        centre: tuple[float, float],
        start: Array,
        *,
        steps: int,
    ) -> None:
        """Makes the estimate.

        Args:
            strides: what people have shown.
            mean, sd: float64[6], normal prior of x.
            centre: middle (x, y) of the lens in pixels of the picture.
            start: float64[6], where to begin.
            steps: how often the weights are found anew.
        """
        self._strides, self._centre = strides, centre
        self._mean, self._sd = mean, sd
        self._boxes = np.vstack([strides.middle, strides.begin, strides.end])
        self._heights, self._paces = _Groups(strides.person), _Groups(strides.person)
        self.x = start
        self._weigh()
        for _ in range(steps):
            self.x = self._step()
            self._weigh()
        self.cost = self._robust_cost()

    @property
    def camera(self) -> Pinhole:
        """The camera of the estimate."""
        return camera_of(self.x, self._centre)

    def _step(self) -> Array:
        start = np.clip(self.x, _LOWEST + 1e-6, _HIGHEST - 1e-6)
        found: Array = least_squares(
            self._residuals, start, x_scale=_SCALE, bounds=(_LOWEST, _HIGHEST), max_nfev=8,
            xtol=1e-5,
        ).x  # fmt: skip
        return found

    def _residuals(self, x: Array) -> Array:
        heights, paces = self._errors(x)
        prior = (x - self._mean) / self._sd
        return np.concatenate([self._heights.whitened(heights), self._paces.whitened(paces), prior])

    def _errors(self, x: Array) -> tuple[Array, Array]:
        """How far ln height and ln pace of each stride are from their means."""
        tall, place = camera_of(x, self._centre).heights(self._boxes)
        n = len(self._strides)
        way = place[2 * n :] - place[n : 2 * n]
        # Jitter makes ways longer, the more so the further away: its share goes.
        square = ((way / self._strides.seconds[:, None]) ** 2).sum(axis=1) - self._noise**2
        return _log(tall[:n]) - x[4], _log(np.maximum(square, 1e-4)) / 2 - x[5]

    def _weigh(self) -> None:
        self._noise = self._pace_noise()
        heights, paces = self._errors(self.x)
        tall = self._strides.middle[:, 3] - self._strides.middle[:, 1]
        box_sd = np.hypot(BOX, 1.4 * _EDGE / tall)
        self._heights.weigh(heights, box_sd, PERSON)
        self.outliers = float((self._heights.weight * box_sd**2 < 0.5).mean())
        pace = np.exp(paces + self.x[5])
        with np.errstate(invalid="ignore"):
            relative = self._noise / pace
            self.walking = (pace > _SLOWEST) & (pace < _FASTEST) & (relative < _NOISIEST)
        sd = np.hypot(STRIDE, np.where(self.walking, relative, 0.0))
        self._paces.weigh(paces, sd, WALKER, counted=self.walking)

    def _pace_noise(self) -> Array:
        """Standard deviation of each pace by the jitter of its boxes, m/s."""
        strides, camera = self._strides, self.camera
        _, end = camera.heights(strides.end)
        _, lower = camera.heights(strides.end + np.array([0.0, 0.0, 0.0, 1.0]))
        noise: Array = np.linalg.norm(lower - end, axis=1) * strides.jitter / strides.seconds
        return noise

    def _robust_cost(self) -> float:
        heights, paces = self._errors(self.x)
        prior = ((self.x - self._mean) / self._sd) ** 2
        return self._heights.cost(heights) + self._paces.cost(paces) + float(prior.sum()) / 2


class _Groups:
    """Errors that have a part in common within each person.

    Attributes:
        weight: float64[n], inverse variance of each error within its person.
    """

    def __init__(self, person: NDArray[np.int64]) -> None:
        _, self._group = np.unique(person, return_inverse=True)
        self._count = int(self._group.max()) + 1
        self.weight = np.ones(len(person))
        self._within = np.ones(len(person))
        self._between = 1.0
        self._loosened = np.ones(self._count)

    def weigh(
        self,
        errors: Array,
        within: Array,
        between: float,
        *,
        counted: NDArray[np.bool_] | None = None,
    ) -> None:
        """Finds weights for these errors.

        Args:
            errors: float64[n].
            within: float64[n], standard deviation within a person.
            between: standard deviation between people.
            counted: bool[n], False leaves an error out.
        """
        use = np.isfinite(errors) & (True if counted is None else counted)
        self._within, self._between = within, between
        self.weight = np.where(use, 1 / within**2, 0.0)
        for _ in range(3):  # a person's mean and what does not fit it depend on each other
            rest = errors - self._means(errors)[self._group]
            self.weight = np.where(use, _cauchy(rest / within) / within**2, 0.0)
        self._loosened = between / np.sqrt(_cauchy(self._means(errors) / between))

    def whitened(self, errors: Array) -> Array:
        """float64[n] whose squares add up to the errors' squared Mahalanobis length.

        With W the sum of a person's weights w, the covariance diag(1/w) + between² asks that every
        error be lessened by k times the person's mean, k = 1 - 1/sqrt(1 + between²·W).
        """
        total = np.bincount(self._group, self.weight, self._count)
        shrink = 1 - 1 / np.sqrt(1 + self._loosened**2 * total)
        common = (shrink * self._means(errors))[self._group]
        return np.sqrt(self.weight) * np.where(np.isfinite(errors), errors - common, _MISFIT)

    def cost(self, errors: Array) -> float:
        """Half the sum of squares, with what does not fit bounded by Cauchy's loss.

        An error that was left out costs as much as one of three standard deviations: an estimate
        is none the better for leaving out many.
        """
        means = self._means(errors)
        rest = np.where(self.weight > 0, (errors - means[self._group]) / self._within, 3.0)
        return _loss(rest) + _loss(means / self._between)

    def _means(self, errors: Array) -> Array:
        total = np.bincount(self._group, self.weight, self._count)
        known = np.where(np.isfinite(errors), errors, 0.0)
        mean = np.bincount(self._group, self.weight * known, self._count)
        return np.asarray(mean / np.maximum(total, 1e-12), np.float64)


def camera_of(x: Array, centre: tuple[float, float]) -> Pinhole:
    """The camera of an estimate."""
    return Pinhole(float(np.exp(x[0])), float(x[1]), float(x[2]), float(np.exp(x[3])), centre)


def _cauchy(scaled: Array) -> Array:
    weight: Array = 1 / (1 + (scaled / _CAUCHY) ** 2)
    return weight


def _loss(scaled: Array) -> float:
    return float(_CAUCHY**2 * np.log1p((scaled / _CAUCHY) ** 2).sum() / 2)


def _log(values: Array) -> Array:
    result: Array = np.log(np.where(values > 0, values, np.nan))
    return result
