"""Similarity → likelihood ratio, fitted on people the network was never trained on.

`python -m engines.calibrate --weights engines/weights --data ROOT` (or `--set folder FOLDER`, for
people of one's own) writes the fit into the graphs and prints how far it can be trusted: the Brier
score by set, also with that set left out of the fit, and a reliability table. `--dry-run` only
prints.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console

from engines.card import graph_paths
from engines.datasets import JUNK_PERSON, KINDS, RetrievalProblem, read_problems
from engines.embedders import GraphEmbedder
from engines.export import write_metadata
from engines.held_out import held_out_problems
from engines.protocols import EmbeddedProblem, Embedder, embed_problem
from engines.reliability import Pairs, fit, join, report
from pipeline.config import DEFAULT_NETWORK
from pipeline.errors import HandoffError

FITTED_SETS = ("held-out people", "mini_mars test")
"""Both weigh the same. Nobody in them was trained on, whichever set he is numbered in."""


def camera_pairs(problem: EmbeddedProblem) -> Pairs:
    """Every query with every gallery tracklet of another camera; junk is neither answer."""
    apart = problem.query.cameras[:, None] != problem.gallery.cameras[None, :]
    apart &= problem.gallery.people[None, :] != JUNK_PERSON
    same = (problem.query.people[:, None] == problem.gallery.people[None, :])[apart]
    weight = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    return Pairs(problem.similarity[apart].astype(np.float64), same, weight)


def main() -> None:
    """Fits on the held-out sets, prints the report and writes the fit into both graphs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--name", default=DEFAULT_NETWORK)
    parser.add_argument("--data", type=Path, help="root of the sets held out from our recipes")
    parser.add_argument(
        "--set",
        nargs=2,
        action="append",
        default=[],
        metavar=("KIND", "FOLDER"),
        help=f"another set to fit to: {', '.join(KINDS)}; may be repeated",
    )
    parser.add_argument("--dry-run", action="store_true", help="leave the graphs as they are")
    arguments = parser.parse_args()
    if not (arguments.data or arguments.set):
        parser.error("expected people to fit to: --data or --set")
    try:
        _run(arguments)
    except HandoffError as error:
        sys.exit(str(error))


def labelled_sets(
    embedder: Embedder, *, data: Path | None = None, folders: Sequence[tuple[str, Path]] = ()
) -> dict[str, Pairs]:
    """Pairs of people of known identity; all sets weigh the same.

    Args:
        embedder: the network.
        data: root of the sets held out from our recipes, or None.
        folders: kind and folder of other sets.
    """
    problems: dict[str, RetrievalProblem] = {}
    if data is not None:
        held_out = held_out_problems(data)
        problems |= {name: held_out[name] for name in FITTED_SETS}
    for kind, folder in folders:
        problems |= {problem.name: problem for problem in read_problems(kind, folder)}
    return {name: camera_pairs(embed_problem(p, embedder)) for name, p in problems.items()}


def _run(arguments: argparse.Namespace) -> None:
    embedder = GraphEmbedder(arguments.weights, arguments.name)
    folders = [(kind, Path(folder)) for kind, folder in arguments.set]
    sets = labelled_sets(embedder, data=arguments.data, folders=folders)
    ratio = fit(join(list(sets.values())))
    report(ratio, sets, Console(width=100))
    if arguments.dry_run:
        return
    paths = graph_paths(arguments.weights, arguments.name)
    for path in (paths.crop, paths.tracklet):
        write_metadata(path, {"calibration": json.dumps(asdict(ratio))})


if __name__ == "__main__":
    main()
