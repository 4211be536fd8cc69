"""What each part of the network, and each option of its training, is worth.

    python -m engines.views --config engines/recipes/ablation.yaml --data ROOT \
        --initial person-reidentification-retail-0287.xml \
        --teacher person-reidentification-retail-0277.xml -o VIEWS
    python -m benchmarks.ablation --data ROOT --views VIEWS --output DIR \
        --initial person-reidentification-retail-0287.xml \
        --teacher person-reidentification-retail-0277.xml

Trains the head on a frozen backbone, the paper's second and third stage, in the variants below,
from the same seed on the same batches, and prints rank-1 and mAP on people it has not learned from
(held-out people of Market-1501, all of mini_mars test) and the likeness to the teacher on scenes it
has not seen. What is trained already is not trained again. One training is one draw: differences
of a point mean nothing.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
import yaml
from torch import Tensor

from benchmarks.machine import markdown
from engines.batches import read_data
from engines.checkpoint import NETWORK_FILE, load_network
from engines.crops import CropStore
from engines.datasets import RetrievalProblem, read_problems
from engines.network import AttentionNetwork
from engines.objective import effective_number
from engines.pictures import Pictures
from engines.recipe import read_recipe
from engines.teacher import Teacher
from engines.validate import likeness, paths_at_test, search
from engines.views import Compiled, FromCrops

Overrides = Mapping[str, Any]

RECIPE = Path("engines/recipes/ablation.yaml")
BATCH = 64
SIZE = {"height": 256, "width": 128}
WHOLE = "+ temporal attention: the whole"
MEAN_TIME = {"temporal": "mean"}
CONTROL = {"spatial": "mean", "parts": 1, "dimensions": 768, "temporal": "mean"}
STRUCTURE: dict[str, Overrides] = {
    "mean pooling": {"network": CONTROL, "loss": {"diversity": 0}},
    "+ spatial attention": {"network": MEAN_TIME, "loss": {"diversity": 0}},
    "+ diversity": {"network": MEAN_TIME},
    WHOLE: {},
}
PARTS: dict[str, Overrides] = {
    f"K = {parts}": {"network": {"parts": parts}} for parts in (1, 2, 4, 8)
}
OPTIONS: dict[str, Overrides] = {
    "diversity 0.3": {"loss": {"diversity": 0.3}},
    "diversity 0.1": {"loss": {"diversity": 0.1}},
    "diversity 0.03": {"loss": {"diversity": 0.03}},
    "one projection for all parts": {"network": {"shared_projection": True}},
    "OIM with smoothed labels": {"loss": {"label_smoothing": 0.1}},
    "softmax behind BN neck": {"loss": {"identity": 0, "softmax": 1, "label_smoothing": 0.1}},
    "+ triplet": {"loss": {"triplet": 1}},
}
TAUGHT = {"identity": 0.5, "triplet": 0.5, "teacher_cosine": 6, "teacher_relation": 150}
LOOSE = {"loose_crops": 64}


def taught(network: Overrides | None = None, **loss: float) -> Overrides:
    """A variant that learns from the teacher as well, on crops of other scenes, too."""
    return {"network": network or {}, "loss": {**TAUGHT, "diversity": 0.1, **loss}, "batch": LOOSE}


TAUGHT_STRUCTURE: dict[str, Overrides] = {
    "mean pooling, taught": taught(CONTROL, diversity=0),
    "+ spatial attention, taught": taught(MEAN_TIME, diversity=0),
    "+ diversity 0.1, taught": taught(MEAN_TIME),
    "+ temporal attention, taught: the whole": taught(),
}
TAUGHT_PARTS: dict[str, Overrides] = {
    f"K = {parts}, taught": taught({"parts": parts}) for parts in (1, 2, 4, 8)
}
TAUGHT_OPTIONS: dict[str, Overrides] = {
    "diversity 1, taught": taught(diversity=1),
    "diversity 0.03, taught": taught(diversity=0.03),
    "one projection for all parts, taught": taught({"shared_projection": True}),
    "no crops of other scenes": {**taught(), "batch": {}},
    "teacher alone, no identities": taught(identity=0, triplet=0),
    "similarities alone taught": taught(teacher_cosine=0),
}
GROUPS = {
    "paper's loss": STRUCTURE,
    "paper's loss, parts": PARTS,
    "paper's loss, options": OPTIONS,
    "with a teacher": TAUGHT_STRUCTURE,
    "with a teacher, parts": TAUGHT_PARTS,
    "with a teacher, options": TAUGHT_OPTIONS,
}
FRAMES = (1, 2, 4, 6, 8)
"""N: how many frames a tracklet is embedded from, with the whole network."""


def vary(recipe: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """A copy of the recipe with some settings replaced, section by section."""
    varied = copy.deepcopy(dict(recipe))
    for section, settings in overrides.items():
        varied[section] = {**varied.get(section, {}), **settings}
    return varied


def train_variant(overrides: Overrides, folder: Path, options: Sequence[str]) -> None:
    """Trains one variant in a process of its own, unless that was done before."""
    if (folder / NETWORK_FILE).exists():  # the recipe writes it at the end alone
        return
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "recipe.yaml"
    config.write_text(yaml.safe_dump(vary(yaml.safe_load(RECIPE.read_text()), overrides)))
    command = [sys.executable, "-m", "engines.train", "--config", str(config)]
    command += ["--output", str(folder), *options]
    with (folder / "log").open("a") as log:
        finished = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    typer.echo(f"{folder.name}: {'trained' if finished.returncode == 0 else 'failed'}", err=True)


def folder_name(variant: str) -> str:
    """A variant's name as a folder."""
    return "".join(letter if letter.isalnum() else "_" for letter in variant).strip("_")


