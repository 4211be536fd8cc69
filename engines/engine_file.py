"""Engine files: what TensorRT compiled, and in front of it what it was compiled from and for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.cache_file import write_whole
from engines.gpu import Gpu, parse_capability
from pipeline.errors import ModelError

_MAGIC = b"handoff engine 1\n"

Profile = Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]
"""Smallest, usual and largest shape of every input."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine was compiled from and for; if any of it differs, it is of no use.

    Attributes:
        source: name of the ONNX file, for messages.
        sha256: of the ONNX file.
        edition, version: of TensorRT.
        gpu: name of the GPU; empty: any of its capability.
        capability: compute capability, such as `8.9`.
        precision: f32, f16 or int8.
        profile: smallest, usual and largest shape of every input.
    """

    source: str
    sha256: str
    edition: str
    version: str
    gpu: str
    capability: str
    precision: str
    profile: Profile

    @property
    def device(self) -> Gpu:
        """The GPU."""
        return Gpu(self.gpu, parse_capability(self.capability))

    @property
    def max_batch(self) -> int:
        """Most rows of a batch."""
        return min(largest[0] for _, _, largest in self.profile.values())


def write_engine(path: Path, facts: EngineFacts, plan: bytes) -> None:
    """Writes an engine file; it appears whole or not at all.

    Raises:
        ModelError: it cannot be written there.
    """
    header = json.dumps(asdict(facts), sort_keys=True).encode()
    try:
        write_whole(path, _MAGIC + header + b"\n" + plan)
    except OSError as error:
        raise ModelError(f"engine {path.name}: cannot be written: {error}") from error


def read_engine(path: Path) -> tuple[EngineFacts, bytes]:
    """Reads an engine file.

    Raises:
        ModelError: it is missing, or is no engine file of this project.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"engine {path.name}: cannot be read: {error}") from error
    header, separator, plan = content.removeprefix(_MAGIC).partition(b"\n")
    if not content.startswith(_MAGIC) or not separator:
        raise ModelError(f"engine {path.name} was not written by engines.compile")
    try:
        return _facts(json.loads(header)), plan
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"engine {path.name} has a damaged header ({error})") from error


def _facts(values: dict[str, object]) -> EngineFacts:
    profile = values.pop("profile")
    if not isinstance(profile, dict):
        raise ValueError("profile")
    shapes = {name: tuple(tuple(s) for s in profile[name]) for name in profile}
    return EngineFacts(**values, profile=shapes)  # type: ignore[arg-type]


def difference(built: EngineFacts, wanted: EngineFacts) -> str | None:
    """Why an engine is not what is wanted, as the rest of a sentence; None: it is."""
    if built.sha256 != wanted.sha256:
        return f"was built from another {wanted.source}"
    if (built.edition, built.version) != (wanted.edition, wanted.version):
        return (
            f"was built with {built.edition} {built.version}, "
            f"this is {wanted.edition} {wanted.version}"
        )
    if not _fits(built, wanted):
        return f"was built for {built.device}, this is {wanted.device}"
    if built.precision != wanted.precision:
        return f"was built in {built.precision}, {wanted.precision} is asked for"
    if built.profile != wanted.profile:
        return f"was built for {_sizes(built)}, {_sizes(wanted)} is asked for"
    return None


def _fits(built: EngineFacts, wanted: EngineFacts) -> bool:
    """True if an engine for one GPU is good on the other.

    TensorRT has timed its kernels on one model of GPU. The RTX edition chooses them where they
    run, so that its engines are good on every GPU of a capability; they may have been compiled
    where there was none.
    """
    same_name = built.gpu == wanted.gpu or built.edition == "tensorrt_rtx"
    return same_name and built.capability == wanted.capability


def _sizes(facts: EngineFacts) -> str:
    """`crops 1 to 32 × 128 × 64 × 3`."""
    return ", ".join(
        f"{name} " + " × ".join(str(a) if a == b else f"{a} to {b}" for a, b in zip(low, high))  # noqa: B905
        for name, (low, _, high) in facts.profile.items()
    )
