"""Networks on an NVIDIA GPU, by TensorRT or TensorRT-RTX with PyCUDA.

One stream per engine: copies to the GPU, kernels and copies back follow each other in it, while
the CPU prepares the next batch. Every batch under way has its own pinned buffers.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.cuda_graph import CudaGraph
from engines.engine import Arrays, Engine, OutOfMemory, Results
from engines.engine_file import EngineFacts
from engines.gpu import Edition, NoGpu
from engines.trt_log import first_line, trt_log
from pipeline.errors import ModelError

logger = logging.getLogger(__name__)


class TensorRtEngine(Engine):
    """A compiled engine on the machine's first GPU.

    Batches are rounded up to a power of two: a handful of shapes, each of which is prepared once,
    and then runs as one CUDA graph. Uses the device's primary context, as PyTorch does, pushed
    and popped around every call; so any thread may use it.

    Args:
        facts: what the engine file says.
        plan: what TensorRT compiled.
        edition: the TensorRT that compiled it.
        kernels: file in which the RTX edition keeps the kernels it compiles while it runs;
            None: they are compiled anew at every start.

    Raises:
        OutOfMemory: there is no room on the GPU.
        ModelError: TensorRT does not accept the engine.
        NoGpu: PyCUDA is missing, or finds no GPU.
    """

    _engine: Any  # TensorRT has no types that mypy could read
    _execution: Any
    _stream: Any
    _types: dict[str, np.dtype[Any]]

    def __init__(
        self, facts: EngineFacts, plan: bytes, *, edition: Edition, kernels: Path | None = None
    ) -> None:
        self.name = f"{facts.source} ({facts.precision}, {edition})"
        self.max_batch = facts.max_batch
        self._facts = facts
        self._trt: Any = edition.module
        self._is_rtx = edition.is_rtx
        self._log = trt_log(edition)
        self._cuda = import_pycuda()
        self._context = self._cuda.Device(0).retain_primary_context()
        self._kernels = kernels
        self._enqueuing = threading.Lock()
        self._idle: deque[_Slot] = deque()
        with self._active():
            self._load(plan)

    def close(self) -> None:
        """Gives the GPU's memory back; batches under way must have been waited for."""
        with self._active():
            self._save_kernels()
            self._idle.clear()
            self._execution = self._engine = self._stream = None

    def _load(self, plan: bytes) -> None:
        self._runtime = self._trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        self._execution = self._engine and self._create_execution()
        if self._execution is None:
            raise self._failure("cannot be loaded")
        self._stream = self._cuda.Stream()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        is_input = {
            n: self._engine.get_tensor_mode(n) == self._trt.TensorIOMode.INPUT for n in names
        }
        self.inputs = tuple(name for name in names if is_input[name])
        self.outputs = tuple(name for name in names if not is_input[name])
        self._types = {
            name: np.dtype(self._trt.nptype(self._engine.get_tensor_dtype(name))) for name in names
        }

    def _create_execution(self) -> Any:
        """The RTX edition makes CUDA graphs by itself and keeps its kernels, if it is told to."""
        if not self._is_rtx:
            return self._engine.create_execution_context()
        config = self._engine.create_runtime_config()
        config.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        cache = config.create_runtime_cache()
        if self._kernels is not None and self._kernels.is_file():
            cache.deserialize(self._kernels.read_bytes())
        config.set_runtime_cache(cache)
        self._cache = cache
        return self._engine.create_execution_context(config)

    def _save_kernels(self) -> None:
        if self._is_rtx and self._kernels is not None:
            with suppress(OSError):
                self._kernels.write_bytes(bytes(self._cache.serialize()))

    def _start(self, arrays: Arrays) -> _Running:
        rows = self._check_arrays(arrays)
        padded = self._round_up(rows)
        with self._active(), self._enqueuing:
            slot = self._take()
            try:
                slot.fill(arrays, rows, padded)
                self._enqueue(slot, padded)
            except self._cuda.MemoryError as error:
                raise OutOfMemory(f"{self.name}: {error}") from error
            except self._cuda.Error as error:
                raise ModelError(f"{self.name}: {error}") from error
        return _Running(self, slot, rows)

    def _check_arrays(self, arrays: Arrays) -> int:
        """The number of rows.

        Raises:
            ModelError: a shape or type is not what the engine was built for.
        """
        rows = {len(array) for array in arrays.values()}
        for name, array in arrays.items():
            expected = self._facts.profile[name][2][1:]
            if array.shape[1:] != expected or array.dtype != self._types[name] or len(rows) != 1:
                raise ModelError(
                    f"{self.name}: expected {name} of type {self._types[name]} and shape "
                    f"[n, {', '.join(map(str, expected))}], found {array.dtype}{list(array.shape)}"
                )
        return rows.pop()

    def _round_up(self, rows: int) -> int:
        smallest = max(low[0] for low, _, _ in self._facts.profile.values())
        return max(smallest, min(1 << (rows - 1).bit_length(), self.max_batch or rows))

    def _take(self) -> _Slot:
        if self._idle:
            return self._idle.pop()
        try:
            return _Slot(self._cuda, self._shapes(), self._types)
        except self._cuda.MemoryError as error:
            raise OutOfMemory(f"{self.name}: {error}") from error

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Largest shape of every input and output, as far as the memory goes."""
        largest = {
            name: (self.max_batch or shape[0], *shape[1:])
            for name, (_, _, shape) in self._facts.profile.items()
        }
        for name, shape in largest.items():
            self._execution.set_input_shape(name, shape)
        outputs = {name: tuple(self._execution.get_tensor_shape(name)) for name in self.outputs}
        return largest | outputs

    def _enqueue(self, slot: _Slot, rows: int) -> None:
        """Copy, compute, copy back: as a CUDA graph from the second time on."""
        graph = slot.graphs.get(rows)
        if isinstance(graph, CudaGraph):
            graph.launch(self._stream.handle)
        elif graph is None or self._is_rtx:
            self._issue(slot, rows)
            slot.graphs[rows] = "warm"  # TensorRT prepares a shape when it first meets it
        else:
            with CudaGraph.capturing(self._stream.handle) as captured:
                self._issue(slot, rows)
            slot.graphs[rows] = captured
            captured.launch(self._stream.handle)
        slot.done.record(self._stream)

    def _issue(self, slot: _Slot, rows: int) -> None:
        for name in self.inputs:
            self._execution.set_input_shape(name, (rows, *slot.host[name].shape[1:]))
        for name, memory in slot.device.items():
            self._execution.set_tensor_address(name, int(memory))
        for name in self.inputs:
            self._cuda.memcpy_htod_async(slot.device[name], slot.host[name][:rows], self._stream)
        if not self._execution.execute_async_v3(self._stream.handle):
            raise self._failure("cannot be run")
        for name in self.outputs:
            self._cuda.memcpy_dtoh_async(slot.host[name][:rows], slot.device[name], self._stream)

    def _failure(self, what: str) -> ModelError:
        said = first_line(self._log.errors)
        self._log.errors.clear()
        kind = OutOfMemory if "memory" in said.lower() else ModelError
        return kind(f"{self.name}: {what}: {said}")

    def _collect(self, slot: _Slot, rows: int) -> Results:
        with self._active():
            try:
                slot.done.synchronize()
            except self._cuda.Error as error:
                raise ModelError(f"{self.name}: {error}") from error
            results = {name: slot.host[name][:rows].copy() for name in self.outputs}
        self._idle.append(slot)
        return results

    @contextmanager
    def _active(self) -> Iterator[None]:
        """Makes the device's context this thread's own for a moment."""
        self._context.push()
        try:
            yield
        finally:
            self._cuda.Context.pop()


class _Running:
    """A batch the GPU is working on."""

    def __init__(self, engine: TensorRtEngine, slot: _Slot, rows: int) -> None:
        self._engine = engine
        self._slot = slot
        self._rows = rows

    def wait(self) -> Results:
        return self._engine._collect(self._slot, self._rows)


class _Slot:
    """Buffers of one batch: pinned ones on this side, their partners on the GPU."""

    def __init__(
        self, cuda: Any, shapes: dict[str, tuple[int, ...]], types: dict[str, Any]
    ) -> None:
        self.host: dict[str, NDArray[Any]] = {
            name: cuda.pagelocked_empty(shape, types[name]) for name, shape in shapes.items()
        }
        self.device = {name: cuda.mem_alloc(max(1, a.nbytes)) for name, a in self.host.items()}
        self.done = cuda.Event(cuda.event_flags.DISABLE_TIMING)
        self.graphs: dict[int, CudaGraph | str] = {}

    def fill(self, arrays: Arrays, rows: int, padded: int) -> None:
        """Copies a batch into the pinned buffers; rows that only fill it up are its last again."""
        for name, array in arrays.items():
            self.host[name][:rows] = array
            self.host[name][rows:padded] = array[-1]


def import_pycuda() -> Any:
    """PyCUDA's driver module, ready.

    Raises:
        NoGpu: it is not installed, or finds no driver or GPU.
    """
    try:
        cuda = importlib.import_module("pycuda.driver")
    except ImportError as error:
        raise NoGpu(
            f"expected PyCUDA and a driver for it, found: {error} "
            "(pip install -r requirements-gpu.txt)"
        ) from error
    try:
        cuda.init()
    except cuda.Error as error:
        raise NoGpu(f"expected an NVIDIA GPU, PyCUDA found none: {error}") from error
    return cuda
