"""ONNX files made ready for a GPU: types it can compile, detectors that take camera pictures.

What OpenVINO does to a graph by itself (see `engines.detector_graph`) is done here on the file's
own nodes, for compilers that take ONNX and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from engines.heads import Head
from pipeline.errors import ModelError

Shapes = Mapping[str, tuple[int, ...]]
"""Shape per input; -1 is a length that is free."""

PICTURES = "pictures"
"""Name of the one input of a prepared detector: uint8[1, H, W, 3] BGR."""


def read_graph(path: Path) -> ModelProto:
    """Reads an ONNX file and makes its types such that TensorRT and PyTorch can take them.

    Weights stored in half precision are widened, and pixels become float32 before anything else
    happens to them: TensorRT knows uint8 at its inputs alone.

    Raises:
        ModelError: the file is missing or no ONNX file.
    """
    if not path.is_file():
        raise ModelError(f"{path}: expected a network's file, found none")
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx have no common root
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path}: expected an ONNX file, found: {reason[0]}") from error
    widen_weights(model)
    cast_pixels_first(model)
    return model


def source_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def input_shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Shape of every input, -1 where a length is free."""
    weights = {weight.name for weight in model.graph.initializer}
    return {
        port.name: tuple(
            d.dim_value if d.HasField("dim_value") else -1 for d in port.type.tensor_type.shape.dim
        )
        for port in model.graph.input
        if port.name not in weights
    }


def free_lengths(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Shape per input with the lengths that the file's metadata fixes; the first stays free.

    Graph B takes any number of frames; `frames` in its metadata says how many it is given.

    Raises:
        ModelError: another length than the first is free, and the metadata does not fix it.
    """
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    frames = int(metadata["frames"]) if metadata.get("frames", "").isdigit() else -1
    shapes = {}
    for name, shape in input_shapes(model).items():
        rest = tuple(frames if length == -1 else length for length in shape[1:])
        if -1 in rest:
            raise ModelError(
                f"input {name}: expected lengths that are fixed but for the first, found "
                f"{list(shape)}; `frames` in the file's metadata would fix them"
            )
        shapes[name] = (-1, *rest)
    return shapes


def is_quantised(model: ModelProto) -> bool:
    """True if the graph says what is to be done in 8 bits."""
    return any(node.op_type == "QuantizeLinear" for node in model.graph.node)


def widen_weights(model: ModelProto) -> None:
    """Turns weights that are stored in float16 and cast back into float32 weights."""
    weights = {weight.name: weight for weight in model.graph.initializer}
    casts = [node for node in model.graph.node if _widens(node, weights)]
    for cast in casts:
        weight = weights[cast.input[0]]
        wide = numpy_helper.to_array(weight).astype(np.float32)
        weight.CopyFrom(numpy_helper.from_array(wide, cast.output[0]))
        model.graph.node.remove(cast)


def _widens(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    if node.op_type != "Cast" or node.input[0] not in weights:
        return False
    to_float = helper.get_node_attr_value(node, "to") == TensorProto.FLOAT
    return to_float and weights[node.input[0]].data_type == TensorProto.FLOAT16


def cast_pixels_first(model: ModelProto) -> None:
    """Puts a cast to float32 right behind every uint8 input that is not cast at once anyway."""
    for port in model.graph.input:
        readers = [node for node in model.graph.node if port.name in node.input]
        is_cast = all(node.op_type == "Cast" for node in readers)
        if port.type.tensor_type.elem_type != TensorProto.UINT8 or is_cast:
            continue
        wide = f"{port.name}.float"
        for node in model.graph.node:
            node.input[:] = [wide if name == port.name else name for name in node.input]
        cast = helper.make_node("Cast", [port.name], [wide], name=wide, to=TensorProto.FLOAT)
        model.graph.node.insert(0, cast)
        _forget_inner_types(model)


def prepare_detector(model: ModelProto, head: Head, size: tuple[int, int]) -> ModelProto:
    """Makes a detector take pictures as cameras give them: `PICTURES`, uint8[1, H, W, 3] BGR.

    Args:
        model: the detector, with one input float32[1, 3, h, w].
        head: how it wants its pictures.
        size: width and height of the input in pixels.
    """
    weights = {weight.name for weight in model.graph.initializer}
    (port,) = (port for port in model.graph.input if port.name not in weights)
    width, height = size
    nodes = _picture_steps(model, head, port.name)
    port.CopyFrom(helper.make_tensor_value_info(PICTURES, TensorProto.UINT8, [1, height, width, 3]))
    for index, node in enumerate(nodes):
        model.graph.node.insert(index, node)
    _forget_inner_types(model)
    for output in model.graph.output:
        _free_shape(output)
    return model


def _picture_steps(model: ModelProto, head: Head, target: str) -> list[NodeProto]:
    """Cast, swap colours, scale, HWC to CHW; the last one's output is `target`."""
    steps: list[tuple[str, list[str], dict[str, Any]]] = [("Cast", [], {"to": TensorProto.FLOAT})]
    if head.rgb:
        steps.append(("Gather", [_constant(model, "bgr", np.array([2, 1, 0]))], {"axis": 3}))
    if head.divisor != 1.0:
        divisor = np.array(head.divisor, np.float32)
        steps.append(("Div", [_constant(model, "divisor", divisor)], {}))
    steps.append(("Transpose", [], {"perm": [0, 3, 1, 2]}))
    nodes, current = [], PICTURES
    for number, (kind, extra, attributes) in enumerate(steps, start=1):
        output = target if number == len(steps) else f"{PICTURES}.{kind}"
        nodes.append(helper.make_node(kind, [current, *extra], [output], **attributes))
        current = output
    return nodes


def _constant(model: ModelProto, name: str, value: NDArray[Any]) -> str:
    full = f"{PICTURES}.{name}"
    model.graph.initializer.append(numpy_helper.from_array(value, full))
    return full


def _forget_inner_types(model: ModelProto) -> None:
    del model.graph.value_info[:]


def _free_shape(port: ValueInfoProto) -> None:
    """An output's old lengths may not be those at another input size."""
    for dimension in port.type.tensor_type.shape.dim:
        dimension.Clear()
