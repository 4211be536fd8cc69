"""ONNX files in PyTorch, the last resort on a GPU: here on the CPU, against OpenVINO."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engines.compile import detector_source, graph_source, read_for
from engines.detector_graph import INPUT, DetectorGraph
from engines.half import halve
from engines.onnx_graph import read_graph
from engines.openvino_engine import OpenVinoEngine
from engines.torch_engine import TorchEngine
from pipeline.errors import ModelError

ROOT = Path(__file__).parents[2]
CROPS = ROOT / "engines" / "weights" / "drsa_osnet_x1_0.crop.onnx"
TRACKLETS = ROOT / "engines" / "weights" / "drsa_osnet_x1_0.tracklet.onnx"


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-5), ("f16", 5e-3)])
def test_graph_a_gives_what_openvino_gives(precision: str, tolerance: float) -> None:
    model = read_for(graph_source(CROPS), precision)  # type: ignore[arg-type]
    engine = TorchEngine(model, name="a", device="cpu")
    expected = OpenVinoEngine(CROPS, precision="f32")({"crops": pixels(3, 256, 128, 3)})
    found = engine({"crops": pixels(3, 256, 128, 3)})
    np.testing.assert_allclose(found["features"], expected["features"], atol=tolerance)
    np.testing.assert_allclose(found["logits"], expected["logits"], atol=tolerance)


def test_graph_b_gives_what_openvino_gives() -> None:
    random = np.random.default_rng(0)
    arrays = {
        "features": random.standard_normal((2, 6, 6, 128)).astype(np.float32),
        "logits": random.standard_normal((2, 6, 6)).astype(np.float32),
        "mask": np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]], np.float32),
    }
    engine = TorchEngine(read_graph(TRACKLETS), name="b", device="cpu")
    expected = OpenVinoEngine(TRACKLETS, precision="f32")(arrays)["embedding"]
    np.testing.assert_allclose(engine(arrays)["embedding"], expected, atol=1e-6)


@pytest.mark.parametrize("size", [(416, 416), (256, 416)], ids=["its own size", "a portrait view"])
def test_a_detector_gives_what_openvino_gives(size: tuple[int, int], shared_weights: Path) -> None:
    graph = DetectorGraph(shared_weights / "yolox_nano.onnx")
    picture = {INPUT: pixels(1, size[1], size[0], 3)}
    (expected,) = OpenVinoEngine(graph.build(size), precision="f32")(picture).values()
    model = read_for(detector_source(graph, size), "f32")
    (found,) = TorchEngine(model, name="yolox", device="cpu")(picture).values()
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        pytest.param(np.zeros((1, 64, 64, 3), np.uint8), r"uint8\[1, 64, 64, 3\]", id="shape"),
        pytest.param(np.zeros((1, 256, 128, 3), np.float32), r"float32\[1, 256", id="type"),
    ],
)
def test_wrong_arrays_are_a_sentence(array: np.ndarray, found: str) -> None:
    engine = TorchEngine(read_graph(CROPS), name="a", device="cpu")
    with pytest.raises(ModelError, match=rf"a: expected crops of type uint8 .*{found}"):
        engine({"crops": array})


def single(kind: str, *, ports: int = 1) -> onnx.ModelProto:
    """A graph of one node, float32[n, 4] → float32[n, 4]."""
    named = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in "xy"]
    node = helper.make_node(kind, ["x"] * ports, ["y"])
    graph = helper.make_graph([node], "single", named[:1], named[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_an_operation_it_has_not_is_named() -> None:
    with pytest.raises(ModelError, match=r"x: expected operations .*found Det; TensorRT can run"):
        TorchEngine(single("Det"), name="x", device="cpu")


def test_half_precision_leaves_inputs_and_outputs_alone() -> None:
    for path in (CROPS, TRACKLETS):
        model = read_graph(path)
        halved = halve(model)
        onnx.checker.check_model(halved, full_check=True)
        assert list(halved.graph.input) == list(model.graph.input)
        assert list(halved.graph.output) == list(model.graph.output)


def test_half_precision_stores_half_the_weights() -> None:
    model = read_graph(CROPS)
    assert halve(model).ByteSize() < 0.55 * model.ByteSize()


def test_half_precision_leaves_no_cast_that_nobody_reads() -> None:
    graph = halve(read_graph(CROPS)).graph
    read = {name for node in graph.node for name in node.input}
    read |= {port.name for port in graph.output}
    assert not [node.name for node in graph.node if read.isdisjoint(node.output)]


def test_what_decodes_the_results_stays_in_single_precision() -> None:
    halved = halve(single("Mul", ports=2))
    assert [node.op_type for node in halved.graph.node] == ["Mul"]


def test_the_running_system_does_without_pytorch_and_onnx() -> None:
    code = (
        "import sys, pipeline.detect, pipeline.embed; from engines.runtime import choose_backend;"
        "choose_backend('cpu');"
        "print([m for m in ('torch', 'onnx', 'tensorrt', 'tensorrt_rtx') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
