"""A training's figures: to the log, to a table that outlives a stop, and to a picture."""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

logger = logging.getLogger(__name__)

PANELS = {
    "loss": ("identity", "softmax", "triplet", "diversity", "cosine", "relation"),
    "overlap of the maps": ("overlap",),
    "attended (exp of entropy)": ("positions", "frames"),
    "held out": ("rank1", "mAP", "likeness"),
}
"""What is drawn together."""


@dataclass
class RunningMeans:
    """Means of figures since they were last taken; they stay on the device until then."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def add(self, figures: Mapping[str, Tensor]) -> None:
        """Adds one step's figures."""
        self.count += 1
        for name, figure in figures.items():
            detached = figure.detach().float()
            self.sums[name] = self.sums[name] + detached if name in self.sums else detached

    def take(self) -> dict[str, float]:
        """Returns the means and starts anew."""
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


class Progress:
    """Keeps `progress.csv` (step, figure, value) and draws `progress.png` from it."""

    def __init__(self, folder: Path) -> None:
        self._table = folder / "progress.csv"
        self._picture = folder / "progress.png"

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Writes figures down and says them."""
        text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
        logger.info("step %d  %s", step, text)
        self._table.parent.mkdir(parents=True, exist_ok=True)
        with self._table.open("a", newline="") as table:
            csv.writer(table).writerows([step, name, value] for name, value in figures.items())

    def forget_after(self, step: int) -> None:
        """Drops what a stopped training had written after the checkpoint it continues from."""
        rows = [row for row in self._rows() if int(row[0]) <= step]
        if self._table.exists():
            with self._table.open("w", newline="") as table:
                csv.writer(table).writerows(rows)

    def draw(self) -> None:
        """Draws all that has been recorded."""
        curves: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for step, name, value in self._rows():
            curves[name].append((int(step), float(value)))
        draw_curves(curves, self._picture)

    def _rows(self) -> list[list[str]]:
        if not self._table.exists():
            return []
        with self._table.open(newline="") as table:
            return list(csv.reader(table))


def draw_curves(curves: Mapping[str, list[tuple[int, float]]], path: Path) -> None:
    """One panel for each group of figures, over the steps."""
    from matplotlib.figure import Figure  # slow to import, and only wanted here

    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for panel, (title, names) in zip(panels, PANELS.items(), strict=True):
        for name in (name for name in names if name in curves):
            panel.plot(*zip(*curves[name], strict=True), label=name, linewidth=1.2)
        panel.set(title=title, xlabel="step")
        panel.grid(alpha=0.3)
        if panel.lines:
            panel.legend(frameon=False)
    figure.savefig(path, dpi=110)
