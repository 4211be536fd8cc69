"""Exports a detector of Ultralytics to ONNX: `python -m engines.export_detector NAME`.

Ultralytics' code and weights are AGPL-3.0. They are used here, once, to write the ONNX file; the
running system does not import them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import typer

from engines.catalogue import DETECTORS
from engines.zoo import fetch_original, find
from pipeline.errors import ModelError

INPUT_SIDE = 640


def export(weights: Path, output: Path) -> None:
    """Exports weights to an ONNX file that takes any batch, height and width.

    Args:
        weights: Ultralytics' `.pt` file of a detector, or the `.yaml` of an untrained one.
        output: the ONNX file to write; it appears only when it is complete.
    """
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # what is installed is the user's decision
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory(prefix=".arriving-", dir=output.parent) as folder:
        copy = Path(shutil.copy(weights, folder))  # Ultralytics writes beside what it reads
        exported = YOLO(copy).export(
            format="onnx",
            imgsz=INPUT_SIDE,
            dynamic=True,  # any proportions: no time is spent on padding
            nms=False,  # YOLO26 needs none (its end-to-end head is exported); for others it is ours
            simplify=False,
            device="cpu",
        )
        Path(exported).replace(output)


def main(name: str) -> None:
    """Fetches the weights of NAME and exports them into the cache."""
    try:
        entry = find(name, {name: e for name, e in DETECTORS.items() if e.exported})
        export(fetch_original(entry), entry.path)
    except ModelError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    typer.echo(entry.path)


if __name__ == "__main__":
    typer.run(main)
