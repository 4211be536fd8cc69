"""float32 → float16: an ONNX graph in half precision, for compilers that take types literally.

A strongly typed network (all that newer versions of TensorRT know) does arithmetic in half
precision exactly where the graph says so. Which operations gain from it and bear it is listed
here; everything else stays in float32: norms, softmax and exponentials, and whatever decodes the
results behind the last convolution or matrix product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_ALL_INPUTS = _PRODUCTS | {"Add", "Clip", "Concat", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul"}
_ALL_INPUTS |= {"AveragePool", "GlobalAveragePool", "MaxPool", "PRelu", "Relu", "Sigmoid", "Tanh"}
_FIRST_INPUT = frozenset(
    {"Flatten", "Resize", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"}
)
"""Their other inputs are sizes and positions, which are no numbers of the network."""

_Types = Mapping[str, int]


def halve(model: ModelProto) -> ModelProto:
    """A copy of the graph in half precision; its inputs and outputs keep their types.

    Args:
        model: a graph in float32.

    Returns:
        The graph with casts around every operation that gains from half precision, less those
        that undo each other, and with the weights of these operations stored in half.
    """
    typed = onnx.shape_inference.infer_shapes(model)
    types = _types(typed.graph)
    halved = ModelProto()
    halved.CopyFrom(model)
    del halved.graph.value_info[:]
    decoding = _decoding(halved.graph)
    nodes: list[NodeProto] = []
    for index, node in enumerate(halved.graph.node):
        nodes += [node] if index in decoding else _surround(node, types)
    _replace_nodes(halved.graph, nodes)
    _halve_weights(halved.graph)
    _drop_round_trips(halved.graph)
    _drop_unused(halved.graph)
    return halved


def _types(graph: GraphProto) -> dict[str, int]:
    """Element type of every tensor that is known."""
    ports = (*graph.input, *graph.output, *graph.value_info)
    types = {port.name: port.type.tensor_type.elem_type for port in ports}
    return types | {weight.name: weight.data_type for weight in graph.initializer}


def _decoding(graph: GraphProto) -> set[int]:
    """Positions of the nodes behind the last products, up to the outputs."""
    wanted, found = {port.name for port in graph.output}, set()
    for index in reversed(range(len(graph.node))):
        node = graph.node[index]
        if wanted.isdisjoint(node.output) or node.op_type in _PRODUCTS:
            continue
        found.add(index)
        wanted.update(node.input)
    return found


def _surround(node: NodeProto, types: _Types) -> list[NodeProto]:
    """The node in half precision, between the casts that takes; or as it is."""
    positions = _float_inputs(node, types)
    if not positions:
        return [node]
    before, after = [], []
    for position in positions:
        name = node.input[position]
        before.append(_cast(name, f"{name}.half", TensorProto.FLOAT16))
        node.input[position] = f"{name}.half"
    for position, name in enumerate(node.output):
        node.output[position] = f"{name}.narrow"
        after.append(_cast(f"{name}.narrow", name, TensorProto.FLOAT))
    return [*before, node, *after]


def _float_inputs(node: NodeProto, types: _Types) -> list[int]:
    if node.op_type not in _ALL_INPUTS | _FIRST_INPUT:
        return []
    count = len(node.input) if node.op_type in _ALL_INPUTS else 1
    return [i for i in range(count) if types.get(node.input[i]) == TensorProto.FLOAT]


def _cast(source: str, target: str, to: int) -> NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"cast {target}", to=to)


def _replace_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    """Puts `nodes` into the graph, each tensor cast to half once however many ask for it."""
    kept: list[NodeProto] = []
    made: set[str] = set()
    for node in nodes:
        if made.isdisjoint(node.output):
            kept.append(node)
            made.update(node.output)
    del graph.node[:]
    graph.node.extend(kept)


def _halve_weights(graph: GraphProto) -> None:
    """Stores weights in half instead of casting them."""
    weights = {weight.name: weight for weight in graph.initializer}
    casts = [node for node in graph.node if _is_cast(node, TensorProto.FLOAT16)]
    for cast in casts:
        if cast.input[0] in weights:
            values = numpy_helper.to_array(weights[cast.input[0]]).astype(np.float16)
            graph.initializer.append(numpy_helper.from_array(values, cast.output[0]))
            graph.node.remove(cast)


def _drop_round_trips(graph: GraphProto) -> None:
    """half → float → half is half: whoever reads the last one reads the first one instead."""
    widened = {n.output[0]: n.input[0] for n in graph.node if _is_cast(n, TensorProto.FLOAT)}
    same = {
        node.output[0]: widened[node.input[0]]
        for node in graph.node
        if _is_cast(node, TensorProto.FLOAT16)
        and widened.get(node.input[0], "").endswith(".narrow")
    }
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]


def _drop_unused(graph: GraphProto) -> None:
    """Removes casts and weights that nobody reads any more."""
    read = {port.name for port in graph.output}
    kept = []
    for node in reversed(graph.node):  # a cast may be read by casts alone that nobody reads
        if node.op_type != "Cast" or node.output[0] in read:
            kept.append(node)
            read.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    for weight in [w for w in graph.initializer if w.name not in read]:
        graph.initializer.remove(weight)


def _is_cast(node: NodeProto, to: int) -> bool:
    return node.op_type == "Cast" and bool(helper.get_node_attr_value(node, "to") == to)
