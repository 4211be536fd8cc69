"""Omni-scale networks: their shape, and that a peer's weights make them the peer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openvino as ov
import pytest
import torch
import torch.nn.functional as F

from engines.backbones import create_backbone
from engines.openvino_ir import OpenVinoModule
from engines.osnet import OmniScaleNetwork, osnet_x0_5, osnet_x1_0

PEERS = [
    pytest.param(osnet_x0_5, "person-reidentification-retail-0287.xml", id="0287"),
    pytest.param(osnet_x1_0, "person-reidentification-retail-0277.xml", id="0277"),
]
Make = Callable[[], OmniScaleNetwork]


@pytest.mark.parametrize(("name", "channels"), [("osnet_x0_5", 256), ("osnet_x1_0", 512)])
def test_a_crop_becomes_a_map_of_16_by_8_positions(name: str, channels: int) -> None:
    backbone = create_backbone(name, last_stride=1).eval()
    assert backbone(torch.randn(2, 3, 256, 128)).shape == (2, channels, 16, 8)
    assert backbone.channels == channels


def test_another_stride_is_refused() -> None:
    with pytest.raises(ValueError, match=r"last_stride: expected 1 with osnet, found 2"):
        create_backbone("osnet_x0_5", last_stride=2)


def test_without_weights_it_says_which_ones_it_needs() -> None:
    with pytest.raises(FileNotFoundError, match="retail-0287"):
        osnet_x0_5().load_pretrained()


@pytest.mark.parametrize(("make", "peer"), PEERS)
def test_with_a_peers_weights_it_has_the_peers_feature_map(
    make: Make, peer: str, shared_weights: Path
) -> None:
    network = make().eval()
    network.load_pretrained(shared_weights / peer)
    crops = 255 * torch.rand(2, 3, 256, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        # Whatever the scale of the pixels: each picture is normalised by itself.
        found = network(crops.flip(dims=[1]) / 64 - 2)
    torch.testing.assert_close(found, peer_map(shared_weights / peer, crops), rtol=1e-3, atol=1e-3)


def peer_map(path: Path, crops: torch.Tensor) -> torch.Tensor:
    """The last feature map in OpenVINO: what goes into the convolution as large as the map."""
    model = ov.Core().read_model(str(path))
    model.reshape({model.inputs[0]: [len(crops), 3, 256, 128]})
    pooled = [op for op in model.get_ordered_ops() if op.get_type_name() == "GroupConvolution"][-1]
    cut = ov.Model([pooled.input_value(0)], model.get_parameters(), "cut")
    compiled = ov.compile_model(cut, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return torch.from_numpy(compiled([crops.numpy()])[0].copy())


@pytest.mark.parametrize(
    ("make", "peer"),
    [pytest.param(osnet_x1_0, "person-reidentification-retail-0287.xml", id="0287 into x1.0")],
)
def test_weights_of_another_shape_are_refused(make: Make, peer: str, shared_weights: Path) -> None:
    with pytest.raises(ValueError, match="expected the weights of this osnet"):
        make().load_pretrained(shared_weights / peer)


def test_a_peer_in_pytorch_gives_the_peers_embedding(shared_weights: Path) -> None:
    path = shared_weights / "person-reidentification-retail-0287.xml"
    crops = 255 * torch.rand(1, 3, 256, 128)
    compiled = ov.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = torch.from_numpy(compiled([crops.numpy()])[0].copy()).flatten(1)
    with torch.inference_mode():
        found = OpenVinoModule(path)(crops).flatten(1)
    assert F.cosine_similarity(found, expected).item() > 0.99999
