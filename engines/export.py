"""PyTorch → ONNX: graph A per crop and graph B per tracklet, with a proof that they agree.

`python -m engines.export DIR/network.pt --output engines/weights --name drsa_osnet_x0_5`

Weights are stored in half precision and widened when the file is loaded: half the size. So that
this costs no exactness, the network in PyTorch is rounded the same way before the two are compared.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import openvino as ov
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engines.card import GraphPaths, NetworkCard, graph_paths
from engines.checkpoint import load_network
from engines.datasets import read_crop, read_loose_crops
from engines.network import PIXEL_MEAN, PIXEL_SCALE, AttentionNetwork, CropGraph, TrackletGraph
from engines.preprocess import Image, stack_crops
from engines.recipe import NetworkSettings, Recipe
from pipeline.config import DEFAULT_NETWORK

OPSET = 17
CLIP_FRAMES = 6
"""N of the paper: what a tracklet is embedded from."""
TOLERANCE = 1e-4
SMALLEST_HALVED = 1024
"""Tensors with fewer numbers stay in float32: they weigh nothing and hold the biases."""


def for_inference(network: AttentionNetwork) -> AttentionNetwork:
    """The copy that is exported: normalisation folded into the convolutions, weights rounded."""
    copied = copy.deepcopy(network).eval()
    fold_normalisation(copied)
    round_to_half(copied)
    return copied


def fold_normalisation(network: AttentionNetwork) -> None:
    """Folds every batch normalisation into the convolution before it."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            _fold_pairs(module)


