"""The network: shapes, what attention sums to, and that its two graphs are the whole."""

from __future__ import annotations

import pytest
import torch

from engines.backbones import create_backbone
from engines.network import (
    AttentionNetwork,
    CropGraph,
    TrackletGraph,
    gather_frames,
    normalise_crops,
    unit_length,
)


@pytest.fixture(scope="module")
def network() -> AttentionNetwork:
    torch.manual_seed(0)
    network = AttentionNetwork(backbone="efficientnet_lite0", last_stride=1).eval()
    # A fresh network weighs all frames alike; the tests need it to prefer some.
    torch.nn.init.normal_(network.temporal.weight)
    return network


def random_clips(tracklets: int, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (tracklets, frames, 128, 64, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    ("name", "last_stride", "size", "shape"),
    [
        ("resnet50", 2, (256, 128), (2048, 8, 4)),
        ("resnet50", 1, (128, 64), (2048, 8, 4)),
        ("efficientnet_lite0", 2, (256, 128), (1280, 8, 4)),
        ("efficientnet_lite0", 1, (128, 64), (1280, 8, 4)),
    ],
)
@torch.no_grad()
def test_a_backbone_keeps_the_papers_32_positions(
    name: str, last_stride: int, size: tuple[int, int], shape: tuple[int, int, int]
) -> None:
    backbone = create_backbone(name, last_stride=last_stride).eval()
    assert backbone(torch.zeros(1, 3, *size)).shape == (1, *shape)


def test_an_unknown_backbone_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"expected one of efficientnet_lite0, .*, found vgg"):
        create_backbone("vgg", last_stride=1)


def test_pixels_are_turned_to_rgb_and_scaled() -> None:
    crop = torch.tensor([0, 127, 255], dtype=torch.uint8).expand(1, 2, 2, 3)
    normalised = normalise_crops(crop)
    assert normalised.shape == (1, 3, 2, 2)
    torch.testing.assert_close(normalised[0, :, 0, 0], torch.tensor([1.0, 0.0, -127 / 128]))


@torch.no_grad()
def test_every_map_sums_to_one_and_every_part_has_unit_length(network: AttentionNetwork) -> None:
    output = network.describe(random_clips(1, 3)[0])
    assert output.log_maps.shape == (3, 6, 32)
    assert output.features.shape == (3, 6, 128)
    torch.testing.assert_close(output.log_maps.exp().sum(dim=2), torch.ones(3, 6))
    torch.testing.assert_close(output.features.norm(dim=2), torch.ones(3, 6))


@torch.no_grad()
def test_the_two_graphs_are_the_whole_network(network: AttentionNetwork) -> None:
    clips = random_clips(2, 4)
    mask = torch.ones(2, 4)
    features, logits = CropGraph(network)(clips.flatten(0, 1))
    embedding = TrackletGraph()(features.unflatten(0, (2, 4)), logits.unflatten(0, (2, 4)), mask)
    assert embedding.shape == (2, 768)
    torch.testing.assert_close(embedding, network(clips, mask))


@pytest.mark.parametrize("padding", [1, 5])
def test_padded_frames_change_no_bit(padding: int) -> None:
    torch.manual_seed(0)
    features = unit_length(torch.randn(3, 4 + padding, 6, 128))
    logits = 5 * torch.randn(3, 4 + padding, 6)
    mask = (torch.arange(4 + padding) < 4).float().expand(3, -1)
    weights = torch.softmax(logits + (1 - mask)[..., None] * -1e4, dim=1)
    assert (weights[:, 4:] == 0).all()
    torch.testing.assert_close(
        gather_frames(features, logits, mask),
        gather_frames(features[:, :4], logits[:, :4], torch.ones(3, 4)),
        rtol=0,
        atol=1e-6,
    )


def test_temporal_attention_prefers_the_frame_with_the_higher_logit() -> None:
    features = unit_length(torch.randn(1, 2, 6, 128))
    logits = torch.tensor([[20.0, -20.0]])[..., None].expand(1, 2, 6)
    embedding = gather_frames(features, logits, torch.ones(1, 2))
    torch.testing.assert_close(embedding, unit_length(features[:, 0].flatten(1)))


def test_a_fresh_network_weighs_all_frames_alike() -> None:
    network = AttentionNetwork(backbone="efficientnet_lite0", last_stride=1)
    assert (network.temporal(torch.randn(5, 6, 128)) == 0).all()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "one per part"])
@torch.no_grad()
def test_projections_can_be_shared_between_parts(shared: bool) -> None:
    network = AttentionNetwork(
        backbone="efficientnet_lite0", last_stride=1, shared_projection=shared
    ).eval()
    assert network.project.weight.shape == (1 if shared else 6, 1280, 128)
    assert network.describe(random_clips(1, 2)[0]).features.shape == (2, 6, 128)
