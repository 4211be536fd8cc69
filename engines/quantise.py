"""Graph A in 8 bits, kept only if it finds people as well as before.

`python -m engines.quantise NAME --crops FOLDER --data ROOT` writes `NAME.crop.int8.onnx` beside
`NAME.crop.onnx`; precision `int8` takes it. NNCF observes the activations on some crops and chooses
the ranges (post-training quantisation); nothing is trained. Weights have a scale per channel,
activations one per layer. The first convolution and the head (attention, projection, norms) stay in
float.

`--data` and `--set` measure on people who were not trained on; `python -m benchmarks.embed` says
what it gains on a machine. Calibrate before: the meaning of similarity is taken over with the rest
of the network's card.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper
from rich.console import Console
from rich.table import Table

from engines.card import GraphPaths, NetworkCard, graph_paths, read_card
from engines.datasets import (
    KINDS,
    DatasetError,
    RetrievalProblem,
    read_crop,
    read_loose_crops,
    read_problems,
)
from engines.embed import find_graphs
from engines.embedders import GraphEmbedder
from engines.export import store_weights_in_half
from engines.held_out import held_out_problems
from engines.metrics import RetrievalScores
from engines.onnx_graph import widen_weights
from engines.preprocess import Image, stack_crops
from engines.protocols import Embedder, embed_problem
from pipeline.errors import HandoffError, ModelError

Preset = Literal["performance", "mixed"]
Problems = Mapping[str, RetrievalProblem]
Scores = Mapping[str, RetrievalScores]

HEAD = (r"/(spatial|project|temporal)/.*", r"/MatMul.*", r"/Exp.*")
"""Names of the head's operations, as regular expressions."""
CROPS = 600
LARGEST_LOSS = 1.0
"""Points of mAP over all queries of all held-out sets."""


def quantise(
    network: ModelProto,
    crops: Image,
    *,
    keep_float: Sequence[str] = HEAD,
    preset: Preset = "performance",
    exact_biases: bool = True,
    signed: bool = False,
) -> ModelProto:
    """Post-training quantisation of graph A.

    Args:
        network: graph A in float; its weights are widened on the way.
        crops: what the ranges are taken from, uint8[n, H, W, 3] BGR.
        keep_float: regular expressions; operations with such names stay in float, and so does the
            first convolution, which OpenVINO 2026.4 gets wrong in 8 bits behind uint8 pixels.
        preset: "performance" has symmetric activations; "mixed" asymmetric ones where both signs
            come up.
        exact_biases: correct each layer's bias with the layers before it quantised already;
            takes a minute where the quick estimate takes seconds.
        signed: see `make_signed`.

    Returns:
        The network with its operations in 8 bits marked, and its metadata.

    Raises:
        ModelError: NNCF is not installed, or the graph has no convolution.
    """
    nncf, advanced = _nncf()
    widen_weights(network)
    quantised: ModelProto = nncf.quantize(
        network,
        nncf.Dataset([{"crops": crops[i : i + 1]} for i in range(len(crops))]),
        preset=nncf.QuantizationPreset(preset),
        subset_size=len(crops),
        fast_bias_correction=not exact_biases,
        ignored_scope=nncf.IgnoredScope(
            names=[first_convolution(network)], patterns=list(keep_float), validate=False
        ),
        advanced_parameters=advanced.AdvancedQuantizationParameters(
            activations_quantization_params=advanced.QuantizationParameters(per_channel=False)
        ),
    )
    if signed:
        make_signed(quantised)
    store_weights_in_half(quantised)
    return quantised


def _nncf() -> tuple[Any, Any]:
    """The library, which is imported by nobody who only runs networks."""
    os.environ.setdefault("NNCF_CI", "1")  # NNCF's switch for not reporting its use to Google
    try:
        import nncf
        from nncf.quantization import advanced_parameters
    except ImportError as error:
        raise ModelError(
            f"quantising needs NNCF ({error}): pip install -r requirements.txt"
        ) from error
    logging.getLogger("nncf").setLevel(logging.WARNING)
    return nncf, advanced_parameters


