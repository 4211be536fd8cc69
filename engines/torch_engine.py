"""Networks on an NVIDIA GPU without TensorRT: an ONNX file, operation by operation, in PyTorch.

The last resort: two to ten times slower than TensorRT, and faster than a CPU all the same. It is
the only part of the running system that imports PyTorch.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from onnx import ModelProto, NodeProto, helper, numpy_helper
from torch import Tensor

from engines.engine import Arrays, Engine, OutOfMemory, Results
from engines.onnx_graph import input_shapes
from engines.torch_ops import OPERATIONS, TYPES
from pipeline.errors import ModelError


class TorchEngine(Engine):
    """An ONNX graph on the first GPU, in the precisions that the graph itself has.

    Args:
        model: the graph (see `engines.onnx_graph`, and `engines.half` for half precision).
        name: what messages call it.
        device: PyTorch's name of the device.
        max_batch: most rows of one batch; None: any number.

    Raises:
        ModelError: the graph has an operation that `engines.torch_ops` has not.
        OutOfMemory: the weights do not fit.
    """

    def __init__(
        self,
        model: ModelProto,
        *,
        name: str,
        device: str = "cuda",
        max_batch: int | None = 32,
    ) -> None:
        self.name = name
        self.max_batch = max_batch
        self._device = torch.device(device)
        shapes = input_shapes(model)
        self.inputs = tuple(shapes)
        self.outputs = tuple(port.name for port in model.graph.output)
        self._shapes = shapes
        self._types = {p.name: TYPES[p.type.tensor_type.elem_type] for p in model.graph.input}
        try:
            self._steps = [_Step(node, name) for node in model.graph.node]
            self._weights = {
                weight.name: self._place(torch.from_numpy(numpy_helper.to_array(weight).copy()))
                for weight in model.graph.initializer
            }
        except torch.cuda.OutOfMemoryError as error:
            raise OutOfMemory(f"{name}: {_reason(error)}") from error
        self._enqueuing = threading.Lock()
        self._stream = torch.cuda.Stream() if self._device.type == "cuda" else None

    def _place(self, tensor: Tensor) -> Tensor:
        """Numbers of the network go to the device; shapes and positions stay here."""
        return tensor.to(self._device) if tensor.is_floating_point() else tensor

    def _start(self, arrays: Arrays) -> _Running:
        self._check_arrays(arrays)
        with self._enqueuing, torch.inference_mode(), torch.cuda.stream(self._stream):
            try:
                return _Running(self.name, self._run(arrays), self._stream)
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(f"{self.name}: {_reason(error)}") from error
            except (RuntimeError, NotImplementedError) as error:
                raise ModelError(f"{self.name}: {_reason(error)}") from error

    def _check_arrays(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            expected = self._shapes[name]
            fits = len(expected) == array.ndim and all(
                e in (-1, a) for e, a in zip(expected, array.shape, strict=True)
            )
            wanted = str(self._types[name]).removeprefix("torch.")
            if not fits or str(array.dtype) != wanted:
                raise ModelError(
                    f"{self.name}: expected {name} of type {wanted} and shape {list(expected)} "
                    f"(-1: any), found {array.dtype}{list(array.shape)}"
                )

    def _run(self, arrays: Arrays) -> dict[str, Tensor]:
        """Enqueues everything and returns the outputs, on their way to pinned memory."""
        known: dict[str, Tensor | None] = {"": None, **self._weights}
        for name, array in arrays.items():
            known[name] = self._upload(torch.from_numpy(array))
        for step in self._steps:
            step.run(known, self._place)
        return {name: _download(known[name]) for name in self.outputs}

    def _upload(self, tensor: Tensor) -> Tensor:
        if self._device.type == "cpu":
            return tensor
        return tensor.pin_memory().to(self._device, non_blocking=True)


class _Step:
    """One node: its operation with its attributes."""

    def __init__(self, node: NodeProto, graph: str) -> None:
        if node.op_type not in OPERATIONS and node.op_type != "Constant":
            raise ModelError(
                f"{graph}: expected operations that can be run in PyTorch, found {node.op_type}; "
                "TensorRT can run it (pip install -r requirements-gpu.txt)"
            )
        self._kind = node.op_type
        self._inputs, self._outputs = tuple(node.input), tuple(node.output)
        self._attributes = _attributes(node) | {"outputs": len(node.output)}
        if self._kind == "Constant":
            self._constant = _constant(self._attributes)

    def run(self, known: dict[str, Tensor | None], place: Any) -> None:
        """Adds this node's outputs to what is known."""
        if self._kind == "Constant":
            known[self._outputs[0]] = place(self._constant)
            return
        given = [known[name] for name in self._inputs]
        result = OPERATIONS[self._kind](self._attributes, *given)
        results: Sequence[Tensor] = [result] if isinstance(result, Tensor) else result
        known.update(zip(self._outputs, results, strict=False))


class _Running:
    """A batch the device is working on."""

    def __init__(self, name: str, outputs: Mapping[str, Tensor], stream: Any) -> None:
        self._name = name
        self._outputs = outputs
        self._done = stream.record_event() if stream is not None else None

    def wait(self) -> Results:
        try:
            if self._done is not None:
                self._done.synchronize()
        except RuntimeError as error:
            raise ModelError(f"{self._name}: {_reason(error)}") from error
        return {name: output.numpy() for name, output in self._outputs.items()}


def _attributes(node: NodeProto) -> dict[str, Any]:
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if "value" in values and hasattr(values["value"], "data_type"):
        values["value"] = torch.from_numpy(numpy_helper.to_array(values["value"]).copy())
    return values


def _constant(attributes: Mapping[str, Any]) -> Tensor:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in attributes:
            return torch.as_tensor(attributes[name])
    raise ModelError(f"expected a constant of numbers, found {', '.join(attributes)}")


def _download(tensor: Tensor | None) -> Tensor:
    """A copy in pinned memory; on the CPU, a copy that is the caller's own."""
    assert tensor is not None
    if tensor.device.type == "cpu":
        return tensor.clone(memory_format=torch.contiguous_format)
    target = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return target.copy_(tensor, non_blocking=True)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
