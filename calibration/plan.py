"""A picture of the plan: what each camera sees of it, and where everybody went.

Cameras that have a place on the site's plan share one drawing; each of the others has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from calibration.field_of_view import VAGUE, field_of_view
from calibration.pinhole import Array
from calibration.plane import Ground
from calibration.positions import Positions, positions
from pipeline.annotate import PALETTE
from pipeline.errors import ConfigError
from pipeline.mot import read_table

_FADING = (1.0, 0.5, 0.25)  # of `VAGUE`, each drawn stronger
_SMOOTH = 5  # rows over which a path is smoothed for drawing
_GAP = 25  # frames without a row that break a path


def placed_paths(grounds: Mapping[str, Ground], results: Path) -> dict[str, Positions]:
    """Everybody's places, by camera, from the folder an offline run has written.

    Raises:
        ConfigError: there are no results of any of these cameras.
    """
    tables = {name: results / f"{name}.txt" for name in grounds}
    found = {
        name: positions(read_table(path), grounds[name])
        for name, path in tables.items()
        if path.is_file()
    }
    if not found:
        raise ConfigError(
            f"{results}: expected results of an offline run, such as {next(iter(grounds))}.txt, "
            "found none"
        )
    return found


def draw_plan(grounds: Mapping[str, Ground], paths: Mapping[str, Positions], output: Path) -> None:
    """Draws fields of view and paths.

    Args:
        grounds: by camera.
        paths: by camera; may be empty.
        output: a PNG or whatever matplotlib writes by that name.
    """
    together = [name for name, ground in grounds.items() if ground.placed]
    alone = [[name] for name, ground in grounds.items() if not ground.placed]
    groups = ([together] if together else []) + alone
    figure = Figure(figsize=(7.5 * len(groups), 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, names in zip(np.atleast_1d(figure.subplots(1, len(groups))), groups, strict=True):
        for number, name in enumerate(names):
            _draw_view(axes, name, grounds[name], f"C{number}")
        for name in names:
            if name in paths:
                _draw_paths(axes, paths[name])
        _finish(axes, "the site's plan" if grounds[names[0]].placed else f"{names[0]}'s own plan")
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=130)


def _draw_view(axes: Axes, name: str, ground: Ground, colour: str) -> None:
    for share in _FADING:
        outline = field_of_view(ground, vague=share * VAGUE)
        if len(outline) > 2:
            axes.add_patch(Polygon(outline, facecolor=colour, alpha=0.08, edgecolor="none"))
    outline = field_of_view(ground)
    if len(outline) > 2:
        axes.add_patch(Polygon(outline, fill=False, edgecolor=colour, linewidth=1.2))
        axes.update_datalim(outline)
        axes.annotate(name, outline.mean(axis=0), color=colour, fontsize=13, ha="center")
    if not ground.placed:
        axes.plot(0, 0, marker="^", color=colour, markersize=10)


def _draw_paths(axes: Axes, found: Positions) -> None:
    certain = np.nan_to_num(found.error, nan=np.inf) < VAGUE
    for identity in np.unique(found.identity[certain]):
        rows = np.flatnonzero(certain & (found.identity == identity))
        colour = PALETTE[(int(identity) - 1) % len(PALETTE)]
        for run in np.split(rows, np.flatnonzero(np.diff(found.frame[rows]) > _GAP) + 1):
            path = _smoothed(found.place[run])
            axes.plot(*path.T, color=colour, linewidth=1.6)
        axes.plot(*path[-1], marker="o", color=colour, markersize=5)
        axes.annotate(str(identity), path[-1], fontsize=8, xytext=(4, 2),
                      textcoords="offset points")  # fmt: skip


def _smoothed(path: Array) -> Array:
    if len(path) < 2 * _SMOOTH:
        return path
    kernel = np.ones(_SMOOTH) / _SMOOTH
    padded = np.pad(path, ((_SMOOTH // 2, _SMOOTH // 2), (0, 0)), mode="edge")
    return np.column_stack([np.convolve(padded[:, k], kernel, mode="valid") for k in (0, 1)])


def _finish(axes: Axes, title: str) -> None:
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel("x, metres")
    axes.set_ylabel("y, metres")
    axes.set_title(
        f"{title}; shading: error below {VAGUE:g}, {VAGUE / 2:g}, {VAGUE / 4:g} m", fontsize=10
    )