class FrozenPictures:
    """Test pictures behind the backbone that all variants share; each is computed once.

    Args:
        paths: all pictures that will be asked for.
        network: any of the variants.
        teacher: says what it makes of `taught`.
        taught: those of the pictures on which student and teacher are compared.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        network: AttentionNetwork,
        teacher: Teacher,
        taught: Sequence[Path],
    ) -> None:
        self._crops = CropStore(paths, **SIZE, device=torch.device("cpu"))
        self._rows = {path: row for row, path in enumerate(paths)}
        self._taught = {path: row for row, path in enumerate(taught)}
        example = torch.zeros(2, SIZE["height"], SIZE["width"], 3, dtype=torch.uint8)
        self._maps = self._run(Compiled(FromCrops(network.backbone), example=example), paths)
        self._lessons = self._run(Compiled(teacher, example=example), taught)

    def _run(self, compiled: Compiled, paths: Sequence[Path]) -> Tensor:
        batches = [paths[begin : begin + BATCH] for begin in range(0, len(paths), BATCH)]
        return torch.cat([compiled(self._crops[batch]) for batch in batches])

    def __call__(self, paths: Sequence[Path]) -> Pictures:
        rows = [self._rows[path] for path in paths]
        known = all(path in self._taught for path in paths)
        taught = self._lessons[[self._taught[path] for path in paths]] if known else None
        return Pictures(maps=self._maps[rows], taught=taught)


class Measurement:
    """Measures trained variants on people and scenes none of them has learned from."""

    def __init__(self, root: Path, trained: Path, teacher: Teacher) -> None:
        data = read_data(read_recipe(RECIPE).data, root)
        held_out = tuple(data.held_out)
        self.problems = [
            RetrievalProblem("held-out people", held_out, held_out),
            *read_problems("list", root / "mini_mars"),
        ]
        tracklets = [t for p in self.problems for part in (p.query, p.gallery) for t in part]
        asked = [path for n in FRAMES for path in paths_at_test(tracklets, frames=n)]
        self._others = data.held_out_crops
        self._teacher = teacher
        self._pictures = FrozenPictures(
            list(dict.fromkeys(asked + self._others)),
            network=load_network(trained)[0],
            teacher=teacher,
            taught=self._others,
        )

    def row(self, name: str, folder: Path, *, frames: int = 6) -> list[str]:
        """Rank-1 / mAP in percent on each problem, likeness, positions a part attends to."""
        network, _ = load_network(folder / NETWORK_FILE)
        scores = [search(network, p, self._pictures, frames=frames) for p in self.problems]
        return [
            name,
            *(f"{100 * s.rank1:.1f} / {100 * s.mean_average_precision:.1f}" for s in scores),
            f"{likeness(network, self._teacher, self._others, self._pictures):.3f}",
            f"{self._positions(network):.1f}",
        ]

    @torch.no_grad()
    def _positions(self, network: AttentionNetwork) -> float:
        log_maps: Tensor = self._pictures(self._others).through(network).log_maps
        return float(effective_number(log_maps, dim=2).mean())

    def print(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        """Prints one table in Markdown."""
        names = [problem.name for problem in self.problems]
        typer.echo("\n" + markdown([title, *names, "likeness", "positions of 128"], rows))


def main(
    data: Annotated[Path, typer.Option(help="root of the recipe's paths")],
    views: Annotated[Path, typer.Option(help="folder of engines.views")],
    output: Annotated[Path, typer.Option(help="folder for the trained variants")],
    initial: Annotated[Path, typer.Option(help="weights of the backbone")],
    teacher: Annotated[Path, typer.Option(help="network to distil")],
    parallel: Annotated[int, typer.Option(help="trainings at a time")] = 1,
) -> None:
    """Trains what is missing and prints the tables."""
    options = ["--data", str(data), "--views", str(views), "--device", "cpu"]
    options += ["--initial", str(initial), "--teacher", str(teacher)]
    variants = {name: o for group in GROUPS.values() for name, o in group.items()}
    with ThreadPoolExecutor(parallel) as pool:
        for name, overrides in variants.items():
            pool.submit(train_variant, overrides, output / folder_name(name), options)
    whole = output / folder_name(WHOLE)
    measure = Measurement(data, whole / NETWORK_FILE, Teacher([teacher]))
    for title, group in GROUPS.items():
        measure.print(title, [measure.row(name, output / folder_name(name)) for name in group])
    best = output / folder_name("+ temporal attention, taught: the whole")
    measure.print("frames", [measure.row(f"N = {n}", best, frames=n) for n in FRAMES])


if __name__ == "__main__":
    typer.run(main)
