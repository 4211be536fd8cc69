"""A camera's picture with its ground drawn in: metres, the horizon, people where they would stand.

Whoever looks at it sees at once whether the ground is right: lines follow floors and kerbs, and
the figures are as tall as the people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.pinhole import Array
from calibration.plane import Ground

Picture = NDArray[np.uint8]
Canvas = NDArray[Any]  # what OpenCV's stubs give back

FIGURE = 1.7
"""Metres."""

_VAGUE = 1.5  # metres of error from which on nothing is drawn: there the picture says too little
_WIDTH = 1200  # pixels: small pictures are enlarged to about that, so that there is room to write
_LINE, _TENTH = (255, 235, 190), (90, 190, 255)  # BGR: lines of the grid, every fifth of them
_HORIZON, _PERSON, _INK = (200, 90, 240), (80, 240, 120), (255, 255, 255)
_SAMPLES = 160  # points of a line: straight ones that bend at the horizon are cut there
_STANDING = ((0.10, 0.0), (0.55, 0.0), (0.30, 0.4), (0.78, 0.4), (0.20, 0.75), (0.45, 0.75),
             (0.68, 0.75), (0.90, 0.75), (0.38, 1.0), (0.60, 1.0), (0.84, 1.0))  # fmt: skip
"""Of each figure: place across the picture, and depth from nearest (0) to furthest (1)."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The part of the plan that a camera tells anything about: metres."""

    low: Array
    high: Array
    step: float


def reach(ground: Ground) -> Reach | None:
    """What of the plan is seen clearly enough to be drawn; None if nothing is."""
    points = _lattice(48)
    places = ground.to_plan(points)[_clear(ground, points)]
    if len(places) < 3:
        return None
    low, high = places.min(axis=0), places.max(axis=0)
    length = float((high - low).max())
    step = next((s for s in (0.5, 1.0, 2.0, 5.0) if length / s <= 26), 10.0)
    return Reach(np.floor(low / step) * step, np.ceil(high / step) * step, step)


def draw_ground(image: Picture, ground: Ground) -> Picture:
    """A copy of the picture with grid, horizon and figures."""
    larger = max(1, round(_WIDTH / image.shape[1]))
    canvas = cv2.resize(image, None, fx=larger, fy=larger, interpolation=cv2.INTER_CUBIC)
    canvas = cv2.addWeighted(canvas, 0.72, np.zeros_like(canvas), 0.28, 0)
    scale = max(canvas.shape[1] / 1200, 0.6)
    seen = reach(ground)
    if seen is not None:
        _draw_grid(canvas, ground, seen, scale)
    _draw_horizon(canvas, ground, scale)
    for place in standing_places(ground):
        _draw_figure(canvas, ground, place, scale)
    _write(canvas, _title(ground, seen), (10 * scale, canvas.shape[0] - 12 * scale), scale)
    return canvas.astype(np.uint8, copy=False)


def standing_places(ground: Ground) -> Array:
    """Places float64[n, 2] on the plan, well spread over the picture, where figures stand."""
    chosen = []
    for x, depth in _STANDING:
        column = np.column_stack([np.full(300, x), np.linspace(0.02, 0.97, 300)])
        good = _clear(ground, column)
        heads = ground.head(ground.to_plan(column), FIGURE)
        good &= np.isfinite(heads).all(axis=1) & (heads[:, 1] > 0.01)
        tall = column[:, 1] - heads[:, 1]
        good &= tall > 0.04
        rows = np.flatnonzero(good)
        if len(rows):  # by ratio of heights in the picture, which is that of depths
            largest, smallest = tall[rows].max(), tall[rows].min()
            wanted = largest * (smallest / largest) ** depth
            chosen.append(column[rows[np.abs(tall[rows] - wanted).argmin()]])
    return ground.to_plan(np.array(chosen).reshape(-1, 2))


def _clear(ground: Ground, points: Array) -> NDArray[np.bool_]:
    """True where a foot that is a little off is still at about the same place.

    The calibration's own error is left aside: how good it is is what the picture is to show.
    """
    certain = ground.model_copy(update={"covariance": np.zeros((9, 9)).tolist()})
    clear: NDArray[np.bool_] = np.nan_to_num(certain.error(points), nan=np.inf) < _VAGUE
    return clear


def _lattice(n: int) -> Array:
    x, y = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
    return np.column_stack([x.ravel(), y.ravel()])


def _draw_grid(canvas: Canvas, ground: Ground, seen: Reach, scale: float) -> None:
    for axis in (0, 1):
        count = round(float(seen.high[axis] - seen.low[axis]) / seen.step)
        for i in range(count + 1):
            value = float(seen.low[axis]) + i * seen.step
            places = np.empty((_SAMPLES, 2))
            places[:, axis] = value
            places[:, 1 - axis] = np.linspace(seen.low[1 - axis], seen.high[1 - axis], _SAMPLES)
            strong = round(value / seen.step) % 5 == 0
            _draw_line(canvas, ground, places, scale, strong=strong)
            if strong:
                _label_line(canvas, ground, places, f"{'xy'[axis]} {value:g} m", scale)


