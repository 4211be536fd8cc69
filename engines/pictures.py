"""Where a training's pictures come from: altered anew each time, or stored behind the backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engines.augment import Augmentation
from engines.crops import CropStore
from engines.network import AttentionNetwork, CropOutput


@dataclass(frozen=True, slots=True)
class Pictures:
    """n pictures, as pixels or as feature maps; one of the two is there.

    Attributes:
        crops: uint8[n, H, W, 3] BGR.
        maps: what a frozen backbone made of them, float32[n, C, h, w].
        taught: the teacher's features if they are known already, float32[n, E].
    """

    crops: Tensor | None = None
    maps: Tensor | None = None
    taught: Tensor | None = None

    def to(self, device: torch.device) -> Pictures:
        """The same on another device."""
        moved = (t if t is None else t.to(device) for t in (self.crops, self.maps, self.taught))
        return Pictures(*moved)

    def through(self, network: AttentionNetwork) -> CropOutput:
        """What the network says about them."""
        if self.maps is not None:
            return network.attend(self.maps)
        assert self.crops is not None
        return network.describe(self.crops)


class PlainPictures(Protocol):
    """Pictures as they are."""

    def __call__(self, paths: Sequence[Path], /) -> Pictures: ...


class AlteredPictures(Protocol):
    """Altered pictures: first those of the clips, each clip altered alike, then the loose ones."""

    def __call__(self, clips: Sequence[Sequence[Path]], loose: Sequence[Path], /) -> Pictures: ...


class PlainCrops:
    """Test pictures from decoded crops."""

    def __init__(self, crops: CropStore) -> None:
        self._crops = crops

    def __call__(self, paths: Sequence[Path]) -> Pictures:
        return Pictures(crops=self._crops[paths])


class AlteredCrops:
    """Training pictures, altered anew each time.

    Args:
        crops: gives the unaltered pictures.
        augmentation: alters the clips.
        loose_augmentation: alters the loose crops.
    """

    def __init__(
        self, crops: CropStore, *, augmentation: Augmentation, loose_augmentation: Augmentation
    ) -> None:
        self._crops = crops
        self._augmentation = augmentation
        self._loose_augmentation = loose_augmentation

    def __call__(self, clips: Sequence[Sequence[Path]], loose: Sequence[Path]) -> Pictures:
        numbers = np.repeat(np.arange(len(clips)), [len(clip) for clip in clips])
        clip_crops = self._crops[[path for clip in clips for path in clip]]
        altered = [
            self._augmentation(clip_crops, numbers),
            self._loose_augmentation(self._crops[loose], np.arange(len(loose))),
        ]
        return Pictures(crops=torch.cat(altered))
