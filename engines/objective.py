"""The sum of losses a recipe asks for, with what they hold: OIM table and distillation head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engines.batches import Batch
from engines.losses import (
    CosineDistillation,
    OnlineInstanceMatching,
    batch_hard_triplet,
    diversity_penalty,
    relation_distillation,
)
from engines.network import AttentionNetwork, gather_frames, unit_length
from engines.recipe import LossSettings


class Objective(nn.Module):
    """The weighted sum of the losses.

    Args:
        settings: weights of the terms.
        people: number of people in the labelled set.
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
        self.distillation = CosineDistillation(dimensions, max(1, teacher_dimensions))

    def forward(self, network: AttentionNetwork, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Runs the network on a batch.

        Returns:
            The weighted terms by name, and the clips' embedding float32[t, D].
        """
        output = network.describe(batch.crops)
        clips = _gather_clips(output.features, output.logits, batch)
        terms = self._identify(clips, batch.labels)
        terms["diversity"] = self._settings.diversity * diversity_penalty(output.log_maps)
        if batch.teacher is not None:
            terms |= self._distil(unit_length(output.features.flatten(1)), batch.teacher)
        return terms, clips

    def _identify(self, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
        terms = {"identity": self._settings.identity * self.matching(clips, labels)}
        if self._settings.triplet > 0:
            terms["triplet"] = self._settings.triplet * batch_hard_triplet(clips, labels)
        return terms

    def _distil(self, student: Tensor, teacher: Tensor) -> dict[str, Tensor]:
        """The teacher knows crops, so each crop's own embedding is compared, not the clip's."""
        return {
            "cosine": self._settings.teacher_cosine * self.distillation(student, teacher),
            "relation": self._settings.teacher_relation * relation_distillation(student, teacher),
        }


def _gather_clips(features: Tensor, logits: Tensor, batch: Batch) -> Tensor:
    """Embeds the batch's clips and leaves the loose crops out."""
    shape = (len(batch.labels), batch.frames)
    labelled = len(batch.labels) * batch.frames
    return gather_frames(
        features[:labelled].unflatten(0, shape),
        logits[:labelled].unflatten(0, shape),
        torch.ones(shape),
    )
