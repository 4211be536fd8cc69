"""Measures networks on people they were not trained on: CMC, mAP and mINP by each set's protocol.

`python -m engines.evaluate --data ROOT --weights engines/weights [--peer MODEL.xml]` prints what
every network reaches on the held-out people of the training data, beside a colour histogram;
`--set mars FOLDER` on a published set (kinds: see `engines.datasets`), the mean over the splits of
those that have ten, or the one `--split` the network was trained on; `--video CLIP.mp4 GT.txt` on
annotated videos. `--pictures FOLDER` draws what the network finds and where it looks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Column, Table

from engines.datasets import KINDS, DatasetError, LabelledTracklet, RetrievalProblem, read_problems
from engines.drawings import draw_problem
from engines.embedders import ColourHistogram, GraphEmbedder, NetworkEmbedder, PeerEmbedder
from engines.held_out import held_out_problems, video_problems
from engines.metrics import RetrievalScores, mean_scores
from engines.protocols import Embedder, Embedding, embed_problem
from engines.runtime import Device, Precision
from pipeline.config import DEFAULT_NETWORK
from pipeline.errors import HandoffError

Problems = Mapping[str, Sequence[RetrievalProblem]]
"""Sets by the name of their column; one problem, or one per split."""

RANKS = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one network reaches.

    Attributes:
        network: its label.
        scores: by set, the mean over the splits.
        seconds: that embedding everything took.
    """

    network: str
    scores: dict[str, RetrievalScores]
    seconds: float


def measure(
    network: str,
    embedder: Embedder,
    sets: Problems,
    *,
    frames: int = 6,
    known: dict[LabelledTracklet, Embedding] | None = None,
) -> Measurement:
    """Searches every query of every set.

    Args:
        network: label of the row.
        embedder: the network.
        sets: what to measure on; tracklets that splits share are embedded once.
        frames: of each tracklet, evenly over its time.
        known: embeddings by the same network, added to.
    """
    began = time.perf_counter()
    known = {} if known is None else known
    scores = {
        name: mean_scores(
            [embed_problem(p, embedder, frames=frames, known=known).scores() for p in problems]
        )
        for name, problems in sets.items()
    }
    return Measurement(network, scores, time.perf_counter() - began)


def overview(measurements: Sequence[Measurement]) -> Table:
    """One row per network: rank-1 and mAP in percent on each set, and the time it took."""
    names = [*measurements[0].scores]
    table = Table(_labels(measurements), *(f"{n}\nrank-1 / mAP" for n in names), "seconds")
    for row in measurements:
        cells = [f"{percent(s.rank1)} / {_map(s)}" for s in row.scores.values()]
        table.add_row(row.network, *cells, f"{row.seconds:.0f}")
    return table


def details(measurements: Sequence[Measurement], name: str) -> Table:
    """One row per network: all scores on one set, in percent."""
    columns = [f"rank-{rank}" for rank in RANKS]
    table = Table(_labels(measurements), *columns, "mAP", "mINP", "queries", title=name)
    for row in measurements:
        scores = row.scores[name]
        ranks = [percent(scores.rank(rank)) for rank in RANKS]
        negative = percent(scores.mean_inverse_negative_penalty)
        table.add_row(row.network, *ranks, _map(scores), negative, str(scores.queries))
    return table


def percent(share: float) -> str:
    """A share in percent with one decimal."""
    return f"{100 * share:.1f}"


def read_sets(arguments: argparse.Namespace, folder: Path) -> dict[str, Sequence[RetrievalProblem]]:
    """The sets the command line names; pictures cut from videos go into `folder`."""
    sets: dict[str, Sequence[RetrievalProblem]] = {}
    if arguments.data:
        sets |= {name: [p] for name, p in held_out_problems(arguments.data).items()}
    if arguments.video:
        videos = [(Path(video), Path(truth)) for video, truth in arguments.video]
        sets |= {name: [p] for name, p in video_problems(videos, folder).items()}
    for kind, path in arguments.set:
        problems = choose_split(read_problems(kind, Path(path)), arguments.split)
        sets[set_name(problems)] = problems
    return sets


