"""What a crop costs: networks, devices and precisions against each other, in turns.

    python -m benchmarks.embed --weights drsa_osnet_x0_5 --peer 0277.xml --batch 1 --batch 32

Every round measures everything once, so that other load on the machine hits all alike. A cell is
milliseconds per crop, best (median) over the rounds, at that batch, with two batches under way as
`engines.embed` has them; the time of bringing pictures to and from a GPU is in it, reading and
resizing files is not. Crops a second are those of the quickest batch, by its median. Multiply-adds
are of one crop. On a GPU the last column is what share of the multiply-adds that the card reaches
in one large product of matrices the network puts to use (PyTorch measures that product).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar, get_args

import numpy as np
import openvino as ov
import typer

from benchmarks.arithmetic import Arithmetic, count_arithmetic, gpu_peak
from benchmarks.machine import describe_machine, markdown
from engines.embed import find_graphs
from engines.engine import Arrays
from engines.runtime import (
    Device,
    Engine,
    OpenVinoEngine,
    Pending,
    Precision,
    choose_backend,
    open_engine,
    read_network,
)
from pipeline.config import DEFAULT_NETWORK
from pipeline.errors import ConfigError, HandoffError, ModelError

PRECISIONS: dict[Device, tuple[Precision, ...]] = {
    "cpu": ("f32", "bf16", "int8"),
    "gpu": ("f32", "f16", "int8"),
}
UNDER_WAY = 2
SHARE = "share of the GPU"
LEAST_SECONDS = 0.05
"""A measurement repeats a batch for about as long."""

Choice = TypeVar("Choice", bound=str)


@dataclass(slots=True)
class Contestant:
    """One network on one device in one precision.

    Attributes:
        name: of the network.
        where: device and precision, as the table calls them.
        engine: takes one array.
        shape: of that array without the batch.
        arithmetic: of one crop.
        peak: multiply-adds a second of the GPU in this precision; None on a CPU.
        milliseconds: per crop, of every round, by batch.
    """

    name: str
    where: str
    engine: Engine
    shape: tuple[int, ...]
    arithmetic: Arithmetic
    peak: float | None = None
    milliseconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def crops_per_second(self) -> float:
        return 1000 / min(float(np.median(taken)) for taken in self.milliseconds.values())

    @property
    def share(self) -> float | None:
        """Share of the GPU's multiply-adds that the network puts to use."""
        if self.peak is None:
            return None
        return self.arithmetic.multiply_adds * self.crops_per_second / self.peak

    def row(self) -> list[str]:
        """Its figures as text, in the order of `header`."""
        return [
            self.name,
            self.where,
            f"{self.arithmetic.multiply_adds / 1e6:,.0f} M",
            f"{self.arithmetic.parameters / 1e6:.2f} M",
            *(f"{min(t):.3g} ({np.median(t):.3g})" for t in self.milliseconds.values()),
            f"{self.crops_per_second:,.0f}",
            "" if self.share is None else f"{self.share:.1%}",
        ]


def header(batches: Sequence[int]) -> list[str]:
    """Names of the columns."""
    times = [f"ms, batch {batch}" for batch in batches]
    names = ["network", "runs on", "multiply-adds", "parameters"]
    return [*names, *times, "crops/s", SHARE]


