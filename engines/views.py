"""What a frozen backbone makes of the training's pictures, computed once.

`python -m engines.views --config RECIPE --data ROOT --initial WEIGHTS [--teacher MODEL] -o DIR`

While the backbone is frozen its feature maps never change, so that attention can be trained on
stored ones, many times faster: `python -m engines.train --views DIR …`. A picture is stored in
several altered views; all pictures of a tracklet have the same look in the same view. Twelve
thousand pictures in three views of 16×8 positions and 256 channels take 2.4 GB.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import torch
from rich.progress import track
from torch import Tensor, nn

from engines.augment import Augmentation
from engines.batches import TrainingData, read_data
from engines.checkpoint import create_network, load_initial
from engines.crops import CropStore
from engines.network import normalise_crops
from engines.pictures import Pictures
from engines.recipe import Recipe, read_recipe
from engines.teacher import Teacher
from engines.validate import paths_at_test

BATCH = 64
PLAIN, CLIPS, LOOSE = "plain", "clips", "loose"
"""Unaltered test pictures; labelled tracklets; crops without identity."""

Apply = Callable[[Tensor], Tensor]


class StoredGroup:
    """Reads one group of stored pictures.

    Args:
        folder: what `main` has written.
        group: `plain`, `clips` or `loose`.
    """

    def __init__(self, folder: Path, group: str) -> None:
        self._maps = np.load(folder / f"{group}.maps.npy", mmap_mode="r")
        taught = folder / f"{group}.taught.npy"
        self._taught = np.load(taught, mmap_mode="r") if taught.exists() else None
        paths = json.loads((folder / f"{group}.json").read_text())
        self._rows = {Path(path): row for row, path in enumerate(paths)}
        self.views = len(self._maps) // max(1, len(paths))

    def __call__(self, paths: Sequence[Path], views: Sequence[int] | None = None) -> Pictures:
        """Of each picture one view; the first if none are named."""
        chosen = [0] * len(paths) if views is None else views
        rows = [
            view * len(self._rows) + self._rows[path]
            for path, view in zip(paths, chosen, strict=True)
        ]
        maps = torch.from_numpy(self._maps[rows]).float().permute(0, 3, 1, 2)
        taught = None if self._taught is None else torch.from_numpy(self._taught[rows])
        return Pictures(maps=maps, taught=taught)


class StoredViews:
    """Training pictures of which one of the stored views is drawn each time."""

    def __init__(self, folder: Path, rng: np.random.Generator) -> None:
        self._clips = StoredGroup(folder, CLIPS)
        self._loose = StoredGroup(folder, LOOSE)
        self._rng = rng

    def __call__(self, clips: Sequence[Sequence[Path]], loose: Sequence[Path]) -> Pictures:
        drawn = self._rng.integers(self._clips.views, size=len(clips)).tolist()
        views = [view for view, clip in zip(drawn, clips, strict=True) for _ in clip]
        paths = [path for clip in clips for path in clip]
        loose_views = self._rng.integers(self._loose.views, size=len(loose)).tolist()
        return _joined(self._clips(paths, views), self._loose(loose, loose_views))


def _joined(first: Pictures, second: Pictures) -> Pictures:
    assert first.maps is not None
    assert second.maps is not None
    taught = None
    if first.taught is not None and second.taught is not None:
        taught = torch.cat([first.taught, second.taught])
    return Pictures(maps=torch.cat([first.maps, second.maps]), taught=taught)


class ViewWriter:
    """Runs pictures through the backbone and the teacher and stores what comes out."""

    def __init__(self, backbone: Apply, teacher: Apply | None, folder: Path) -> None:
        self._backbone = backbone
        self._teacher = teacher
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(
        self, group: str, paths: Sequence[Path], batches: Iterator[Tensor], views: int
    ) -> None:
        """Stores `views` times all the paths; the batches follow one another in that order."""
        begin, maps, taught = 0, None, None
        count = views * len(paths)
        for crops in track(batches, description=group, total=-(-count // BATCH)):
            found = self._backbone(crops).permute(0, 2, 3, 1).numpy()
            maps = self._open(f"{group}.maps", maps, count, found, np.float16)
            maps[begin : begin + len(crops)] = found
            if self._teacher is not None:
                said = self._teacher(crops).numpy()
                taught = self._open(f"{group}.taught", taught, count, said, np.float32)
                taught[begin : begin + len(crops)] = said
            begin += len(crops)
        (self._folder / f"{group}.json").write_text(json.dumps([str(path) for path in paths]))

    def _open(
        self,
        name: str,
        opened: npt.NDArray[Any] | None,
        count: int,
        sample: npt.NDArray[Any],
        kind: type[np.generic],
    ) -> npt.NDArray[Any]:
        if opened is not None:
            return opened
        path = self._folder / f"{name}.npy"
        return np.lib.format.open_memmap(path, "w+", kind, (count, *sample.shape[1:]))


class Compiled:
    """A PyTorch module run by OpenVINO: several times faster than PyTorch on a CPU."""

    def __init__(self, module: nn.Module, *, example: Tensor) -> None:
        model = ov.convert_model(module, example_input=example)
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._compiled = ov.compile_model(model, "CPU", options)

    def __call__(self, crops: Tensor) -> Tensor:
        return torch.from_numpy(self._compiled(crops.numpy())[0].copy())


class FromCrops(nn.Module):
    """A backbone with its normalisation in front: uint8[n, H, W, 3] → float32[n, C, h, w]."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self._backbone = backbone

    def forward(self, crops: Tensor) -> Tensor:
        features: Tensor = self._backbone(normalise_crops(crops))
        return features


