"""Compiling: engines for a GPU that is not here, and when one is built anew."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from engines import compile as compiling
from engines.compile import (
    BatchRange,
    Source,
    Target,
    build,
    compile_cached,
    detector_source,
    graph_source,
    profile_of,
    read_for,
    wanted_facts,
)
from engines.detector_graph import DetectorGraph
from engines.engine_file import difference, read_engine, write_engine
from engines.gpu import Edition, Gpu, NoTensorRt, find_tensorrt
from engines.onnx_graph import read_graph
from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parents[2] / "engines" / "weights"
CROPS = WEIGHTS / "drsa_osnet_x1_0.crop.onnx"
TRACKLETS = WEIGHTS / "drsa_osnet_x1_0.tracklet.onnx"
L4 = Gpu("NVIDIA L4", (8, 9))
BATCH = BatchRange(1, 8, 32)


@pytest.fixture(scope="module")
def edition() -> Edition:
    """TensorRT-RTX: the edition that compiles where there is no GPU."""
    try:
        found = find_tensorrt(L4.capability)
    except NoTensorRt as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))
    if not found.is_rtx:
        pytest.skip(f"{found} compiles for the GPU of its own machine alone")
    return found


@pytest.fixture
def target(edition: Edition) -> Target:
    return Target(edition, L4, "f32", BATCH)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine cache of the test's own."""
    monkeypatch.setenv("HANDOFF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


class Parsed:
    """A graph as TensorRT has understood it.

    Attributes:
        ports: element type and shape of every input and output.
        layers: (kind, element type of the first output) of every layer.
    """

    def __init__(self, edition: Edition, model: onnx.ModelProto) -> None:
        trt: Any = edition.module
        log = trt.Logger(trt.Logger.ERROR)
        builder = trt.Builder(log)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, log)
        assert parser.parse(model.SerializeToString())
        ports = [network.get_input(i) for i in range(network.num_inputs)]
        ports += [network.get_output(i) for i in range(network.num_outputs)]
        self.ports = {p.name: (p.dtype.name, tuple(p.shape)) for p in ports}
        layers = [network.get_layer(i) for i in range(network.num_layers)]
        self.layers = [(layer.type.name, layer.get_output(0).dtype.name) for layer in layers]

    def types_of(self, kind: str) -> set[str]:
        """Element types that layers of a kind give."""
        return {dtype for name, dtype in self.layers if name == kind}


def test_graph_a_takes_pixels_and_gives_features_and_logits(edition: Edition) -> None:
    assert Parsed(edition, read_graph(CROPS)).ports == {
        "crops": ("UINT8", (-1, 256, 128, 3)),
        "features": ("FLOAT", (-1, 6, 128)),
        "logits": ("FLOAT", (-1, 6)),
    }


def test_graph_b_takes_features_and_gives_an_embedding(edition: Edition) -> None:
    assert Parsed(edition, read_graph(TRACKLETS)).ports == {
        "features": ("FLOAT", (-1, -1, 6, 128)),
        "logits": ("FLOAT", (-1, -1, 6)),
        "mask": ("FLOAT", (-1, -1)),
        "embedding": ("FLOAT", (-1, 256)),
    }


def test_in_half_precision_convolutions_are_half_and_norms_are_not(edition: Edition) -> None:
    parsed = Parsed(edition, read_for(graph_source(CROPS), "f16"))
    assert parsed.types_of("CONVOLUTION") == {"HALF"}
    assert parsed.types_of("REDUCE") == {"FLOAT"}
    assert parsed.types_of("SOFTMAX") == {"FLOAT"}
    assert parsed.ports["features"] == ("FLOAT", (-1, 6, 128))


def test_in_single_precision_nothing_is_half(edition: Edition) -> None:
    parsed = Parsed(edition, read_for(graph_source(CROPS), "f32"))
    assert "HALF" not in {dtype for _, dtype in parsed.layers}


def test_the_profile_has_the_batch_and_the_frames_of_the_card() -> None:
    profile = profile_of(read_graph(TRACKLETS), BATCH)
    assert profile["features"] == ((1, 6, 6, 128), (8, 6, 6, 128), (32, 6, 6, 128))
    assert profile["mask"] == ((1, 6), (8, 6), (32, 6))


@pytest.mark.parametrize("precision", ["f32", "f16"])
@pytest.mark.parametrize("path", [CROPS, TRACKLETS], ids=["graph A", "graph B"])
def test_graphs_compile_for_a_gpu_that_is_not_here(
    path: Path, precision: Any, target: Target
) -> None:
    source, wanted = graph_source(path), replace(target, precision=precision)
    facts, plan = compile_cached(source, wanted)
    assert (facts.gpu, facts.capability, facts.max_batch) == ("NVIDIA L4", "8.9", 32)
    assert len(plan) > 100_000


