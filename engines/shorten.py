"""Shorter embeddings: a last projection, from the concatenation of the parts to fewer numbers.

`python -m engines.shorten --weights engines/weights --recipe engines/recipes/osnet_x1_0.yaml
--data ROOT` learns it from what the recipe trained on, or `--set folder FOLDER` from people of
one's own, writes it into graph B, and prints what it does to similarities: of the people the recipe
holds out, or of a tenth of those of the set.

The parts overlap: they are projections of one map. A third of the numbers says the same, and Redis
takes half of the time and two thirds of the memory for it (docs/decisions.md). The projection is
onto the directions that hold most of the squared length of the embeddings learned from, which are
those that keep most of their inner products (Eckart and Young 1936: principal components, about
the origin, because similarity is an inner product and not a distance from the mean).

Calibrate and quantise afterwards: similarities change a little, and the card is copied.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from engines.batches import read_data
from engines.card import GraphPaths, graph_paths, read_card
from engines.datasets import (
    KINDS,
    LabelledTracklet,
    hold_out_people,
    read_training_set,
    restricted_random_sampling,
)
from engines.embed import Clip, Embeddings, ListEmbedder
from engines.export import export_tracklet_graph, read_metadata, store_halved, write_metadata
from engines.recipe import read_recipe
from pipeline.config import DEFAULT_NETWORK
from pipeline.errors import HandoffError, ModelError

DIMENSIONS = 256

Projection = npt.NDArray[np.float32]
"""From the concatenation of the parts to the embedding: float32[K · D, E]."""


def learn_projection(groups: Sequence[Embeddings], dimensions: int) -> tuple[Projection, float]:
    """The projection that keeps inner products best.

    Args:
        groups: embeddings float32[n, K · D], unit length; all groups weigh the same.
        dimensions: E, the numbers that are to remain.

    Returns:
        The projection float32[K · D, E], and the share of the squared length that it keeps.

    Raises:
        ModelError: there are not so many numbers, or fewer embeddings to learn from.
    """
    length, count = groups[0].shape[1], sum(len(group) for group in groups)
    if not 1 <= dimensions < length:
        raise ModelError(f"expected 1 to {length - 1} dimensions, found {dimensions}")
    if count < dimensions:
        raise ModelError(f"expected at least {dimensions} tracklets to learn from, found {count}")
    wide = [group.astype(np.float64) for group in groups]
    moments = np.mean([group.T @ group / len(group) for group in wide], axis=0)
    shares, directions = np.linalg.eigh(moments)  # the largest comes last
    kept = directions[:, : -dimensions - 1 : -1]
    largest = kept[np.abs(kept).argmax(axis=0), np.arange(dimensions)]
    projection = np.asarray(kept * np.sign(largest), np.float32)  # the same on every machine
    return projection, float(shares[-dimensions:].sum() / shares.sum())


def shorten(graphs: GraphPaths, projection: Projection) -> None:
    """Writes the projection into graph B, in place of one that may be there, and into the cards."""
    card, entries = read_card(graphs.crop), read_metadata(graphs.tracklet)
    with tempfile.TemporaryDirectory(dir=graphs.tracklet.parent) as folder:
        unproved = Path(folder) / graphs.tracklet.name
        export_tracklet_graph(
            unproved,
            parts=card.parts,
            dimensions=card.dimensions,
            projection=torch.from_numpy(projection),
        )
        store_halved(unproved)
        write_metadata(unproved, entries)
        unproved.replace(graphs.tracklet)
    for path in (graphs.crop, graphs.tracklet):
        write_metadata(path, {"embedding": json.dumps(projection.shape[1])})


def embed_parts(graphs: GraphPaths, clips: Sequence[Clip]) -> Embeddings:
    """What graph B gives without a last projection: float32[n, K · D], unit length."""
    card, entries = read_card(graphs.crop), read_metadata(graphs.crop)
    with tempfile.TemporaryDirectory() as folder:
        whole = graph_paths(Path(folder), "whole")
        whole.crop.write_bytes(graphs.crop.read_bytes())
        export_tracklet_graph(whole.tracklet, parts=card.parts, dimensions=card.dimensions)
        entries["embedding"] = json.dumps(card.parts * card.dimensions)
        for path in (whole.crop, whole.tracklet):
            write_metadata(path, entries)
        embed = ListEmbedder(whole, device="cpu", precision="f32")
        return embed(clips, origin=graphs.crop)


def project(embeddings: Embeddings, projection: Projection) -> Embeddings:
    """As graph B does it: float32[n, E], unit length."""
    shorter = embeddings @ projection
    return np.asarray(shorter / np.linalg.norm(shorter, axis=1, keepdims=True), np.float32)


def describe_change(embeddings: Embeddings, projection: Projection) -> str:
    """What shortening does to the similarities of all pairs, in words."""
    pairs = np.triu_indices(len(embeddings), 1)
    before = (embeddings @ embeddings.T)[pairs]
    shorter = project(embeddings, projection)
    after = (shorter @ shorter.T)[pairs]
    changes, correlation = after - before, np.corrcoef(before, after)[0, 1]
    return (
        f"similarities of {len(changes)} pairs: {changes.mean():+.3f} on average, "
        f"{np.abs(changes).max():.3f} at most, correlation {correlation:.4f}"
    )


def tracklet_clips(tracklets: Sequence[LabelledTracklet], *, frames: int) -> list[Clip]:
    """The first picture of each of the tracklets' chunks, as at test."""
    clips = []
    for number, tracklet in enumerate(tracklets, 1):
        chosen = dict.fromkeys(restricted_random_sampling(len(tracklet.paths), frames).tolist())
        clips.append(Clip(number, tuple(str(tracklet.paths[i]) for i in chosen)))
    return clips


