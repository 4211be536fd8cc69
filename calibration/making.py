"""From clicked points, or from people who walked by, to the file that names a camera's ground."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from calibration.homography import ClickedGround, Pairs, fit_points
from calibration.people import Estimate
from calibration.pinhole import Array, Pinhole
from calibration.plane import Ground
from calibration.upright import find_upright
from pipeline.config import CameraSettings
from pipeline.errors import ConfigError
from pipeline.settings_file import read_settings

_VAGUE = 2.0  # metres: a ground whose own error is larger wherever people stood says nothing
_PROBES = {"near": 0.95, "middle": 0.65, "far": 0.4}  # heights in the picture

Pair = tuple[float, float]


class PointSettings(BaseModel):
    """A point somebody clicked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pixel: Pair
    """Where it is in the camera's picture after the region, in pixels from the upper left."""
    plan: Pair
    """Where it is on the floor plan, in metres."""
    name: str | None = None
    """What it is called in messages."""


class PointsFile(BaseModel):
    """The file of clicked points."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    points: Annotated[list[PointSettings], Field(min_length=1)]
    """Four points or more, on the floor."""


def read_points(path: Path) -> Pairs:
    """Reads clicked points.

    Raises:
        ConfigError: a sentence per mistake.
    """
    points = read_settings(path, PointsFile).points
    names = [point.name or f"point {number}" for number, point in enumerate(points, start=1)]
    pixels = np.array([point.pixel for point in points], np.float64)
    return Pairs(names, pixels, np.array([point.plan for point in points], np.float64))


def ground_of_points(
    name: str,
    camera: CameraSettings,
    pairs: Pairs,
    *,
    size: tuple[int, int],
    centre: Pair,
    today: datetime.date,
    click_error: float = 2.0,
) -> Ground:
    """The ground by clicked points.

    Args:
        name, camera: whose it is.
        pairs: the points.
        size: width and height in pixels of the picture after the region.
        centre: middle (x, y) of the lens in pixels of that picture.
        today: the date to put into it.
        click_error: standard deviation in pixels by which a click is off, each way.

    Raises:
        ConfigError: the points do not make a plane.
    """
    clicked = fit_points(pairs, size, click_error=click_error)
    matrix, covariance = _in_fractions(clicked.to_plan, clicked.covariance, size)
    up = find_upright(_to_pixels(matrix, size), centre, _longer_side(size, centre))
    figures: dict[str, float | str | list[str]] = _point_figures(pairs, clicked)
    column = None
    if up is not None:
        column = [(up.column / [*size, 1.0]).tolist()]
        figures |= {
            "camera_height_m": float(up.position[2]),
            "camera_place_m": f"{up.position[0]:.2f}, {up.position[1]:.2f}",
            "focal_px": up.focal,
        }
    return Ground(
        camera=name,
        picture=size,
        region=camera.region,
        method="points",
        made=today,
        homography=matrix.tolist(),
        covariance=covariance.tolist(),
        upright=column,
        foot_error=_foot_error(size),
        figures=figures,
    )


def _point_figures(pairs: Pairs, clicked: ClickedGround) -> dict[str, float | str | list[str]]:
    used = clicked.error[clicked.used]
    wrong = np.setdiff1d(np.arange(len(pairs)), clicked.used)
    figures: dict[str, float | str | list[str]] = {
        "points": float(len(pairs)),
        "error_at_points_m": float(np.sqrt((used**2).mean())),
        "largest_error_at_points_m": float(used.max()),
    }
    known = clicked.left_out[np.isfinite(clicked.left_out)]
    if len(known):
        figures["error_left_out_m"] = float(np.sqrt((known**2).mean()))
    if len(wrong):
        figures["outliers"] = [f"{pairs.names[i]}: {clicked.error[i]:.2f} m off" for i in wrong]
    return figures


def ground_of_people(
    name: str,
    camera: CameraSettings,
    estimate: Estimate,
    *,
    size: tuple[int, int],
    today: datetime.date,
) -> Ground:
    """The ground by people, in the camera's own coordinates.

    Raises:
        ConfigError: it would be too uncertain to be of use.
    """
    best = _people_matrix(estimate.camera, size)
    again = np.array([_people_matrix(each, size) for each in estimate.replicates])
    length = np.linalg.norm(estimate.camera.to_ground @ np.diag([*size, 1.0]))
    column = estimate.camera.projection[:, 2] / [*size, 1.0] * length
    ground = Ground(
        camera=name,
        picture=size,
        region=camera.region,
        method="people",
        made=today,
        placed=False,
        homography=best.tolist(),
        covariance=_covariance((again - best).reshape(-1, 9)).tolist(),
        upright=[column.tolist()],
        foot_error=_foot_error(size),
    )
    figures = _people_figures(estimate) | _errors(ground)
    _refuse_vague(ground)
    return ground.model_copy(update={"figures": figures})


def _people_matrix(camera: Pinhole, size: tuple[int, int]) -> Array:
    matrix = camera.to_ground @ np.diag([*size, 1.0])
    result: Array = matrix / np.linalg.norm(matrix)
    return result


def _covariance(deviations: Array) -> Array:
    """Of replicates float64[k, 9] about the estimate, without the tenth that went astray.

    A draw that happens to hold but a few people may lead anywhere; it says little of the others.
    """
    length = (deviations**2).sum(axis=1)
    kept = deviations[length <= np.quantile(length, 0.9)]
    result: Array = kept.T @ kept / len(kept) * 1.2  # what normal errors lose by it, about
    return result


def _people_figures(estimate: Estimate) -> dict[str, float | str | list[str]]:
    best, again = estimate.camera, estimate.replicates

    def told(value: float, others: list[float], unit: str) -> str:
        off = np.quantile(np.abs(np.array(others) - value), 0.68)  # one sigma, whatever strays
        return f"{value:.3g} ± {off:.2g} {unit}"

    degrees = np.degrees
    return {
        "camera_height": told(best.height, [c.height for c in again], "m"),
        "focal_length": told(best.focal, [c.focal for c in again], "px"),
        "pitch": told(degrees(best.pitch), [degrees(c.pitch) for c in again], "degrees"),
        "roll": told(degrees(best.roll), [degrees(c.roll) for c in again], "degrees"),
        "mean_height_of_people_m": estimate.people_height,
        "mean_pace_m_per_s": estimate.pace,
        "people": float(estimate.people),
        "strides": float(estimate.strides),
        "strides_walking": float(estimate.walking),
        "outliers": f"{estimate.outliers:.0%} of the strides",
    }


def _errors(ground: Ground) -> dict[str, float | str | list[str]]:
    """The calibration's own error in metres down the middle of the picture, and how far that is."""
    told: dict[str, float | str | list[str]] = {}
    for where, height in _PROBES.items():
        point = np.array([[0.5, height]])
        error = float(ground.error(point, foot_pixels=0.0)[0])
        away = float(np.linalg.norm(ground.to_plan(point)[0]))
        if np.isfinite(error):
            told[f"error_{where}"] = f"{error:.2g} m at {away:.3g} m"
    return told


