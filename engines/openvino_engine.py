"""Networks on a CPU, by OpenVINO."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import Any, Literal

import openvino as ov

from engines.engine import Arrays, Engine, Precision, Results
from pipeline.errors import ModelError

Mode = Literal["latency", "throughput"]

_CPU_INFO = Path("/proc/cpuinfo")


class OpenVinoEngine(Engine):
    """A network compiled for this machine's CPU.

    Requests are reused: there are never more of them than have been under way at the same time.

    Args:
        model: path of an ONNX file (or of anything else OpenVINO reads), or a model in memory.
        precision: arithmetic of the network: "auto" takes bf16 where the CPU is quick at it.
            "int8" is for graphs that are quantised already (see `engines.quantise`).
        threads: number of CPU threads; 0 leaves the choice to OpenVINO.
        mode: "latency" gives one request all threads, which suits large batches; "throughput"
            works on several requests at the same time with a share of the threads each, which
            suits many small ones.
        rows: compiles for batches of exactly so many rows; larger ones are split. None: of any
            size, and every request keeps the memory of the largest batch it has ever had.

    Raises:
        ModelError: the file is missing or cannot be compiled.
    """

    def __init__(
        self,
        model: Path | ov.Model,
        *,
        precision: Precision = "auto",
        threads: int = 0,
        mode: Mode = "latency",
        rows: int | None = None,
    ) -> None:
        network = model if isinstance(model, ov.Model) else read_network(model)
        self.name = network.get_friendly_name() if isinstance(model, ov.Model) else str(model)
        options = _options(precision, threads, mode)
        self.max_batch = rows
        if rows is not None:
            _fix_rows(network, rows)
        try:
            self._compiled = ov.Core().compile_model(network, "CPU", options)
        except RuntimeError as error:
            raise ModelError(
                f"{self.name}: expected a network OpenVINO can run, found: {_reason(error)}"
            ) from error
        # Compiling may add aliases to a port, so its name is taken from before.
        self.inputs = tuple(port.get_any_name() for port in network.inputs)
        self.outputs = tuple(port.get_any_name() for port in network.outputs)
        self._idle: deque[ov.InferRequest] = deque()
        self._creating = threading.Lock()

    def _start(self, arrays: Arrays) -> _Running:
        request = self._take()
        try:
            request.start_async(dict(arrays), share_inputs=True)
        except (RuntimeError, ValueError, TypeError) as error:
            self._idle.append(request)
            raise ModelError(f"{self.name}: {_reason(error)}") from error
        return _Running(self, request, arrays)

    def _take(self) -> ov.InferRequest:
        try:
            return self._idle.pop()  # the one used last: its memory is still in the cache
        except IndexError:
            with self._creating:
                return self._compiled.create_infer_request()

    def _collect(self, request: ov.InferRequest) -> Results:
        """Waits for a request, copies its outputs, and puts it back among the idle ones."""
        try:
            request.wait()
            return {
                name: request.get_output_tensor(index).data.copy()
                for index, name in enumerate(self.outputs)
            }
        except RuntimeError as error:
            raise ModelError(f"{self.name}: {_reason(error)}") from error
        finally:
            self._idle.append(request)


class _Running:
    """A batch that OpenVINO is working on."""

    def __init__(self, engine: OpenVinoEngine, request: ov.InferRequest, arrays: Arrays) -> None:
        self._engine = engine
        self._request = request
        self._arrays = arrays  # the request reads them in place: keep them alive

    def wait(self) -> Results:
        return self._engine._collect(self._request)


def read_network(path: Path) -> ov.Model:
    """Reads a network from an ONNX, TensorFlow or OpenVINO file.

    Raises:
        ModelError: the file is missing or not a network.
    """
    if not path.is_file():
        raise ModelError(f"{path}: expected a network's file, found none")
    try:
        return ov.Core().read_model(str(path))
    except RuntimeError as error:
        raise ModelError(
            f"{path}: expected a network OpenVINO can read (ONNX, TensorFlow, OpenVINO), "
            f"found: {_reason(error)}"
        ) from error


def _fix_rows(network: ov.Model, rows: int) -> None:
    """Settles the first dimension of every input."""
    shapes = {port: port.get_partial_shape() for port in network.inputs}
    for shape in shapes.values():
        shape[0] = ov.Dimension(rows)
    network.reshape(shapes)


def has_fast_bf16(cpu_info: Path = _CPU_INFO) -> bool:
    """True if the CPU multiplies matrices of bf16 in hardware (AMX).

    Instructions for bf16 alone (AVX-512 BF16) are not enough: with them, convolutional networks
    of this project's size run slower than in f32, since every layer converts to and fro.
    """
    return cpu_info.is_file() and "amx_bf16" in cpu_info.read_text(encoding="utf-8")


def _options(precision: Precision, threads: int, mode: Mode) -> dict[str, Any]:
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _hint(precision),
        "PERFORMANCE_HINT": mode.upper(),
        # A node runs several engines side by side: pinned, they would queue for the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options


def _hint(precision: Precision) -> str:
    if precision == "auto":
        return "bf16" if has_fast_bf16() else "f32"
    # A quantised graph says by itself what is done in 8 bits; the hint is for the rest.
    return "f32" if precision == "int8" else precision


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message, where it says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
