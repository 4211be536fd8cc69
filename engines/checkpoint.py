"""A trained network as a file: `network.pt`, weights with the recipe they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engines.network import AttentionNetwork
from engines.recipe import NetworkSettings, Recipe

NETWORK_FILE = "network.pt"


def create_network(settings: NetworkSettings) -> AttentionNetwork:
    """Makes the network of a recipe, with random weights."""
    return AttentionNetwork(
        backbone=settings.backbone,
        last_stride=settings.last_stride,
        parts=settings.parts,
        dimensions=settings.dimensions,
        shared_projection=settings.shared_projection,
        spatial=settings.spatial,
        temporal=settings.temporal,
        instance_normalisation=settings.instance_normalisation,
    )


def save_network(network: AttentionNetwork, recipe: Recipe, folder: Path) -> None:
    """Writes `network.pt` into a folder."""
    content = {"recipe": recipe.model_dump(mode="json"), "network": network.state_dict()}
    write_whole(content, folder / NETWORK_FILE)


def load_network(path: Path) -> tuple[AttentionNetwork, Recipe]:
    """Reads a `network.pt`, ready for inference."""
    stored = torch.load(path, weights_only=True, map_location="cpu")
    recipe = Recipe.model_validate(stored["recipe"])
    network = create_network(recipe.network)
    network.load_state_dict(stored["network"])
    return network.eval(), recipe


def load_initial(network: AttentionNetwork, path: Path | None, *, pretrained: bool = True) -> None:
    """Gives a network the weights to start from.

    Args:
        network: its weights are replaced.
        path: an earlier training's `network.pt`, a file of ImageNet weights, or None for the
            backbone's own place of ImageNet weights.
        pretrained: without `path`, look for ImageNet weights at all.
    """
    if path is not None and path.name == NETWORK_FILE:
        network.load_state_dict(torch.load(path, weights_only=True)["network"])
    elif path is not None or pretrained:
        network.backbone.load_pretrained(path)


def write_whole(content: dict[str, Any], path: Path) -> None:
    """Writes to another file first, so that a stop in between leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)
