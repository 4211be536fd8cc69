"""Ways to turn the crops of a tracklet into one vector: ours, and what it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError

import cv2
import numpy as np
import numpy.typing as npt
import torch

from engines.attention import LOG_MAPS, Attention, attention, with_maps
from engines.card import graph_paths, read_card
from engines.checkpoint import load_network
from engines.network import AttentionNetwork
from engines.preprocess import Image, resize_crop, stack_crops
from engines.protocols import Embedding
from engines.runtime import Device, OpenVinoEngine, Precision, open_engine, read_network
from pipeline.errors import ModelError

IMAGENET_MEAN = np.array([123.675, 116.28, 103.53], dtype=np.float32)
IMAGENET_DEVIATION = np.array([58.395, 57.12, 57.375], dtype=np.float32)
"""Of red, green and blue, 0 to 255."""


class GraphEmbedder:
    """The exported graphs A and B, as the running system uses them.

    Args:
        folder: where the graphs lie.
        name: what they are called, such as `drsa_osnet_x0_5`.
        device: see `engines.runtime.choose_backend`.
        precision: arithmetic of graph A.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        device: Device = "cpu",
        precision: Precision = "f32",
    ) -> None:
        self._paths = graph_paths(folder, name)
        self._crop = open_engine(self._paths.crop, device=device, precision=precision)
        self._tracklet = OpenVinoEngine(self._paths.tracklet, precision="f32")
        self._card = read_card(self._paths.crop)

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        known = self._crop({"crops": self._stack(crops)})
        clip = {
            "features": known["features"][None],
            "logits": known["logits"][None],
            "mask": np.ones((1, len(crops)), dtype=np.float32),
        }
        return np.asarray(self._tracklet(clip)["embedding"][0], dtype=np.float32)

    def explain(self, crops: Sequence[Image]) -> Attention:
        """Where the network looks in these crops of one tracklet."""
        known = self._explaining({"crops": self._stack(crops)})
        aspect = self._card.height / self._card.width
        return attention(known[LOG_MAPS], known["logits"], aspect=aspect)

    @cached_property
    def _explaining(self) -> OpenVinoEngine:
        return OpenVinoEngine(with_maps(read_network(self._paths.crop)), precision="f32")

    def _stack(self, crops: Sequence[Image]) -> Image:
        return stack_crops(crops, height=self._card.height, width=self._card.width)


class NetworkEmbedder:
    """The network in PyTorch, for measuring while it is trained."""

    def __init__(self, network: AttentionNetwork, *, height: int, width: int) -> None:
        self._network = network
        self._height = height
        self._width = width

    @classmethod
    def load(cls, path: Path) -> NetworkEmbedder:
        """Reads a `network.pt`.

        Raises:
            ModelError: it is none, or one of another version of the recipe.
        """
        try:
            network, recipe = load_network(path)
        except (OSError, KeyError, ValueError, RuntimeError, UnpicklingError) as error:
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"{path}: expected a network.pt written by engines.train, found: {reason}"
            ) from error
        return cls(network, height=recipe.network.height, width=recipe.network.width)

    @torch.no_grad()
    def __call__(self, crops: Sequence[Image]) -> Embedding:
        embedding = self._network(self._stack(crops).unsqueeze(0), torch.ones(1, len(crops)))[0]
        return np.asarray(embedding.numpy(), dtype=np.float32)

    @torch.no_grad()
    def explain(self, crops: Sequence[Image]) -> Attention:
        """Where the network looks in these crops of one tracklet."""
        known = self._network.describe(self._stack(crops))
        aspect = self._height / self._width
        return attention(known.log_maps.numpy(), known.logits.numpy(), aspect=aspect)

    def _stack(self, crops: Sequence[Image]) -> torch.Tensor:
        return torch.from_numpy(stack_crops(crops, height=self._height, width=self._width))


class PeerEmbedder:
    """A re-ID network by others that knows single crops only: the mean over the tracklet.

    Files of Open Model Zoo (`.xml`) take BGR from 0 to 255; ONNX files (OSNet and others trained
    with Torchreid) take RGB, normalised as for ImageNet. The size of the input is the file's own.

    Args:
        model: one input float32[n, 3, h, w], one output float32[n, D, …].

    Raises:
        ModelError: the file cannot be read, or its input is no picture of fixed size.
    """

    def __init__(self, model: Path) -> None:
        network = read_network(model)
        shape = network.inputs[0].get_partial_shape()
        if len(shape) != 4 or shape[2].is_dynamic or shape[3].is_dynamic:
            raise ModelError(f"{model}: expected an input [n, 3, height, width], found {shape}")
        self._height, self._width = shape[2].get_length(), shape[3].get_length()
        network.reshape({network.inputs[0]: [-1, 3, self._height, self._width]})
        self._engine = OpenVinoEngine(network, precision="f32")
        self._normalises = model.suffix == ".onnx"

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        pixels = stack_crops(crops, height=self._height, width=self._width).astype(np.float32)
        if self._normalises:
            pixels = (pixels[..., ::-1] - IMAGENET_MEAN) / IMAGENET_DEVIATION
        (features,) = self._engine({self._engine.inputs[0]: pixels.transpose(0, 3, 1, 2)}).values()
        rows = features.reshape(len(crops), -1)
        return _unit((rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0))


class ColourHistogram:
    """What can be done without learning: colours of three stripes, 8×4×4 bins of HSV each.

    Square roots of the shares, so that the inner product is the Bhattacharyya coefficient.
    """

    stripes = 3

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        return _unit(np.mean([self._describe(crop) for crop in crops], axis=0))

    def _describe(self, crop: Image) -> Embedding:
        hsv = cv2.cvtColor(resize_crop(crop, height=96, width=48), cv2.COLOR_BGR2HSV)
        histograms = [
            cv2.calcHist([stripe], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
            for stripe in np.split(hsv, self.stripes)
        ]
        counts = np.concatenate(histograms)
        return np.asarray(np.sqrt(counts / counts.sum()), dtype=np.float32)


def _unit(vector: npt.NDArray[np.floating]) -> Embedding:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