def test_half_precision_makes_a_smaller_engine(target: Target) -> None:
    source = graph_source(CROPS)
    half = build(source, replace(target, precision="f16"))
    # Besides its weights an engine holds the kernels, which do not get smaller.
    weights = sum(numpy_helper.to_array(w).nbytes for w in read_graph(CROPS).graph.initializer)
    assert len(build(source, target)) - len(half) > 0.3 * weights


@pytest.fixture
def detector(tmp_path: Path) -> DetectorGraph:
    """A small YOLOv8: one convolution per stride, and what a detector of its kind gives."""
    path = tmp_path / "small.onnx"
    onnx.save(small_yolo(), path)
    return DetectorGraph(path)


def small_yolo(side: int = 64) -> onnx.ModelProto:
    """One convolution per stride on float32[1, 3, side, side] → float32[1, 6, cells]."""
    nodes, weights, cells = [], [], 0
    for stride in (8, 16, 32):
        weight = np.full((6, 3, stride, stride), 1e-3, np.float32)
        weights += [
            onnx.numpy_helper.from_array(weight, f"w{stride}"),
            onnx.numpy_helper.from_array(np.array([1, 6, -1]), f"shape{stride}"),
        ]
        maps, steps = [f"map{stride}"], [stride, stride]
        nodes += [
            helper.make_node("Conv", ["images", f"w{stride}"], maps, strides=steps),
            helper.make_node("Reshape", [*maps, f"shape{stride}"], [f"flat{stride}"]),
        ]
        cells += (side // stride) ** 2
    nodes.append(helper.make_node("Concat", ["flat8", "flat16", "flat32"], ["output"], axis=2))
    pictures = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 6, cells])
    graph = helper.make_graph(nodes, "small", [pictures], [output], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("size", "cells"), [((64, 64), 84), ((32, 64), 42)], ids=["its own size", "a portrait view"]
)
def test_a_detector_takes_camera_pictures(
    size: tuple[int, int], cells: int, detector: DetectorGraph, edition: Edition
) -> None:
    parsed = Parsed(edition, read_for(detector_source(detector, size), "f16"))
    assert parsed.ports["pictures"] == ("UINT8", (1, size[1], size[0], 3))
    assert parsed.ports["output"] == ("FLOAT", (1, 6, cells))
    assert parsed.types_of("CONVOLUTION") == {"HALF"}


def test_a_detector_compiles(detector: DetectorGraph, target: Target) -> None:
    facts, plan = compile_cached(detector_source(detector, (32, 64)), target)
    assert facts.profile == {"pictures": ((1, 64, 32, 3),) * 3}
    assert plan


def test_a_real_detector_compiles(shared_weights: Path, target: Target) -> None:
    graph = DetectorGraph(shared_weights / "yolox_nano.onnx")
    source = detector_source(graph, (256, 416))
    parsed = Parsed(target.edition, read_for(source, "f16"))
    assert parsed.ports["output"] == ("FLOAT", (1, 2184, 85))
    assert compile_cached(source, replace(target, precision="f16"))[1]


@pytest.fixture
def built(target: Target) -> tuple[Source, Target, Path]:
    """Graph B's engine, in its file."""
    source = graph_source(TRACKLETS)
    compile_cached(source, target)
    return source, target, compiling.engine_path(source, "f32")


