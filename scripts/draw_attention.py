"""Draws where the network looks, on somebody of the demo clip: docs/attention.png.

python -m scripts.draw_attention docs/attention.png --weights drsa_osnet_x0_5
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from engines.drawings import draw_tracklet
from engines.embedders import GraphEmbedder
from engines.preprocess import Image
from pipeline.config import DEFAULT_NETWORK, load_site
from pipeline.embed import WEIGHTS
from pipeline.ingest import read_recordings

_FRAMES = 6
_SHORTEST = 40
"""Frames somebody must be seen in."""

Rows = npt.NDArray[np.float64]
"""frame, identity, x, y, width, height, … of a results file, one box per row."""


def follow(cameras: Path) -> dict[str, Rows]:
    """Runs the offline command and reads what it has written, by camera."""
    with tempfile.TemporaryDirectory() as results:
        command = [sys.executable, "run_pipeline.py", "--cameras", str(cameras)]
        subprocess.run([*command, "--offline", "--output", results], check=True)
        return {path.stem: np.loadtxt(path, delimiter=",") for path in Path(results).glob("*.txt")}


def nearest(rows: Rows) -> Rows:
    """The boxes of whoever is largest of those seen long enough, one from each chunk of time."""
    people = [rows[rows[:, 1] == person] for person in np.unique(rows[:, 1])]
    seen = [boxes for boxes in people if len(boxes) >= _SHORTEST]
    largest = max(seen, key=lambda boxes: float(np.median(boxes[:, 5])))
    return largest[np.arange(_FRAMES) * len(largest) // _FRAMES]


def cut(cameras: Path, camera: str, boxes: Rows) -> list[Image]:
    """The pictures of these boxes, in the order of time."""
    wanted = {int(box[0]): box[2:6].round().astype(int) for box in boxes}
    settings = load_site(cameras).enabled_cameras[camera]
    crops = []
    for (frame,) in read_recordings({camera: settings}):
        box = wanted.get(frame.index + 1)
        if box is not None:
            x, y, width, height = box
            crops.append(frame.image[max(0, y) : y + height, max(0, x) : x + width])
    return crops


def main(
    output: Path,
    cameras: Annotated[Path, typer.Option(help="a site of recordings")] = Path("cams.yaml"),
    weights: Annotated[str, typer.Option(help="name of the network")] = DEFAULT_NETWORK,
) -> None:
    """Draws the attention of one tracklet."""
    tables = follow(cameras)
    camera = min(tables)
    crops = cut(cameras, camera, nearest(tables[camera]))
    attention = GraphEmbedder(WEIGHTS, weights).explain(crops)
    draw_tracklet(crops, attention).savefig(output, dpi=130)


if __name__ == "__main__":
    typer.run(main)
