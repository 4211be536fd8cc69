"""Fitting: which lens explains the corners seen, how well, and by which model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.views import View
from pipeline.errors import HandoffError

CLEARLY_BETTER = 0.9
"""A richer model must leave at most so much of the simpler one's error on views it has not seen,"""
BETTER_VIEWS = 2 / 3
"""and be better on at least so many of them."""

FOLDS = 5
FAR_ABOVE, FAR_ABOVE_PIXELS = 2.5, 0.2
"""A view is left out if its error is so many times the median, and so many pixels more."""

MOST_LEFT_OUT = 1 / 4
"""Part of the views that may be left out for their error: more is no accident."""

Float = NDArray[np.float64]


class NoFit(HandoffError):
    """No lens explains the corners that were seen."""


@dataclass(frozen=True, slots=True)
class Model:
    """A way to describe a lens.

    Attributes:
        name: what the table calls it.
        kind: as the lens's file calls it.
        flags: of OpenCV's calibration.
        coefficients: how many there are.
    """

    name: str
    kind: Literal["standard", "rational", "fisheye"]
    flags: int
    coefficients: int


MODELS = (
    Model("standard, k1 k2 p1 p2", "standard", cv2.CALIB_FIX_K3, 4),
    Model("standard with k3", "standard", 0, 5),
    Model("fisheye", "fisheye", cv2.CALIB_RECOMPUTE_EXTRINSIC | cv2.CALIB_FIX_SKEW, 4),
    Model("rational", "rational", cv2.CALIB_RATIONAL_MODEL, 8),
)
"""The simplest first: the fisheye has half the coefficients of the rational model."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A lens, and how it explains the corners.

    Attributes:
        model: how it is described.
        matrix: float64[3, 3], the camera matrix.
        distortion: float64[n], the coefficients.
        poses: of the board in each view, rotation and translation vectors.
        residuals: float64[n, 2] of each view, seen minus explained, pixels.
        deviations: float64[4], one standard deviation of fx, fy, cx, cy in pixels.
    """

    model: Model
    matrix: Float
    distortion: Float
    poses: tuple[tuple[Float, Float], ...]
    residuals: tuple[Float, ...]
    deviations: Float

    @property
    def rms(self) -> float:
        """Root mean square of all corners' distances from where they should be, pixels."""
        return _rms(np.concatenate(self.residuals))

    @property
    def by_view(self) -> list[float]:
        """The same of each view."""
        return [_rms(residuals) for residuals in self.residuals]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A model on views that its lens was not fitted to.

    Attributes:
        model: which one.
        errors: root mean square of each view, pixels; none if the model cannot be fitted.
    """

    model: Model
    errors: tuple[float, ...]

    @property
    def rms(self) -> float:
        """Over all views, pixels; infinite if the model cannot be fitted."""
        return float(np.sqrt(np.mean(np.square(self.errors)))) if self.errors else float("inf")

    def clearly_better_than(self, simpler: HeldOut) -> bool:
        """True if the error is lower by a tenth, and in two thirds of the views."""
        if not self.errors or not simpler.errors:
            return bool(self.errors)
        better = np.mean(np.array(self.errors) < np.array(simpler.errors))
        return self.rms < CLEARLY_BETTER * simpler.rms and bool(better >= BETTER_VIEWS)


def fit(model: Model, views: Sequence[View]) -> Fit:
    """Fits one model to all views.

    Raises:
        NoFit: OpenCV finds none.
    """
    try:
        made = _fit_fisheye(model, views) if model.kind == "fisheye" else _fit_pinhole(model, views)
    except cv2.error as error:
        raise NoFit(f"the {model.name} model cannot be fitted ({error.err})") from None
    if not all(np.isfinite(a).all() for a in (made.matrix, made.distortion, *made.residuals)):
        raise NoFit(f"the {model.name} model cannot be fitted (it gives no finite numbers)")
    return made


def compare(views: Sequence[View], models: Sequence[Model] = MODELS) -> list[HeldOut]:
    """Tries every model on views it was not fitted to: a fifth of them at a time."""
    return [HeldOut(model, _held_out(model, views)) for model in models]


def choose(tried: Sequence[HeldOut]) -> Model:
    """The simplest model that no richer one beats clearly.

    Raises:
        NoFit: none could be fitted.
    """
    best = tried[0]
    for other in tried[1:]:
        if other.clearly_better_than(best):
            best = other
    if not best.errors:
        raise NoFit("no lens explains these views; is --corners right?")
    return best.model


def outliers(errors: Sequence[float], most: int) -> list[int]:
    """The views whose error is far above the others', the worst first, at most so many."""
    values = np.asarray(errors)
    median = float(np.median(values))
    limit = max(FAR_ABOVE * median, median + FAR_ABOVE_PIXELS)
    worst = np.argsort(values)[::-1]
    return [int(number) for number in worst if values[number] > limit][:most]


