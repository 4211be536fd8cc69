"""ONNX → TensorRT engine, kept until something it depends on changes.

`python -m engines.compile MODEL.onnx [-o FILE.engine] --precision f16 --batch 1 8 32`

Works with `tensorrt` and with its RTX edition, `tensorrt_rtx`. The latter compiles where there is
no GPU, too: `--capability 8.9` says what for. A running system compiles what it needs by itself
(see `engines.runtime`); the command is for doing that beforehand, on another machine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer
from onnx import ModelProto

from engines.cache_file import read_kept, write_whole
from engines.catalogue import cache_folder
from engines.detector_graph import DetectorGraph
from engines.engine import OutOfMemory
from engines.engine_file import EngineFacts, Profile, difference, read_engine, write_engine
from engines.gpu import Edition, Gpu, find_gpu, find_tensorrt, parse_capability
from engines.half import halve
from engines.onnx_graph import (
    free_lengths,
    input_shapes,
    is_quantised,
    prepare_detector,
    read_graph,
    source_hash,
)
from engines.trt_log import first_line, trt_log
from pipeline.errors import ModelError

GpuPrecision = Literal["f32", "f16", "int8"]

_WORKSPACE_BYTES = 2 << 30
"""Most memory one layer may use while it runs; with several cameras' engines on one GPU, the
fastest kernel is not worth more."""

logger = logging.getLogger(__name__)


class BatchRange(NamedTuple):
    """Rows of a batch: the fewest, the usual number, the most."""

    smallest: int = 1
    usual: int = 8
    largest: int = 32

    def halved(self) -> BatchRange:
        """The range with half as many rows at most."""
        largest = max(1, self.largest // 2)
        return BatchRange(min(self.smallest, largest), min(self.usual, largest), largest)


USUAL_BATCH = BatchRange()


@dataclass(frozen=True, slots=True)
class Source:
    """What is compiled.

    Attributes:
        path: the ONNX file.
        label: what engine file and messages call it: the file's name, a detector's with its size.
        read: makes the graph; only called when it is needed.
    """

    path: Path
    label: str
    read: Callable[[], ModelProto]


def graph_source(path: Path) -> Source:
    """A graph as its file has it."""
    return Source(path, path.stem, lambda: read_graph(path))


def detector_source(graph: DetectorGraph, size: tuple[int, int]) -> Source:
    """A detector that takes camera pictures (see `engines.onnx_graph.prepare_detector`).

    Args:
        graph: the detector.
        size: width and height of its input in pixels.
    """
    return Source(
        graph.path,
        f"{graph.path.stem}.{size[0]}x{size[1]}",
        lambda: prepare_detector(read_graph(graph.path), graph.head, size),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """What is compiled for.

    Attributes:
        edition: the TensorRT that compiles and will run the engine.
        gpu: the GPU it will run on.
        precision: arithmetic.
        batch: rows of a batch, where the graph leaves their number free.
    """

    edition: Edition
    gpu: Gpu
    precision: GpuPrecision = "f16"
    batch: BatchRange = USUAL_BATCH

    @property
    def duration(self) -> str:
        """How long compiling takes, roughly, for people."""
        return "a few seconds" if self.edition.is_rtx else "about 3 minutes"


def engine_path(source: Source, precision: GpuPrecision) -> Path:
    """Where the engine of a source is kept."""
    return cache_folder() / "engines" / f"{source.label}.{precision}.engine"


def compile_cached(
    source: Source, target: Target, *, path: Path | None = None
) -> tuple[EngineFacts, bytes]:
    """The engine of a source: read from its file, or built when the file does not fit.

    Args:
        source: what to compile.
        target: what for.
        path: the engine's file; None: in the cache. An engine that the cache has no room for is
            good for this run, and built again by the next.

    Raises:
        ModelError: the graph cannot be read or compiled, or `path` cannot be written.
        OutOfMemory: there is not enough memory on the GPU to compile it.
    """
    to_cache = path is None
    path = path or engine_path(source, target.precision)
    wanted = wanted_facts(source, target)
    if os.path.isfile(path):  # False also of what we may not look at
        reason = _refusal(path, wanted)
        if reason is None:
            return read_engine(path)
        logger.warning("%s: building it anew, %s", reason, target.duration)
    else:
        logger.warning("engine %s: building it for %s, %s", path.name, target.gpu, target.duration)
    plan = build(source, target)
    try:
        write_engine(path, wanted, plan)
    except ModelError as error:
        if not to_cache:
            raise
        logger.warning("%s: going on without keeping it", error)
    return wanted, plan


def wanted_facts(source: Source, target: Target) -> EngineFacts:
    """What the engine file must say for it to be used."""
    profile = profile_of(source.read(), target.batch)
    return EngineFacts(
        source=source.path.name,
        sha256=source_hash(source.path),
        edition=target.edition.name,
        version=target.edition.version,
        gpu=target.gpu.name,
        capability=target.gpu.version,
        precision=target.precision,
        profile=profile,
    )


def _refusal(path: Path, wanted: EngineFacts) -> str | None:
    """Why the file is of no use, as most of a sentence; None: it fits."""
    try:
        built, _ = read_engine(path)
    except ModelError as error:
        return str(error)
    reason = difference(built, wanted)
    return reason and f"engine {path.name} {reason}"


def profile_of(model: ModelProto, batch: BatchRange) -> Profile:
    """Smallest, usual and largest shape of every input.

    The first length is the batch where it is free; other free lengths are in the file's metadata.
    """
    lengths = free_lengths(model)

    def shape(name: str, given: tuple[int, ...], rows: int) -> tuple[int, ...]:
        free = (rows, *lengths.get(name, given)[1:])
        return tuple(f if g == -1 else g for f, g in zip(free, given, strict=True))

    return {
        name: (
            shape(name, given, batch.smallest),
            shape(name, given, batch.usual),
            shape(name, given, batch.largest),
        )
        for name, given in input_shapes(model).items()
    }


def build(source: Source, target: Target) -> bytes:
    """Compiles a graph, without looking at what is cached.

    Raises:
        ModelError: TensorRT does not take the graph, or not for this GPU.
        OutOfMemory: the GPU has not enough memory.
    """
    return _Build(source, target).run(read_for(source, target.precision))


def read_for(source: Source, precision: GpuPrecision) -> ModelProto:
    """The graph with the types that a precision takes.

    Raises:
        ModelError: 8 bits are asked for, and the graph is not quantised.
    """
    model = source.read()
    if precision == "int8" and not is_quantised(model):
        raise ModelError(
            f"{source.path}: expected a graph quantised to 8 bits for precision int8, found none; "
            "`python -m engines.quantise` makes one"
        )
    return halve(model) if precision == "f16" else model


class _Build:
    """One run of TensorRT's builder, and what it said."""

    def __init__(self, source: Source, target: Target) -> None:
        self._source = source
        self._target = target
        self._trt: Any = target.edition.module
        self._log = trt_log(target.edition)
        self._builder = self._trt.Builder(self._log)

    def run(self, model: ModelProto) -> bytes:
        profile = profile_of(model, self._target.batch)
        network = self._parse(model)
        config = self._configure(profile)
        cache = self._timing_cache(config)
        plan = self._builder.build_serialized_network(network, config)
        if plan is None:
            raise self._failure()
        if cache is not None:
            _keep(self._cache_path(), bytes(config.get_timing_cache().serialize()))
        return bytes(plan)

    def _parse(self, model: ModelProto) -> Any:
        trt = self._trt
        flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        network = self._builder.create_network(1 << int(flag) if flag is not None else 0)
        parser = trt.OnnxParser(network, self._log)
        if not parser.parse(model.SerializeToString()):
            reasons = [parser.get_error(i).desc() for i in range(parser.num_errors)]
            raise ModelError(
                f"{self._source.path}: expected a graph {self._target.edition} can compile, "
                f"found: {first_line(reasons)}"
            )
        return network

    def _configure(self, profile: Profile) -> Any:
        trt = self._trt
        config = self._builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE_BYTES)
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        shapes = self._builder.create_optimization_profile()
        for name, (smallest, usual, largest) in profile.items():
            shapes.set_shape(name, smallest, usual, largest)
        config.add_optimization_profile(shapes)
        self._choose_capability(config)
        return config

    def _choose_capability(self, config: Any) -> None:
        """Tells TensorRT-RTX the GPU; TensorRT compiles for the one it finds."""
        if not self._target.edition.is_rtx:
            return
        constant = self._target.edition.constant_for(self._target.gpu.capability)
        if constant is None:
            raise ModelError(
                f"engine {self._source.label}: {self._target.edition} does not know GPUs of "
                f"{self._target.gpu.version}"
            )
        config.num_compute_capabilities = 1
        config.set_compute_capability(constant, 0)

    def _timing_cache(self, config: Any) -> Any:
        """What earlier builds have measured; the RTX edition measures nothing when it builds."""
        if self._target.edition.is_rtx:
            return None
        path = self._cache_path()
        cache = config.create_timing_cache(read_kept(path))
        config.set_timing_cache(cache, ignore_mismatch=False)
        return cache

    def _cache_path(self) -> Path:
        edition, gpu = self._target.edition, self._target.gpu
        name = f"{edition.name}-{edition.version}-{gpu.name.replace(' ', '-')}-{gpu.version}"
        return cache_folder() / "engines" / f"{name}.timing"

    def _failure(self) -> ModelError:
        said = first_line(self._log.errors)
        kind = OutOfMemory if "memory" in said.lower() else ModelError
        return kind(
            f"engine {self._source.label}: {self._target.edition} cannot build it for "
            f"{self._target.gpu}: {said}"
        )


