"""Measures networks on people they were not trained on.

`python -m engines.evaluate --data ROOT --weights engines/weights [--peer MODEL.xml]` prints one
table: every network on every held-out set, beside a colour histogram.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence, Set
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engines.datasets import (
    LabelledTracklet,
    hold_out_people,
    read_market1501,
    read_tracklet_list,
)
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

    MARS was cut from the recordings of Market-1501 and numbers the same people alike, so whoever
    one set holds out may be trained on in the other; such people are left out here.

    Args:
        root: holds `train` (Market-1501's training images) and `mini_mars`.
    """
    training, held_out = hold_out_people(read_market1501(root / "train"), HELD_OUT_PEOPLE)
    mars_training = read_tracklet_list(
        root / "mini_mars" / "gtPepper" / "train.json", root=root / "mini_mars"
    )
    people = without_people(held_out, {market_number(tracklet) for tracklet in mars_training})
    known = {tracklet.person for tracklet in training}
    mars = new_people(query_and_gallery("mini_mars test", root / "mini_mars"), known)
    strangers = without_people(people, {market_number(tracklet) for tracklet in mars.gallery})
    problems = (
        all_against_all("held-out people", people),
        single_images("held-out images", people),
        mars,
        with_distractors("mini_mars + people", mars, strangers),
    )
    return {problem.name: problem for problem in problems}


def market_number(tracklet: LabelledTracklet) -> int:
    """The person's number in Market-1501: in MARS the name of the folder (0004/0004C1T….jpg)."""
    return int(tracklet.paths[0].parent.name)


def without_people(
    tracklets: Sequence[LabelledTracklet], people: Set[int]
) -> list[LabelledTracklet]:
    """Leaves out everybody of these numbers."""
    return [tracklet for tracklet in tracklets if tracklet.person not in people]


def new_people(mars: RetrievalProblem, known: Set[int]) -> RetrievalProblem:
    """A problem of MARS without those who are known by their number in Market-1501."""
    query, gallery = (
        tuple(tracklet for tracklet in part if market_number(tracklet) not in known)
        for part in (mars.query, mars.gallery)
    )
    return RetrievalProblem(mars.name, query, gallery)


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
