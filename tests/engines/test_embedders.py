"""Networks as embedders: what their files want to be fed, and where they look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
import torch
from onnx import TensorProto, helper
from openvino import opset13 as ops

from engines.attention import attention, with_maps
from engines.embedders import ColourHistogram, GraphEmbedder, NetworkEmbedder, PeerEmbedder
from engines.network import AttentionNetwork
from engines.preprocess import Image
from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parents[2] / "engines" / "weights"
NAME = "drsa_osnet_x0_5"


def plain(blue: int, green: int, red: int) -> Image:
    return np.full((20, 10, 3), (blue, green, red), dtype=np.uint8)


def noise(count: int) -> list[Image]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (70, 30, 3), dtype=np.uint8) for _ in range(count)]


def save_channel_means(path: Path) -> Path:
    """A network that gives the mean of each channel, as Open Model Zoo's or as ONNX."""
    if path.suffix == ".xml":
        data = ops.parameter([1, 3, 16, 8], np.float32, name="data")
        ov.save_model(ov.Model([ops.reduce_mean(data, [2, 3], False)], [data], "means"), str(path))
        return path
    pooled = helper.make_node("GlobalAveragePool", ["images"], ["features"])
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 16, 8])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 3, 1, 1])
    graph = helper.make_graph([pooled], "means", [images], [features])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=9), path)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("peer.xml", [10, 20, 30]),
        ("peer.onnx", [(30 - 123.675) / 58.395, (20 - 116.28) / 57.12, (10 - 103.53) / 57.375]),
    ],
    ids=["Open Model Zoo: BGR", "ONNX: RGB, normalised as for ImageNet"],
)
def test_a_peer_is_fed_what_it_was_trained_on(
    tmp_path: Path, name: str, expected: list[float]
) -> None:
    embedding = PeerEmbedder(save_channel_means(tmp_path / name))([plain(10, 20, 30)])
    assert embedding == pytest.approx(np.array(expected) / np.linalg.norm(expected), abs=1e-3)


def test_a_peer_means_its_crops_each_counting_the_same(tmp_path: Path) -> None:
    peer = PeerEmbedder(save_channel_means(tmp_path / "peer.xml"))
    embedding = peer([plain(200, 0, 0), plain(0, 2, 0)])
    assert embedding == pytest.approx(np.array([1, 1, 0]) / 2**0.5, abs=1e-3)


def test_a_peer_without_a_picture_as_input_is_refused(tmp_path: Path) -> None:
    data = ops.parameter([1, 3], np.float32, name="data")
    ov.save_model(ov.Model([ops.relu(data)], [data], "flat"), str(tmp_path / "flat.xml"))
    with pytest.raises(ModelError, match="expected an input"):
        PeerEmbedder(tmp_path / "flat.xml")


def test_every_embedder_gives_unit_length() -> None:
    crops = noise(3)
    for embedder in (ColourHistogram(), GraphEmbedder(WEIGHTS, NAME)):
        assert np.linalg.norm(embedder(crops)) == pytest.approx(1.0, abs=1e-5)


def test_the_graphs_say_where_they_look() -> None:
    seen = GraphEmbedder(WEIGHTS, NAME).explain(noise(3))
    frames, parts, height, width = seen.maps.shape
    assert (frames, height) == (3, 2 * width)
    assert seen.maps.sum(axis=(2, 3)) == pytest.approx(np.ones((frames, parts)), abs=1e-4)
    assert seen.weights.sum(axis=0) == pytest.approx(np.ones(parts), abs=1e-4)


def test_the_network_says_the_same_as_its_own_outputs() -> None:
    torch.manual_seed(0)
    network = AttentionNetwork(backbone="efficientnet_lite0", last_stride=1, parts=2).eval()
    crops = noise(2)
    seen = NetworkEmbedder(network, height=64, width=32).explain(crops)
    assert seen.maps.shape == (2, 2, 4, 2)
    assert seen.maps.sum(axis=(2, 3)) == pytest.approx(np.ones((2, 2)), abs=1e-4)
    assert seen.weights == pytest.approx(np.full((2, 2), 0.5))  # before training: the mean


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "network.pt").write_text("no network")
    with pytest.raises(ModelError, match=r"network.pt: expected a network.pt written by"):
        NetworkEmbedder.load(tmp_path / "network.pt")


def test_positions_are_put_back_into_rows_and_columns() -> None:
    shares = np.arange(1, 9, dtype=np.float32) / 36
    seen = attention(np.log(shares)[None, None], np.zeros((1, 1), np.float32), aspect=2.0)
    assert seen.maps[0, 0] == pytest.approx(shares.reshape(4, 2))


def test_a_later_frame_with_a_higher_logit_counts_more() -> None:
    logits = np.log(np.array([[1.0], [3.0]], dtype=np.float32))
    seen = attention(np.zeros((2, 1, 2), np.float32), logits, aspect=2.0)
    assert seen.weights.ravel() == pytest.approx([0.25, 0.75])


def test_positions_that_make_no_grid_are_refused() -> None:
    with pytest.raises(ModelError, match="2 times as high as wide, found 7 positions"):
        attention(np.zeros((1, 1, 7), np.float32), np.zeros((1, 1), np.float32), aspect=2.0)


def test_a_graph_without_attention_is_refused() -> None:
    data = ops.parameter([1, 3], np.float32, name="data")
    with pytest.raises(ModelError, match="expected one log-softmax over the positions, found 0"):
        with_maps(ov.Model([ops.relu(data)], [data], "flat"))
