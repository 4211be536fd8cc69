"""Omni-scale networks: backbones made for telling people apart.

Zhou et al., "Omni-scale feature learning for person re-identification", ICCV 2019: each block looks
at four scales at once and a gate decides, channel by channel, how much of each counts. This is the
variant that Open Model Zoo's `person-reidentification-retail-0277` and `-0287` (Apache-2.0) are
built of, batch normalisation folded into the convolutions, so that theirs can be the weights to
start from. Pictures are normalised one by one at the input and behind the stem, which is what
carries such networks over to other cameras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engines.openvino_ir import OpenVinoModule

SCALES = 4
REDUCTION = 16
"""Of the channel gate; also the number of groups of the context gate."""


class Widths(NamedTuple):
    """Channels of the stem and of the three stages."""

    stem: int
    stages: tuple[int, int, int]


class DepthwiseStack(nn.Sequential):
    """`depth` light convolutions, so that 2 · depth + 1 pixels are seen."""

    def __init__(self, channels: int, depth: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [
                nn.Conv2d(channels, channels, 1, bias=False),
                nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class ChannelGate(nn.Module):
    """Weighs channels by a small network over their means; the same for all four scales."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.widen = nn.Conv2d(channels // REDUCTION, channels, 1)

    def forward(self, features: Tensor, scale: int) -> Tensor:
        del scale
        means = features.mean(dim=(2, 3), keepdim=True)
        return features * torch.sigmoid(self.widen(torch.relu(self.squeeze(means))))

    def weights(self, scale: int) -> list[nn.Parameter]:
        """In the order of use."""
        del scale
        return [*self.squeeze.parameters(), *self.widen.parameters()]


class ContextGate(nn.Module):
    """Weighs channels by how their means stand out in their group (linear context transform)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(SCALES, channels))
        self.offset = nn.Parameter(torch.ones(SCALES, channels))

    def forward(self, features: Tensor, scale: int) -> Tensor:
        means = features.float().mean(dim=(2, 3)).unflatten(1, (REDUCTION, -1))
        centred = means - means.mean(dim=2, keepdim=True)
        variance = centred.square().mean(dim=2, keepdim=True)
        spread = (centred * torch.rsqrt(variance + 1e-5)).flatten(1)
        gate = torch.sigmoid(self.factor[scale] * spread + self.offset[scale])
        return features * gate[:, :, None, None].to(features.dtype)

    def weights(self, scale: int) -> list[Tensor]:
        """In the order of use."""
        return [self.factor[scale], self.offset[scale]]


class OmniScaleBlock(nn.Module):
    """Narrow by 1×1, look at four scales, weigh and add them, widen by 1×1, around a shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, gate: type[ChannelGate] | type[ContextGate]
    ) -> None:
        super().__init__()
        width = out_channels // 4
        self.narrow = nn.Conv2d(in_channels, width, 1)
        self.scales = nn.ModuleList(DepthwiseStack(width, depth) for depth in range(1, SCALES + 1))
        self.gate = gate(width)
        self.widen = nn.Conv2d(width, out_channels, 1)
        self.shortcut = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        narrow = torch.relu(self.narrow(features))
        looks = [self.gate(look(narrow), scale) for scale, look in enumerate(self.scales)]
        widened = self.widen(looks[0] + looks[1] + looks[2] + looks[3])
        return torch.relu(widened + self.shortcut(features))

    def weights(self) -> Iterator[Tensor]:
        """In the order of use; a gate comes up once for every scale."""
        yield from self.narrow.parameters()
        for scale, look in enumerate(self.scales):
            yield from look.parameters()
            yield from self.gate.weights(scale)
        yield from self.widen.parameters()
        yield from self.shortcut.parameters()


class OmniScaleNetwork(nn.Module):
    """Up to the last convolution: image [n, 3, H, W] → [n, channels, H / 16, W / 16].

    Args:
        widths: numbers of channels.
        last_stride: only 1: the map of a 256×128 crop has 16×8 positions.
        instance_normalisation: is part of this network and need not be asked for.
    """

    def __init__(
        self, widths: Widths, *, last_stride: int = 1, instance_normalisation: bool = False
    ) -> None:
        super().__init__()
        del instance_normalisation
        if last_stride != 1:
            raise ValueError(f"network.last_stride: expected 1 with osnet, found {last_stride}")
        self.channels = widths.stages[2]
        self.normalise = nn.InstanceNorm2d(3, affine=True)
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths.stem, 7, 2, padding=3, bias=False),
            nn.InstanceNorm2d(widths.stem, affine=True),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
        )
        first, second, third = widths.stages
        self.stages = nn.Sequential(
            self._stage(widths.stem, first),
            _transition(first),
            self._stage(first, second),
            _transition(second),
            self._stage(second, third),
            nn.Sequential(nn.Conv2d(third, third, 1), nn.ReLU()),
        )

    @staticmethod
    def _stage(in_channels: int, out_channels: int) -> nn.Sequential:
        return nn.Sequential(
            OmniScaleBlock(in_channels, out_channels, ChannelGate),
            OmniScaleBlock(out_channels, out_channels, ContextGate),
        )

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.stages(self.stem(self.normalise(images)))
        return features

    def early_layers(self) -> list[nn.Module]:
        """The input's normalisation, the stem and the first stage."""
        return [self.normalise, self.stem, self.stages[0]]

    def load_pretrained(self, path: Path | None = None) -> None:
        """Loads the weights of one of Open Model Zoo's networks of this shape.

        Args:
            path: the `.xml` file.

        Raises:
            FileNotFoundError: no `path`.
            ValueError: the file's network has another shape.
        """
        if path is None:
            raise FileNotFoundError(
                "osnet needs the path of its weights: --initial person-reidentification-retail-"
                "0287.xml (osnet_x0_5) or -0277.xml (osnet_x1_0), from Open Model Zoo"
            )
        constants = iter(OpenVinoModule(path).weights_in_order())
        try:
            for weight in self._weights():
                weight.data.copy_(next(constants).view_as(weight))
        except (RuntimeError, StopIteration) as error:
            raise ValueError(f"{path}: expected the weights of this osnet: {error}") from None

    def _weights(self) -> Iterator[Tensor]:
        """In the order of use."""
        for module in (self.normalise, self.stem, *self.stages):
            blocks: Sequence[nn.Module] = (
                list(module) if isinstance(module, nn.Sequential) else [module]
            )
            for block in blocks:
                yield from (
                    block.weights() if isinstance(block, OmniScaleBlock) else block.parameters()
                )


def _transition(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.AvgPool2d(2, 2))


def osnet_x0_5(*, last_stride: int = 1, instance_normalisation: bool = False) -> OmniScaleNetwork:
    """The shape of `person-reidentification-retail-0287`: 0.28 G multiply-adds at 256×128."""
    return OmniScaleNetwork(
        Widths(32, (128, 192, 256)),
        last_stride=last_stride,
        instance_normalisation=instance_normalisation,
    )


def osnet_x1_0(*, last_stride: int = 1, instance_normalisation: bool = False) -> OmniScaleNetwork:
    """The shape of `person-reidentification-retail-0277`: 1 G multiply-adds at 256×128."""
    return OmniScaleNetwork(
        Widths(64, (256, 384, 512)),
        last_stride=last_stride,
        instance_normalisation=instance_normalisation,
    )