def _keep(path: Path, content: bytes) -> None:
    """Writes a cache file; without it the next build takes longer, no more."""
    with suppress(OSError):
        write_whole(path, content)


_PRECISIONS: dict[str, GpuPrecision] = {
    "f32": "f32", "fp32": "f32", "f16": "f16", "fp16": "f16", "int8": "int8",
}  # fmt: skip


def _target_for(precision: str, batch: BatchRange, capability: str | None) -> Target:
    if precision not in _PRECISIONS:
        raise ModelError(f"expected one of {', '.join(_PRECISIONS)}, found {precision!r}")
    if not 1 <= batch.smallest <= batch.usual <= batch.largest:
        raise ModelError(f"expected three rising numbers for --batch, found {list(batch)}")
    gpu = Gpu("", parse_capability(capability)) if capability else find_gpu()
    edition = find_tensorrt(gpu.capability)
    if capability and not edition.is_rtx:
        gpu = _matching(find_gpu(), gpu)
    return Target(edition, gpu, _PRECISIONS[precision], batch)


def _matching(here: Gpu, wanted: Gpu) -> Gpu:
    if here.capability != wanted.capability:
        raise ModelError(
            f"TensorRT compiles for the GPU of its own machine, {here}; for {wanted.version} "
            "install tensorrt_rtx, or compile there"
        )
    return here


