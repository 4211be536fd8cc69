"""CUDA graphs: everything a stream is told for one batch, recorded once and launched as one.

PyCUDA has no call for them, so that the five of the driver are made here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from pipeline.errors import ModelError

_CAPTURE_THREAD_LOCAL = 1
"""Other threads may go on talking to the GPU while this one records."""


class CudaGraph:
    """A recorded sequence of copies and kernels; lives as long as this object."""

    def __init__(self) -> None:
        self._graph = ctypes.c_void_p()
        self._executable = ctypes.c_void_p()

    @classmethod
    @contextmanager
    def capturing(cls, stream: int) -> Iterator[CudaGraph]:
        """Records what is told to a stream inside the `with` block, without doing it.

        Args:
            stream: handle of the stream.

        Raises:
            ModelError: something in the block cannot be recorded.
        """
        recorded = cls()
        handle = ctypes.c_void_p(stream)
        _call("cuStreamBeginCapture_v2", handle, _CAPTURE_THREAD_LOCAL)
        try:
            yield recorded
        finally:
            _call("cuStreamEndCapture", handle, ctypes.byref(recorded._graph))
        _call(
            "cuGraphInstantiateWithFlags",
            ctypes.byref(recorded._executable),
            recorded._graph,
            ctypes.c_ulonglong(0),
        )

    def launch(self, stream: int) -> None:
        """Does what was recorded."""
        _call("cuGraphLaunch", self._executable, ctypes.c_void_p(stream))

    def __del__(self) -> None:
        for destroy, handle in (
            ("cuGraphExecDestroy", self._executable),
            ("cuGraphDestroy", self._graph),
        ):
            if handle:
                getattr(_driver(), destroy)(handle)


@cache
def _driver() -> Any:
    return ctypes.CDLL("libcuda.so.1")


def _call(function: str, *arguments: Any) -> None:
    status = getattr(_driver(), function)(*arguments)
    if status != 0:
        text = ctypes.c_char_p()
        _driver().cuGetErrorString(status, ctypes.byref(text))
        raise ModelError(f"CUDA graph: {function}: {(text.value or b'?').decode()}")
