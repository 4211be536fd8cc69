"""The sum of losses a recipe asks for, with what they hold: table, classifier, linear view."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engines.batches import Batch
from engines.losses import (
    CosineDistillation,
    NeckClassifier,
    OnlineInstanceMatching,
    batch_hard_triplet,
    diversity_penalty,
    relation_distillation,
)
from engines.network import CropOutput, gather_frames, unit_length
from engines.recipe import LossSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch came to.

    Attributes:
        terms: the weighted losses by name, scalars; their sum is minimised.
        watched: figures that are only reported. `positions` and `frames` are how many positions a
            part attends to and how many frames it is gathered from, as the exponential of the
            entropy: 1 is a single one; all L or all N means that nothing has been learned.
            `overlap` is the diversity penalty without its weight.
        clips: the clips' embedding, float32[t, D].
    """

    terms: dict[str, Tensor]
    watched: dict[str, Tensor]
    clips: Tensor

    @property
    def loss(self) -> Tensor:
        return torch.stack(list(self.terms.values())).sum()


class Objective(nn.Module):
    """The weighted sum of the losses.

    Args:
        settings: weights of the terms.
        people: number of people in the labelled sets.
        dimensions: length of the embedding.
        teacher_dimensions: length of the teacher's feature; 0 without a teacher.
    """

    def __init__(
        self, settings: LossSettings, *, people: int, dimensions: int, teacher_dimensions: int
    ) -> None:
        super().__init__()
        self._settings = settings
        self.matching = OnlineInstanceMatching(
            people, dimensions, label_smoothing=settings.label_smoothing
        )
        self.classifier = NeckClassifier(
            people, dimensions, label_smoothing=settings.label_smoothing
        )
        self.distillation = CosineDistillation(dimensions, max(1, teacher_dimensions))

    def forward(self, output: CropOutput, batch: Batch, teacher: Tensor | None = None) -> Outcome:
        """Weighs what the network said.

        Args:
            output: of all crops of the batch.
            batch: what it was said about.
            teacher: the teacher's features of the same crops, float32[n, E], unit length.
        """
        clips = _gather_clips(output, batch)
        overlap = diversity_penalty(output.log_maps)
        terms = self._identify(clips, batch.labels)
        if self._settings.diversity > 0:
            terms["diversity"] = self._settings.diversity * overlap
        if teacher is not None:
            terms |= self._distil(unit_length(output.features.flatten(1)), teacher)
        watched = _watch(output, batch) | {"overlap": overlap.detach()}
        return Outcome(terms, watched, clips)

    def _identify(self, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
        terms = {}
        if self._settings.identity > 0:
            terms["identity"] = self._settings.identity * self.matching(clips, labels)
        if self._settings.softmax > 0:
            terms["softmax"] = self._settings.softmax * self.classifier(clips, labels)
        if self._settings.triplet > 0:
            terms["triplet"] = self._settings.triplet * batch_hard_triplet(clips, labels)
        return terms

    def _distil(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """The teacher knows crops, so each crop's own embedding is compared, not the clip's."""
        return {
            "cosine": self._settings.teacher_cosine * self.distillation(student, teacher),
            "relation": self._settings.teacher_relation * relation_distillation(student, teacher),
        }


def _gather_clips(output: CropOutput, batch: Batch) -> Tensor:
    """Embeds the batch's clips and leaves the loose crops out."""
    features, logits = (_by_clip(values, batch) for values in (output.features, output.logits))
    return gather_frames(features, logits, features.new_ones(features.shape[:2]))


def _by_clip(values: Tensor, batch: Batch) -> Tensor:
    """float32[t · N + u, …] → float32[t, N, …]."""
    shape = (len(batch.labels), batch.frames)
    return values[: len(batch.labels) * batch.frames].unflatten(0, shape)


@torch.no_grad()
def _watch(output: CropOutput, batch: Batch) -> dict[str, Tensor]:
    log_frames = _by_clip(output.logits, batch).float().log_softmax(dim=1)
    return {
        "positions": effective_number(output.log_maps, dim=2).mean(),
        "frames": effective_number(log_frames, dim=1).mean(),
    }


def effective_number(log_probabilities: Tensor, *, dim: int) -> Tensor:
    """Exponential of the entropy along `dim`: n for a uniform choice among n."""
    return (-(log_probabilities.exp() * log_probabilities).sum(dim=dim)).exp()