def _refuse_vague(ground: Ground) -> None:
    x, y = np.meshgrid(np.linspace(0.05, 0.95, 10), np.linspace(0.05, 0.98, 20))
    error = ground.error(np.column_stack([x.ravel(), y.ravel()]), foot_pixels=0.0)
    if not (np.nan_to_num(error, nan=np.inf) < _VAGUE).any():
        raise ConfigError(
            f"camera {ground.camera}: expected people who tell where the ground is to within "
            f"{_VAGUE:g} m somewhere in the picture, found too few of them, or all at one "
            "distance: watch for longer, or click points"
        )


def _in_fractions(to_plan: Array, covariance: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """A map of pixels as one of fractions, of length 1, with its covariance."""
    stretch = np.diag([*size, 1.0])
    matrix = to_plan @ stretch
    length = np.linalg.norm(matrix)
    flat = matrix.ravel() / length
    change = (np.eye(9) - np.outer(flat, flat)) @ np.kron(np.eye(3), stretch) / length
    return matrix / length, change @ covariance @ change.T


def _to_pixels(matrix: NDArray[np.float64], size: tuple[int, int]) -> Array:
    result: Array = np.diag([*size, 1.0]) @ np.linalg.inv(matrix)
    return result


def _longer_side(size: tuple[int, int], centre: Pair) -> int:
    """About that of the whole picture: a region's own may be much shorter."""
    return round(max(*size, 2 * abs(centre[0]), 2 * abs(centre[1])))


def _foot_error(size: tuple[int, int]) -> float:
    """What boxes of today's detectors are off at their lower edge, about, in pixels."""
    return max(1.0, round(0.005 * size[1], 1))
