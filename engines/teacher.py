"""Teachers: networks whose embeddings are distilled into the one that is trained.

A teacher sees the very pictures the student sees, altered as they are: matching its answers on
as many different pictures as possible carries its knowledge over, better than one stored answer
per crop ("Knowledge distillation: a good teacher is patient and consistent", Beyer et al.,
CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.checkpoint import load_network
from engines.network import unit_length
from engines.openvino_ir import OpenVinoModule
from engines.pictures import Pictures


class OpenModelZooTeacher(nn.Module):
    """A re-ID network of Open Model Zoo: BGR 0 to 255, 256×128."""

    size = (256, 128)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._network = OpenVinoModule(path)

    def forward(self, crops: Tensor) -> Tensor:
        """uint8[n, H, W, 3] BGR → float32[n, D], unit length."""
        pictures = crops.permute(0, 3, 1, 2).float()
        if pictures.shape[2:] != self.size:
            pictures = F.interpolate(pictures, self.size, mode="bilinear", align_corners=False)
        return unit_length(self._network(pictures).flatten(1))


class TrainedTeacher(nn.Module):
    """A network of this project, from the `network.pt` of its training."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._network, recipe = load_network(path)
        self._size = (recipe.network.height, recipe.network.width)

    def forward(self, crops: Tensor) -> Tensor:
        """uint8[n, H, W, 3] BGR → float32[n, D], unit length."""
        if crops.shape[1:3] != self._size:
            pictures = crops.permute(0, 3, 1, 2).float()
            sized = F.interpolate(pictures, self._size, mode="bilinear", align_corners=False)
            crops = sized.round().to(torch.uint8).permute(0, 2, 3, 1)
        return unit_length(self._network.describe(crops).features.flatten(1))


class Teacher(nn.Module):
    """Several teachers as one, whose similarities are the mean of theirs.

    Args:
        paths: OpenVINO's `.xml` or a `network.pt` of this project; at least one.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._teachers = nn.ModuleList(
            OpenModelZooTeacher(path) if path.suffix == ".xml" else TrainedTeacher(path)
            for path in paths
        )
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, crops: Tensor) -> Tensor:
        """uint8[n, H, W, 3] BGR → float32[n, D], unit length."""
        # Half precision, but not bfloat16: its 8 bits would blur the teacher's similarities.
        with torch.autocast(crops.device.type, torch.float16, enabled=crops.is_cuda):
            features = [teacher(crops) for teacher in self._teachers]
        return torch.cat(features, dim=1) * len(features) ** -0.5

    def on(self, pictures: Pictures) -> Tensor:
        """The features of pictures, which may be known already."""
        if pictures.taught is not None:
            return pictures.taught
        assert pictures.crops is not None
        features: Tensor = self(pictures.crops)
        return features

    @property
    def dimensions(self) -> int:
        """D: length of the joined feature."""
        device = next(self.buffers()).device
        blank = torch.zeros(1, *OpenModelZooTeacher.size, 3, dtype=torch.uint8, device=device)
        return self(blank).shape[1]