def _fold_pairs(layers: nn.Sequential) -> None:
    for position in range(len(layers) - 1):
        first, second = layers[position], layers[position + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            layers[position] = fuse_conv_bn_eval(first, second)
            layers[position + 1] = nn.Identity()


@torch.no_grad()
def round_to_half(network: AttentionNetwork) -> None:
    """Rounds the large weights to what half precision can hold."""
    for parameter in network.parameters():
        if parameter.numel() >= SMALLEST_HALVED:
            parameter.copy_(parameter.half().float())


def weights_hash(network: AttentionNetwork) -> str:
    """sha256 over all weights, in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def export_crop_graph(network: AttentionNetwork, path: Path, *, height: int, width: int) -> None:
    """Writes graph A; the number of crops is free."""
    crops = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    torch.onnx.export(
        CropGraph(network).eval(),
        (crops,),
        str(path),
        input_names=["crops"],
        output_names=["features", "logits"],
        dynamic_axes={name: {0: "n"} for name in ("crops", "features", "logits")},
        opset_version=OPSET,
        dynamo=False,
    )


def export_tracklet_graph(
    path: Path, *, parts: int, dimensions: int, projection: Tensor | None = None
) -> None:
    """Writes graph B; the numbers of tracklets and frames are free.

    Args:
        path: where to.
        parts, dimensions: K, and the length of a part's feature.
        projection: the last one, float32[K · D, E], or None.
    """
    frames = {0: "t", 1: "frames"}
    torch.onnx.export(
        TrackletGraph(projection).eval(),
        (torch.zeros(2, 3, parts, dimensions), torch.zeros(2, 3, parts), torch.ones(2, 3)),
        str(path),
        input_names=["features", "logits", "mask"],
        output_names=["embedding"],
        dynamic_axes={
            "features": frames,
            "logits": frames,
            "mask": frames,
            "embedding": {0: "t"},
        },
        opset_version=OPSET,
        dynamo=False,
    )


def store_weights_in_half(model: onnx.ModelProto) -> None:
    """Turns every large float32 weight into float16 and a cast back."""
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < SMALLEST_HALVED:
            continue
        wide, half = weight.name, f"{weight.name}.half"
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [wide], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def describe(network: AttentionNetwork, settings: NetworkSettings) -> NetworkCard:
    """The card of a network that has not been calibrated yet."""
    return NetworkCard(
        network=f"diversity-regularised spatiotemporal attention, {settings.backbone}",
        parts=network.parts,
        frames=CLIP_FRAMES,
        dimensions=network.dimensions,
        embedding=network.parts * network.dimensions,
        height=settings.height,
        width=settings.width,
        normalisation=(PIXEL_MEAN, PIXEL_SCALE),
        weights_sha256=weights_hash(network),
    )


def read_metadata(path: Path) -> dict[str, str]:
    """All entries of an ONNX file's metadata."""
    return _entries(onnx.load(str(path)))


def _entries(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


def write_metadata(path: Path, entries: Mapping[str, str]) -> None:
    """Adds entries to an ONNX file's metadata, or replaces them."""
    model = onnx.load(str(path))
    helper.set_model_props(model, _entries(model) | dict(entries))
    onnx.save(model, str(path))


@torch.no_grad()
def largest_difference(network: AttentionNetwork, paths: GraphPaths, crops: Image) -> float:
    """Runs crops through PyTorch and through the exported graphs by OpenVINO in float32.

    Args:
        network: what was exported.
        paths: the exported graphs.
        crops: uint8[n, H, W, 3] BGR; taken as one tracklet as well.

    Returns:
        The largest absolute difference of any feature, logit or number of the embedding.
    """
    expected = network.describe(torch.from_numpy(crops))
    embedding = network(torch.from_numpy(crops)[None], torch.ones(1, len(crops)))
    features, logits = _run(paths.crop, [crops])
    mask = np.ones((1, len(crops)), dtype=np.float32)
    (gathered,) = _run(paths.tracklet, [features[None], logits[None], mask])
    pairs: list[tuple[Tensor, npt.NDArray[Any]]] = [
        (expected.features, features),
        (expected.logits, logits),
        (embedding, gathered),
    ]
    return max(float(np.abs(a.numpy() - b).max()) for a, b in pairs)


def _run(path: Path, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    compiled = ov.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled(list(inputs)).values())


def export(network: AttentionNetwork, recipe: Recipe, folder: Path, name: str) -> float:
    """Writes both graphs; they appear in `folder` only when they are proved.

    Args:
        network: what to export, as it was trained.
        recipe: how it was trained; it goes into the files.
        folder: where to.
        name: what to call the network.

    Returns:
        The largest difference from PyTorch.

    Raises:
        ValueError: it is more than `TOLERANCE`.
    """
    exported = for_inference(network)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as unproved:
        paths = graph_paths(Path(unproved), name)
        write_graphs(exported, recipe, paths)
        difference = check_parity(exported, paths, random_crops(recipe.network))
        for path in (paths.crop, paths.tracklet):
            path.replace(folder / path.name)
    return difference


def write_graphs(network: AttentionNetwork, recipe: Recipe, paths: GraphPaths) -> None:
    """Writes both graphs with their card."""
    settings = recipe.network
    export_crop_graph(network, paths.crop, height=settings.height, width=settings.width)
    export_tracklet_graph(paths.tracklet, parts=network.parts, dimensions=network.dimensions)
    store_halved(paths.crop)
    for path in (paths.crop, paths.tracklet):
        write_metadata(path, describe(network, settings).entries())
        write_metadata(path, {"recipe": recipe.model_dump_json()})


def store_halved(path: Path) -> None:
    """Rewrites a graph with its large weights in half precision."""
    model = onnx.load(str(path))
    store_weights_in_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def random_crops(settings: NetworkSettings, *, count: int = 5) -> Image:
    """Noise, uint8[count, H, W, 3]."""
    shape = (count, settings.height, settings.width, 3)
    return np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)


def read_crops(folder: Path, settings: NetworkSettings, *, count: int = 64) -> Image:
    """The first crops of a folder, uint8[count, H, W, 3]."""
    crops = [read_crop(path) for path in read_loose_crops(folder)[:count]]
    return stack_crops(crops, height=settings.height, width=settings.width)


def check_parity(network: AttentionNetwork, paths: GraphPaths, crops: Image) -> float:
    """The largest difference between PyTorch and the graphs.

    Raises:
        ValueError: it is more than `TOLERANCE`.
    """
    difference = largest_difference(network, paths, crops)
    if not difference <= TOLERANCE:
        raise ValueError(
            f"{paths.crop}: expected parity with PyTorch within {TOLERANCE}, found {difference:.2e}"
        )
    return difference


def main() -> None:
    """Exports a trained network and prints how exact the graphs are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path, help="network.pt of a training")
    parser.add_argument("--output", type=Path, required=True, help="folder for the graphs")
    parser.add_argument("--name", default=DEFAULT_NETWORK)
    parser.add_argument("--crops", type=Path, help="folder of real crops for the parity check")
    arguments = parser.parse_args()

    network, recipe = load_network(arguments.network)
    difference = export(network, recipe, arguments.output, arguments.name)
    print(f"largest difference from PyTorch on noise: {difference:.1e}")
    paths = graph_paths(arguments.output, arguments.name)
    if arguments.crops:
        crops = read_crops(arguments.crops, recipe.network)
        difference = check_parity(for_inference(network), paths, crops)
        print(f"largest difference from PyTorch on real crops: {difference:.1e}")
    print(f"{paths.crop}: {paths.crop.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
