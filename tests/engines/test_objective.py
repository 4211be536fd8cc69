"""The sum of losses: which terms a recipe switches on, and the figures that are watched."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engines.batches import Batch
from engines.network import AttentionNetwork, CropOutput, unit_length
from engines.objective import Objective, effective_number
from engines.pictures import Pictures
from engines.recipe import LossSettings


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two people, two clips of two frames each, and a loose crop."""
    crops = torch.randint(0, 256, (9, 64, 32, 3), dtype=torch.uint8)
    return Batch(Pictures(crops=crops), torch.tensor([0, 0, 1, 1]), frames=2)


@pytest.fixture(scope="module")
def output(batch: Batch) -> CropOutput:
    torch.manual_seed(0)
    network = AttentionNetwork(backbone="efficientnet_lite0", last_stride=1).eval()
    return batch.pictures.through(network)


@pytest.fixture(scope="module")
def teacher() -> Tensor:
    return unit_length(torch.randn(9, 16))


@pytest.mark.parametrize(
    ("settings", "terms"),
    [
        (LossSettings(), {"identity", "diversity"}),
        (LossSettings(diversity=0), {"identity"}),
        (LossSettings(triplet=1.0), {"identity", "diversity", "triplet"}),
        (LossSettings(identity=0, softmax=1.0), {"softmax", "diversity"}),
        (
            LossSettings(teacher_cosine=1.0, teacher_relation=1.0),
            {"identity", "diversity", "cosine", "relation"},
        ),
    ],
    ids=["the paper's", "without diversity", "with triplet", "BN neck", "with a teacher"],
)
def test_a_recipe_switches_terms_on(
    output: CropOutput, batch: Batch, teacher: Tensor, settings: LossSettings, terms: set[str]
) -> None:
    objective = Objective(settings, people=3, dimensions=768, teacher_dimensions=16)
    outcome = objective(output, batch, teacher if settings.distils else None)
    assert set(outcome.terms) == terms
    assert outcome.clips.shape == (4, 768)
    assert outcome.loss.item() == pytest.approx(sum(t.item() for t in outcome.terms.values()))


def test_a_fresh_network_gathers_from_all_frames(output: CropOutput, batch: Batch) -> None:
    objective = Objective(LossSettings(), people=3, dimensions=768, teacher_dimensions=16)
    watched = objective(output, batch).watched
    assert watched["frames"].item() == pytest.approx(2.0)
    assert 1.0 <= watched["positions"].item() <= 8.0
    assert watched["overlap"].item() > 0


@pytest.mark.parametrize("n", [1, 2, 32])
def test_the_effective_number_of_a_uniform_choice_is_its_size(n: int) -> None:
    uniform = torch.zeros(n).log_softmax(dim=0)
    assert effective_number(uniform, dim=0).item() == pytest.approx(n, rel=1e-5)
