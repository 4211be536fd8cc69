"""An OpenVINO network as a PyTorch module, so that a peer can teach on the GPU that trains.

Reads the two files of the intermediate representation (`.xml`, `.bin`) without OpenVINO. Only the
operations of convolutional re-ID networks are known; each is a small function in `OPERATIONS`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Attributes = Mapping[str, str]
Operation = Callable[[Attributes, Sequence[Tensor]], Tensor]

ELEMENT_TYPES = {"f16": np.float16, "f32": np.float32, "i32": np.int32, "i64": np.int64}


class Node(NamedTuple):
    """One operation: what it does, with which options, to the outputs of which nodes."""

    name: str
    operation: str
    attributes: Attributes
    sources: tuple[str, ...]


class OpenVinoModule(nn.Module):
    """A network of one input and one output.

    Weights become buffers; whole numbers (shapes, axes) stay on the CPU, where they are needed.

    Args:
        path: the `.xml` file; the `.bin` file lies beside it.

    Raises:
        ValueError: the network has an operation that is not known here.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        root = ElementTree.parse(path).getroot()
        nodes = in_order(read_nodes(root))
        unknown = {n.operation for n in nodes} - OPERATIONS.keys() - {"Const", "Parameter"}
        if unknown:
            raise ValueError(f"{path}: operations not known here: {', '.join(sorted(unknown))}")
        weights = path.with_suffix(".bin").read_bytes()
        self._counts: dict[str, Tensor] = {}
        for node in (node for node in nodes if node.operation == "Const"):
            constant = read_constant(node, weights)
            if constant.is_floating_point():
                self.register_buffer(node.name, constant)
            else:
                self._counts[node.name] = constant
        self._nodes = [node for node in nodes if node.operation != "Const"]
        self._by_name = {node.name: node for node in self._nodes}

    def forward(self, picture: Tensor) -> Tensor:
        """Runs the network on float32[n, C, H, W]."""
        values: dict[str, Tensor] = dict(self.named_buffers()) | self._counts
        for node in self._nodes:
            values[node.name] = (
                picture
                if node.operation == "Parameter"
                else OPERATIONS[node.operation](
                    node.attributes, [values[source] for source in node.sources]
                )
            )
        return values[self._nodes[-1].name]

    def weights_in_order(self) -> list[Tensor]:
        """The weights behind the picture's preprocessing, in the order of the file's operations.

        What a weight shared by several operations is comes up once for each of them.
        """
        nodes = sorted(self._nodes, key=lambda node: int(node.name))
        nodes = [node for node in nodes if node.operation != "Convert"]
        begin = [node.operation for node in nodes].index("MVN")
        sources = [source for node in nodes[begin:] for source in node.sources]
        constants = [self._behind_conversion(source) for source in sources]
        return [self.get_buffer(name) for name in constants if name in self._buffers]

    def _behind_conversion(self, name: str) -> str:
        """The constant that is only widened under this name, or the name itself."""
        node = self._by_name.get(name)
        return node.sources[0] if node is not None and node.operation == "Convert" else name


def read_nodes(root: ElementTree.Element) -> list[Node]:
    """The operations of a network, with their inputs in order."""
    incoming: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for edge in root.iter("edge"):
        ends = edge.attrib
        incoming[ends["to-layer"]].append((int(ends["to-port"]), ends["from-layer"]))
    nodes = []
    for layer in root.iter("layer"):
        number, data = layer.attrib["id"], layer.find("data")
        sources = tuple(source for _, source in sorted(incoming[number]))
        options = {} if data is None else data.attrib
        nodes.append(Node(number, layer.attrib["type"], options, sources))
    return nodes


def in_order(nodes: Sequence[Node]) -> list[Node]:
    """Sorts nodes so that each comes after what it needs; the result comes last."""
    placed: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        ready = [node for node in waiting if all(s in placed for s in node.sources)]
        placed |= {node.name: node for node in ready}
        waiting = [node for node in waiting if node.name not in placed]
    return sorted(placed.values(), key=lambda node: node.operation == "Result")


def read_constant(node: Node, weights: bytes) -> Tensor:
    """A constant as float32, or as int64 if it counts."""
    kind = ELEMENT_TYPES[node.attributes["element_type"]]
    begin, size = int(node.attributes["offset"]), int(node.attributes["size"])
    values = np.frombuffer(weights[begin : begin + size], dtype=kind)
    shape = _numbers(node.attributes["shape"])
    wide = np.float32 if np.issubdtype(kind, np.floating) else np.int64
    return torch.from_numpy(values.astype(wide).reshape(shape))


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip()]


def _convolution(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    picture, weight = inputs
    groups = 1
    if weight.ndim == 5:  # [groups, out, in, h, w]
        groups, weight = len(weight), weight.flatten(0, 1)
    return F.conv2d(
        picture,
        weight,
        stride=_numbers(attributes["strides"]),
        padding=_numbers(attributes["pads_begin"]),
        dilation=_numbers(attributes["dilations"]),
        groups=groups,
    )


def _max_pool(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    kernel, stride, padding = (
        _numbers(attributes[key]) for key in ("kernel", "strides", "pads_begin")
    )
    return F.max_pool2d(inputs[0], kernel, stride, padding)


def _average_pool(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    kernel, stride = (_numbers(attributes[key]) for key in ("kernel", "strides"))
    return F.avg_pool2d(inputs[0], kernel, stride)


def _normalise_variance(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    """Mean-variance normalisation over the given axes, in float32: half precision overflows."""
    values, axes = inputs[0].float(), inputs[1].tolist()
    variance, mean = torch.var_mean(values, dim=axes, correction=0, keepdim=True)
    return (values - mean) * torch.rsqrt(variance + float(attributes["eps"]))


def _reshape(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    """A first dimension of 1 is the batch's: it was fixed when the network was written."""
    del attributes
    return inputs[0].reshape(inputs[0].shape[0], *inputs[1].tolist()[1:])


def _gather(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    del attributes
    values, indices, axis = inputs
    return values.index_select(int(axis), indices.to(values.device))


def _multiply_matrices(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    return inputs[0] @ (inputs[1].T if attributes["transpose_b"] == "true" else inputs[1])


def _reduce_mean(attributes: Attributes, inputs: Sequence[Tensor]) -> Tensor:
    keep = attributes["keep_dims"] == "true"
    return inputs[0].mean(dim=inputs[1].tolist(), keepdim=keep)


OPERATIONS: Mapping[str, Operation] = {
    "Add": lambda _, inputs: inputs[0] + inputs[1],
    "AvgPool": _average_pool,
    "Concat": lambda a, inputs: torch.cat(list(inputs), dim=int(a["axis"])),
    "Convert": lambda _, inputs: inputs[0],
    "Convolution": _convolution,
    "Gather": _gather,
    "GroupConvolution": _convolution,
    "MVN": _normalise_variance,
    "MatMul": _multiply_matrices,
    "MaxPool": _max_pool,
    "Multiply": lambda _, inputs: inputs[0] * inputs[1],
    "PReLU": lambda _, inputs: F.prelu(inputs[0], inputs[1].flatten()),
    "ReLU": lambda _, inputs: F.relu(inputs[0]),
    "ReduceMean": _reduce_mean,
    "Reshape": _reshape,
    "Result": lambda _, inputs: inputs[0],
    "ShapeOf": lambda _, inputs: torch.tensor(inputs[0].shape),
    "Sigmoid": lambda _, inputs: inputs[0].sigmoid(),
    "Subtract": lambda _, inputs: inputs[0] - inputs[1],
}
