"""OpenVINO's networks in PyTorch: the same numbers, and a clear word about what is not known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import torch
from openvino import opset13 as ops

from engines.openvino_ir import OpenVinoModule


@pytest.fixture(scope="module")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of layer that has options, written by OpenVINO itself."""
    rng = np.random.default_rng(0)

    def constant(*shape: int) -> ov.Node:
        return ops.constant(rng.normal(size=shape).astype(np.float32))

    picture = ops.parameter([1, 3, 16, 8], np.float32, name="picture")
    normalised = ops.mvn(picture, ops.constant(np.array([2, 3])), True, 1e-5, "inside_sqrt")
    features = ops.convolution(normalised, constant(4, 3, 3, 3), [2, 2], [1, 1], [1, 1], [1, 1])
    features = ops.relu(ops.add(features, constant(1, 4, 1, 1)))
    groups = constant(4, 1, 1, 3, 3)
    features = ops.group_convolution(features, groups, [1, 1], [1, 1], [1, 1], [1, 1])
    features = ops.avg_pool(features, [2, 2], [0, 0], [0, 0], [2, 2], True)
    means = ops.reduce_mean(features, np.array([2, 3]), keep_dims=True)
    features = ops.multiply(features, ops.sigmoid(means))
    flat = ops.reshape(features, np.array([1, 4 * 4 * 2]), special_zero=True)
    scores = ops.matmul(flat, constant(5, 32), False, True)
    result = ops.prelu(scores, constant(1))
    path = tmp_path_factory.mktemp("network") / "small.xml"
    ov.save_model(ov.Model([result], [picture], "small"), str(path), compress_to_fp16=True)
    return path


def test_it_gives_what_openvino_gives(small_network: Path) -> None:
    picture = np.random.default_rng(1).normal(size=(1, 3, 16, 8)).astype(np.float32)
    compiled = ov.compile_model(str(small_network), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = OpenVinoModule(small_network)(torch.from_numpy(picture))
    np.testing.assert_allclose(found.numpy(), compiled([picture])[0], rtol=1e-4, atol=1e-5)


def test_the_size_of_the_batch_is_free(small_network: Path) -> None:
    pictures = torch.randn(3, 3, 16, 8)
    module = OpenVinoModule(small_network)
    one_by_one = torch.cat([module(picture[None]) for picture in pictures])
    torch.testing.assert_close(module(pictures), one_by_one, rtol=1e-4, atol=1e-5)


def test_an_operation_that_is_not_known_is_named(tmp_path: Path) -> None:
    picture = ops.parameter([1, 3, 4, 4], np.float32)
    ov.save_model(ov.Model([ops.erf(picture)], [picture], "odd"), str(tmp_path / "odd.xml"))
    with pytest.raises(ValueError, match=r"odd\.xml: operations not known here: Erf"):
        OpenVinoModule(tmp_path / "odd.xml")