def choose_split(
    problems: Sequence[RetrievalProblem], split: int | None
) -> Sequence[RetrievalProblem]:
    """All problems of a set; or of a set that has splits only one.

    Raises:
        DatasetError: there is no such split.
    """
    if split is None or len(problems) == 1:
        return problems
    if not 0 <= split < len(problems):
        raise DatasetError(f"expected a split from 0 to {len(problems) - 1}, found {split}")
    return [problems[split]]


def set_name(problems: Sequence[RetrievalProblem]) -> str:
    """The name of a set, which says over how many splits its figures are the mean."""
    name = problems[0].name
    if len(problems) == 1:
        return name
    return f"{name.removesuffix(' split 0')}, mean of {len(problems)} splits"


def read_embedders(arguments: argparse.Namespace) -> dict[str, Embedder]:
    """The networks the command line names, ours last."""
    embedders: dict[str, Embedder] = {"colour histogram": ColourHistogram()}
    embedders |= {peer.stem: PeerEmbedder(peer) for peer in arguments.peer}
    if arguments.weights:
        embedders[arguments.name] = GraphEmbedder(
            arguments.weights,
            arguments.name,
            device=arguments.device,
            precision=arguments.precision,
        )
    for path in arguments.network:
        embedders[f"{path.parent.name}/{path.name}"] = NetworkEmbedder.load(path)
    return embedders


def main() -> None:
    """Prints the tables and draws the pictures; what is wrong is a sentence."""
    parser = _parser()
    arguments = parser.parse_args()
    if not (arguments.data or arguments.set or arguments.video):
        parser.error("expected something to measure on: --data, --set or --video")
    if arguments.pictures and not (arguments.weights or arguments.network):
        parser.error("expected a network to draw pictures of: --weights or --network")
    try:
        with tempfile.TemporaryDirectory() as folder:
            _run(arguments, Path(folder))
    except HandoffError as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace, folder: Path) -> None:
    console = Console(width=160)
    sets = read_sets(arguments, folder)
    rows: list[Measurement] = []
    for label, embedder in read_embedders(arguments).items():
        known: dict[LabelledTracklet, Embedding] = {}
        rows.append(measure(label, embedder, sets, frames=arguments.frames, known=known))
    if len(sets) > 1:
        console.print(overview(rows))
    for name in sets:
        console.print(details(rows, name))
    if arguments.pictures:
        for problems in sets.values():  # what is left of the loop is our last network
            draw_problem(
                problems[0], embedder, arguments.pictures, frames=arguments.frames, known=known
            )
        console.print(f"{label}: pictures in {arguments.pictures}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="train and mini_mars: the held-out people")
    parser.add_argument(
        "--set",
        nargs=2,
        action="append",
        default=[],
        metavar=("KIND", "FOLDER"),
        help=f"a set by its own protocol: {', '.join(KINDS)}; may be repeated",
    )
    parser.add_argument(
        "--split",
        type=int,
        help="of iLIDS-VID and PRID2011 only this one, 0 to 9: a network that was trained on a "
        "split must be measured on no other, which tests some of the people it knows",
    )
    parser.add_argument(
        "--video",
        nargs=2,
        action="append",
        default=[],
        metavar=("VIDEO", "TRUTH"),
        help="a video and its MOTChallenge ground truth; may be repeated",
    )
    parser.add_argument("--weights", type=Path, help="folder of exported graphs")
    parser.add_argument("--name", default=DEFAULT_NETWORK, help="name of the graphs")
    parser.add_argument("--device", choices=get_args(Device), default="cpu")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="f32", help="of graph A"
    )
    parser.add_argument(
        "--network", type=Path, action="append", default=[], help="a network.pt; may be repeated"
    )
    parser.add_argument(
        "--peer",
        type=Path,
        action="append",
        default=[],
        help="a re-ID network by others, .xml or .onnx; may be repeated",
    )
    parser.add_argument("--frames", type=int, default=6, help="of each tracklet (default 6)")
    parser.add_argument(
        "--pictures", type=Path, help="folder for drawings of what the last network finds"
    )
    return parser


def _labels(measurements: Sequence[Measurement]) -> Column:
    """The first column; rather break the others' headings than cut off a name."""
    return Column("network", min_width=max(len(row.network) for row in measurements))


def _map(scores: RetrievalScores) -> str:
    return percent(scores.mean_average_precision)


if __name__ == "__main__":
    main()
