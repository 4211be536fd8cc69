"""What settings are made of: the common ground of all sections, and values with forms of their own.

Every mistake in one is a sentence that says what was expected; the file and the key are added where
the file is read (`pipeline.settings_file`).
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.settings_file import NAME_PATTERN

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> object:
    """Reads "90s", "15m", "12h", "7d"; numbers are seconds already."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([\d.]+)\s*([smhd])\s*", value)):
        return float(match[1]) * _UNITS[match[2]]
    return value


def _region(value: Any) -> object:
    whole = isinstance(value, list) and all(type(n) is int for n in value)
    if not whole or len(value) != 4 or min(value) < 0 or 0 in value[2:]:
        raise ValueError("expected four whole numbers [x, y, width, height] in pixels, x and y ≥ 0")
    return value


def _tiles(value: Any) -> object:
    pair = isinstance(value, list | tuple) and len(value) == 2
    grid = pair and all(type(n) is int and 1 <= n <= 8 for n in value)
    if not grid and value not in ("auto", "off"):
        raise ValueError("expected auto, off, or two whole numbers [columns, rows] from 1 to 8")
    return value


def _polygon(value: Any) -> object:
    pairs = isinstance(value, list | tuple) and all(map(_is_point, value))
    if not pairs or len(value) < 3:
        raise ValueError(
            "expected at least three points [x, y], fractions of the picture from 0 to 1"
        )
    return value


def _is_point(value: Any) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2
    return pair and all(type(n) in (int, float) and 0 <= n <= 1 for n in value)


def _outline(value: Any) -> object:
    """A polygon whose inside is beyond doubt: what a crossing outline encloses would be."""
    corners = _polygon(value)
    sides = list(zip(value, [*value[1:], value[0]], strict=True))
    pairs = itertools.combinations(sides, 2)
    if any(_cross(one, other) for one, other in pairs):
        raise ValueError("expected an outline that does not cross itself")
    return corners


def _cross(one: Any, other: Any) -> bool:
    """True if two sides cross; sides that only touch, as neighbours do, do not."""
    (a, b), (c, d) = one, other
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Any, b: Any, c: Any) -> float:
    """Positive, negative or 0, as the way from a to b to c turns right, left or not at all."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _window(value: Any) -> object:
    times = [_seconds(each) for each in value] if isinstance(value, list | tuple) else []
    numbers = len(times) == 2 and all(isinstance(time, int | float) for time in times)
    if not numbers or not 0 <= times[0] < times[1]:  # type: ignore[operator]
        raise ValueError("expected two times [shortest, longest]")
    return times


Duration = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Region = Annotated[tuple[int, int, int, int], BeforeValidator(_region)]
Tiles = Annotated[Literal["auto", "off"] | tuple[int, int], BeforeValidator(_tiles)]
Polygon = Annotated[tuple[tuple[float, float], ...], BeforeValidator(_polygon)]
Outline = Annotated[tuple[tuple[float, float], ...], BeforeValidator(_outline)]
Window = Annotated[tuple[float, float], BeforeValidator(_window)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class Settings(BaseModel):
    """Common ground of all sections: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
