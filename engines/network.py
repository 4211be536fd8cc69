"""The attention network: a clip of N crops of one person → one unit vector.

"Diversity Regularized Spatiotemporal Attention for Video-based Person Re-identification",
Li et al., CVPR 2018, arXiv 1803.09882. K spatial attentions each find a part of the body, and a
temporal attention per part gathers it over the frames.

Everything but the softmax over the frames is per crop, so the network is exported as two graphs:

A, per crop (`CropGraph`):
    `crops`     uint8[n, H, W, 3]        BGR, 0 to 255, by `engines.preprocess.stack_crops`
    → `features` float32[n, K, 128]      unit length per part
    → `logits`   float32[n, K]           temporal attention before its softmax

B, per tracklet (`TrackletGraph`):
    `features`  float32[t, N, K, 128]
    `logits`    float32[t, N, K]
    `mask`      float32[t, N]            1 = a frame, 0 = padding; at least one frame per tracklet
    → `embedding` float32[t, K · 128]    unit length; compare by inner product

n, t and N are free; H, W and K are fixed when exporting.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.backbones import create_backbone

PIXEL_MEAN = 127.0
PIXEL_SCALE = 128.0
"""Normalisation EfficientNet-Lite was trained with: (pixel - mean) / scale, all channels alike."""

Pooling = Literal["attention", "mean"]

MASKED_LOGIT = -1e4
"""Added to a padded frame's logit: exp underflows to an exact 0 in float32."""


class CropOutput(NamedTuple):
    """What the network says about n crops.

    Attributes:
        features: x[n, k], float32[n, K, 128], unit length.
        logits: e[n, k], float32[n, K].
        log_maps: logarithm of the spatial attention maps s[n, k, :], float32[n, K, L].
    """

    features: Tensor
    logits: Tensor
    log_maps: Tensor


class SpatialAttention(nn.Module):
    """K maps over the positions of a feature map, each summing to 1.

    Args:
        channels: depth of the feature map.
        parts: number K of maps.
        hidden: width of the layer the maps share (64 in the authors' fragments).
    """

    def __init__(self, channels: int, parts: int, *, hidden: int = 64) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, parts, 1),
        )

    def forward(self, feature_map: Tensor) -> Tensor:
        """float32[n, channels, h, w] → log-probabilities float32[n, K, h·w]."""
        return F.log_softmax(self.score(feature_map).flatten(2).float(), dim=2)


def evenly(feature_map: Tensor, parts: int) -> Tensor:
    """The control for spatial attention: K maps that look everywhere alike.

    Args:
        feature_map: float[n, channels, h, w].
        parts: K.

    Returns:
        Log-probabilities float32[n, K, h·w].
    """
    positions = feature_map.shape[2] * feature_map.shape[3]
    return feature_map.new_zeros(len(feature_map), parts, positions) - math.log(positions)


class PartProjection(nn.Module):
    """Pooled part features → 128 dimensions of unit length.

    Batch normalisation centres what ReLU has left all positive; without it the cosine of any two
    people starts near 1.

    Args:
        channels: depth of the pooled features.
        parts: number K of parts.
        dimensions: length of a part's feature (128 in the paper).
        shared: one projection for all parts instead of one each.
    """

    def __init__(self, channels: int, parts: int, *, dimensions: int, shared: bool) -> None:
        super().__init__()
        matrices = 1 if shared else parts
        self.weight = nn.Parameter(torch.empty(matrices, channels, dimensions))
        nn.init.normal_(self.weight, std=channels**-0.5)
        self.normalise = nn.BatchNorm1d(parts * dimensions)

    def forward(self, pooled: Tensor) -> Tensor:
        """float32[n, K, channels] → float32[n, K, dimensions]."""
        projected = torch.matmul(pooled.transpose(0, 1), self.weight).transpose(0, 1)
        centred = self.normalise(projected.flatten(1)).unflatten(1, projected.shape[1:])
        return unit_length(centred)


class TemporalAttention(nn.Module):
    """A softmax over the frames for every part, with weights of its own for each part ("+Ind").

    Starts with zero weights: the mean over the frames.
    """

    def __init__(self, parts: int, dimensions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(parts, dimensions))
        self.bias = nn.Parameter(torch.zeros(parts))

    def forward(self, features: Tensor) -> Tensor:
        """e[n, k] = w_k · x[n, k] + b_k: float32[n, K, D] → float32[n, K]."""
        # A product of matrices: OpenVINO 2026.4 adds the bias of another part to (x * w).sum().
        weighted = torch.matmul(features.transpose(0, 1), self.weight.unsqueeze(2))
        return weighted.squeeze(2).transpose(0, 1) + self.bias


