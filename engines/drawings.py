"""Drawings of what a network finds: a query, its ranked gallery, and where each part looked.

One PNG per query. Left the query's frames and the best of the gallery, right matches in green with
a tick, wrong ones in red with a cross, what the protocol ignores left out. Right the attention: a
row per part, a column per frame, and under each the share that the frame has in the part.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from engines.attention import Attention
from engines.datasets import (
    LabelledTracklet,
    RetrievalProblem,
    read_crop,
    restricted_random_sampling,
)
from engines.metrics import average_precision, ranked_gallery
from engines.preprocess import Image, resize_crop
from engines.protocols import EmbeddedProblem, Embedder, Embedding, embed_problem

RIGHT, WRONG, ASKED = "#00875a", "#cc2b2b", "#333333"
COLUMNS = 6
SHOWN = 2 * COLUMNS
"""Gallery tracklets in a picture; the first right match is the last of them if it comes later."""

CROP_HEIGHT, CROP_WIDTH = 192, 96
"""Pixels of every crop in the picture, whatever it was."""


@runtime_checkable
class Explainer(Protocol):
    """An embedder that can say where it looks."""

    def explain(self, crops: Sequence[Image]) -> Attention:
        """Attention of the parts over the crops of one tracklet."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One query's answer.

    Attributes:
        query: its number in the problem.
        order: int64[g], numbers of the gallery, best first, without what is ignored.
        right: bool[g], whether each is the query's person.
    """

    query: int
    order: npt.NDArray[np.int64]
    right: npt.NDArray[np.bool_]

    @property
    def first_right(self) -> int:
        """Rank of the first right match, from 1."""
        return int(self.right.argmax()) + 1

    @property
    def average_precision(self) -> float:
        return average_precision(self.right)

    def shown(self) -> list[int]:
        """Places in the ranking that are drawn, from 0."""
        places = list(range(min(SHOWN, len(self.order))))
        return places if self.first_right <= len(places) else [*places[:-1], self.first_right - 1]


def rank_queries(embedded: EmbeddedProblem) -> list[Ranking]:
    """The answers to all queries that have somebody to find."""
    answers = (_rank(embedded, query) for query in range(len(embedded.query)))
    return [answer for answer in answers if answer.right.any()]


def choose_queries(rankings: Sequence[Ranking], *, worst: int, random: int) -> dict[str, Ranking]:
    """The queries to draw: the worst by average precision, and some of the others at random.

    Returns:
        answers by the name of their file.
    """
    ordered = sorted(rankings, key=lambda answer: (answer.average_precision, -answer.first_right))
    others = np.random.default_rng(0).permutation(np.arange(worst, max(worst, len(ordered))))
    chosen = {f"worst_{place}": answer for place, answer in enumerate(ordered[:worst], 1)}
    drawn = enumerate(others[:random], 1)
    return chosen | {f"random_{place}": ordered[int(number)] for place, number in drawn}


def draw_problem(
    problem: RetrievalProblem,
    embedder: Embedder,
    folder: Path,
    *,
    worst: int = 4,
    random: int = 2,
    frames: int = 6,
    known: dict[LabelledTracklet, Embedding] | None = None,
) -> list[Path]:
    """Draws the answers to some queries into a folder named after the problem.

    Args:
        problem: what was measured.
        embedder: draws attention, too, if it is an `Explainer`.
        folder: gets a folder per problem.
        worst: how many of the queries the network answers worst.
        random: how many of the others.
        frames: of each tracklet.
        known: embeddings by the same network.

    Returns:
        the files, worst first.
    """
    embedded = embed_problem(problem, embedder, frames=frames, known=known)
    folder = folder / re.sub(r"\W+", "_", problem.name).strip("_")
    folder.mkdir(parents=True, exist_ok=True)
    explainer = embedder if isinstance(embedder, Explainer) else None
    paths = []
    for name, answer in choose_queries(rank_queries(embedded), worst=worst, random=random).items():
        figure = draw_answer(problem, embedded, answer, explainer=explainer, frames=frames)
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1], dpi=150)
    return paths


def draw_answer(
    problem: RetrievalProblem,
    embedded: EmbeddedProblem,
    answer: Ranking,
    *,
    explainer: Explainer | None = None,
    frames: int = 6,
) -> Figure:
    """Draws one query's answer.

    Args:
        problem: where query and gallery come from.
        embedded: the problem's similarities.
        answer: what to draw.
        explainer: gives the attention; without one only the ranking is drawn.
        frames: of the query.
    """
    query = problem.query[answer.query]
    crops = _crops(query, frames)
    figure = Figure(figsize=(8.8 if explainer else 5.2, 6.4), facecolor="white")
    if explainer is None:
        _draw_ranking(figure, problem, embedded, answer, crops)
        return figure
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=(5.2, 3.6)))
    _draw_ranking(left, problem, embedded, answer, crops)
    _draw_attention(right, crops, explainer.explain(crops))
    return figure


def draw_tracklet(crops: Sequence[Image], attention: Attention) -> Figure:
    """Draws where each part looks in the frames of one tracklet."""
    figure = Figure(figsize=(3.8, 6.4), facecolor="white")
    _draw_attention(figure, crops, attention)
    return figure


def overlay(crop: Image, attention_map: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """A crop in grey with a map over it, in colour where the attention is.

    Args:
        crop: uint8[H, W, 3] BGR.
        attention_map: float32[h, w]; its largest value gets full colour.

    Returns:
        uint8[H, W, 3] RGB.
    """
    height, width = crop.shape[:2]
    relative = attention_map / attention_map.max()
    smooth = cv2.resize(relative, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    colour = matplotlib.colormaps["inferno"](0.25 + 0.7 * smooth)[..., :3] * 255
    share = smooth[..., None]
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None]
    return np.asarray(grey * (1 - 0.75 * share) + colour * 0.75 * share, dtype=np.uint8)


def _rank(embedded: EmbeddedProblem, query: int) -> Ranking:
    person, camera = int(embedded.query.people[query]), int(embedded.query.cameras[query])
    order = ranked_gallery(embedded.similarity[query], person, camera, embedded.gallery)
    return Ranking(query, order, embedded.gallery.people[order] == person)


def _crops(tracklet: LabelledTracklet, frames: int) -> list[Image]:
    """The crops that were embedded."""
    indices = restricted_random_sampling(len(tracklet.paths), frames)
    return [read_crop(tracklet.paths[index]) for index in dict.fromkeys(indices.tolist())]


def _draw_ranking(
    figure: Figure | SubFigure,
    problem: RetrievalProblem,
    embedded: EmbeddedProblem,
    answer: Ranking,
    crops: Sequence[Image],
) -> None:
    query = problem.query[answer.query]
    figure.suptitle(
        f"{problem.name}: person {query.person}, camera {query.camera}\n"
        f"first right match at rank {answer.first_right} of {len(answer.order)}, "
        f"average precision {answer.average_precision:.2f}",
        fontsize=9,
        x=0.03,
        y=0.985,
        ha="left",
    )
    grid = figure.subplots(3, COLUMNS, gridspec_kw=_margins(left=0.03))
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, crop in zip(grid[0], crops, strict=False):
        _show(axes, _rgb(crop), colour=ASKED)
    shown = f"the query: {min(len(crops), COLUMNS)} of {len(query.paths)} frames"
    grid[0, 0].set_xlabel(shown, fontsize=7, labelpad=2, loc="left")
    for axes, place in zip(grid[1:].flat, answer.shown(), strict=False):
        _draw_match(axes, problem, embedded, answer, place)


def _margins(*, left: float) -> dict[str, float]:
    """The same on both sides of the picture, so that their rows begin at one height."""
    return {
        "left": left, "right": 0.98, "bottom": 0.06, "top": 0.9, "hspace": 0.24, "wspace": 0.08
    }  # fmt: skip


def _draw_match(
    axes: Axes,
    problem: RetrievalProblem,
    embedded: EmbeddedProblem,
    answer: Ranking,
    place: int,
) -> None:
    number = int(answer.order[place])
    found = problem.gallery[number]
    right = bool(answer.right[place])
    colour, mark = (RIGHT, "✓") if right else (WRONG, "✗")
    _show(axes, _rgb(read_crop(found.paths[len(found.paths) // 2])), colour=colour)
    similarity = embedded.similarity[answer.query, number]
    axes.set_xlabel(
        f"{mark} {place + 1} · cam {found.camera}\n{similarity:.2f}",
        fontsize=7,
        color=colour,
        labelpad=2,
    )


def _draw_attention(
    figure: Figure | SubFigure, crops: Sequence[Image], attention: Attention
) -> None:
    frames, parts = attention.weights.shape
    figure.suptitle(
        "where each part looks in these frames\n"
        "bar: how much the frame counts; line: an equal share",
        fontsize=8,
        x=0.08,
        y=0.985,
        ha="left",
    )
    # A short query leaves its columns empty, so that all pictures look alike.
    columns = max(frames, COLUMNS)
    grid = figure.subplots(parts, columns, squeeze=False, gridspec_kw=_margins(left=0.08))
    for axes in grid.flat:
        axes.set_axis_off()
    for part, frame in itertools.product(range(parts), range(frames)):
        sized = resize_crop(crops[frame], height=CROP_HEIGHT, width=CROP_WIDTH)
        _show(grid[part, frame], overlay(sized, attention.maps[frame, part]))
        _draw_share(grid[part, frame], float(attention.weights[frame, part]), frames)
    for part in range(parts):
        grid[part, 0].set_ylabel(f"part {part + 1}", fontsize=7)


def _draw_share(axes: Axes, share: float, frames: int) -> None:
    """A bar under the picture, full at twice an equal share."""
    length = min(1.0, share * frames / 2)
    line = partial(axes.plot, transform=axes.transAxes, clip_on=False, solid_capstyle="butt")
    line([0, length], [-0.06, -0.06], color="#d98c00", linewidth=3)
    line([0.5, 0.5], [-0.095, -0.025], color=ASKED, linewidth=0.8)


def _show(axes: Axes, picture: npt.NDArray[np.uint8], *, colour: str | None = None) -> None:
    axes.set_axis_on()
    axes.imshow(picture)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(colour is not None)
        spine.set_color(colour or "white")
        spine.set_linewidth(2.2)


def _rgb(crop: Image) -> npt.NDArray[np.uint8]:
    return resize_crop(crop, height=CROP_HEIGHT, width=CROP_WIDTH)[..., ::-1]
