"""What a training is watched by: people it does not learn from, and a teacher it must resemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engines.batches import TrainingData
from engines.datasets import LabelledTracklet, RetrievalProblem, restricted_random_sampling
from engines.metrics import Labels, RetrievalScores, retrieval_scores
from engines.network import AttentionNetwork, gather_frames, unit_length
from engines.pictures import PlainPictures
from engines.teacher import Teacher

BATCH = 256
CLIP_FRAMES = 6


class Validation:
    """Measures a network on what the training holds out.

    Args:
        data: `held_out` people are searched among each other, tracklet by tracklet, never in the
            camera they are asked from; `held_out_crops` are compared pair by pair.
        teacher: what the network should resemble, or None.
    """

    def __init__(self, data: TrainingData, *, teacher: Teacher | None) -> None:
        people = tuple(data.held_out)
        self._problem = RetrievalProblem("held-out people", people, people) if people else None
        self._others = data.held_out_crops
        self._teacher = teacher

    def __call__(self, network: AttentionNetwork, pictures: PlainPictures) -> dict[str, float]:
        """Shares between 0 and 1 by name: `rank1`, `mAP` and `likeness`, what there is of them."""
        network.eval()
        figures: dict[str, float] = {}
        if self._problem is not None:
            scores = search(network, self._problem, pictures)
            figures |= {"rank1": scores.rank1, "mAP": scores.mean_average_precision}
        if self._others and self._teacher is not None:
            figures["likeness"] = likeness(network, self._teacher, self._others, pictures)
        return figures


@torch.no_grad()
def search(
    network: AttentionNetwork,
    problem: RetrievalProblem,
    pictures: PlainPictures,
    *,
    frames: int = CLIP_FRAMES,
) -> RetrievalScores:
    """Solves a retrieval problem by the paper's test protocol; short tracklets repeat frames."""
    tracklets = list(dict.fromkeys((*problem.query, *problem.gallery)))
    embeddings = _embed(network, tracklets, pictures, frames)
    rows = {tracklet: row for row, tracklet in enumerate(tracklets)}
    query, gallery = ([rows[t] for t in part] for part in (problem.query, problem.gallery))
    labels = [
        Labels(
            people=np.array([tracklet.person for tracklet in part]),
            cameras=np.array([tracklet.camera for tracklet in part]),
        )
        for part in (problem.query, problem.gallery)
    ]
    return retrieval_scores(embeddings[query] @ embeddings[gallery].T, *labels)


def _embed(
    network: AttentionNetwork,
    tracklets: Sequence[LabelledTracklet],
    pictures: PlainPictures,
    frames: int,
) -> npt.NDArray[np.float32]:
    paths = paths_at_test(tracklets, frames=frames)
    outputs = [pictures(batch).through(network) for batch in _batches(paths)]
    row = {path: number for number, path in enumerate(paths)}
    rows = torch.tensor([[row[path] for path in clip(t, frames)] for t in tracklets])
    gathered = gather_frames(
        torch.cat([output.features for output in outputs])[rows],
        torch.cat([output.logits for output in outputs])[rows],
        torch.ones(rows.shape, device=outputs[0].logits.device),
    )
    return np.asarray(gathered.cpu().numpy(), dtype=np.float32)


@torch.no_grad()
def likeness(
    network: AttentionNetwork, teacher: Teacher, paths: Sequence[Path], pictures: PlainPictures
) -> float:
    """Correlation of the two networks' similarities over all pairs of crops."""
    ours, theirs = [], []
    for drawn in map(pictures, _batches(paths)):
        ours.append(unit_length(drawn.through(network).features.flatten(1)))
        theirs.append(teacher.on(drawn))
    pairs = [pair_similarities(torch.cat(vectors)) for vectors in (ours, theirs)]
    return float(np.corrcoef(pairs[0], pairs[1])[0, 1])


def clip(tracklet: LabelledTracklet, frames: int) -> list[Path]:
    """The pictures that the paper's test protocol takes; short tracklets repeat theirs."""
    return [tracklet.paths[i] for i in restricted_random_sampling(len(tracklet.paths), frames)]


def paths_at_test(
    tracklets: Sequence[LabelledTracklet], *, frames: int = CLIP_FRAMES
) -> list[Path]:
    """The pictures that the paper's test protocol takes, each once."""
    return list(dict.fromkeys(path for t in tracklets for path in clip(t, frames)))


def _batches(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[begin : begin + BATCH] for begin in range(0, len(paths), BATCH)]


def pair_similarities(vectors: Tensor) -> npt.NDArray[np.float64]:
    """Inner products of all pairs of float32[n, D], float64[n · (n - 1) / 2]."""
    products = (vectors.float() @ vectors.float().T).cpu().numpy()
    return np.asarray(products[np.triu_indices(len(products), k=1)], dtype=np.float64)
