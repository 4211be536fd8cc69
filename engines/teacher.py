"""Features of another re-ID network, computed once for every crop, for distillation.

`python -m engines.teacher --model person-reidentification-retail-0277.xml --data ROOT -o OUT.npz`
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
from rich.progress import track

from engines.datasets import read_crop, read_loose_crops
from engines.preprocess import Image, resize_crop

Features = npt.NDArray[np.float32]


class TeacherNetwork:
    """A re-ID network of Open Model Zoo: 256×128 BGR 0 to 255 in, one vector per crop out."""

    height, width = 256, 128

    def __init__(self, model: Path) -> None:
        core = ov.Core()
        network = core.read_model(str(model))
        network.reshape({network.inputs[0]: [-1, 3, self.height, self.width]})
        self._compiled = core.compile_model(network, "CPU")

    def __call__(self, crops: Sequence[Image]) -> Features:
        """float32[n, D] of unit length: the mean over each crop and its mirror image."""
        sized = [resize_crop(crop, height=self.height, width=self.width) for crop in crops]
        mirrored = [crop[:, ::-1] for crop in sized]
        batch = np.stack(sized + mirrored).transpose(0, 3, 1, 2).astype(np.float32)
        features = self._compiled(batch)[0].reshape(len(batch), -1)
        return unit_rows(unit_rows(features).reshape(2, len(crops), -1).sum(axis=0))


class TeacherFeatures:
    """Looks features up by the crop's path.

    Args:
        path: the file that `main` has written.
        root: folder of the data on this machine; the file holds paths relative to it.
    """

    def __init__(self, path: Path, *, root: Path) -> None:
        with np.load(path) as stored:
            self._features: Features = stored["features"].astype(np.float32)
            self._rows = {root / str(name): row for row, name in enumerate(stored["paths"])}

    @property
    def dimensions(self) -> int:
        return int(self._features.shape[1])

    def __getitem__(self, path: Path) -> Features:
        """float32[D], unit length."""
        return self._features[self._rows[path]]


def unit_rows(vectors: Features) -> Features:
    """Scales every row to length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Writes the features of every JPEG under a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="all JPEG files below it")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    teacher = TeacherNetwork(arguments.model)
    paths = read_loose_crops(arguments.data)
    features = [teacher([read_crop(path)])[0] for path in track(paths, description="teacher")]
    names = [str(path.relative_to(arguments.data)) for path in paths]
    np.savez(arguments.output, paths=names, features=np.array(features, dtype=np.float16))


if __name__ == "__main__":
    main()