def run(
    model: Annotated[Path, typer.Argument(help="ONNX file of a graph or a detector.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Engine file.")] = None,
    precision: Annotated[str, typer.Option(help="f32, f16 or int8.")] = "f16",
    batch: Annotated[tuple[int, int, int], typer.Option(help="Fewest, usual, most.")] = (1, 8, 32),
    capability: Annotated[str | None, typer.Option(help="Of a GPU that is not here: 8.9.")] = None,
    size: Annotated[
        tuple[int, int] | None, typer.Option(help="Detectors: input in pixels.")
    ] = None,
) -> None:
    """Compiles an ONNX file to a TensorRT engine, unless that is done already."""
    try:
        target = _target_for(precision, BatchRange(*batch), capability)
        source = _source_of(model, size)
        path = output or engine_path(source, target.precision)
        facts, plan = compile_cached(source, target, path=path)
    except ModelError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{path}: {len(plan) / 1e6:.1f} MB for {facts.device}, {target.edition}")


def _source_of(path: Path, size: tuple[int, int] | None) -> Source:
    """A detector if the file is one, else a graph as it is."""
    try:
        graph = DetectorGraph(path)
    except ModelError:
        if size is not None:
            raise
        return graph_source(path)
    return detector_source(graph, size or graph.native_size)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    typer.run(run)
