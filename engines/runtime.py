"""Engine: a compiled network, named arrays in, named arrays out. OpenVINO on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.errors import ModelError

Arrays = Mapping[str, NDArray[Any]]
Precision = Literal["auto", "f32", "bf16"]


@dataclass(slots=True)
class Pending:
    """A request under way; `wait` gives its results."""

    _request: ov.InferRequest
    _names: tuple[str, ...]

    def wait(self) -> dict[str, NDArray[Any]]:
        """Blocks until the request is done.

        Returns:
            every output by name; the arrays are the caller's to keep.
        """
        self._request.wait()
        return {
            name: self._request.get_output_tensor(i).data.copy()
            for i, name in enumerate(self._names)
        }


class Engine:
    """A network compiled for this machine's CPU.

    Args:
        model: path of an ONNX file (or of anything else OpenVINO reads), or a model in memory.
        precision: arithmetic of the network: "auto" takes bf16 where the CPU has it.
        threads: number of CPU threads; 0 leaves the choice to OpenVINO.

    Raises:
        ModelError: the file is missing or cannot be compiled.
    """

    def __init__(
        self, model: Path | ov.Model, *, precision: Precision = "auto", threads: int = 0
    ) -> None:
        core = ov.Core()
        try:
            network = model if isinstance(model, ov.Model) else core.read_model(str(model))
            self._compiled = core.compile_model(network, "CPU", _options(core, precision, threads))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"{model}: expected a network OpenVINO can run, found: {reason}") from error
        self.inputs = tuple(port.get_any_name() for port in self._compiled.inputs)
        self.outputs = tuple(port.get_any_name() for port in self._compiled.outputs)

    def submit(self, arrays: Arrays) -> Pending:
        """Starts a request and returns at once; keep `arrays` unchanged until it is waited for."""
        request = self._compiled.create_infer_request()
        request.start_async(dict(arrays), share_inputs=True)
        return Pending(request, self.outputs)

    def __call__(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Runs the network on `arrays` and returns every output by name."""
        return self.submit(arrays).wait()


def _options(core: ov.Core, precision: Precision, threads: int) -> dict[str, Any]:
    capable = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "auto":
        precision = "bf16" if "BF16" in capable else "f32"
    options: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
    }
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options
