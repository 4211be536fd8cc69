"""The ground of one camera: where on the plan somebody stands, and how sure that is.

Made by `python -m calibration.ground`, named by `cameras.<name>.ground` in cams.yaml. The plan is
in metres, seen from above; without a place on it (`placed` is false) it is the camera's own: the
origin below the camera, y the way it looks, x to its right.
"""

from __future__ import annotations

import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from calibration.pinhole import Array, apply, inverse
from pipeline.errors import ConfigError
from pipeline.settings_file import read_settings

_DIGITS = 9


def _matrix(rows: int, columns: int) -> BeforeValidator:
    def check(value: Any) -> object:
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            array = np.zeros(0)
        if array.shape != (rows, columns) or not np.isfinite(array).all():
            raise ValueError(f"expected {rows} rows of {columns} numbers")
        return array.tolist()

    return BeforeValidator(check)


Rows = list[list[float]]


class Ground(BaseModel):
    """What a camera sees of the ground, as a map between its picture and a plan.

    Places in the picture are fractions of its width and height, from the upper left corner, after
    the region; places on the plan are metres.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    camera: str
    """Name of the camera it was made for."""
    picture: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]]
    """Width and height in pixels of the picture it was made for, after the region."""
    region: tuple[int, int, int, int] | None = None
    """The camera's region when it was made."""
    method: Literal["points", "people"]
    """What it was made from: points that somebody clicked, or people who walked by."""
    made: datetime.date
    """When it was made."""
    placed: bool = True
    """True if the plan is the site's, False if it is the camera's own."""
    homography: Annotated[Rows, _matrix(3, 3)]
    """From fractions of the picture to metres on the plan, up to scale; the third coordinate is
    positive where there is ground and negative above the horizon."""
    covariance: Annotated[Rows, _matrix(9, 9)]
    """Of the homography's numbers, row by row, when their squares add up to 1."""
    upright: Annotated[list[list[float]], _matrix(1, 3)] | None = None
    """What a metre upwards adds to a place's homogeneous coordinates in the picture, in the scale
    of the inverse of `homography`; None if it could not be told."""
    foot_error: float = Field(default=3.0, gt=0)
    """Standard deviation in pixels by which the foot of a box is off, each way."""
    figures: dict[str, float | str | list[str]] = {}
    """How good it is, for people to read: errors in metres, and what it rests on."""

    def to_plan(self, points: NDArray[Any]) -> Array:
        """Metres float64[n, 2] on the plan of places float[n, 2] in the picture.

        NaN above the horizon, where there is no ground.
        """
        return apply(self._to_plan, np.asarray(points, np.float64).reshape(-1, 2))

    def to_picture(self, places: NDArray[Any]) -> Array:
        """Fractions float64[n, 2] of the picture of places float[n, 2] in metres.

        Not all of them lie inside the picture (0 to 1); NaN behind the camera.
        """
        return apply(self._to_picture, np.asarray(places, np.float64).reshape(-1, 2))

    def head(self, places: NDArray[Any], height: float) -> Array:
        """Fractions float64[n, 2] of the picture where somebody of this height ends who stands
        at these places float[n, 2] in metres; NaN if `upright` is not known."""
        ground = np.asarray(places, np.float64).reshape(-1, 2)
        if self.upright is None:
            return np.full_like(ground, np.nan)
        lifted = self._to_picture.copy()
        lifted[:, 2] += height * np.array(self.upright[0])
        return apply(lifted, ground)

    def error(self, points: NDArray[Any], *, foot_pixels: float | None = None) -> Array:
        """How far from `to_plan` somebody really stands, in metres: float64[n].

        One standard deviation (root of the mean squared distance), of the foot's error in the
        picture and of the calibration's own together.

        Args:
            points: float[n, 2], places in the picture.
            foot_pixels: error of the foot in pixels, each way; None: `foot_error`.
        """
        spread: Array = np.trace(self.spread(points, foot_pixels=foot_pixels), axis1=1, axis2=2)
        return np.sqrt(spread)

    def spread(self, points: NDArray[Any], *, foot_pixels: float | None = None) -> Array:
        """Covariance float64[n, 2, 2] in m² of the place on the plan; see `error`."""
        picture = np.asarray(points, np.float64).reshape(-1, 2)
        rows = np.column_stack([picture, np.ones(len(picture))])
        place, depth = self.to_plan(picture), rows @ self._to_plan[2]
        by_matrix = np.zeros((len(rows), 2, 9))
        with np.errstate(divide="ignore", invalid="ignore"):
            by_row = rows / depth[:, None]
            by_depth = place[:, :, None] * self._to_plan[2, :2]
            by_point = (self._to_plan[None, :2, :2] - by_depth) / depth[:, None, None]
        by_matrix[:, 0, 0:3] = by_matrix[:, 1, 3:6] = by_row
        by_matrix[:, :, 6:9] = -place[:, :, None] * by_row[:, None, :]
        pixels = self.foot_error if foot_pixels is None else foot_pixels
        foot = by_point * (pixels / np.array(self.picture))
        calibration = by_matrix @ np.array(self.covariance) @ by_matrix.transpose(0, 2, 1)
        spread: Array = foot @ foot.transpose(0, 2, 1) + calibration
        return spread

    def horizon(self, x: NDArray[Any]) -> Array:
        """Height float64[n] in the picture at which the ground ends, for fractions of its width;
        NaN if the horizon is upright or there is none."""
        a, b, c = self._to_plan[2]
        if abs(b) < 1e-12:
            return np.full(len(x), np.nan)
        height: Array = -(a * np.asarray(x, np.float64) + c) / b
        return height

    def placed_at(self, x: float, y: float, heading: float) -> Ground:
        """The same with the camera at a place on the site's plan.

        Args:
            x, y: metres on the plan below the camera.
            heading: where it looks, degrees clockwise from the plan's y axis, as on a compass.
        """
        turn = np.radians(heading)
        sin, cos = np.sin(turn), np.cos(turn)
        move = np.array([[cos, sin, x], [-sin, cos, y], [0.0, 0.0, 1.0]])
        return self._moved(move)

    def _moved(self, move: Array) -> Ground:
        matrix = move @ self._to_plan
        length = np.linalg.norm(matrix)
        flat = matrix.ravel() / length
        # The numbers' squares add up to 1 again: what of their error is along them is none.
        across = (np.eye(9) - np.outer(flat, flat)) @ np.kron(move, np.eye(3)) / length
        upright = None if self.upright is None else [[u * length for u in self.upright[0]]]
        changes = {
            "homography": (matrix / length).tolist(),
            "covariance": (across @ np.array(self.covariance) @ across.T).tolist(),
            "upright": upright,
            "placed": True,
        }
        # A copy would take along what is cached of the old one.
        return Ground.model_validate(self.model_dump() | changes)

    @cached_property
    def _to_plan(self) -> Array:
        matrix = np.array(self.homography)
        result: Array = matrix / np.linalg.norm(matrix)
        return result

    @cached_property
    def _to_picture(self) -> Array:
        return inverse(self._to_plan)


def read_ground(path: Path, *, size: tuple[int, int] | None = None) -> Ground:
    """Reads a camera's ground.

    Args:
        path: the file.
        size: width and height of the camera's picture after its region, if they are known.

    Raises:
        ConfigError: a sentence per mistake; or it was made for a picture of another size.
    """
    ground = read_settings(path, Ground)
    if abs(np.linalg.det(ground._to_plan)) < 1e-15:
        raise ConfigError(
            f"{path}: homography: expected a map that can be turned round, found none"
        )
    if size is not None and size != ground.picture:
        raise ConfigError(
            f"{path}: picture: expected the camera's picture after its region, "
            f"{size[0]}×{size[1]}, found {ground.picture[0]}×{ground.picture[1]}: "
            "make it anew with `python -m calibration.ground`"
        )
    return ground


def write_ground(ground: Ground, path: Path) -> None:
    """Writes a camera's ground so that `read_ground` gives it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = _rounded(ground.model_dump(mode="python"))
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=200,
                          allow_unicode=True)  # fmt: skip
    path.write_text(text, encoding="utf-8")


def _rounded(value: Any) -> Any:
    """Plain numbers with as many digits as mean something."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
