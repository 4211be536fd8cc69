"""Engine: a compiled network, named arrays in, named arrays out. OpenVINO on a CPU."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.errors import ModelError

Arrays = Mapping[str, NDArray[Any]]
Precision = Literal["auto", "f32", "bf16"]
Mode = Literal["latency", "throughput"]

_CPU_INFO = Path("/proc/cpuinfo")


class Pending:
    """A request under way; `wait` gives its results. One thread waits for it, any thread may."""

    def __init__(self, engine: Engine, request: ov.InferRequest, arrays: Arrays) -> None:
        self._engine = engine
        self._request: ov.InferRequest | None = request
        self._arrays: Arrays | None = arrays  # the request reads them in place: keep them alive
        self._results: dict[str, NDArray[Any]] = {}

    def wait(self) -> dict[str, NDArray[Any]]:
        """Blocks until the request is done; waiting again gives the same results at once.

        Returns:
            every output by name; the arrays are the caller's to keep.

        Raises:
            ModelError: the network failed on these arrays.
        """
        if self._request is not None:
            self._results = self._engine._finish(self._request)
            self._request = self._arrays = None
        return self._results


class Engine:
    """A network compiled for this machine's CPU. Safe to use from several threads.

    Requests are reused: there are never more of them than have been under way at the same time.

    Args:
        model: path of an ONNX file (or of anything else OpenVINO reads), or a model in memory.
        precision: arithmetic of the network: "auto" takes bf16 where the CPU is quick at it.
        threads: number of CPU threads; 0 leaves the choice to OpenVINO.
        mode: "latency" gives one request all threads, which suits large batches; "throughput"
            works on several requests at the same time with a share of the threads each, which
            suits many small ones.

    Attributes:
        inputs, outputs: names of the arrays, in the network's order.

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
    ) -> None:
        network = model if isinstance(model, ov.Model) else read_network(model)
        self._name = network.get_friendly_name() if isinstance(model, ov.Model) else str(model)
        try:
            self._compiled = ov.Core().compile_model(
                network, "CPU", _options(precision, threads, mode)
            )
        except RuntimeError as error:
            raise ModelError(
                f"{self._name}: expected a network OpenVINO can run, found: {_reason(error)}"
            ) from error
        # Compiling may add aliases to a port, so its name is taken from before.
        self.inputs = tuple(port.get_any_name() for port in network.inputs)
        self.outputs = tuple(port.get_any_name() for port in network.outputs)
        self._idle: deque[ov.InferRequest] = deque()
        self._creating = threading.Lock()

    def submit(self, arrays: Arrays) -> Pending:
        """Starts a request and returns at once; keep `arrays` unchanged until it is waited for.

        Raises:
            ModelError: a name, shape or type is not what the network takes.
        """
        if set(arrays) != set(self.inputs):
            raise ModelError(
                f"{self._name}: expected the inputs {', '.join(self.inputs)}, "
                f"found {', '.join(arrays) or 'none'}"
            )
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        request = self._take()
        try:
            request.start_async(contiguous, share_inputs=True)
        except (RuntimeError, ValueError, TypeError) as error:
            self._idle.append(request)
            raise ModelError(f"{self._name}: {_reason(error)}") from error
        return Pending(self, request, contiguous)

    def __call__(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Runs the network on `arrays` and returns every output by name."""
        return self.submit(arrays).wait()

    def _take(self) -> ov.InferRequest:
        try:
            return self._idle.pop()  # the one used last: its memory is still in the cache
        except IndexError:
            with self._creating:
                return self._compiled.create_infer_request()

    def _finish(self, request: ov.InferRequest) -> dict[str, NDArray[Any]]:
        """Waits for a request, copies its outputs, and puts it back among the idle ones."""
        try:
            request.wait()
            return {
                name: request.get_output_tensor(index).data.copy()
                for index, name in enumerate(self.outputs)
            }
        except RuntimeError as error:
            raise ModelError(f"{self._name}: {_reason(error)}") from error
        finally:
            self._idle.append(request)


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


def has_fast_bf16(cpu_info: Path = _CPU_INFO) -> bool:
    """True if the CPU multiplies matrices of bf16 in hardware (AMX).

    Instructions for bf16 alone (AVX-512 BF16) are not enough: with them, convolutional networks
    of this project's size run slower than in f32, since every layer converts to and fro.
    """
    return cpu_info.is_file() and "amx_bf16" in cpu_info.read_text(encoding="utf-8")


def _options(precision: Precision, threads: int, mode: Mode) -> dict[str, Any]:
    if precision == "auto":
        precision = "bf16" if has_fast_bf16() else "f32"
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": mode.upper(),
        # A node runs several engines side by side: pinned, they would queue for the same cores.
        "ENABLE_CPU_PINNING": False,
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message, where it says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
