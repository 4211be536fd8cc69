"""Which engine a network runs in: TensorRT on a GPU, PyTorch on a GPU without it, OpenVINO else.

| there is | backend | what it takes |
|---|---|---|
| a GPU, TensorRT or TensorRT-RTX, PyCUDA | TensorRT | requirements-gpu.txt |
| a GPU, PyTorch with CUDA | PyTorch | requirements.txt |
| neither | OpenVINO | requirements-runtime.txt |
"""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engines.engine import Engine, OutOfMemory, Pending, Precision
from engines.gpu import Edition, Gpu, NoGpu, NoTensorRt, find_gpu, find_tensorrt
from engines.openvino_engine import Mode, OpenVinoEngine, has_fast_bf16, read_network
from pipeline.errors import ModelError

if TYPE_CHECKING:
    from engines.compile import BatchRange, GpuPrecision, Source
    from engines.detector_graph import DetectorGraph

__all__ = [
    "Backend", "Device", "Engine", "OpenVinoEngine", "Pending", "Precision", "choose_backend",
    "has_fast_bf16", "open_detector", "open_engine", "read_network",
]  # fmt: skip

Device = Literal["auto", "cpu", "gpu"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backend:
    """What networks run on.

    Attributes:
        gpu: the GPU; None: the CPU, by OpenVINO.
        edition: TensorRT; None on a GPU: PyTorch.
        why: what is missing for something faster; empty: nothing.
    """

    gpu: Gpu | None = None
    edition: Edition | None = None
    why: str = ""

    def __str__(self) -> str:
        library = self.edition or ("PyTorch" if self.gpu else "OpenVINO")
        where = self.gpu or "CPU"
        return f"{where}, {library}" + (f" ({self.why})" if self.why else "")


def choose_backend(device: Device = "auto") -> Backend:
    """Settles on what networks run on.

    Args:
        device: "cpu" or "gpu" to insist on one of them; "auto" takes the GPU if it can be used.

    Raises:
        ModelError: "gpu" is asked for and there is none, or nothing to use it with.
    """
    if device == "cpu":
        return Backend()
    try:
        gpu = find_gpu()
    except NoGpu as error:
        if device == "gpu":
            raise ModelError(str(error)) from error
        return Backend()
    return _on(gpu, device)


def _on(gpu: Gpu, device: Device) -> Backend:
    """The best there is for a GPU."""
    try:
        edition = find_tensorrt(gpu.capability)
        missing = [name for name in ("pycuda", "onnx") if not _is_installed(name)]
        if missing:
            raise NoTensorRt(
                f"expected pycuda and onnx beside {edition}, found no {' and no '.join(missing)} "
                "(pip install -r requirements-gpu.txt)"
            )
        return Backend(gpu, edition)
    except NoTensorRt as error:
        reason = str(error)
    if _torch_has_cuda():
        return Backend(gpu, None, f"no TensorRT: {reason}")
    reason = f"{gpu} is idle: {reason}; and no PyTorch with CUDA"
    if device == "gpu":
        raise ModelError(reason)
    return Backend(why=reason)


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _torch_has_cuda() -> bool:
    if not (_is_installed("torch") and _is_installed("onnx")):
        return False
    import torch

    return bool(torch.cuda.is_available())


def open_engine(
    path: Path,
    *,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: int = 0,
    mode: Mode = "latency",
    rows: int | None = None,
    batch: tuple[int, int, int] = (1, 8, 32),
) -> Engine:
    """Opens a graph's ONNX file on the best device there is.

    Args:
        path: the ONNX file.
        device: see `choose_backend`.
        precision: arithmetic; "auto" is f16 on a GPU, and f32 or bf16 on a CPU.
        threads, mode, rows: for the CPU; see `OpenVinoEngine`.
        batch: for a GPU: fewest, usual and most rows of a batch. More are split.

    Raises:
        ModelError: the file is missing or cannot be compiled, or the device cannot be had.
    """
    backend = choose_backend(device)
    if precision == "int8":
        path = quantised(path)
    if backend.gpu is None:
        return OpenVinoEngine(
            path, precision=_for_cpu(precision), threads=threads, mode=mode, rows=rows
        )
    from engines.compile import BatchRange, graph_source

    return _open_on_gpu(backend, graph_source(path), _for_gpu(precision), BatchRange(*batch))


def open_detector(
    graph: DetectorGraph,
    size: tuple[int, int],
    *,
    device: Device = "auto",
    precision: Precision = "auto",
    threads: int = 0,
) -> Engine:
    """Opens a detector for camera pictures on the best device there is.

    A detector that is no ONNX file runs on the CPU: TensorRT reads nothing else.

    Args:
        graph: the detector.
        size: width and height of its input in pixels.
        device, precision, threads: see `open_engine`.

    Raises:
        ModelError: it cannot be compiled, or the device cannot be had.
    """
    backend = choose_backend(device)
    if backend.gpu is not None and not graph.takes_channels_first:
        logger.warning("%s is no ONNX file of a YOLO detector: it runs on the CPU", graph.path)
        backend = Backend()
    if backend.gpu is None:
        return OpenVinoEngine(
            graph.build(size), precision=_for_cpu(precision), threads=threads, mode="throughput"
        )
    from engines.compile import BatchRange, detector_source

    source = detector_source(graph, size)
    return _open_on_gpu(backend, source, _for_gpu(precision), BatchRange(1, 1, 1))


def quantised(path: Path) -> Path:
    """Where the graph in 8 bits lies: `NAME.int8.onnx` beside `NAME.onnx`.

    Raises:
        ModelError: there is none.
    """
    target = path.with_name(f"{path.stem}.int8.onnx")
    if not target.is_file():
        raise ModelError(
            f"precision int8: expected {target}, found none; `python -m engines.quantise` makes it"
        )
    return target


def _open_on_gpu(
    backend: Backend, source: Source, precision: GpuPrecision, batch: BatchRange
) -> Engine:
    """Compiles and loads; when the GPU has not enough memory, for smaller batches."""
    while True:
        try:
            return _load(backend, source, precision, batch)
        except OutOfMemory as error:
            if batch.largest == 1:
                raise
            batch = batch.halved()
            logger.warning("%s: trying again with batches of %d", error, batch.largest)


def _load(backend: Backend, source: Source, precision: GpuPrecision, batch: BatchRange) -> Engine:
    from engines.compile import Target, compile_cached, engine_path, read_for

    assert backend.gpu is not None
    if backend.edition is None:
        from engines.torch_engine import TorchEngine

        name = f"{source.path.name} ({precision}, PyTorch)"
        return TorchEngine(read_for(source, precision), name=name, max_batch=batch.largest)
    from engines.tensorrt_engine import TensorRtEngine

    target = Target(backend.edition, backend.gpu, precision, batch)
    facts, plan = compile_cached(source, target)
    kernels = engine_path(source, precision).with_suffix(".kernels")
    return TensorRtEngine(facts, plan, edition=backend.edition, kernels=kernels)


def _for_cpu(precision: Precision) -> Precision:
    if precision == "f16":
        raise ModelError("expected precision auto, f32, bf16 or int8 on a CPU, found f16")
    return precision


def _for_gpu(precision: Precision) -> GpuPrecision:
    if precision == "bf16":
        raise ModelError("expected precision auto, f32, f16 or int8 on a GPU, found bf16")
    return "f16" if precision == "auto" else precision
