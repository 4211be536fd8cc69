"""Networks on an NVIDIA GPU without TensorRT: an ONNX file, operation by operation, in PyTorch.

What is left where TensorRT is missing or does not know the GPU. A network of hundreds of small
operations keeps a GPU waiting for the next one, so that they are recorded as a CUDA graph, once
per size of batch, and launched as one. It is the only part of the running system that imports
PyTorch.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from engines.engine import Arrays, Engine, OutOfMemory, Results
from engines.onnx_graph import input_shapes
from engines.torch_ops import OPERATIONS, TYPES
from pipeline.errors import ModelError

logger = logging.getLogger(__name__)

_RECORDING = threading.Lock()
"""Held while a CUDA graph is recorded: two engines must not do so at the same time."""

_READS_ITS_OPERANDS = frozenset({"Pad", "Resize"})
"""Operations that must know the numbers in all inputs but the first to say how large they are."""

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


class TorchEngine(Engine):
    """An ONNX graph on the first GPU, in the precisions that the graph itself has.

    Batches are rounded up to a power of two, so that there is a handful of shapes to record.

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
        self._read = {
            operand
            for node in model.graph.node
            if node.op_type in _READS_ITS_OPERANDS
            for operand in node.input[1:]
        }
        try:
            self._steps = [_Step(node, name, self._place) for node in model.graph.node]
            self._weights = {
                weight.name: self._place(weight.name, _tensor(weight))
                for weight in model.graph.initializer
            }
        except torch.cuda.OutOfMemoryError as error:
            raise OutOfMemory(f"{name}: {_reason(error)}") from error
        self._enqueuing = threading.Lock()
        on_gpu = self._device.type == "cuda"
        self._stream = torch.cuda.Stream() if on_gpu else None
        self._pool = torch.cuda.graph_pool_handle() if on_gpu else None
        self._programs: dict[Shapes, _Program] = {}
        self._idle: defaultdict[Shapes, deque[_Slot]] = defaultdict(deque)
        if on_gpu:
            self._prepare_all()

    def _place(self, name: str, tensor: Tensor) -> Tensor:
        """Numbers of the network go to the device; shapes, positions and scales stay here."""
        stays = name in self._read or not tensor.is_floating_point()
        return tensor if stays else tensor.to(self._device)

    def _start(self, arrays: Arrays) -> _Running:
        rows = self._check_arrays(arrays)
        padded = self._round_up(rows)
        shapes = tuple((name, (padded, *array.shape[1:])) for name, array in arrays.items())
        with self._enqueuing, torch.inference_mode(), torch.cuda.stream(self._stream):
            try:
                program = self._programs.get(shapes) or self._prepare(shapes)
                slot = self._idle[shapes].pop() if self._idle[shapes] else _Slot(program)
                slot.fill(arrays, rows)
                program.run(slot)
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(f"{self.name}: {_reason(error)}") from error
            except RuntimeError as error:  # also of an operation that is not there
                raise ModelError(f"{self.name}: {_reason(error)}") from error
        return _Running(self.name, slot, rows, self._idle[shapes])

    def _check_arrays(self, arrays: Arrays) -> int:
        """The number of rows.

        Raises:
            ModelError: a shape or type is not what the graph takes.
        """
        rows = {len(array) for array in arrays.values() if array.ndim}
        for name, array in arrays.items():
            expected = self._shapes[name]
            fits = len(expected) == array.ndim and all(
                e in (-1, a) for e, a in zip(expected, array.shape, strict=True)
            )
            wanted = str(self._types[name]).removeprefix("torch.")
            if not fits or str(array.dtype) != wanted or len(rows) != 1:
                raise ModelError(
                    f"{self.name}: expected {name} of type {wanted} and shape {list(expected)} "
                    f"(-1: any), found {array.dtype}{list(array.shape)}"
                )
        return rows.pop()

    def _round_up(self, rows: int) -> int:
        if any(shape[0] != -1 for shape in self._shapes.values()):
            return rows
        return max(rows, min(1 << (rows - 1).bit_length(), self.max_batch or rows))

    def _prepare_all(self) -> None:
        """Records all sizes of batch at once, as far as they are known: later, it would be a halt.

        The largest first, so that the others find room in its memory.
        """
        if any(length == -1 for shape in self._shapes.values() for length in shape[1:]):
            return
        sizes = {self._round_up(rows) for rows in range(1, (self.max_batch or 0) + 1)}
        for rows in sorted(sizes, reverse=True):
            arrays = {
                name: np.zeros((rows, *shape[1:]), str(self._types[name]).removeprefix("torch."))
                for name, shape in self._shapes.items()
            }
            self._start(arrays).wait()

    def _prepare(self, shapes: Shapes) -> _Program:
        program = _Program(self._run, shapes, self._types, self._device)
        if self._stream is not None:
            try:
                program.record(self._stream, self._pool)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                logger.warning("%s: runs without a CUDA graph: %s", self.name, _reason(error))
        self._programs[shapes] = program
        return program

    def _run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The network's outputs, one operation after the other."""
        known: dict[str, Tensor | None] = {"": None, **self._weights, **inputs}
        for step in self._steps:
            step.run(known)
        outputs = {name: known[name] for name in self.outputs}
        return {name: output for name, output in outputs.items() if output is not None}