def main() -> None:
    """Learns the projection, prints what it does, and writes it into graph B."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder of the graphs")
    parser.add_argument("--name", default=DEFAULT_NETWORK)
    parser.add_argument("--dimensions", type=int, default=DIMENSIONS, help="that remain")
    parser.add_argument("--recipe", type=Path, help="what the network was trained by")
    parser.add_argument("--data", type=Path, help="what the recipe's paths are relative to")
    parser.add_argument(
        "--set", nargs=2, metavar=("KIND", "FOLDER"), help=f"instead: {', '.join(KINDS)}"
    )
    parser.add_argument("--dry-run", action="store_true", help="leave the graphs as they are")
    arguments = parser.parse_args()
    if bool(arguments.set) == bool(arguments.recipe and arguments.data):
        parser.error("expected people to learn from: --recipe and --data, or --set")
    try:
        _run(arguments)
    except HandoffError as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace) -> None:
    graphs = graph_paths(arguments.weights, arguments.name)
    frames = read_card(graphs.crop).frames
    if arguments.set:
        kind, folder = arguments.set
        groups, others = _read_set(kind, Path(folder), frames=frames)
    else:
        groups, others = read_people(arguments.recipe, arguments.data, frames=frames)
    learned = [embed_parts(graphs, group) for group in groups]
    projection, share = learn_projection(learned, arguments.dimensions)
    change = describe_change(embed_parts(graphs, others), projection)
    print(f"{arguments.dimensions} of {len(projection)} numbers hold {share:.3f} of the whole")
    print(f"people it was not learned from: {change}")
    if not arguments.dry_run:
        shorten(graphs, projection)


def read_people(recipe: Path, root: Path, *, frames: int) -> tuple[list[list[Clip]], list[Clip]]:
    """What a recipe trains on, labelled and loose, and the people it holds out."""
    data = read_data(read_recipe(recipe).data, root)
    loose = [Clip(number, (str(path),)) for number, path in enumerate(chain(*data.loose), 1)]
    groups = [tracklet_clips(data.labelled, frames=frames), loose]
    return [group for group in groups if group], tracklet_clips(data.held_out, frames=frames)


def _read_set(kind: str, folder: Path, *, frames: int) -> tuple[list[list[Clip]], list[Clip]]:
    """Nine tenths of a set's people, and the others."""
    everybody = read_training_set(kind, folder)
    people = len({tracklet.person for tracklet in everybody})
    most, others = hold_out_people(everybody, max(3, people // 10))
    return [tracklet_clips(most, frames=frames)], tracklet_clips(others, frames=frames)


if __name__ == "__main__":
    main()
