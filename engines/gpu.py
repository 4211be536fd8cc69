"""Which NVIDIA GPU this machine has, and which edition of TensorRT can be had on it.

Asks the driver directly: nothing that is not needed is imported, and a machine without a GPU
answers within a millisecond.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pipeline.errors import ModelError

_DRIVER = "libcuda.so.1"
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
_LABELS = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}


class NoGpu(ModelError):
    """There is no GPU that could be used; the message says why."""


class NoTensorRt(ModelError):
    """There is no edition of TensorRT that could be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU.

    Attributes:
        name: as the driver calls it, such as `NVIDIA L4`; empty: any GPU of that capability.
        capability: compute capability, such as (8, 9).
    """

    name: str
    capability: tuple[int, int]

    @property
    def version(self) -> str:
        """The compute capability as people write it: `8.9`."""
        return ".".join(map(str, self.capability))

    def __str__(self) -> str:
        return f"{self.name or 'a GPU'} ({self.version})"


def parse_capability(text: str) -> tuple[int, int]:
    """Reads `8.9`.

    Raises:
        ModelError: it is no compute capability.
    """
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ModelError(f"expected a compute capability such as 8.9, found {text!r}")
    return int(parts[0]), int(parts[1])


def find_gpu(*, driver: str = _DRIVER) -> Gpu:
    """The first GPU the driver offers (CUDA_VISIBLE_DEVICES chooses among several).

    Args:
        driver: file name of the driver's library.

    Raises:
        NoGpu: there is no driver, or it offers no GPU.
    """
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        raise NoGpu(f"expected an NVIDIA driver, found no {driver}") from None
    _ask(cuda, "cuInit", 0)
    count = ctypes.c_int()
    _ask(cuda, "cuDeviceGetCount", ctypes.byref(count))
    if count.value == 0:
        raise NoGpu("expected an NVIDIA GPU, found a driver without one")
    name = ctypes.create_string_buffer(128)
    _ask(cuda, "cuDeviceGetName", name, len(name), 0)
    capability = _attribute(cuda, _CAPABILITY_MAJOR), _attribute(cuda, _CAPABILITY_MINOR)
    return Gpu(name.value.decode(), capability)


def _attribute(cuda: ctypes.CDLL, number: int) -> int:
    value = ctypes.c_int()
    _ask(cuda, "cuDeviceGetAttribute", ctypes.byref(value), number, 0)
    return value.value


def _ask(cuda: ctypes.CDLL, function: str, *arguments: Any) -> None:
    try:
        status = getattr(cuda, function)(*arguments)
    except AttributeError:
        raise NoGpu(f"expected an NVIDIA driver, found a library without {function}") from None
    if status != 0:
        text = ctypes.c_char_p()
        cuda.cuGetErrorString(status, ctypes.byref(text))
        reason = text.value.decode() if text.value else f"error {status}"
        raise NoGpu(f"expected an NVIDIA GPU, found that the driver cannot use it: {reason}")


@dataclass(frozen=True, slots=True)
class Edition:
    """An installed edition of TensorRT.

    Attributes:
        name: of its module, `tensorrt` or `tensorrt_rtx`.
        version: its own.
        module: the module itself.
    """

    name: str
    version: str
    module: ModuleType

    def __str__(self) -> str:
        return f"{_LABELS[self.name]} {self.version}"

    @property
    def is_rtx(self) -> bool:
        """True for the edition that compiles its kernels when they are first run."""
        return self.name == "tensorrt_rtx"

    def supports(self, capability: tuple[int, int]) -> bool:
        """True if it can compile for GPUs of this capability."""
        return not self.is_rtx or self.constant_for(capability) is not None

    def constant_for(self, capability: tuple[int, int]) -> Any:
        """TensorRT-RTX's own constant for a capability, or None if it has none."""
        known = getattr(self.module, "ComputeCapability", None)
        return getattr(known, "SM{}{}".format(*capability), None) if known else None


def find_tensorrt(capability: tuple[int, int] | None = None) -> Edition:
    """The edition of TensorRT to use: the full one if it is installed, else the RTX edition.

    Args:
        capability: of the GPU that is to be compiled for; None: any.

    Raises:
        NoTensorRt: none is installed that knows such a GPU.
    """
    refusals = []
    for name in _LABELS:
        if importlib.util.find_spec(name) is None:
            continue
        try:
            edition = _load(name)
        except (ImportError, OSError) as error:
            refusals.append(f"{name} cannot be loaded ({error})")
            continue
        if capability is None or edition.supports(capability):
            return edition
        refusals.append(f"{edition} does not know GPUs of {capability[0]}.{capability[1]}")
    found = "; ".join(refusals) or "none (pip install -r requirements-gpu.txt)"
    raise NoTensorRt(f"expected TensorRT or TensorRT-RTX, found {found}")


def _load(name: str) -> Edition:
    module = importlib.import_module(name)
    return Edition(name, str(module.__version__), module)
