"""What a figure was measured on, and how tables of figures are printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from engines.gpu import NoGpu, find_gpu


def describe_machine() -> str:
    """Processor, cores this process may use, memory, GPU, system and Python, in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {_gpu()}"
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are figures and flush right.

    >>> print(markdown(["camera", "IDF1"], [["west", "0.91"]]))
    | camera | IDF1 |
    |---|---:|
    | west | 0.91 |
    """
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", f"|{'|'.join(rule)}|", *lines])


def _gpu() -> str:
    """What the machine has, with a comma behind; nothing where it has none."""
    try:
        return f"{find_gpu()}, "
    except NoGpu:
        return ""


def _processor() -> str:
    """The processor's name as Linux knows it, or the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