def without_empty_share(
    names: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The table as it is, or without its last column where no GPU's peak is known."""
    if any(row[-1] for row in rows):
        return names, rows
    return names[:-1], [row[:-1] for row in rows]


def compete(contestants: Sequence[Contestant], batches: Sequence[int], *, rounds: int) -> None:
    """Measures everything once a round, after one round to warm up."""
    runs = [
        (contestant, batch, _runner(contestant, batch))
        for contestant in contestants
        for batch in batches
    ]
    repeats = [_repeats(run) for _, _, run in runs]
    for _ in range(rounds):
        for (contestant, batch, run), times in zip(runs, repeats, strict=True):
            taken = contestant.milliseconds.setdefault(batch, [])
            taken.append(1000 * run(times) / (times * batch))


def _runner(contestant: Contestant, batch: int) -> Callable[[int], float]:
    """Something that runs a batch so many times and gives the seconds that took."""
    rng = np.random.default_rng(0)
    (name,) = contestant.engine.inputs
    pixels = rng.integers(0, 256, (batch, *contestant.shape), np.uint8)
    is_picture = contestant.shape[-1] == 3  # peers take float32[n, 3, H, W]
    arrays = {name: pixels if is_picture else pixels.astype(np.float32)}
    return lambda times: _run(contestant.engine, arrays, times)


def _run(engine: Engine, arrays: Arrays, times: int) -> float:
    began = time.perf_counter()
    waiting: deque[Pending] = deque()
    for _ in range(times):
        waiting.append(engine.submit(arrays))
        if len(waiting) > UNDER_WAY - 1:
            waiting.popleft().wait()
    while waiting:
        waiting.popleft().wait()
    return time.perf_counter() - began


def _repeats(run: Callable[[int], float]) -> int:
    run(1)
    return max(UNDER_WAY, round(LEAST_SECONDS / run(1)))


def ours(
    names: Sequence[str], devices: Sequence[Device], precisions: Sequence[Precision], largest: int
) -> Iterator[Contestant]:
    """Our networks in every precision on every device; what cannot be had is said and left out.

    Args:
        names: see `engines.embed.find_graphs`.
        devices: "cpu" and "gpu".
        precisions: none: all that a device has.
        largest: the largest batch.
    """
    for path in [find_graphs(name).crop for name in names]:
        for device in devices:
            for precision in precisions or PRECISIONS[device]:
                try:
                    yield _ours(path, device, precision, largest)
                except ModelError as error:
                    typer.echo(f"left out: {path.name}, {device}, {precision}: {error}", err=True)


def _ours(path: Path, device: Device, precision: Precision, largest: int) -> Contestant:
    batch = (1, largest, largest)
    engine = open_engine(path, device=device, precision=precision, batch=batch)
    network = read_network(path)
    return Contestant(
        name=path.name.removesuffix(".crop.onnx"),
        where=f"{_library(engine)} {precision}",
        engine=engine,
        shape=_shape(network),
        arithmetic=count_arithmetic(network),
        peak=None if device == "cpu" else gpu_peak(precision),
    )


def peer(path: Path) -> Contestant:
    """A re-identification network of somebody else on the CPU: float32[n, 3, H, W] in.

    Raises:
        ModelError: it is none.
    """
    network = read_network(path)
    shape = _shape(network)
    network.reshape({network.inputs[0]: [-1, *shape]})
    engine = OpenVinoEngine(network, precision="f32")
    return Contestant(
        path.stem, f"{_library(engine)} f32", engine, shape, count_arithmetic(network)
    )


def _library(engine: Engine) -> str:
    """What an engine runs by, from the name of its class."""
    return type(engine).__name__.removesuffix("Engine").replace("Vino", "VINO").replace("Rt", "RT")


def _shape(network: ov.Model) -> tuple[int, ...]:
    """Of the network's input, without the batch."""
    return tuple(length.get_length() for length in list(network.inputs[0].partial_shape)[1:])


def main(
    weights: Annotated[list[str] | None, typer.Option(help="Name or path; repeatable.")] = None,
    peer_: Annotated[
        list[Path] | None, typer.Option("--peer", help="Network by others; repeatable.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="cpu or gpu; repeatable; else all there is.")
    ] = None,
    precision: Annotated[
        list[str] | None, typer.Option(help="f32, bf16, f16 or int8; repeatable.")
    ] = None,
    batch: Annotated[list[int] | None, typer.Option(help="Crops at a time; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(help="How often everything is measured.")] = 10,
) -> None:
    """Measures networks against each other and prints one table."""
    batches = sorted(set(batch or (1, 8, 32)))
    try:
        devices = [_one_of(name, PRECISIONS) for name in device or _devices()]
        wanted = [_one_of(name, get_args(Precision)) for name in precision or []]
        contestants = [
            *ours(weights or [DEFAULT_NETWORK], devices, wanted, batches[-1]),
            *(peer(path) for path in peer_ or []),
        ]
    except HandoffError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    compete(contestants, batches, rounds=rounds)
    typer.echo(f"{describe_machine()}; best (median) of {rounds} rounds\n")
    rows = [contestant.row() for contestant in contestants]
    typer.echo(markdown(*without_empty_share(header(batches), rows)))


def _devices() -> list[str]:
    return ["cpu", "gpu"] if choose_backend().gpu else ["cpu"]


def _one_of(name: str, allowed: Iterable[Choice]) -> Choice:
    """The choice of that name.

    Raises:
        ConfigError: there is none.
    """
    choices = {str(choice): choice for choice in allowed}
    if name not in choices:
        raise ConfigError(f"expected one of {', '.join(choices)}, found {name!r}")
    return choices[name]


if __name__ == "__main__":
    typer.run(main)