def _held_out(model: Model, views: Sequence[View]) -> tuple[float, ...]:
    errors = np.zeros(len(views))
    for fold in range(FOLDS):
        asked = range(fold, len(views), FOLDS)
        known = [view for number, view in enumerate(views) if number % FOLDS != fold]
        try:
            lens = fit(model, known)
            for number in asked:
                errors[number] = _rms(_explain(lens, views[number]))
        except (NoFit, cv2.error):
            return ()
    return tuple(float(error) for error in errors)


def _explain(lens: Fit, view: View) -> Float:
    """Residuals of a view when only the pose of its board is free."""
    points, pixels = view.points.reshape(-1, 1, 3), view.corners.xy.reshape(-1, 1, 2)
    if lens.model.kind == "fisheye":
        straight = cv2.fisheye.undistortPoints(pixels, lens.matrix, lens.distortion)
        _, turn, place = cv2.solvePnP(points, straight, np.eye(3), None)
    else:
        _, turn, place = cv2.solvePnP(points, pixels, lens.matrix, lens.distortion)
    project = _projector(lens.model, lens.matrix, lens.distortion)

    def residuals(pose: Float) -> tuple[Float, Float]:
        seen, jacobian = project(view.points, pose[:3], pose[3:])
        return (view.corners.xy - seen).ravel(), jacobian[:, -6:]

    pose = _least_squares(residuals, np.concatenate([turn.ravel(), place.ravel()]))
    return residuals(pose)[0].reshape(-1, 2)


def _least_squares(
    residuals: Callable[[Float], tuple[Float, Float]], start: Float, steps: int = 10
) -> Float:
    """Gauss-Newton from a good start."""
    at = start
    for _ in range(steps):
        difference, jacobian = residuals(at)
        at = at + np.linalg.lstsq(jacobian, difference, rcond=None)[0]
    return at


Projector = Callable[[NDArray[np.float32], Float, Float], tuple[Float, Float]]


def _projector(model: Model, matrix: Float, distortion: Float) -> Projector:
    """Gives pixels float64[n, 2] of points, and their derivatives float64[2n, p + 6].

    The derivatives are by fx, fy, cx, cy, the coefficients, and the pose (rotation, translation).
    """
    inner = 4 + model.coefficients

    def project(points: NDArray[np.float32], turn: Float, place: Float) -> tuple[Float, Float]:
        places = points.astype(np.float64).reshape(-1, 1, 3)
        if model.kind == "fisheye":
            seen, jacobian = cv2.fisheye.projectPoints(places, turn, place, matrix, distortion)
            order = [*range(inner), *range(inner, inner + 6)]
        else:
            seen, jacobian = cv2.projectPoints(places, turn, place, matrix, distortion)
            order = [*range(6, 6 + inner), *range(6)]
        derivatives = np.asarray(jacobian, np.float64)[:, order]
        return np.asarray(seen, np.float64).reshape(-1, 2), derivatives

    return project


