"""A topology as one picture: the cameras' views with their zones, the graph, the transit times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patches import FancyArrowPatch, Patch
from matplotlib.patches import Polygon as PolygonPatch

from calibration.labels import Box, Pair, place_labels
from pipeline.gaps import EDGES, GapHistogram
from pipeline.topology import Topology
from pipeline.zones import Ellipse, Zone

Image = npt.NDArray[np.uint8]

_TEXT, _FAINT, _LINE = "#222222", "#8a8a8a", "#4a6fa5"
_LOST = "#999999"
_COLOURS = [matplotlib.colormaps["tab10"](k) for k in (0, 1, 2, 3, 4, 6, 8, 9)]
_POINT = 1 / 72  # inches
_SMALL = 8.0  # font size in points
_MOST_HISTOGRAMS = 24
_WIDE = 9 / 16  # height by width of a view whose picture is not known
_HIGHEST = 4.5  # inches
_HEAD, _TITLE = 0.45, 0.32  # inches: a heading, the name over a view
_TICKS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 36000: "10 h"}


@dataclass(frozen=True, slots=True)
class Edge:
    """All that went from one camera to another.

    Attributes:
        start, to: the cameras; the same for those who came back.
        histogram: of their times, over all zones.
    """

    start: str
    to: str
    histogram: GapHistogram

    @property
    def label(self) -> str:
        """Median time and number."""
        return f"{spoken(self.histogram.quantile(0.5))} · {self.histogram.total:.0f}"


def spoken(seconds: float) -> str:
    """A time as people say it: 4.5 s, 48 s, 12 min, 3.1 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def edges_of(topology: Topology) -> list[Edge]:
    """The transits by pairs of cameras, the most used first."""
    by_pair: dict[tuple[str, str], GapHistogram] = {}
    for transit in topology.transits:
        pair = transit.start[0], transit.to[0]
        histogram = by_pair.setdefault(pair, GapHistogram())
        histogram.weights += transit.histogram.weights
        histogram.sums += transit.histogram.sums
    edges = [Edge(*pair, histogram) for pair, histogram in by_pair.items()]
    return sorted(edges, key=lambda edge: (-edge.histogram.total, edge.start, edge.to))


def draw_topology(
    topology: Topology, cameras: Sequence[str], pictures: Mapping[str, Image]
) -> Figure:
    """Draws all of it.

    Args:
        topology: what was learned or given.
        cameras: their names, in order.
        pictures: a picture (BGR) of those cameras of which there is one.
    """
    layout = _Layout.of(len(cameras), [p.shape[0] / p.shape[1] for p in pictures.values()])
    edges = edges_of(topology)
    graph_height = min(13.0, 5.0 + 0.4 * len(cameras))
    heights = layout.height, graph_height
    figure = Figure(figsize=(layout.width, sum(heights)), facecolor="white")
    above, below = np.asarray(figure.subfigures(2, 1, height_ratios=heights))
    _draw_views(above, topology, cameras, pictures, layout)
    share = min(0.62, 0.45 + 0.01 * len(cameras))
    left, right = np.asarray(below.subfigures(1, 2, width_ratios=(share, 1 - share)))
    _draw_graph(left, cameras, edges, (layout.width * share, graph_height))
    _draw_histograms(right, edges[:_MOST_HISTOGRAMS], graph_height)
    return figure


@dataclass(frozen=True, slots=True)
class _Layout:
    """The grid of the views, in inches."""

    rows: int
    columns: int
    width: float
    ratio: float

    @classmethod
    def of(cls, cameras: int, ratios: Sequence[float]) -> _Layout:
        """For so many views; portrait ones get more columns."""
        ratio = float(np.median(ratios)) if ratios else _WIDE
        columns = math.ceil(math.sqrt(cameras * max(1.0, ratio / _WIDE)))
        columns = min(5, max(2, min(columns, cameras)))
        return cls(math.ceil(cameras / columns), columns, max(12.0, 3.4 * columns), ratio)

    @property
    def view(self) -> Pair:
        """Room for a view, its title not counted."""
        width = 0.96 * self.width / self.columns
        return width, min(width * self.ratio, _HIGHEST)

    @property
    def height(self) -> float:
        return _HEAD + self.rows * (self.view[1] + _TITLE)


# ── views ───────────────────────────────────────────────────────────────────────────────────────


