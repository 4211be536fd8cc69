"""Measures networks on people they were not trained on.

`python -m engines.evaluate --data ROOT --weights engines/weights [--peer MODEL.xml]` prints one
table: every network on every held-out set, beside a colour histogram.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engines.datasets import hold_out_people, read_market1501
from engines.embedders import ColourHistogram, GraphEmbedder, MeanEmbedder
from engines.protocols import (
    Embedder,
    RetrievalProblem,
    all_against_all,
    embed_problem,
    query_and_gallery,
    single_images,
    with_distractors,
)
from engines.teacher import TeacherNetwork

HELD_OUT_PEOPLE = 100
"""Of Market-1501's training split; the recipes hold out the same ones."""


def held_out_problems(root: Path) -> dict[str, RetrievalProblem]:
    """The retrieval problems of the data that is held out from training.

    Args:
        root: holds `train` (Market-1501's training images) and `mini_mars`.
    """
    _, held_out = hold_out_people(read_market1501(root / "train"), HELD_OUT_PEOPLE)
    mars = query_and_gallery("mini_mars test", root / "mini_mars")
    problems = (
        all_against_all("held-out people", held_out),
        single_images("held-out images", held_out),
        mars,
        with_distractors("mini_mars + people", mars, held_out),
    )
    return {problem.name: problem for problem in problems}


def compare(embedders: dict[str, Embedder], problems: dict[str, RetrievalProblem]) -> Table:
    """One row per network: rank-1 and mAP in percent on each problem, and the time it took."""
    table = Table("network", *(f"{name}\nrank-1 / mAP" for name in problems), "seconds")
    for label, embedder in embedders.items():
        began = time.perf_counter()
        scores = [embed_problem(problem, embedder).scores() for problem in problems.values()]
        cells = [f"{100 * s.rank1:.1f} / {100 * s.mean_average_precision:.1f}" for s in scores]
        table.add_row(label, *cells, f"{time.perf_counter() - began:.0f}")
    return table


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="folder of exported graphs")
    parser.add_argument("--name", default="drsa_lite0")
    parser.add_argument(
        "--peer", type=Path, action="append", default=[], help="OpenVINO re-ID model"
    )
    arguments = parser.parse_args()

    embedders: dict[str, Embedder] = {"colour histogram": ColourHistogram()}
    embedders |= {peer.stem: MeanEmbedder(TeacherNetwork(peer)) for peer in arguments.peer}
    if arguments.weights:
        embedders[arguments.name] = GraphEmbedder(arguments.weights, arguments.name)
    Console(width=140).print(compare(embedders, held_out_problems(arguments.data)))


if __name__ == "__main__":
    main()