class _Program:
    """The network for one size of batch, with its inputs and outputs at fixed places.

    Batches go through it one after the other, in the order of the stream, so that several may be
    under way.
    """

    def __init__(
        self,
        compute: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
        shapes: Shapes,
        types: Mapping[str, torch.dtype],
        device: torch.device,
    ) -> None:
        self._compute = compute
        self._graph: torch.cuda.CUDAGraph | None = None
        self.inputs = {
            name: torch.zeros(shape, dtype=types[name], device=device) for name, shape in shapes
        }
        with _exact():
            self.outputs = compute(self.inputs)

    def record(self, stream: torch.cuda.Stream, pool: Any) -> None:
        """Makes a CUDA graph of it; it has been computed once, so that nothing is left to prepare.

        Args:
            stream: the engine's.
            pool: memory that the graphs of one stream share: none runs while another does.

        Raises:
            RuntimeError: something in it cannot be recorded.
        """
        graph = torch.cuda.CUDAGraph()
        stream.synchronize()
        with (
            _RECORDING,
            _exact(),
            torch.cuda.graph(graph, pool, stream, capture_error_mode="thread_local"),
        ):
            outputs = self._compute(self.inputs)
        self._graph, self.outputs = graph, outputs

    def run(self, slot: _Slot) -> None:
        """Enqueues a batch: copied there, computed, copied back."""
        for name, array in slot.inputs.items():
            self.inputs[name].copy_(array, non_blocking=True)
        if self._graph is not None:
            self._graph.replay()
        else:
            with _exact():
                self.outputs = self._compute(self.inputs)
        for name, output in self.outputs.items():
            slot.outputs[name].copy_(output, non_blocking=True)
        if slot.done is not None:
            slot.done.record()


def _exact() -> Any:
    """Single precision means single precision; trying all ways of a convolution gained nothing."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False)


class _Slot:
    """What one batch under way needs on the CPU's side: pinned copies of inputs and outputs."""

    def __init__(self, program: _Program) -> None:
        self.inputs = {name: _pinned(tensor) for name, tensor in program.inputs.items()}
        self.outputs = {name: _pinned(tensor) for name, tensor in program.outputs.items()}
        on_gpu = any(tensor.is_cuda for tensor in program.inputs.values())
        self.done = torch.cuda.Event() if on_gpu else None

    def fill(self, arrays: Arrays, rows: int) -> None:
        """Copies a batch in; rows that only fill it up are its last again."""
        for name, array in arrays.items():
            place: NDArray[Any] = self.inputs[name].numpy()
            place[:rows] = array
            place[rows:] = array[-1]


class _Running:
    """A batch the device is working on."""

    def __init__(self, name: str, slot: _Slot, rows: int, idle: deque[_Slot]) -> None:
        self._name = name
        self._slot = slot
        self._rows = rows
        self._idle = idle

    def wait(self) -> Results:
        try:
            if self._slot.done is not None:
                self._slot.done.synchronize()
        except RuntimeError as error:
            raise ModelError(f"{self._name}: {_reason(error)}") from error
        outputs = self._slot.outputs.items()
        results = {name: np.array(output.numpy()[: self._rows]) for name, output in outputs}
        self._idle.append(self._slot)
        return results


class _Step:
    """One node: its operation with its attributes."""

    def __init__(self, node: NodeProto, graph: str, place: Callable[[str, Tensor], Tensor]) -> None:
        if node.op_type not in OPERATIONS and node.op_type != "Constant":
            raise ModelError(
                f"{graph}: expected operations that can be run in PyTorch, found {node.op_type}; "
                "TensorRT can run it (pip install -r requirements-gpu.txt)"
            )
        self._kind = node.op_type
        self._inputs, self._outputs = tuple(node.input), tuple(node.output)
        self._attributes = _attributes(node) | {"outputs": len(node.output)}
        if self._kind == "Constant":
            self._constant = place(node.output[0], _constant(self._attributes))

    def run(self, known: dict[str, Tensor | None]) -> None:
        """Adds this node's outputs to what is known."""
        if self._kind == "Constant":
            known[self._outputs[0]] = self._constant
            return
        given = [known[name] for name in self._inputs]
        result = OPERATIONS[self._kind](self._attributes, *given)
        results: Sequence[Tensor] = [result] if isinstance(result, Tensor) else result
        known.update(zip(self._outputs, results, strict=False))


def _attributes(node: NodeProto) -> dict[str, Any]:
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if "value" in values and hasattr(values["value"], "data_type"):
        values["value"] = _tensor(values["value"])
    return values


def _tensor(stored: TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(stored).copy())


def _constant(attributes: Mapping[str, Any]) -> Tensor:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in attributes:
            return torch.as_tensor(attributes[name])
    raise ModelError(f"expected a constant of numbers, found {', '.join(attributes)}")


def _pinned(like: Tensor) -> Tensor:
    return torch.empty(like.shape, dtype=like.dtype, pin_memory=like.is_cuda)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