class AttentionNetwork(nn.Module):
    """Diversity-regularised spatiotemporal attention.

    Args:
        backbone: a name in `engines.backbones.BACKBONES`.
        last_stride: stride of the backbone's last reduction.
        parts: number K of spatial attentions.
        dimensions: length of a part's feature.
        shared_projection: one projection for all parts instead of one each.
        spatial: "mean" looks at all positions alike.
        temporal: "mean" takes all frames alike.
        instance_normalisation: in the backbone's early layers.
    """

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        last_stride: int = 2,
        parts: int = 6,
        dimensions: int = 128,
        shared_projection: bool = False,
        spatial: Pooling = "attention",
        temporal: Pooling = "attention",
        instance_normalisation: bool = False,
    ) -> None:
        super().__init__()
        self.parts = parts
        self.dimensions = dimensions
        self.spatial_pooling = spatial
        self.backbone = create_backbone(
            backbone, last_stride=last_stride, instance_normalisation=instance_normalisation
        )
        self.spatial = SpatialAttention(self.backbone.channels, parts)
        self.project = PartProjection(
            self.backbone.channels, parts, dimensions=dimensions, shared=shared_projection
        )
        self.temporal_pooling = temporal
        self.temporal = TemporalAttention(parts, dimensions)

    def layers(self, name: str) -> list[nn.Module]:
        """The parts a stage of the training may leave as they are."""
        named: dict[str, list[nn.Module]] = {
            "early_layers": self.backbone.early_layers(),
            "backbone": [self.backbone],
            "spatial": [self.spatial],
            "projection": [self.project],
            "temporal": [self.temporal],
        }
        return named[name]

    def describe(self, crops: Tensor) -> CropOutput:
        """What is known of each crop by itself.

        Args:
            crops: uint8[n, H, W, 3] BGR.
        """
        return self.attend(self.backbone(normalise_crops(crops)))

    def attend(self, feature_map: Tensor) -> CropOutput:
        """What is known of each crop, from the backbone's feature map float[n, channels, h, w]."""
        log_maps = self._look(feature_map)
        # maps [n, K, L] @ features [n, L, D]: a broadcast product would hold n·K·L·D numbers.
        maps = log_maps.exp().to(feature_map.dtype)
        pooled = torch.matmul(maps, feature_map.flatten(2).transpose(1, 2))
        features = self.project(pooled)
        return CropOutput(features, self._weigh(features), log_maps)

    def _weigh(self, features: Tensor) -> Tensor:
        """Temporal attention before its softmax, float32[n, K]; all alike is the mean."""
        if self.temporal_pooling == "mean":
            return features.new_zeros(features.shape[:2])
        logits: Tensor = self.temporal(features)
        return logits

    def _look(self, feature_map: Tensor) -> Tensor:
        """Where each part looks: log-probabilities float32[n, K, L]."""
        if self.spatial_pooling == "mean":
            return evenly(feature_map, self.parts)
        log_maps: Tensor = self.spatial(feature_map)
        return log_maps

    def forward(self, clips: Tensor, mask: Tensor) -> Tensor:
        """The whole network.

        Args:
            clips: uint8[t, N, H, W, 3] BGR.
            mask: float32[t, N], 1 = a frame, 0 = padding.

        Returns:
            float32[t, K · dimensions], unit length.
        """
        output = self.describe(clips.flatten(0, 1))
        frames = clips.shape[:2]
        return gather_frames(
            output.features.unflatten(0, frames), output.logits.unflatten(0, frames), mask
        )


class CropGraph(nn.Module):
    """Graph A: what is done once per crop."""

    def __init__(self, network: AttentionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network.describe(crops)
        return output.features, output.logits


class TrackletGraph(nn.Module):
    """Graph B: what is done whenever a tracklet has grown.

    Args:
        projection: the last one, float32[K · D, E]; None: the embedding is the concatenation.
    """

    projection: Tensor | None

    def __init__(self, projection: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("projection", projection)

    def forward(self, features: Tensor, logits: Tensor, mask: Tensor) -> Tensor:
        parts = gather_parts(features, logits, mask)
        return unit_length(parts if self.projection is None else parts @ self.projection)


def normalise_crops(crops: Tensor) -> Tensor:
    """uint8[n, H, W, 3] BGR → float32[n, 3, H, W] RGB, about -1 to 1."""
    # By one gather: splitting and joining the channels took 0.3 ms a crop in OpenVINO.
    reversed_channels = torch.tensor([2, 1, 0], device=crops.device)
    pictures = crops.permute(0, 3, 1, 2).float().index_select(1, reversed_channels)
    return (pictures - PIXEL_MEAN) / PIXEL_SCALE


def gather_frames(features: Tensor, logits: Tensor, mask: Tensor) -> Tensor:
    """Temporal attention and concatenation of the parts: `gather_parts` at unit length."""
    return unit_length(gather_parts(features, logits, mask))


def gather_parts(features: Tensor, logits: Tensor, mask: Tensor) -> Tensor:
    """The parts of a tracklet, one behind the other.

    Args:
        features: float32[t, N, K, D].
        logits: float32[t, N, K].
        mask: float32[t, N], 1 = a frame, 0 = padding.

    Returns:
        float32[t, K · D].
    """
    masked = logits + (1.0 - mask).unsqueeze(2) * MASKED_LOGIT
    weights = torch.softmax(masked, dim=1)
    return (weights.unsqueeze(3) * features).sum(dim=1).flatten(1)


def unit_length(vectors: Tensor) -> Tensor:
    """Scales the last dimension to length 1, in float32: half precision overflows in the sum."""
    return F.normalize(vectors.float(), dim=-1, eps=1e-8)
