"""The exported graphs: as exact as PyTorch, free in their batch, honest in their card."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch

from engines.card import GraphPaths, LikelihoodRatio, graph_paths, read_card
from engines.checkpoint import create_network
from engines.export import (
    check_parity,
    export,
    fold_normalisation,
    for_inference,
    random_crops,
    weights_hash,
    write_metadata,
)
from engines.network import AttentionNetwork
from engines.recipe import Recipe
from pipeline.errors import ModelError

RECIPE = Recipe.model_validate(
    {
        "network": {
            "backbone": "efficientnet_lite0",
            "last_stride": 1,
            "height": 128,
            "width": 64,
        },
        "data": {},
        "schedule": {"stages": [{"steps": 1}]},
    }
)


@pytest.fixture(scope="module")
def network() -> AttentionNetwork:
    """Random weights, but statistics and temporal weights as a trained network has them."""
    torch.manual_seed(0)
    network = create_network(RECIPE.network)
    torch.nn.init.normal_(network.temporal.weight)
    torch.nn.init.normal_(network.temporal.bias)
    with torch.no_grad():
        network.train().describe(torch.from_numpy(random_crops(RECIPE.network, count=8)))
    return network.eval()


@pytest.fixture(scope="module")
def graphs(network: AttentionNetwork, tmp_path_factory: pytest.TempPathFactory) -> GraphPaths:
    folder = tmp_path_factory.mktemp("graphs")
    export(network, RECIPE, folder, "lite0")
    return graph_paths(folder, "lite0")


@torch.no_grad()
def test_folding_the_normalisation_changes_nothing(network: AttentionNetwork) -> None:
    crops = torch.from_numpy(random_crops(RECIPE.network))
    folded_network = copy.deepcopy(network)
    fold_normalisation(folded_network)
    features, folded = (n.describe(crops).features for n in (network, folded_network))
    torch.testing.assert_close(folded, features, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_half_precision_weights_turn_no_feature_by_more_than_two_degrees(
    network: AttentionNetwork,
) -> None:
    rounded = for_inference(network)
    crops = torch.from_numpy(random_crops(RECIPE.network))
    cosine = (network.describe(crops).features * rounded.describe(crops).features).sum(dim=2)
    assert cosine.min() > np.cos(np.radians(2))


def test_the_graphs_agree_with_pytorch(network: AttentionNetwork, graphs: GraphPaths) -> None:
    rounded = for_inference(network)
    assert check_parity(rounded, graphs, random_crops(RECIPE.network, count=7)) <= 1e-4


def test_a_graph_that_differs_is_refused(network: AttentionNetwork, graphs: GraphPaths) -> None:
    other = for_inference(network)
    torch.nn.init.normal_(other.project.weight)
    with pytest.raises(ValueError, match="expected parity with PyTorch"):
        check_parity(other, graphs, random_crops(RECIPE.network))


def test_a_graph_that_fails_the_proof_is_not_left_behind(
    network: AttentionNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.export.TOLERANCE", -1.0)
    with pytest.raises(ValueError, match="expected parity with PyTorch"):
        export(network, RECIPE, tmp_path, "lite0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("crops", [1, 3])
def test_the_number_of_crops_is_free(graphs: GraphPaths, crops: int) -> None:
    compiled = ov.Core().compile_model(str(graphs.crop), "CPU")
    features, logits = compiled([random_crops(RECIPE.network, count=crops)]).values()
    assert features.shape == (crops, 6, 128)
    assert logits.shape == (crops, 6)


@pytest.mark.parametrize(("tracklets", "frames"), [(1, 1), (5, 2)])
def test_the_numbers_of_tracklets_and_frames_are_free(
    graphs: GraphPaths, tracklets: int, frames: int
) -> None:
    shape = (tracklets, frames)
    rng = np.random.default_rng(0)
    features = rng.normal(size=(*shape, 6, 128)).astype(np.float32)
    compiled = ov.Core().compile_model(str(graphs.tracklet), "CPU")
    inputs = [features, np.zeros((*shape, 6), np.float32), np.ones(shape, np.float32)]
    (embedding,) = compiled(inputs).values()
    assert embedding.shape == (tracklets, 768)
    assert np.linalg.norm(embedding, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_the_card_tells_what_serving_must_know(
    network: AttentionNetwork, graphs: GraphPaths
) -> None:
    rounded = for_inference(network)
    card = read_card(graphs.crop)
    assert (card.parts, card.frames, card.dimensions) == (6, 6, 128)
    assert (card.height, card.width) == (128, 64)
    assert card.weights_sha256 == weights_hash(rounded)
    assert card.calibration is None
    assert read_card(graphs.tracklet) == card


def test_a_calibration_is_read_back(graphs: GraphPaths) -> None:
    write_metadata(graphs.tracklet, {"calibration": '{"slope": 12.5, "offset": -4.0}'})
    assert read_card(graphs.tracklet).calibration == LikelihoodRatio(slope=12.5, offset=-4.0)


def test_a_file_without_a_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"missing\.onnx: expected a graph written by"):
        read_card(tmp_path / "missing.onnx")