def altered(
    crops: CropStore, groups: Sequence[Sequence[Path]], augmentation: Augmentation, views: int
) -> Iterator[Tensor]:
    """Batches of altered pictures, group by group, all of them `views` times."""
    waiting: list[Tensor] = []
    for group in [group for _ in range(views) for group in groups]:
        waiting.append(augmentation(crops[group], np.zeros(len(group), dtype=np.int64)))
        if sum(len(pictures) for pictures in waiting) >= BATCH:
            joined = torch.cat(waiting)
            yield from joined[: len(joined) // BATCH * BATCH].split(BATCH)
            waiting = [joined[len(joined) // BATCH * BATCH :]]
    joined = torch.cat(waiting)
    if len(joined):
        yield joined


def write_views(
    recipe: Recipe, data: TrainingData, writer: ViewWriter, *, clip_views: int, loose_views: int
) -> None:
    """Stores the three groups of pictures."""
    plain = [*paths_at_test(data.held_out), *data.held_out_crops]
    loose = list(dict.fromkeys(path for group in data.loose for path in group))
    tracklets = [tracklet.paths for tracklet in data.labelled]
    clips = [path for paths in tracklets for path in paths]
    size = {"height": recipe.network.height, "width": recipe.network.width}
    crops = CropStore([*plain, *loose, *clips], **size, device=torch.device("cpu"))
    rng = np.random.default_rng(recipe.seed)
    augment = Augmentation(recipe.augmentation, rng)
    augment_loose = Augmentation(recipe.loose_augmentation or recipe.augmentation, rng)
    writer.write(PLAIN, plain, (crops[p] for p in _split(plain)), 1)
    # Groups of a batch, not single crops: mixing needs something to mix with.
    writer.write(LOOSE, loose, _loose(crops, loose, augment_loose, loose_views), loose_views)
    writer.write(CLIPS, clips, altered(crops, tracklets, augment, clip_views), clip_views)


def _split(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[begin : begin + BATCH] for begin in range(0, len(paths), BATCH)]


def _loose(
    crops: CropStore, paths: Sequence[Path], augmentation: Augmentation, views: int
) -> Iterator[Tensor]:
    everything = [path for _ in range(views) for path in paths]
    for batch in _split(everything):
        yield augmentation(crops[batch], np.arange(len(batch)))


def main() -> None:
    """Stores the views of a recipe's data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="recipe")
    parser.add_argument("--data", type=Path, required=True, help="root of the recipe's paths")
    parser.add_argument("--initial", type=Path, help="weights of the backbone")
    parser.add_argument("--teacher", type=Path, action="append", help="network to distil")
    parser.add_argument("--clip-views", type=int, default=3)
    parser.add_argument("--loose-views", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()

    recipe = read_recipe(arguments.config)
    network = create_network(recipe.network).eval()
    load_initial(network, arguments.initial)
    example = torch.zeros(2, recipe.network.height, recipe.network.width, 3, dtype=torch.uint8)
    teacher = Teacher(arguments.teacher) if arguments.teacher else None
    writer = ViewWriter(
        Compiled(FromCrops(network.backbone), example=example),
        Compiled(teacher, example=example) if teacher else None,
        arguments.output,
    )
    write_views(
        recipe,
        read_data(recipe.data, arguments.data),
        writer,
        clip_views=arguments.clip_views,
        loose_views=arguments.loose_views,
    )


if __name__ == "__main__":
    main()
