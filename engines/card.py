"""What an exported network says of itself: the metadata in its ONNX files, typed.

Imports neither torch nor onnx: the running system reads cards, too.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov

from pipeline.errors import ModelError


@dataclass(frozen=True, slots=True)
class GraphPaths:
    """The two files that make a network."""

    crop: Path
    tracklet: Path


def graph_paths(folder: Path, name: str) -> GraphPaths:
    """Where a network's graphs lie: `<name>.crop.onnx` and `<name>.tracklet.onnx`."""
    return GraphPaths(folder / f"{name}.crop.onnx", folder / f"{name}.tracklet.onnx")


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """Similarity of two tracklets in different cameras → log-likelihood ratio.

    log p(similarity | same person) - log p(similarity | two people), natural logarithm, fitted by
    logistic regression with both classes weighing the same; so no prior is in it.

    Attributes:
        slope: per unit of similarity.
        offset: the ratio at similarity 0.
    """

    slope: float
    offset: float

    def __call__(self, similarity: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Log-likelihood ratio of inner products of embeddings, any shape."""
        return self.slope * np.asarray(similarity, dtype=np.float64) + self.offset

    def probability(
        self, similarity: npt.ArrayLike, *, prior: float = 0.5
    ) -> npt.NDArray[np.float64]:
        """Probability of being the same person, when `prior` was it before looking."""
        log_odds = self(similarity) + np.log(prior) - np.log1p(-prior)
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """The facts that serving needs; the ONNX files hold each as JSON under its name.

    Attributes:
        network: kind of network and backbone.
        parts: K.
        frames: N, the frames of a clip in training and at test.
        dimensions: length of a part's feature.
        embedding: length of the embedding: parts · dimensions, or less (`engines.shorten`).
        height, width: size of graph A's input in pixels.
        normalisation: mean and scale of the pixels, applied inside graph A.
        weights_sha256: over the weights as exported.
        calibration: similarity → log-likelihood ratio; None before `engines.calibrate`.
    """

    network: str
    parts: int
    frames: int
    dimensions: int
    embedding: int
    height: int
    width: int
    normalisation: tuple[float, float]
    weights_sha256: str
    calibration: LikelihoodRatio | None = None

    def entries(self) -> dict[str, str]:
        """The card as ONNX metadata."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}


def read_card(graph: Path) -> NetworkCard:
    """Reads the card of graph A or B.

    Raises:
        ModelError: the file is missing or is no graph of this project.
    """
    try:
        metadata = ov.Core().read_model(str(graph)).get_rt_info(["framework"]).value
        values = {
            name: json.loads(str(metadata[name]))
            for name in NetworkCard.__slots__
            if name != "embedding" or name in metadata
        }
    except (RuntimeError, KeyError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(
            f"{graph}: expected a graph written by engines.export, found: {reason}"
        ) from error
    # Whoever exported before there was a last projection has all of the parts.
    values.setdefault("embedding", values["parts"] * values["dimensions"])
    calibration = values.pop("calibration")
    values["normalisation"] = tuple(values["normalisation"])
    return NetworkCard(
        **values, calibration=LikelihoodRatio(**calibration) if calibration else None
    )