def first_convolution(network: ModelProto) -> str:
    """Name of the convolution that looks at the pixels.

    Raises:
        ModelError: the graph has no convolution.
    """
    for node in network.graph.node:
        if node.op_type == "Conv":
            return str(node.name)
    raise ModelError("expected a graph with convolutions, found none")


def make_signed(network: ModelProto) -> None:
    """Turns activations from 0 to 255 into ones from 0 to 127, as TensorRT asks for.

    That costs a bit of precision behind every ReLU, and a fifth of the speed on a CPU.
    """
    weights = {weight.name: weight for weight in network.graph.initializer}
    pairs = {
        (node.input[1], node.input[2])
        for node in network.graph.node
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}
    }
    for scale, zero in sorted(pairs):
        if weights[zero].data_type == TensorProto.UINT8:
            wider = numpy_helper.to_array(weights[scale]) * np.float32(255 / 127)
            nothing = np.zeros_like(numpy_helper.to_array(weights[zero]), np.int8)
            weights[scale].CopyFrom(numpy_helper.from_array(wider, scale))
            weights[zero].CopyFrom(numpy_helper.from_array(nothing, zero))


def choose_crops(
    folder: Path, card: NetworkCard, *, count: int, leave_out: Sequence[Path] = ()
) -> Image:
    """Crops to observe the activations on, drawn at random but the same ones every time.

    Args:
        folder: holds JPEG files, at any depth.
        card: says the size.
        count: how many at most.
        leave_out: pictures that are measured on.

    Returns:
        uint8[n, H, W, 3] BGR.

    Raises:
        DatasetError: there is no JPEG file.
    """
    held_out = {path.resolve() for path in leave_out}
    paths = [path for path in read_loose_crops(folder) if path.resolve() not in held_out]
    if not paths:
        raise DatasetError(f"{folder}: expected JPEG crops to quantise by, found none")
    drawn = np.random.default_rng(0).permutation(len(paths))[:count]
    crops = [read_crop(paths[index]) for index in drawn]
    return stack_crops(crops, height=card.height, width=card.width)


def check(folder: Path, name: str, problems: Problems) -> str:
    """Measures the quantised graph A against the float one and prints a table.

    Args:
        folder: holds both and graph B.
        name: of the network.
        problems: held-out sets.

    Returns:
        By how much mAP falls, in words.

    Raises:
        ModelError: by `LARGEST_LOSS` or more.
    """
    before = evaluate(GraphEmbedder(folder, name, precision="f32"), problems)
    after = evaluate(GraphEmbedder(folder, name, precision="int8"), problems)
    Console(width=140).print(compare({"f32": before, "int8": after}))
    loss = loss_in_points(before, after)
    if not loss < LARGEST_LOSS:
        raise ModelError(
            f"{name}: expected mAP to fall by less than {LARGEST_LOSS} points in 8 bits, found "
            f"{loss:.2f}; try --preset mixed, or --keep-float for the first layers"
        )
    return f"mAP over all queries falls by {loss:.2f} points"


def evaluate(embedder: Embedder, problems: Problems) -> Scores:
    """Scores on every set."""
    return {name: embed_problem(problem, embedder).scores() for name, problem in problems.items()}


def loss_in_points(before: Scores, after: Scores) -> float:
    """How much mAP over all queries of all sets has fallen, in points; below 0 it has risen."""

    def average(scores: Scores) -> float:
        queries = [score.queries for score in scores.values()]
        precisions = [score.mean_average_precision for score in scores.values()]
        return float(np.average(precisions, weights=queries))

    return 100 * (average(before) - average(after))


