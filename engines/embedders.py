"""Ways to turn the crops of a tracklet into one vector: ours, and what it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from engines.card import graph_paths, read_card
from engines.network import AttentionNetwork
from engines.preprocess import Image, resize_crop, stack_crops
from engines.protocols import Embedding
from engines.runtime import Engine
from engines.teacher import TeacherNetwork


class GraphEmbedder:
    """The exported graphs A and B, as the running system uses them.

    Args:
        folder: where the graphs lie.
        name: what they are called, such as `drsa_lite0`.
    """

    def __init__(self, folder: Path, name: str) -> None:
        paths = graph_paths(folder, name)
        self._crop = Engine(paths.crop, precision="f32")
        self._tracklet = Engine(paths.tracklet, precision="f32")
        card = read_card(paths.crop)
        self._height, self._width = card.height, card.width

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        batch = stack_crops(crops, height=self._height, width=self._width)
        known = self._crop({"crops": batch})
        clip = {
            "features": known["features"][None],
            "logits": known["logits"][None],
            "mask": np.ones((1, len(crops)), dtype=np.float32),
        }
        return np.asarray(self._tracklet(clip)["embedding"][0], dtype=np.float32)


class NetworkEmbedder:
    """The network in PyTorch, for measuring while it is trained."""

    def __init__(self, network: AttentionNetwork, *, height: int, width: int) -> None:
        self._network = network
        self._height = height
        self._width = width

    @torch.no_grad()
    def __call__(self, crops: Sequence[Image]) -> Embedding:
        clip = torch.from_numpy(stack_crops(crops, height=self._height, width=self._width))
        embedding = self._network(clip.unsqueeze(0), torch.ones(1, len(crops)))[0]
        return np.asarray(embedding.numpy(), dtype=np.float32)


class MeanEmbedder:
    """A network that knows single crops only: the mean over the tracklet."""

    def __init__(self, network: TeacherNetwork) -> None:
        self._network = network

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        return _unit(self._network(crops).mean(axis=0))


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


def _unit(vector: Embedding) -> Embedding:
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)
