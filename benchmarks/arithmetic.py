"""How much arithmetic a network is, counted from its graph, and how much a GPU can do."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openvino as ov

_SIDE = 8192
_ROUNDS = 20
_NUMBERS = {"f32", "f16", "bf16", "i8", "u8"}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The size of a network.

    Attributes:
        multiply_adds: of one row of the batch, in convolutions and products of matrices; all else
            is a few percent.
        parameters: numbers that were learned.
    """

    multiply_adds: int
    parameters: int


def count_arithmetic(network: ov.Model) -> Arithmetic:
    """Counts one row's work.

    Args:
        network: all its inputs begin with the batch, or it has a fixed batch of one.
    """
    single = network.clone()
    single.reshape({port: [1, *list(port.partial_shape)[1:]] for port in single.inputs})
    operations = single.get_ordered_ops()
    return Arithmetic(
        multiply_adds=sum(_multiply_adds(operation) for operation in operations),
        parameters=sum(_parameters(operation) for operation in operations),
    )


def _multiply_adds(operation: ov.Node) -> int:
    """Numbers in the result times products in each."""
    kind = operation.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "MatMul"):
        return 0
    results = math.prod(operation.get_output_shape(0))
    if kind == "MatMul":
        transposed = operation.get_attributes()["transpose_a"]
        return results * operation.get_input_shape(0)[-2 if transposed else -1]
    # A kernel is [out, in, h, w]; of a grouped convolution [groups, out, in, h, w].
    kernel = operation.get_input_shape(1)
    return results * math.prod(kernel[-3:])


def _parameters(operation: ov.Node) -> int:
    """Numbers in a constant, unless it is an axis, a shape, or a range to round to."""
    if operation.get_type_name() != "Constant":
        return 0
    if operation.get_element_type().get_type_name() not in _NUMBERS:
        return 0
    readers = {reader.get_node().get_type_name() for reader in _readers(operation)}
    return 0 if readers <= {"FakeQuantize"} else math.prod(operation.get_output_shape(0))


def _readers(operation: ov.Node) -> list[Any]:
    """What reads a constant, behind the conversions to another type."""
    readers = list(operation.output(0).get_target_inputs())
    for reader in list(readers):
        if reader.get_node().get_type_name() == "Convert":
            readers.remove(reader)
            readers += _readers(reader.get_node())
    return readers


def gpu_peak(precision: str) -> float | None:
    """Multiply-adds a second that the GPU reaches in the product of two large matrices.

    Args:
        precision: f32 (with TF32, as TensorRT computes it), f16, bf16 or int8.

    Returns:
        None without a GPU that PyTorch can use, or for another precision.
    """
    try:
        import torch
    except ImportError:
        return None
    kinds = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "int8": torch.int8}
    if not torch.cuda.is_available() or precision not in kinds:
        return None
    torch.backends.cuda.matmul.allow_tf32 = True
    matrix = torch.ones(_SIDE, _SIDE, device="cuda").to(kinds[precision])
    product = torch._int_mm if precision == "int8" else torch.matmul
    return _SIDE**3 / _seconds(lambda: product(matrix, matrix.T), torch.cuda.synchronize)


def _seconds(run: Callable[[], object], synchronise: Callable[[], object]) -> float:
    """Best time of one run."""
    times = []
    for _ in range(_ROUNDS):
        synchronise()
        began = time.perf_counter()
        run()
        synchronise()
        times.append(time.perf_counter() - began)
    return min(times)