def compare(scores: Mapping[str, Scores]) -> Table:
    """One row per precision: rank-1 and mAP in percent on each set."""
    sets = next(iter(scores.values()))
    table = Table("graph A", *(f"{name}\nrank-1 / mAP" for name in sets))
    for precision, found in scores.items():
        table.add_row(precision, *(_percent(score) for score in found.values()))
    return table


def _percent(score: RetrievalScores) -> str:
    return f"{100 * score.rank1:.1f} / {100 * score.mean_average_precision:.1f}"


def write(network: ModelProto, graphs: GraphPaths, target: Path, problems: Problems) -> str:
    """Writes the quantised graph, if it is good enough.

    Args:
        network: the quantised graph A.
        graphs: the float network.
        target: where to.
        problems: held-out sets; none: it is not measured.

    Returns:
        What was measured, in words.

    Raises:
        ModelError: it finds people less well; nothing is written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    name = graphs.crop.name.removesuffix(".crop.onnx")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".quantise") as folder:
        trial = graph_paths(Path(folder), name)
        shutil.copyfile(graphs.crop, trial.crop)
        shutil.copyfile(graphs.tracklet, trial.tracklet)
        unproved = quantised_path(trial.crop)
        onnx.save(network, str(unproved))
        verdict = check(Path(folder), name, problems) if problems else "not measured"
        unproved.replace(target)
    return verdict


def quantised_path(crop: Path) -> Path:
    """Where `engines.runtime` looks for a graph in 8 bits: `NAME.crop.int8.onnx`."""
    return crop.with_name(f"{crop.stem}.int8.onnx")


def run(options: argparse.Namespace) -> None:
    """Quantises, measures, and writes what is good enough."""
    graphs = find_graphs(options.weights)
    problems = read_sets(options)
    crops = choose_crops(
        options.crops,
        read_card(graphs.crop),
        count=options.count,
        leave_out=[path for problem in problems.values() for path in _pictures(problem)],
    )
    network = quantise(
        onnx.load(str(graphs.crop)),
        crops,
        keep_float=(*HEAD, *options.keep_float),
        preset=options.preset,
        exact_biases=not options.quick,
        signed=options.signed,
    )
    target = options.output or quantised_path(graphs.crop)
    verdict = write(network, graphs, target, problems)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB, {len(crops)} crops seen, {verdict}")


def read_sets(options: argparse.Namespace) -> dict[str, RetrievalProblem]:
    """The sets to measure on: those held out here, and those the command line names."""
    problems = held_out_problems(options.data) if options.data else {}
    for kind, folder in options.set:
        for number, problem in enumerate(read_problems(kind, Path(folder))):
            problems[f"{problem.name} {number}" if number else problem.name] = problem
    return problems


def _pictures(problem: RetrievalProblem) -> list[Path]:
    return [path for tracklet in (*problem.query, *problem.gallery) for path in tracklet.paths]


def main(arguments: Sequence[str] | None = None) -> None:
    """Quantises a network; a mistake is answered with one sentence and exit code 2."""
    try:
        run(_parser().parse_args(arguments))
    except HandoffError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", help="name, graph A's file or folder")
    parser.add_argument("--crops", type=Path, required=True, help="folder of JPEG crops")
    parser.add_argument("--data", type=Path, help="root of the held-out sets to measure on")
    parser.add_argument(
        "--set", nargs=2, action="append", default=[], metavar=("KIND", "FOLDER"),
        help=f"another set to measure on: {', '.join(KINDS)}; may be repeated",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, help="file to write; else beside graph A")
    parser.add_argument("--count", type=int, default=CROPS, help="crops to observe")
    parser.add_argument("--preset", choices=get_args(Preset), default="performance")
    parser.add_argument(
        "--keep-float", action="append", default=[], metavar="PATTERN", help="layers by name"
    )
    parser.add_argument("--quick", action="store_true", help="estimate the biases' correction")
    parser.add_argument(
        "--signed", action="store_true", help="the form TensorRT asks for; slower on a CPU"
    )
    return parser


if __name__ == "__main__":
    main()