def test_an_engine_that_fits_is_not_built_again(built: tuple[Source, Target, Path]) -> None:
    source, target, path = built
    before = path.stat().st_mtime_ns
    facts, plan = compile_cached(source, target)
    assert path.stat().st_mtime_ns == before
    assert (facts, plan) == read_engine(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"gpu": "NVIDIA H100", "capability": "9.0"},
            "was built for NVIDIA H100 (9.0), this is NVIDIA L4 (8.9)",
            id="another GPU",
        ),
        pytest.param(
            {"edition": "tensorrt", "version": "10.16.1"},
            "was built with tensorrt 10.16.1, this is tensorrt_rtx",
            id="another edition",
        ),
        pytest.param(
            {"version": "1.0"}, "was built with tensorrt_rtx 1.0, this is", id="another version"
        ),
        pytest.param(
            {"sha256": "0" * 64}, "was built from another drsa_osnet_x1_0.tracklet.onnx", id="ONNX"
        ),
        pytest.param(
            {"precision": "f16"}, "was built in f16, f32 is asked for", id="another precision"
        ),
        pytest.param(
            {"profile": {"mask": ((1, 6), (2, 6), (4, 6))}},
            "was built for mask 1 to 4 × 6, features 1 to 32 × 6 × 6 × 128",
            id="another profile",
        ),
    ],
)
def test_what_does_not_fit_is_built_anew_with_one_line(
    changes: Mapping[str, Any],
    reason: str,
    built: tuple[Source, Target, Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, target, path = built
    write_engine(path, replace(wanted_facts(source, target), **changes), b"of no use")
    caplog.clear()
    _, plan = compile_cached(source, target)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"engine {path.name} {reason}")
    assert line.endswith(": building it anew, a few seconds")
    assert len(plan) > 1000
    assert difference(read_engine(path)[0], wanted_facts(source, target)) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "was not written by engines.compile", id="empty"),
        pytest.param(b"ftrt plan of another tool\n", "was not written by", id="another tool's"),
        pytest.param(b"handoff engine 1\n{}\nplan", "has a damaged header", id="damaged"),
        pytest.param(b'handoff engine 1\n{"gpu": "x', "was not written by", id="cut off"),
    ],
)
def test_a_file_that_is_no_engine_is_replaced(
    content: bytes,
    reason: str,
    built: tuple[Source, Target, Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, target, path = built
    path.write_bytes(content)
    caplog.clear()
    assert compile_cached(source, target)[1]
    assert reason in caplog.text
    assert read_engine(path)[1]


def test_tensorrt_rtx_shares_engines_among_gpus_of_a_capability(target: Target) -> None:
    source = graph_source(TRACKLETS)
    here = wanted_facts(source, target)
    there = wanted_facts(source, replace(target, gpu=Gpu("NVIDIA RTX 4090", (8, 9))))
    assert difference(here, there) is None
    timed_here, timed_there = (replace(f, edition="tensorrt") for f in (here, there))
    assert difference(timed_here, timed_there) == (
        "was built for NVIDIA L4 (8.9), this is NVIDIA RTX 4090 (8.9)"
    )


def test_a_gpu_the_edition_does_not_know_is_named(target: Target) -> None:
    with pytest.raises(ModelError, match=r"TensorRT-RTX .* does not know GPUs of 5\.0"):
        build(graph_source(TRACKLETS), replace(target, gpu=Gpu("NVIDIA GTX 750", (5, 0))))


def test_a_graph_it_cannot_compile_is_named(tmp_path: Path, target: Target) -> None:
    path = tmp_path / "odd.onnx"
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 4]) for n in ("x", "y")]
    node = helper.make_node("Odd", ["x"], ["y"], domain="nowhere")
    graph = helper.make_graph([node], "odd", ports[:1], ports[1:])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("nowhere", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    with pytest.raises(ModelError, match=r"odd\.onnx: expected a graph TensorRT-RTX .*found: "):
        build(graph_source(path), target)


def test_eight_bits_take_a_quantised_graph(target: Target) -> None:
    with pytest.raises(ModelError, match=r"expected a graph quantised to 8 bits.*engines.quantise"):
        build(graph_source(CROPS), replace(target, precision="int8"))


def run(*arguments: str) -> tuple[int, str]:
    from typer import Typer

    app = Typer()
    app.command()(compiling.run)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_the_command_writes_an_engine(edition: Edition, tmp_path: Path) -> None:
    path = tmp_path / "b.engine"
    code, said = run(
        str(TRACKLETS), "-o", str(path), "--precision", "fp32", "--batch", "1", "2", "4",
        "--capability", "8.9",
    )  # fmt: skip
    assert (code, "a GPU (8.9), TensorRT-RTX" in said) == (0, True)
    facts, _ = read_engine(path)
    assert facts.profile["mask"] == ((1, 6), (2, 6), (4, 6))
    assert json.loads(path.read_bytes().splitlines()[1])["capability"] == "8.9"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.onnx", "--capability", "8.9"], "nowhere.onnx: expected a network's file"),
        ([str(TRACKLETS), "--capability", "nine"], "compute capability such as 8.9, found 'nine'"),
        ([str(TRACKLETS), "--precision", "f8"], "expected one of f32, fp32, f16, fp16, int8"),
        ([str(TRACKLETS), "--batch", "4", "2", "1"], "expected three rising numbers for --batch"),
    ],
    ids=["no file", "no capability", "no precision", "no batch"],
)
def test_the_command_explains_what_is_wrong(
    arguments: list[str], message: str, edition: Edition
) -> None:
    code, said = run(*arguments)
    assert code == 2
    assert message in said
