"""Lenses: what calibration has found out about a camera's lens, as a file."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from pipeline.settings_file import read_settings

ASPECT_TOLERANCE = 0.01
"""Part by which width : height may differ: cameras round the sizes of their smaller streams."""

COEFFICIENTS = {"standard": (4, 5), "rational": (8,), "fisheye": (4,)}
"""How many distortion coefficients each model has, in OpenCV's order."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Pixels = Annotated[int, Field(gt=0, le=32766)]  # a remapped picture cannot be larger


class Uncertainty(BaseModel):
    """One standard deviation of what was measured, in pixels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    focal_length: tuple[Finite, Finite]
    """Of fx and fy."""
    centre: tuple[Finite, Finite]
    """Of cx and cy."""


class Lens(BaseModel):
    """How a camera's lens bends what it sees; written by `python -m calibration.intrinsics`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Literal["standard", "rational", "fisheye"]
    """OpenCV's models: polynomial in the radius, quotient of two, polynomial in the angle."""
    size: tuple[Pixels, Pixels]
    """Width and height of the pictures it was measured in."""
    focal_length: tuple[Positive, Positive]
    """fx and fy, pixels of `size`."""
    centre: tuple[Finite, Finite]
    """cx and cy, where the optical axis meets the picture, pixels of `size` from its top left."""
    distortion: tuple[Finite, ...]
    """`standard`: k1 k2 p1 p2 and perhaps k3; `rational`: k4 k5 k6 as well; `fisheye`: k1 to k4."""
    rms: Annotated[float, Field(ge=0)]
    """Root mean square of the reprojection error, pixels."""
    uncertainty: Uncertainty | None = None
    """How well it is known."""
    date: datetime.date | None = None
    """When it was measured."""
    views: tuple[str, ...] = ()
    """The pictures of the board that it was measured from."""

    @field_validator("distortion")
    @classmethod
    def _as_many_as_the_model_has(
        cls, value: tuple[float, ...], info: ValidationInfo
    ) -> tuple[float, ...]:
        allowed = COEFFICIENTS.get(info.data.get("model", ""), ())
        if allowed and len(value) not in allowed:
            numbers = " or ".join(map(str, allowed))
            raise ValueError(f"expected {numbers} numbers for the {info.data['model']} model")
        return value

    @property
    def coefficients(self) -> NDArray[np.float64]:
        """The distortion coefficients, float64[n]."""
        return np.array(self.distortion, np.float64)

    def fits(self, size: tuple[int, int]) -> bool:
        """True if a picture of this width and height shows what the measured ones showed."""
        ratio = size[0] * self.size[1] / (size[1] * self.size[0])
        return abs(ratio - 1) <= ASPECT_TOLERANCE

    def camera_matrix(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """The camera matrix float64[3, 3] for pictures of this width and height.

        Pixel 0 covers the place from -0.5 to 0.5, so a picture's left edge is at -0.5.
        """
        x, y = size[0] / self.size[0], size[1] / self.size[1]
        (fx, fy), (cx, cy) = self.focal_length, self.centre
        return np.array(
            [[fx * x, 0, (cx + 0.5) * x - 0.5], [0, fy * y, (cy + 0.5) * y - 0.5], [0, 0, 1]]
        )


def read_lens(path: Path) -> Lens:
    """Reads the file of a lens.

    Raises:
        ConfigError: one sentence per mistake, each naming file, key, expected and found.
    """
    return read_settings(path, Lens)
