"""Networks on an NVIDIA GPU, by TensorRT or TensorRT-RTX with PyCUDA.

One stream per engine: copies to the GPU, kernels and copies back follow each other in it, while
the CPU prepares the next batch. Every batch under way has its own execution context and buffers:
a CUDA graph is bound to the context, the shapes and the addresses it was recorded with.
"""

from __future__ import annotations

import importlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.cache_file import read_kept, write_whole
from engines.cuda_graph import CudaGraph
from engines.engine import Arrays, Engine, OutOfMemory, Results
from engines.engine_file import EngineFacts
from engines.gpu import Edition, NoGpu
from engines.trt_log import first_line, trt_log
from pipeline.errors import ModelError

Types = Mapping[str, np.dtype[Any]]


class TensorRtEngine(Engine):
    """A compiled engine on the machine's first GPU.

    Batches are rounded up to a power of two, so that there is a handful of shapes to prepare. An
    engine of fixed shapes, such as a detector's, runs as one CUDA graph. Uses the device's primary
    context, as PyTorch does, pushed and popped around every call; so any thread may use it.

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
    _settings: Any
    _stream: Any
    _types: Types

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
        self._keep_kernels: Callable[[], object] = lambda: None
        with self._active():
            self._load(plan)

    def close(self) -> None:
        """Gives the GPU's memory back; batches under way must have been waited for."""
        with self._active():
            self._keep_kernels()
            self._idle.clear()
            self._settings = self._engine = self._stream = None

    def _load(self, plan: bytes) -> None:
        self._runtime = self._trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise self._failure("cannot be loaded")
        self._settings = self._rtx_settings() if self._is_rtx else None
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

    def _rtx_settings(self) -> Any:
        """The RTX edition makes CUDA graphs by itself and keeps its kernels, if it is told to."""
        settings = self._engine.create_runtime_config()
        settings.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        cache = settings.create_runtime_cache()
        if self._kernels is not None:
            if kept := read_kept(self._kernels):
                cache.deserialize(kept)  # refused if it does not fit
            self._keep_kernels = weakref.finalize(self, _keep_kernels, cache, self._kernels)
        settings.set_runtime_cache(cache)
        return settings

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
        given = (self._settings,) if self._settings is not None else ()
        execution = self._engine.create_execution_context(*given)
        if execution is None:
            raise self._failure("cannot be prepared")
        shapes = self._shapes(execution)
        try:
            return _Slot(self._cuda, execution, shapes, self._types)
        except self._cuda.MemoryError as error:
            raise OutOfMemory(f"{self.name}: {error}") from error

    def _shapes(self, execution: Any) -> dict[str, tuple[int, ...]]:
        """Largest shape of every input and output, as far as the memory goes."""
        largest = {
            name: (self.max_batch or shape[0], *shape[1:])
            for name, (_, _, shape) in self._facts.profile.items()
        }
        for name, shape in largest.items():
            execution.set_input_shape(name, shape)
        outputs = {name: tuple(execution.get_tensor_shape(name)) for name in self.outputs}
        return largest | outputs

    def _enqueue(self, slot: _Slot, rows: int) -> None:
        """Copy, compute, copy back; with fixed shapes as a CUDA graph from the third time on."""
        if slot.graph is not None:
            slot.graph.launch(self._stream.handle)
        else:
            self._issue(slot, rows)
            if slot.is_warm and self._records:
                with CudaGraph.capturing(self._stream.handle) as slot.graph:
                    self._issue(slot, rows)
            slot.is_warm = True  # TensorRT prepares itself when it first runs
        slot.done.record(self._stream)

    @property
    def _records(self) -> bool:
        """True if CUDA graphs are ours to make: shapes never change, and TensorRT makes none."""
        fixed = all(low == high for low, _, high in self._facts.profile.values())
        return fixed and not self._is_rtx

    def _issue(self, slot: _Slot, rows: int) -> None:
        for name in self.inputs:
            slot.execution.set_input_shape(name, (rows, *slot.host[name].shape[1:]))
            self._cuda.memcpy_htod_async(slot.device[name], slot.host[name][:rows], self._stream)
        if not slot.execution.execute_async_v3(self._stream.handle):
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
    """What one batch needs: an execution context, pinned buffers, their partners on the GPU."""

    def __init__(
        self, cuda: Any, execution: Any, shapes: Mapping[str, tuple[int, ...]], types: Types
    ) -> None:
        self.execution = execution
        self.host: dict[str, NDArray[Any]] = {
            name: cuda.pagelocked_empty(shape, types[name]) for name, shape in shapes.items()
        }
        self.device = {name: cuda.mem_alloc(max(1, a.nbytes)) for name, a in self.host.items()}
        for name, memory in self.device.items():
            execution.set_tensor_address(name, int(memory))
        self.done = cuda.Event(cuda.event_flags.DISABLE_TIMING)
        self.graph: CudaGraph | None = None
        self.is_warm = False

    def fill(self, arrays: Arrays, rows: int, padded: int) -> None:
        """Copies a batch into the pinned buffers; rows that only fill it up are its last again."""
        for name, array in arrays.items():
            self.host[name][:rows] = array
            self.host[name][rows:padded] = array[-1]


def _keep_kernels(cache: Any, path: Path) -> None:
    """Saves what the RTX edition has compiled; without it the next start is slower, no more."""
    with suppress(OSError):
        write_whole(path, bytes(cache.serialize()))


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
