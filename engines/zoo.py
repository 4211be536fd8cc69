"""Zoo: gets the named models and samples of the catalogue, once, and checks what arrives.

`python -m engines.zoo` lists them, `python -m engines.zoo fetch NAME` gets one. Files are kept in
the user's cache folder (`HANDOFF_CACHE` names another one) and appear there only when they are
complete and right, so any number of processes may ask for the same one at the same time.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from engines.catalogue import DETECTORS, SAMPLES, Entry, cache_folder
from engines.places import UNWRITABLE, Unavailable
from pipeline.errors import ModelError

PATIENCE_SECONDS = 600.0
"""Longest a file that was asked for by name may take from one place."""

AUTO = ("yolox_nano", "ssdlite")
"""What `auto` chooses from, the best first. All are fast enough for several cameras on two cores,
and none puts conditions on those who run it, as the AGPL does."""

AUTO_SECONDS = 6.0
"""Longest `auto` tries for something better before it settles for the last of `AUTO`."""

logger = logging.getLogger(__name__)


class Choice(NamedTuple):
    """A detector that has been settled on: its file, and which one it is and why, for people."""

    path: Path
    reason: str


def fetch(name: str, *, seconds: float = PATIENCE_SECONDS) -> Path:
    """The path of a named model or sample, fetched if need be.

    Args:
        name: a name in the catalogue.
        seconds: longest the transfer may take from one place.

    Raises:
        ModelError: there is no such name; or no place has it, with every place tried and what was
            wrong there; or what it takes to export the model is not installed.
    """
    entry = find(name, {**SAMPLES, **DETECTORS})
    return _exported(entry, seconds) if entry.exported else fetch_original(entry, seconds=seconds)


def resolve_detector(model: str) -> Choice:
    """Settles on a detector.

    Args:
        model: a name in the catalogue, the path of a file, or `auto`: the best of `AUTO` that is
            cached already, else the best that arrives within a few seconds. What is cached comes
            first so that a site keeps its detector, and its results, from one start to the next.

    Raises:
        ModelError: no such name or file, or it cannot be fetched.
    """
    if model == "auto":
        return _auto()
    path = Path(model).expanduser()
    if model not in DETECTORS and path.is_file():
        return Choice(path, path.name)
    if model not in DETECTORS and (path.suffix or len(path.parts) > 1):
        raise ModelError(f"expected a detector's name or file, found no file at {path}")
    find(model, DETECTORS)
    return Choice(fetch(model), model)


def find(name: str, entries: Mapping[str, Entry]) -> Entry:
    """The entry of that name.

    Raises:
        ModelError: there is none; the message has the closest name and all the others.
    """
    if name in entries:
        return entries[name]
    close = difflib.get_close_matches(name, entries, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ModelError(f"expected one of {', '.join(entries)}, found {name!r}{hint}")


def fetch_original(entry: Entry, *, seconds: float = PATIENCE_SECONDS) -> Path:
    """The file of `entry` as it is published, from the cache or the first place that has it.

    Raises:
        ModelError: no place has it; the message names every place tried and why it failed. Or the
            cache has no room for it or cannot be written to: another place would not help.
    """
    target = entry.original
    if _is_right(target, entry):
        return target
    failures = []
    for place in entry.places:
        logger.info("fetching %s (%.0f MB) from %s", entry.name, entry.megabytes, place)
        try:
            with _arrival(target) as arriving:
                place.download(arriving, seconds=seconds)
                _check(arriving, entry)
                _settle(arriving, target)
            return target
        except OSError as error:
            if error.errno in UNWRITABLE:
                raise ModelError(
                    f"{entry.name} cannot be kept in {target.parent}: {error.strerror} "
                    "(HANDOFF_CACHE can name another folder)"
                ) from error
            failures.append(f"{place} ({error})")
        except Unavailable as error:
            failures.append(f"{place} ({error})")
    raise ModelError(f"{entry.name} cannot be fetched; tried {', '.join(failures)}")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _auto() -> Choice:
    for name in AUTO:
        if DETECTORS[name].is_cached:
            return Choice(fetch(name), f"{name} (auto: the best that is cached)")
    for name in AUTO[:-1]:
        try:
            path = fetch(name, seconds=AUTO_SECONDS)
        except ModelError as error:
            logger.info("auto: %s", error)
        else:
            return Choice(path, f"{name} (auto: the best that could be fetched)")
    better = ", ".join(AUTO[:-1])
    return Choice(fetch(AUTO[-1]), f"{AUTO[-1]} (auto: {better} could not be fetched in time)")


def _exported(entry: Entry, seconds: float) -> Path:
    """The ONNX file of a model that is published as PyTorch weights."""
    if entry.path.is_file():
        return entry.path
    missing = [name for name in ("ultralytics", "torch", "onnx") if not _is_installed(name)]
    if missing:
        raise ModelError(
            f"{entry.name} must be exported to ONNX once, which needs {', '.join(missing)}: "
            "pip install -r requirements.txt"
        )
    fetch_original(entry, seconds=seconds)
    command = [sys.executable, "-m", "engines.export_detector", entry.name]
    # Another process: this one stays free of PyTorch, hundreds of megabytes of memory.
    export = subprocess.run(
        command, cwd=Path(__file__).parents[1], stderr=subprocess.PIPE, text=True, check=False
    )
    if export.returncode != 0 or not entry.path.is_file():
        reason = (export.stderr.strip().splitlines() or ["it failed without a word"])[-1]
        raise ModelError(f"{entry.name}: its export to ONNX failed: {reason}")
    return entry.path


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@contextmanager
def _arrival(target: Path) -> Iterator[Path]:
    """A path for a file that is to become `target`: on the same disk, in a folder of its own."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".arriving-", dir=target.parent) as folder:
        yield Path(folder) / target.name


def _is_right(target: Path, entry: Entry) -> bool:
    """True if the file is in the cache, can be read and is the one that was published."""
    try:
        return sha256(target) == entry.sha256
    except OSError:
        return False


def _check(arriving: Path, entry: Entry) -> None:
    found = sha256(arriving)
    if found != entry.sha256:
        size = arriving.stat().st_size
        raise Unavailable(f"expected SHA-256 {entry.sha256}, found {found} in {size} bytes")


def _settle(arriving: Path, target: Path) -> None:
    """Makes the file appear at its place whole or not at all, even if the machine fails now."""
    with arriving.open("rb") as file:
        os.fsync(file.fileno())
    arriving.replace(target)


app = typer.Typer(add_completion=False, help="Named models and samples.")


@app.callback(invoke_without_command=True)
def list_entries(context: typer.Context) -> None:
    """Lists what there is and what is cached already."""
    if context.invoked_subcommand is not None:
        return
    table = Table("name", "licence", "MB", "cached", "what it is", box=None)
    for entry in (*SAMPLES.values(), *DETECTORS.values()):
        cached = "yes" if entry.is_cached else ""
        table.add_row(entry.name, entry.licence, f"{entry.megabytes:.1f}", cached, entry.about)
    Console().print(table)
    Console().print(f"kept in {cache_folder()}", soft_wrap=True)


@app.command("fetch")
def fetch_command(name: str) -> None:
    """Gets one of them and prints its path."""
    try:
        typer.echo(fetch(name))
    except ModelError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    app()
