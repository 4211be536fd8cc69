"""The losses: their formulas, and that nothing makes a gradient infinite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engines.losses import (
    CosineDistillation,
    NeckClassifier,
    OnlineInstanceMatching,
    batch_hard_triplet,
    diversity_penalty,
    relation_distillation,
)
from engines.network import unit_length


def log_maps(*rows: list[float]) -> Tensor:
    """One frame's maps from their probabilities."""
    return torch.tensor([rows]).clamp(min=1e-30).log()


@pytest.mark.parametrize(
    ("maps", "penalty"),
    [
        pytest.param(log_maps([1.0, 0.0], [0.0, 1.0]), 0.0, id="two separate maps"),
        pytest.param(log_maps([0.5, 0.5], [0.5, 0.5]), math.sqrt(2), id="twice the same map"),
        pytest.param(log_maps([1.0, 0.0], [0.5, 0.5]), 1.0, id="half of it shared"),
        pytest.param(log_maps(*[[0.25] * 4] * 6), math.sqrt(30), id="six equal maps"),
    ],
)
def test_diversity_is_the_frobenius_norm_of_the_overlap(maps: Tensor, penalty: float) -> None:
    assert diversity_penalty(maps).item() == pytest.approx(penalty, abs=4e-3)


def test_diversity_is_built_from_squared_hellinger_distances() -> None:
    maps = torch.rand(3, 4, 32, generator=torch.Generator().manual_seed(0)).log_softmax(dim=2)
    root = maps.exp().sqrt()
    hellinger = 0.5 * (root.unsqueeze(2) - root.unsqueeze(1)).square().sum(dim=3)
    overlap = 1.0 - hellinger
    off_diagonal = overlap * (1.0 - torch.eye(4))
    expected = off_diagonal.square().sum(dim=(1, 2)).sqrt().mean()
    torch.testing.assert_close(diversity_penalty(maps), expected, rtol=1e-4, atol=1e-4)


def test_diversity_is_a_mean_over_frames_whatever_the_batch() -> None:
    frame = torch.randn(1, 6, 32).log_softmax(dim=2)
    torch.testing.assert_close(diversity_penalty(frame), diversity_penalty(frame.repeat(9, 1, 1)))


@pytest.mark.parametrize("scale", [1.0, 1e2, 1e4], ids=["flat", "sharp", "saturated"])
def test_diversity_has_finite_gradients(scale: float) -> None:
    scores = (scale * torch.randn(2, 6, 32)).requires_grad_()
    diversity_penalty(scores.log_softmax(dim=2)).backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_matching_moves_the_table_half_way_and_keeps_it_unit_length() -> None:
    matching = OnlineInstanceMatching(2, 2)
    matching.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    matching.update(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    torch.testing.assert_close(matching.table[1], torch.full((2,), math.sqrt(0.5)))
    torch.testing.assert_close(matching.table[0], torch.zeros(2))


def test_matching_is_a_softmax_over_thirty_times_the_cosine() -> None:
    matching = OnlineInstanceMatching(2, 2)
    matching.table.copy_(torch.eye(2))
    loss = matching(torch.tensor([[0.6, 0.8]]), torch.tensor([0]))
    assert loss.item() == pytest.approx(math.log1p(math.exp(30 * 0.2)), rel=1e-5)


def test_triplet_takes_the_hardest_of_both_kinds() -> None:
    angles = torch.tensor([0.0, 0.2, 0.5, 3.0])
    embedding = torch.stack([angles.cos(), angles.sin()], dim=1).requires_grad_()
    labels = torch.tensor([0, 0, 1, 1])
    loss = batch_hard_triplet(embedding, labels, margin=0.3)

    def chord(angle: float) -> float:
        return 2 * math.sin(angle / 2)

    gaps = [(0.2, 0.5), (0.2, 0.3), (2.5, 0.3), (2.5, 2.8)]
    expected = sum(max(0.0, chord(same) - chord(other) + 0.3) for same, other in gaps) / 4
    assert loss.item() == pytest.approx(expected, abs=1e-3)


def test_triplet_has_finite_gradients_when_two_clips_are_equal() -> None:
    embedding = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], requires_grad=True)
    batch_hard_triplet(embedding, torch.tensor([0, 0, 1, 1]), margin=3.0).backward()
    assert embedding.grad is not None
    assert torch.isfinite(embedding.grad).all()


def test_relation_distillation_needs_only_the_angles_to_agree() -> None:
    teacher = unit_length(torch.randn(8, 16))
    rotation, _ = torch.linalg.qr(torch.randn(16, 16))
    assert relation_distillation(teacher @ rotation, teacher).item() == pytest.approx(0, abs=1e-6)


def test_cosine_distillation_is_zero_for_a_perfect_head() -> None:
    distillation = CosineDistillation(4, 4)
    torch.nn.init.eye_(distillation.head.weight)
    torch.nn.init.zeros_(distillation.head.bias)
    features = unit_length(torch.randn(5, 4))
    assert distillation(features, features).item() == pytest.approx(0, abs=1e-6)


def test_oim_moves_somebody_seen_twice_twice() -> None:
    twice, once = (OnlineInstanceMatching(2, 4) for _ in range(2))
    vectors = unit_length(torch.randn(3, 4))
    twice.update(vectors, torch.tensor([0, 1, 0]))
    for vector, label in zip(vectors, (0, 1, 0), strict=True):
        once.update(vector[None], torch.tensor([label]))
    torch.testing.assert_close(twice.table, once.table)


def test_the_necks_classifier_learns_to_tell_people_apart() -> None:
    torch.manual_seed(0)
    classifier = NeckClassifier(3, 8)
    embedding, labels = unit_length(torch.randn(12, 8)), torch.arange(12) % 3
    optimiser = torch.optim.SGD(classifier.parameters(), lr=1.0)
    before = classifier(embedding, labels)
    for _ in range(30):
        optimiser.zero_grad()
        classifier(embedding, labels).backward()
        optimiser.step()
    assert before.item() == pytest.approx(math.log(3), abs=0.01)
    assert classifier(embedding, labels) < 0.5 * before
    assert classifier.neck.bias.abs().max() == 0
