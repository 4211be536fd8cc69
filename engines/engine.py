"""Engine: a compiled network, named arrays in, named arrays out, whatever it runs on."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

Arrays = Mapping[str, NDArray[Any]]
Results = dict[str, NDArray[Any]]
Precision = Literal["auto", "f32", "bf16", "f16", "int8"]

logger = logging.getLogger(__name__)


class OutOfMemory(ModelError):
    """The device has no room for a batch of this size; a smaller one may fit."""


class Request(Protocol):
    """One batch under way on a device."""

    def wait(self) -> Results:
        """Blocks until the batch is done and gives every output by name.

        Raises:
            OutOfMemory: the batch did not fit.
            ModelError: the network failed on it.
        """


class Pending:
    """Arrays under way; `wait` gives their results. One thread waits for it, any thread may."""

    def __init__(self, engine: Engine, parts: Sequence[tuple[Arrays, Request | None]]) -> None:
        self._engine = engine
        self._parts = parts
        self._results: Results | None = None

    def wait(self) -> Results:
        """Blocks until all is done; waiting again gives the same results at once.

        Returns:
            every output by name; the arrays are the caller's to keep.

        Raises:
            ModelError: the network failed on these arrays.
        """
        if self._results is None:
            done = [self._engine._finish(arrays, request) for arrays, request in self._parts]
            self._results = done[0] if len(done) == 1 else _joined(done)
            self._parts = ()
        return self._results


class Engine(ABC):
    """A network compiled for one device. Safe to use from several threads.

    Batches count along the first axis of every array. More rows than `max_batch` are split, and
    when the device runs out of memory the batch is halved and the work goes on.

    Attributes:
        name: what messages call it.
        inputs, outputs: names of the arrays, in the network's order.
        max_batch: most rows of one batch; None: any number.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    max_batch: int | None = None

    def submit(self, arrays: Arrays) -> Pending:
        """Starts the work and returns at once; keep `arrays` unchanged until it is waited for.

        Raises:
            ModelError: a name, shape or type is not what the network takes.
        """
        if set(arrays) != set(self.inputs):
            raise ModelError(
                f"{self.name}: expected the inputs {', '.join(self.inputs)}, "
                f"found {', '.join(arrays) or 'none'}"
            )
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        return Pending(self, [(part, self._attempt(part)) for part in self._split(contiguous)])

    def __call__(self, arrays: Arrays) -> Results:
        """Runs the network on `arrays` and returns every output by name."""
        return self.submit(arrays).wait()

    @abstractmethod
    def _start(self, arrays: Arrays) -> Request:
        """Starts one batch of at most `max_batch` rows.

        Raises:
            OutOfMemory: there is no room for it.
            ModelError: a shape or type is not what the network takes.
        """

    def _attempt(self, arrays: Arrays) -> Request | None:
        """Starts a batch; None: there was no room, `_finish` is to try again with less."""
        try:
            return self._start(arrays)
        except OutOfMemory:
            return None

    def _finish(self, arrays: Arrays, request: Request | None) -> Results:
        try:
            results = request.wait() if request else self._start(arrays).wait()
        except OutOfMemory as error:
            self._halve(_rows(arrays), error)
            return self(arrays)
        self._check(results)
        return results

    def _halve(self, rows: int, error: OutOfMemory) -> None:
        """Settles for half of a batch that did not fit.

        Raises:
            ModelError: it was a single row.
        """
        if rows <= 1:
            raise ModelError(
                f"{self.name}: the device has not enough memory for a batch of one: {error}"
            ) from error
        half = rows // 2
        if self.max_batch is None or half < self.max_batch:
            self.max_batch = half
            logger.warning(
                "%s: out of memory with a batch of %d, going on with %d", self.name, rows, half
            )

    def _split(self, arrays: Arrays) -> Iterator[Arrays]:
        rows = _rows(arrays)
        step = self.max_batch or rows
        if rows <= step:
            return iter([arrays])
        return (
            {name: array[begin : begin + step] for name, array in arrays.items()}
            for begin in range(0, rows, step)
        )

    def _check(self, results: Results) -> None:
        """Raises ModelError if an output is not a number anywhere."""
        for name, array in results.items():
            if array.size and array.dtype.kind == "f" and np.isnan(array.min()):
                bad = int(np.isnan(array).reshape(len(array), -1).any(axis=1).sum())
                raise ModelError(
                    f"{self.name}: expected numbers in the output {name}, found NaN in {bad} of "
                    f"{len(array)} rows; a higher precision (f32) may help"
                )


def _rows(arrays: Arrays) -> int:
    """Rows of a batch; arrays that do not agree are left for the network to refuse."""
    lengths = {array.shape[0] if array.ndim else 1 for array in arrays.values()}
    return lengths.pop() if len(lengths) == 1 else 1


def _joined(parts: Sequence[Results]) -> Results:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