def _fit_pinhole(model: Model, views: Sequence[View]) -> Fit:
    points = [view.points for view in views]
    pixels = [view.corners.xy for view in views]
    start, none = np.eye(3), np.zeros(14)  # read only if the flags say so
    _, matrix, distortion, turns, places, deviations, _, _ = cv2.calibrateCameraExtended(
        points, pixels, views[0].size, start, none, flags=model.flags
    )
    coefficients = np.asarray(distortion, np.float64).ravel()[: model.coefficients]
    poses = _poses(turns, places)
    residuals = _residuals(model, np.asarray(matrix), coefficients, poses, views)
    sigma = np.asarray(deviations, np.float64).ravel()[:4].copy()
    return Fit(model, np.asarray(matrix), coefficients, poses, residuals, sigma)


def _fit_fisheye(model: Model, views: Sequence[View]) -> Fit:
    points = [view.points.astype(np.float64).reshape(1, -1, 3) for view in views]
    pixels = [view.corners.xy.astype(np.float64).reshape(1, -1, 2) for view in views]
    width, height = views[0].size
    # OpenCV begins with a circle of half the picture's width for 90°, too wide for most lenses
    # to get from there to the best one.
    start = fit(MODELS[0], views).matrix
    start[:2, 2] = (width - 1) / 2, (height - 1) / 2
    flags = model.flags | cv2.CALIB_USE_INTRINSIC_GUESS
    _, matrix, distortion, turns, places = cv2.fisheye.calibrate(
        points, pixels, views[0].size, start, np.zeros(4), flags=flags
    )
    coefficients = np.asarray(distortion, np.float64).ravel()
    poses = _poses(turns, places)
    residuals = _residuals(model, np.asarray(matrix), coefficients, poses, views)
    deviations = _deviations(model, np.asarray(matrix), coefficients, poses, views)
    return Fit(model, np.asarray(matrix), coefficients, poses, residuals, deviations)


def _poses(turns: Sequence[Any], places: Sequence[Any]) -> tuple[tuple[Float, Float], ...]:
    return tuple(
        (np.ravel(turn).astype(np.float64), np.ravel(place).astype(np.float64))
        for turn, place in zip(turns, places, strict=True)
    )


def _residuals(
    model: Model,
    matrix: Float,
    distortion: Float,
    poses: Sequence[tuple[Float, Float]],
    views: Sequence[View],
) -> tuple[Float, ...]:
    project = _projector(model, matrix, distortion)
    return tuple(
        view.corners.xy - project(view.points, *pose)[0]
        for view, pose in zip(views, poses, strict=True)
    )


def _deviations(
    model: Model,
    matrix: Float,
    distortion: Float,
    poses: Sequence[tuple[Float, Float]],
    views: Sequence[View],
) -> Float:
    """Standard deviations of fx, fy, cx, cy, which OpenCV does not give for fisheyes.

    From the curvature of the sum of squares at its minimum; the poses are eliminated view by view.
    """
    project = _projector(model, matrix, distortion)
    inner = 4 + model.coefficients
    curvature, squares, numbers = np.zeros((inner, inner)), 0.0, 0
    for view, pose in zip(views, poses, strict=True):
        seen, jacobian = project(view.points, *pose)
        lens, board = jacobian[:, :inner], jacobian[:, inner:]
        free = lens - board @ np.linalg.lstsq(board, lens, rcond=None)[0]
        curvature += free.T @ free
        squares += float(np.square(view.corners.xy - seen).sum())
        numbers += len(jacobian)
    variance = squares / (numbers - inner - 6 * len(views))
    return np.asarray(np.sqrt(variance * np.linalg.inv(curvature).diagonal())[:4])


def _rms(residuals: Float) -> float:
    return float(np.sqrt(np.square(residuals).sum(axis=1).mean()))