def _draw_views(
    figure: SubFigure,
    topology: Topology,
    cameras: Sequence[str],
    pictures: Mapping[str, Image],
    layout: _Layout,
) -> None:
    when = ""
    if topology.begin is not None and topology.end is not None and topology.begin.year > 1970:
        when = f", {topology.begin:%Y-%m-%d %H:%M} to {topology.end:%Y-%m-%d %H:%M} UTC"
    figure.suptitle(
        f"where people come in and leave: {topology.tracklets} tracklets{when}",
        fontsize=11, x=0.01, y=1 - 0.1 / layout.height, ha="left", color=_TEXT,
    )  # fmt: skip
    top = 1 - (_HEAD + _TITLE) / layout.height
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.06 / layout.height, "top": top}
    spaces = {"hspace": _TITLE / layout.view[1], "wspace": 0.04}
    grid = figure.subplots(layout.rows, layout.columns, squeeze=False, gridspec_kw=margins | spaces)
    for axes in grid.flat:
        axes.set_axis_off()
    for camera, axes in zip(cameras, grid.flat, strict=False):
        zones = topology.zones.by_camera.get(camera, ())
        _draw_view(axes, camera, zones, pictures.get(camera), layout.view)


def _draw_view(
    axes: Axes, camera: str, zones: Sequence[Zone], picture: Image | None, room: Pair
) -> None:
    axes.set_title(camera, fontsize=9, loc="left", color=_TEXT, pad=3)
    if picture is None:
        axes.add_patch(PolygonPatch([(0, 0), (1, 0), (1, 1), (0, 1)], facecolor="#eeeeee"))
        ratio = _WIDE
    else:
        axes.imshow(_faded(picture), extent=(0, 1, 1, 0), aspect="auto")
        ratio = picture.shape[0] / picture.shape[1]
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.set_aspect(ratio)
    for k, zone in enumerate(zones):
        colour = _LOST if zone.lost else _COLOURS[k % len(_COLOURS)]
        patch = _patch(zone)
        patch.set(facecolor=(*matplotlib.colors.to_rgb(colour), 0.3), edgecolor=colour, linewidth=2)
        patch.set_linestyle("--" if zone.lost else "-")
        axes.add_patch(patch)
    height = min(room[1], room[0] * ratio)
    _write_zones(axes, zones, (height / ratio, height))


def _faded(picture: Image) -> Image:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(96 + 0.62 * np.repeat(grey[..., None], 3, axis=2), dtype=np.uint8)


def _patch(zone: Zone) -> Patch:
    if isinstance(zone.shape, Ellipse):
        first, second = zone.shape.axes
        return EllipsePatch(
            zone.shape.centre, 2 * first, 2 * second, angle=math.degrees(zone.shape.angle)
        )
    return PolygonPatch(list(zone.shape.points))


def _write_zones(axes: Axes, zones: Sequence[Zone], size: Pair) -> None:
    """Name and shares of each zone, moved apart where they would touch.

    Args:
        axes: go from 0 to 1.
        zones: of the view.
        size: of the view in inches.
    """
    if not zones:
        axes.text(
            0.5, 0.5, "no zones", ha="center", va="center", fontsize=_SMALL, color=_TEXT,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "lw": 0},
        )  # fmt: skip
        return
    texts = [_zone_text(zone) for zone in zones]
    sizes = [_text_size(text, _SMALL) for text in texts]
    wanted = [(z.shape.centre[0] * size[0], z.shape.centre[1] * size[1]) for z in zones]
    for text, place in zip(texts, place_labels(wanted, sizes, within=size), strict=True):
        if place is not None:
            axes.text(
                place[0] / size[0], place[1] / size[1], text, fontsize=_SMALL, color=_TEXT,
                ha="center", va="center", linespacing=1.05,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.75, "lw": 0},
            )  # fmt: skip


def _zone_text(zone: Zone) -> str:
    name = f"{zone.name} (lost here)" if zone.lost else zone.name
    return f"{name}\nin {zone.entries:.0%}  out {zone.exits:.0%}"


def _text_size(text: str, points: float) -> Pair:
    """Inches that a text takes, with a little room around it."""
    lines = text.split("\n")
    width = max(map(len, lines)) * 0.58 * points * _POINT + 0.08
    return width, len(lines) * 1.3 * points * _POINT + 0.07


# ── the graph ───────────────────────────────────────────────────────────────────────────────────


def _draw_graph(
    figure: SubFigure, cameras: Sequence[str], edges: Sequence[Edge], size: Pair
) -> None:
    figure.suptitle(
        "who goes where: median time · number of people",
        fontsize=11, x=0.01 if size[0] > 9 else 0.02, y=0.985, ha="left", color=_TEXT,
    )  # fmt: skip
    area = size[0], size[1] - 0.4
    axes = figure.add_axes((0, 0, 1, area[1] / size[1]))
    axes.set_axis_off()
    axes.set_xlim(0, area[0])
    axes.set_ylim(0, area[1])
    places = _on_a_circle(cameras, area)
    own = {edge.start: edge.label for edge in edges if edge.start == edge.to}
    names = {c: f"{c}\n↻ {own[c]}" if c in own else c for c in cameras}
    boxes = [_box_at(places[c], _text_size(names[c], 9)) for c in cameras]
    ways = [e for e in edges if e.start != e.to and e.start in places and e.to in places]
    ways = ways[: max(12, 3 * len(cameras))]
    most = max((e.histogram.total for e in ways), default=1.0)
    for way in ways:
        _draw_way(axes, places[way.start], places[way.to], way.histogram.total / most)
    for camera in cameras:
        axes.text(
            *places[camera], names[camera], ha="center", va="center", fontsize=9, color=_TEXT,
            bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": _TEXT},
            zorder=4,
        )  # fmt: skip
    _write_ways(axes, ways, places, boxes, area)


