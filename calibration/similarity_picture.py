"""A curve from similarity to likelihood ratio as a picture: its reliability, two histograms."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engines.card import LikelihoodRatio
from engines.reliability import Pairs, expected_error, reliability

_SAME, _DIFFERENT, _TEXT = "#00875a", "#cc2b2b", "#222222"


def draw_curve(ratio: LikelihoodRatio, pairs: Pairs, *, title: str = "") -> Figure:
    """Left what is predicted against what is so, right how alike pairs are, and the curve."""
    figure = Figure(figsize=(10, 4.4), facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_reliability(left, ratio, pairs)
    _draw_histograms(right, ratio, pairs)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=_TEXT)
    return figure


def _draw_reliability(axes: Axes, ratio: LikelihoodRatio, pairs: Pairs) -> None:
    bins = reliability(ratio, pairs)
    full = [each for each in bins if each.pairs]
    axes.plot([0, 1], [0, 1], color="#aaaaaa", linewidth=1, linestyle="--")
    axes.plot([b.predicted for b in full], [b.observed for b in full], color=_TEXT, linewidth=1)
    sizes = [20 + 400 * each.weight for each in full]
    axes.scatter([b.predicted for b in full], [b.observed for b in full], s=sizes, color=_TEXT)
    axes.set_xlabel("probability of one person, as predicted")
    axes.set_ylabel("share that is one person")
    axes.set_title(
        f"expected calibration error {expected_error(bins):.3f}; dots by weight", fontsize=9
    )
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_aspect("equal")


def _draw_histograms(axes: Axes, ratio: LikelihoodRatio, pairs: Pairs) -> None:
    edges = np.linspace(min(0.0, float(pairs.similarity.min())), 1.0, 41)
    for same, colour in ((True, _SAME), (False, _DIFFERENT)):
        chosen = pairs.same == same
        people = "one person" if same else "two people"
        axes.hist(
            pairs.similarity[chosen],
            edges.tolist(),
            weights=2 * pairs.weight[chosen],
            color=colour,
            alpha=0.55,
            label=f"{people}: {int(chosen.sum())} pairs",
        )
    axes.set_ylim(top=1.2 * axes.get_ylim()[1])  # room for the legend
    axes.set_xlabel("cosine similarity of the embeddings")
    axes.set_ylabel("share of the pairs")
    curve = axes.twinx()
    curve.plot(edges, ratio.probability(edges), color=_TEXT, linewidth=1.5)
    curve.set_ylabel("probability at even odds")
    curve.set_ylim(0, 1.02)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    even = -ratio.offset / ratio.slope
    axes.set_title(f"llr = {ratio.slope:.1f} · (similarity - {even:.2f})", fontsize=9)
