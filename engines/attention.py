"""Where the network looked: the spatial maps and temporal weights of a tracklet, for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import openvino as ov

from pipeline.errors import ModelError

Array = npt.NDArray[np.float32]

LOG_MAPS = "log_maps"
"""Name given to the maps when they are made an output of graph A."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Attention of K parts over the N frames of a tracklet.

    Attributes:
        maps: float32[N, K, h, w], each map sums to 1.
        weights: float32[N, K], what each frame counts in a part; sums to 1 over the frames.
    """

    maps: Array
    weights: Array


def attention(log_maps: Array, logits: Array, *, aspect: float) -> Attention:
    """Puts the network's outputs into shape.

    Args:
        log_maps: float32[N, K, L], logarithms over the L positions of the feature map.
        logits: float32[N, K], temporal attention before its softmax over the frames.
        aspect: height of the network's input by its width; the feature map has the same.

    Raises:
        ModelError: L positions make no grid of that aspect.
    """
    height = round((log_maps.shape[2] * aspect) ** 0.5)
    width = log_maps.shape[2] // height
    if height * width != log_maps.shape[2]:
        raise ModelError(
            f"attention maps: expected a grid {aspect:g} times as high as wide, "
            f"found {log_maps.shape[2]} positions"
        )
    maps = np.exp(log_maps).reshape(*log_maps.shape[:2], height, width)
    weights = np.exp(logits - logits.max(axis=0))
    return Attention(maps, weights / weights.sum(axis=0))


def with_maps(crop_graph: ov.Model) -> ov.Model:
    """Makes the attention maps an output of graph A; the running system has no use for them.

    Raises:
        ModelError: the graph has no softmax over the positions, or more than one.
    """
    softmaxes = [node for node in crop_graph.get_ops() if _is_over_positions(node)]
    if len(softmaxes) != 1:
        raise ModelError(
            f"graph A: expected one log-softmax over the positions, found {len(softmaxes)}"
        )
    crop_graph.add_outputs(softmaxes[0].output(0))
    crop_graph.outputs[-1].get_tensor().set_names({LOG_MAPS})
    return crop_graph


def _is_over_positions(node: ov.Node) -> bool:
    """float[n, K, L] in, logarithms of K distributions out."""
    shape = node.get_output_partial_shape(0) if node.get_output_size() else None
    return node.get_type_name() == "LogSoftmax" and shape is not None and len(shape) == 3