def _on_a_circle(cameras: Sequence[str], area: Pair) -> dict[str, Pair]:
    across, up = area[0] / 2 - 0.9, area[1] / 2 - 0.5
    angles = [2 * math.pi * k / len(cameras) for k in range(len(cameras))]
    return {
        camera: (area[0] / 2 - across * math.cos(a), area[1] / 2 + up * math.sin(a))
        for camera, a in zip(cameras, angles, strict=True)
    }


def _box_at(centre: Pair, size: Pair) -> Box:
    x, y = centre
    return (
        x - size[0] / 2 - 0.08,
        y - size[1] / 2 - 0.06,
        x + size[0] / 2 + 0.08,
        y + size[1] / 2 + 0.06,
    )


_BEND = 0.16  # of an arrow, so that the way back has its own
_FAR = 0.5  # inches: a label farther from its arrow would be taken for another one's


def _draw_way(axes: Axes, start: Pair, end: Pair, share: float) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, connectionstyle=f"arc3,rad={_BEND}", arrowstyle="-|>", mutation_scale=10,
            shrinkA=26, shrinkB=26, linewidth=0.6 + 2.4 * share, color=_LINE,
            alpha=0.35 + 0.5 * share, zorder=2,
        )
    )  # fmt: skip


def _write_ways(
    axes: Axes,
    ways: Sequence[Edge],
    places: Mapping[str, Pair],
    boxes: Sequence[Box],
    area: Pair,
) -> None:
    """Labels on the arrows, the most used first; what has no room stands with the histograms."""
    wanted = [_on_arc(places[way.start], places[way.to]) for way in ways]
    sizes = [_text_size(way.label, 7.5) for way in ways]
    placed = place_labels(wanted, sizes, within=area, taken=boxes)
    for way, want, place in zip(ways, wanted, placed, strict=True):
        if place is not None and math.dist(place, want) < _FAR:
            axes.text(
                *place, way.label, ha="center", va="center", fontsize=7.5, color=_TEXT, zorder=3,
                bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.85, "lw": 0},
            )  # fmt: skip


def _on_arc(start: Pair, end: Pair) -> Pair:
    """A point of the arrow's arc, a little nearer to its end: the way back has its own."""
    control = (
        (start[0] + end[0]) / 2 + _BEND * (end[1] - start[1]),
        (start[1] + end[1]) / 2 - _BEND * (end[0] - start[0]),
    )
    t = 0.56
    x, y = (
        (1 - t) ** 2 * s + 2 * t * (1 - t) * c + t**2 * e
        for s, c, e in zip(start, control, end, strict=True)
    )
    return x, y


# ── transit times ───────────────────────────────────────────────────────────────────────────────


def _draw_histograms(figure: SubFigure, edges: Sequence[Edge], height: float) -> None:
    figure.suptitle(
        "how long it takes", fontsize=11, x=0.02, y=0.985, ha="left", color=_TEXT
    )  # fmt: skip
    if not edges:
        return
    columns = 2 if len(edges) > 4 else 1
    rows = max(math.ceil(len(edges) / columns), 3)
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        gridspec_kw={"left": 0.04, "right": 0.97, "bottom": 0.5 / height, "top": 1 - 0.65 / height,
                     "hspace": 0.9 if rows > 6 else 0.75, "wspace": 0.12},
    )  # fmt: skip
    for axes in grid.flat:
        axes.set_axis_off()
    for edge, axes in zip(edges, grid.flat, strict=False):
        _draw_histogram(axes, edge)


def _draw_histogram(axes: Axes, edge: Edge) -> None:
    axes.set_axis_on()
    way = f"{edge.start} → {edge.to}" if edge.start != edge.to else f"{edge.start} ↻"
    axes.set_title(f"{way}   {edge.label}", fontsize=_SMALL, loc="left", color=_TEXT, pad=2)
    bent = np.arcsinh(EDGES[1:-1] / 0.5)
    axes.bar(bent[:-1], edge.histogram.weights[1:-1], np.diff(bent), align="edge", color=_LINE)
    axes.set_xlim(np.arcsinh(-2), np.arcsinh(72000))
    axes.set_xticks([np.arcsinh(2 * seconds) for seconds in (0, *_TICKS)], ["0", *_TICKS.values()])
    axes.tick_params(axis="x", labelsize=6.5, length=2, pad=1, colors=_FAINT)
    axes.set_yticks([])
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