def _visible(ground: Ground, places: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Points in the picture, and which of them lie in it and are certain enough to be drawn."""
    points = ground.to_picture(places)
    inside = np.all(np.isfinite(points) & (points > -0.02) & (points < 1.02), axis=1, keepdims=True)
    visible: NDArray[np.bool_] = _clear(ground, np.where(inside, points, -1.0)) & inside[:, 0]
    return points, visible


def _draw_line(
    canvas: Canvas, ground: Ground, places: Array, scale: float, *, strong: bool
) -> None:
    points, visible = _visible(ground, places)
    colour, width = (_TENTH, 2.0) if strong else (_LINE, 1.0)
    thick = max(1, round(width * scale))
    for run in np.split(np.arange(len(points)), np.flatnonzero(np.diff(visible)) + 1):
        if visible[run[0]] and len(run) > 1:
            line = np.round(points[run] * canvas.shape[1::-1] * 16).astype(np.int32)
            cv2.polylines(canvas, [line], False, colour, thick, cv2.LINE_AA, shift=4)


def _label_line(canvas: Canvas, ground: Ground, places: Array, text: str, scale: float) -> None:
    points, visible = _visible(ground, places)
    rows = np.flatnonzero(visible & ((points > 0.02) & (points < 0.93)).all(axis=1))
    if len(rows):
        lowest = points[rows[points[rows, 1].argmax()]]
        _write(canvas, text, tuple(lowest * canvas.shape[1::-1] + [4, -4]), 0.8 * scale, _TENTH)


def _draw_horizon(canvas: Canvas, ground: Ground, scale: float) -> None:
    ends = np.array([0.0, 1.0])
    heights = ground.horizon(ends)
    if not np.isfinite(heights).all() or not ((heights > 0) & (heights < 1)).any():
        return
    start, end = _pixels(canvas, np.column_stack([ends, heights]))
    cv2.line(canvas, tuple(start), tuple(end), _HORIZON, max(1, round(2 * scale)), cv2.LINE_AA)
    where = (10 * scale, max(14 * scale, float(start[1]) - 6 * scale))
    _write(canvas, "horizon: no ground above", where, 0.8 * scale, _HORIZON)


def _draw_figure(canvas: Canvas, ground: Ground, place: Array, scale: float) -> None:
    foot, head = ground.to_picture(place[None]), ground.head(place[None], FIGURE)
    bottom, top = _pixels(canvas, foot)[0], _pixels(canvas, head)[0]
    tall = float(np.linalg.norm(bottom - top))
    width = max(1, round(min(2 * scale, tall / 25)))
    along, across = (bottom - top) / tall, np.array([top[1] - bottom[1], bottom[0] - top[0]]) / tall

    def at(share: float, aside: float) -> tuple[int, int]:
        x, y = top + along * share * tall + across * aside * tall
        return round(float(x)), round(float(y))

    radius = max(2, round(0.065 * tall))
    cv2.circle(canvas, at(0.065, 0), radius, _PERSON, width, cv2.LINE_AA)
    limbs = [(0.13, 0, 0.52, 0), (0.2, 0, 0.46, 0.09), (0.2, 0, 0.46, -0.09),
             (0.52, 0, 1.0, 0.05), (0.52, 0, 1.0, -0.05)]  # fmt: skip
    for from_share, from_aside, to_share, to_aside in limbs:
        cv2.line(canvas, at(from_share, from_aside), at(to_share, to_aside), _PERSON, width,
                 cv2.LINE_AA)  # fmt: skip
    error = float(ground.error(foot)[0])
    _write(canvas, f"±{error:.2f} m" if error < 1 else f"±{error:.1f} m",
           (bottom[0] + 5 * scale, bottom[1] + 3 * scale), 0.7 * scale, _PERSON)  # fmt: skip


def _title(ground: Ground, seen: Reach | None) -> str:
    grid = f"grid {seen.step:g} m, " if seen else ""
    error = f"error with a foot {ground.foot_error:g} px off"
    return f"{ground.camera}: {grid}figures {FIGURE:g} m, {error}"


def _write(
    canvas: Canvas,
    text: str,
    where: tuple[float, ...],
    scale: float,
    colour: tuple[int, int, int] = _INK,
) -> None:
    """Text with a dark shadow."""
    x, y = round(float(where[0])), round(float(where[1]))
    size, thick = 0.55 * scale, max(1, round(1.2 * scale))
    for shadow in (1, -1, 0):
        ink = (20, 20, 20) if shadow else colour
        at = (x + shadow, y + shadow)
        cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thick, cv2.LINE_AA)


def _pixels(canvas: Canvas, points: Array) -> NDArray[np.int32]:
    height, width = canvas.shape[:2]
    limited = np.nan_to_num(points * [width, height], nan=-1.0)
    return np.clip(limited, -20_000, 20_000).round().astype(np.int32)
