"""How long an embedding must be: what shorter ones find, and what they spare Redis.

    python -m benchmarks.dimensions quality --data ROOT --recipe engines/recipes/osnet_x1_0.yaml
    python -m benchmarks.dimensions gallery --tracklets 20000

*quality*: principal components of what the recipe trained on (`engines.shorten`); rank-1 and mAP of
people it has not learned from; and by how much the similarities of the held-out people change, on
average, and their correlation with those of before. *gallery*: processor time of Redis for an
insertion, and for a query of 128 with effort 200, in a vector set of tracklets of a synthetic site
(`benchmarks.gallery_people`; as alike at every length, but for those under 128 numbers); share of
the ten most similar that are among the 128; memory for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import redis
import typer

from benchmarks.gallery_people import LATENT, People
from benchmarks.machine import describe_machine, markdown
from engines.card import graph_paths, read_card
from engines.datasets import LabelledTracklet
from engines.embed import Embeddings
from engines.held_out import held_out_problems
from engines.metrics import RetrievalScores, retrieval_scores
from engines.protocols import labels_of
from engines.shorten import embed_parts, learn_projection, project, read_people, tracklet_clips
from pipeline.config import DEFAULT_NETWORK
from pipeline.embed import WEIGHTS
from pipeline.embedded import EmbeddedRedis

_QUERIES = 200
_COUNT = 128
_EFFORT = 200

app = typer.Typer(help=__doc__)


@app.command()
def quality(
    data: Annotated[Path, typer.Option(help="Training data, with the people held out.")],
    recipe: Annotated[Path, typer.Option(help="What the network was trained by.")],
    name: Annotated[str, typer.Option(help="The network.")] = DEFAULT_NETWORK,
    dimensions: Annotated[str, typer.Option(help="With commas.")] = "768,512,384,256,192,128,64",
) -> None:
    """Measures what embeddings of several lengths find, and prints a table."""
    graphs = graph_paths(WEIGHTS, name)
    frames = read_card(graphs.crop).frames
    groups, held_out = read_people(recipe, data, frames=frames)
    learned = [embed_parts(graphs, group) for group in groups]
    strangers = embed_parts(graphs, held_out)
    problems = held_out_problems(data)
    del problems["held-out images"]  # single pictures; all the others are tracklets
    tracklets = [*dict.fromkeys(t for p in problems.values() for t in (*p.query, *p.gallery))]
    known = embed_parts(graphs, tracklet_clips(tracklets, frames=frames))
    places = {tracklet: place for place, tracklet in enumerate(tracklets)}

    rows = []
    for length in map(int, dimensions.split(",")):
        shorter, others = known, strangers
        if length < known.shape[1]:
            projection, _ = learn_projection(learned, length)
            shorter, others = project(known, projection), project(strangers, projection)
        found = [
            _search(shorter, places, problem.query, problem.gallery)
            for problem in problems.values()
        ]
        cells = [f"{100 * s.rank1:.1f} / {100 * s.mean_average_precision:.1f}" for s in found]
        rows.append([str(length), *cells, _change(strangers, others)])
    typer.echo(markdown(["numbers", *problems, "similarities"], rows))


@app.command()
def gallery(
    tracklets: Annotated[int, typer.Option(help="In the vector set.")] = 20_000,
    dimensions: Annotated[str, typer.Option(help="With commas.")] = "768,512,384,256,192,128",
) -> None:
    """Measures Redis's work for looks of several lengths, and prints a table."""
    people = People(tracklets)
    looks = _in_batches(people)
    asked = np.stack([people.reports(tracklets + i)[0] for i in range(_QUERIES)])
    nearest = np.argsort(-(asked @ looks.T), axis=1)[:, :10]
    rows = []
    for length in map(int, dimensions.split(",")):
        turn = _turn(looks, length)
        rows.append([str(length), *_redis(project(looks, turn), project(asked, turn), nearest)])
    typer.echo(f"{describe_machine()}; {tracklets:,} tracklets\n")
    typer.echo(markdown(["numbers", "insertion ms", "query ms", "found", "bytes"], rows))


def _search(
    embeddings: Embeddings,
    places: dict[LabelledTracklet, int],
    query: Sequence[LabelledTracklet],
    gallery: Sequence[LabelledTracklet],
) -> RetrievalScores:
    asked, searched = (embeddings[[places[t] for t in some]] for some in (query, gallery))
    return retrieval_scores(asked @ searched.T, labels_of(query), labels_of(gallery))


def _change(before: Embeddings, after: Embeddings) -> str:
    """Of the similarities of all pairs: how they change on average, and their correlation."""
    pairs = np.triu_indices(len(before), 1)
    old, new = ((e @ e.T)[pairs] for e in (before, after))
    return f"{(new - old).mean():+.3f}, {np.corrcoef(old, new)[0, 1]:.4f}"


def _in_batches(people: People) -> Embeddings:
    batches = (
        people.embeddings(first, min(512, people.tracklets - first))
        for first in range(0, people.tracklets, 512)
    )
    return np.concatenate([*batches])


def _turn(looks: Embeddings, length: int) -> Embeddings:
    """To so many numbers, in which inner products are the same: float32[D, length]."""
    if length < looks.shape[1]:
        return learn_projection([looks[: 40 * LATENT]], length)[0]
    wide = np.random.default_rng(0).normal(size=(length, looks.shape[1]))
    return np.asarray(np.linalg.qr(wide)[0].T, np.float32)


def _redis(looks: Embeddings, asked: Embeddings, nearest: np.ndarray) -> Iterator[str]:
    """A row of the table."""
    with EmbeddedRedis() as server:
        client = redis.Redis.from_url(server.url)
        empty, began = client.info("memory")["used_memory"], _work(server)
        for number, look in enumerate(looks):
            client.execute_command("VADD", "looks", "FP32", look.tobytes(), number)
        filled, full = _work(server), client.info("memory")["used_memory"]
        hits = 0
        for look, right in zip(asked, nearest, strict=True):
            question = ["FP32", look.tobytes(), "COUNT", _COUNT, "EF", _EFFORT]
            found = client.execute_command("VSIM", "looks", *question)
            hits += len({int(name) for name in found} & set(right.tolist()))
        answered = _work(server)
    yield f"{(filled - began) / len(looks) * 1e3:.2f}"
    yield f"{(answered - filled) / len(asked) * 1e3:.2f}"
    yield f"{hits / nearest.size:.3f}"
    yield f"{(full - empty) / len(looks):,.0f}"


def _work(server: EmbeddedRedis) -> float:
    """Seconds of processor time of Redis until now."""
    times = psutil.Process(server.pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    app()
