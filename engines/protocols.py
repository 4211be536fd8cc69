"""Retrieval problems made from data sets: which tracklets ask, which are searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engines.datasets import (
    LabelledTracklet,
    RetrievalProblem,
    read_crop,
    read_problems,
    restricted_random_sampling,
)
from engines.metrics import Labels, RetrievalScores, retrieval_scores
from engines.preprocess import Image

Embedding = npt.NDArray[np.float32]
Embedder = Callable[[Sequence[Image]], Embedding]
"""The crops of one tracklet (uint8[h, w, 3] BGR of any size) → float32[D], unit length."""


@dataclass(frozen=True, slots=True)
class EmbeddedProblem:
    """A problem after embedding.

    Attributes:
        similarity: float32[q, g], cosine of query and gallery.
        query, gallery: labels of rows and columns.
    """

    similarity: npt.NDArray[np.float32]
    query: Labels
    gallery: Labels

    def scores(self) -> RetrievalScores:
        return retrieval_scores(self.similarity, self.query, self.gallery)


def all_against_all(name: str, tracklets: Sequence[LabelledTracklet]) -> RetrievalProblem:
    """Every tracklet is searched among all the others."""
    return RetrievalProblem(name, tuple(tracklets), tuple(tracklets))


def single_images(name: str, tracklets: Sequence[LabelledTracklet]) -> RetrievalProblem:
    """Market-1501's protocol: one image of each person and camera is searched among all images."""
    images = [replace(t, paths=(path,)) for t in tracklets for path in t.paths]
    first = {(image.person, image.camera): image for image in reversed(images)}
    return RetrievalProblem(name, tuple(first.values()), tuple(images))


def every_image(name: str, tracklets: Sequence[LabelledTracklet]) -> RetrievalProblem:
    """Every picture by itself is searched among all the others."""
    return all_against_all(name, [replace(t, paths=(path,)) for t in tracklets for path in t.paths])


def query_and_gallery(name: str, folder: Path) -> RetrievalProblem:
    """A set that comes with its lists: `gtPepper/query.json` and `gtPepper/gallery.json`."""
    (problem,) = read_problems("list", folder)
    return replace(problem, name=name)


def with_distractors(
    name: str, problem: RetrievalProblem, others: Sequence[LabelledTracklet]
) -> RetrievalProblem:
    """Adds people of another set to the gallery, where they are never right."""
    offset = 1 + max(tracklet.person for tracklet in problem.gallery)
    strangers = [replace(other, person=other.person + offset) for other in others]
    return RetrievalProblem(name, problem.query, (*problem.gallery, *strangers))


def embed_problem(
    problem: RetrievalProblem,
    embedder: Embedder,
    *,
    frames: int = 6,
    known: dict[LabelledTracklet, Embedding] | None = None,
) -> EmbeddedProblem:
    """Embeds every tracklet once, from the first frame of each of its chunks.

    Args:
        problem: whose tracklets.
        embedder: the network.
        frames: number N of chunks.
        known: embeddings by the same network, added to; the splits of a set share tracklets.
    """
    known = {} if known is None else known
    for tracklet in dict.fromkeys((*problem.query, *problem.gallery)):
        if tracklet not in known:
            known[tracklet] = embed_tracklet(tracklet, embedder, frames=frames)
    query = np.stack([known[tracklet] for tracklet in problem.query])
    gallery = np.stack([known[tracklet] for tracklet in problem.gallery])
    return EmbeddedProblem(query @ gallery.T, labels_of(problem.query), labels_of(problem.gallery))


def embed_tracklet(tracklet: LabelledTracklet, embedder: Embedder, *, frames: int) -> Embedding:
    """Embeds one tracklet by the paper's test protocol; short ones use each frame once."""
    indices = restricted_random_sampling(len(tracklet.paths), frames)
    return embedder([read_crop(tracklet.paths[i]) for i in dict.fromkeys(indices.tolist())])


def labels_of(tracklets: Sequence[LabelledTracklet]) -> Labels:
    """Who they are, and which cameras saw them."""
    return Labels(
        people=np.array([tracklet.person for tracklet in tracklets]),
        cameras=np.array([tracklet.camera for tracklet in tracklets]),
    )
