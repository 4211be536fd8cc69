"""Trains the attention network by a recipe.

`python -m engines.train --config engines/recipes/lite0.yaml --data ROOT --output DIR`

Writes DIR/checkpoint.pt every `checkpoint_steps`; the same command continues from it, whenever it
was stopped. The network alone is in DIR/network.pt, what `engines.export` takes; DIR/progress.csv
and DIR/progress.png say how it went. Runs on the GPU if there is one, in mixed precision.
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.augment import Augmentation
from engines.batches import Batch, BatchSampler, TrainingData, read_data
from engines.checkpoint import create_network, load_initial, save_network, write_whole
from engines.crops import CropStore
from engines.network import AttentionNetwork, CropOutput
from engines.objective import Objective
from engines.pictures import AlteredCrops, AlteredPictures, PlainCrops, PlainPictures
from engines.progress import Progress, RunningMeans
from engines.recipe import Recipe, RecipeError, ScheduleSettings, StageSettings, read_recipe
from engines.replicas import average_gradients, collect, join_replicas, replica
from engines.teacher import Teacher
from engines.validate import Validation, paths_at_test
from engines.views import PLAIN, StoredGroup, StoredViews
from pipeline.errors import HandoffError

logger = logging.getLogger(__name__)

REPORT_STEPS = 20
LARGEST_GRADIENT = 10.0


class Sources:
    """Where the pictures of each stage come from; crops are decoded when first asked for.

    Args:
        data: what is trained on and held out.
        recipe: the pictures' size and how they are altered.
        views: folder of `engines.views` for stages with a frozen backbone, or None.
        rng: source of all that is random here.
        device: where the pictures are wanted.
    """

    def __init__(
        self,
        data: TrainingData,
        recipe: Recipe,
        *,
        views: Path | None,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._data = data
        self._recipe = recipe
        self._views = views
        self._rng = rng
        self._device = device

    def training(self, stage: StageSettings) -> AlteredPictures:
        """Of a stage of the training."""
        return self._stored[0] if self._uses_views(stage) else self._decoded[0]

    def test(self, stage: StageSettings) -> PlainPictures:
        """Held out, for measuring after this stage."""
        return self._stored[1] if self._uses_views(stage) else self._decoded[1]

    def _uses_views(self, stage: StageSettings) -> bool:
        return self._views is not None and "backbone" in stage.frozen

    @cached_property
    def _stored(self) -> tuple[AlteredPictures, PlainPictures]:
        assert self._views is not None
        return StoredViews(self._views, self._rng), StoredGroup(self._views, PLAIN)

    @cached_property
    def _decoded(self) -> tuple[AlteredPictures, PlainPictures]:
        recipe, data = self._recipe, self._data
        crops = CropStore(
            [*data.training_paths, *paths_at_test(data.held_out), *data.held_out_crops],
            height=recipe.network.height,
            width=recipe.network.width,
            device=self._device,
        )
        altered = AlteredCrops(
            crops,
            augmentation=Augmentation(recipe.augmentation, self._rng),
            loose_augmentation=Augmentation(
                recipe.loose_augmentation or recipe.augmentation, self._rng
            ),
        )
        return altered, PlainCrops(crops)


class Trainer:
    """One training: network, losses, optimiser and batches, and how they are saved.

    Args:
        recipe: what to do.
        root: folder of the data.
        output: folder for checkpoints.
        teacher: whom to learn from; needed when the recipe distils.
        device: where to train.
        views: folder of `engines.views`, for the stages in which the backbone is frozen.

    Raises:
        RecipeError: the recipe distils and there is no teacher.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        root: Path,
        output: Path,
        teacher: Teacher | None = None,
        device: torch.device | None = None,
        views: Path | None = None,
    ) -> None:
        if recipe.loss.distils and teacher is None:
            raise RecipeError("the recipe distils: --teacher is needed, a network to learn from")
        torch.manual_seed(recipe.seed)
        self._recipe = recipe
        self._output = output
        self._device = device or torch.device("cpu")
        self._rng = np.random.default_rng([recipe.seed, replica()])
        self._step = 0
        self._teacher = teacher.to(self._device) if teacher and recipe.loss.distils else None
        self._progress = Progress(output)
        self.network = create_network(recipe.network).to(self._device)
        # Twice as fast on a CPU; a tensor option that nn.Module.to's annotations do not know.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        data = read_data(recipe.data, root)
        self._sampler = BatchSampler(data, settings=recipe.batch, rng=self._rng)
        self._sources = Sources(data, recipe, views=views, rng=self._rng, device=self._device)
        self._validation = Validation(data, teacher=self._teacher)
        self._objective = Objective(
            recipe.loss,
            people=self._sampler.people,
            dimensions=recipe.network.parts * recipe.network.dimensions,
            teacher_dimensions=self._teacher.dimensions if self._teacher else 0,
        ).to(self._device)
        self._optimiser = make_optimiser(self.network, self._objective, recipe.schedule)

    @property
    def checkpoint(self) -> Path:
        """Where the state of the training is kept."""
        return self._output / "checkpoint.pt"

    def resume(self) -> None:
        """Continues from the checkpoint."""
        state = torch.load(self.checkpoint, weights_only=False, map_location=self._device)
        self.network.load_state_dict(state["network"])
        self._objective.load_state_dict(state["objective"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step = state["step"]
        self._sampler.waiting = state["waiting"]
        if replica() == 0:
            self._rng.bit_generator.state = state["rng"]
            self._progress.forget_after(self._step)
        else:  # only the first replica's generator is kept: the others begin a new sequence
            self._rng.bit_generator.state = np.random.default_rng(
                [self._recipe.seed, replica(), self._step]
            ).bit_generator.state
        logger.info("continuing from step %d", self._step)

    def run(self, *, until: int | None = None) -> None:
        """Trains to the end of the schedule, or to step `until` of it."""
        schedule = self._recipe.schedule
        last = min(schedule.steps, until or schedule.steps)
        means = RunningMeans()
        while self._step < last:
            means.add(self._train_step())
            self._step += 1
            if self._step % REPORT_STEPS == 0 and replica() == 0:
                self._progress.record(self._step, means.take())
            if self._step % schedule.checkpoint_steps == 0 or self._step == schedule.steps:
                self._finish_round()

    def _finish_round(self) -> None:
        """One replica saves and measures; the others wait for it in their next step."""
        if replica() == 0:
            self._save()
            self._progress.record(self._step, self._measure())
            self._progress.draw()

    def _measure(self) -> dict[str, float]:
        stage, _ = self._recipe.schedule.at(self._step - 1)
        return self._validation(self.network, self._sources.test(stage))

    def _train_step(self) -> dict[str, Tensor]:
        stage, step = self._recipe.schedule.at(self._step)
        self._enter(stage)
        self._set_rates(stage, step)
        drawn = self._sampler.draw(self._sources.training(stage), frames=stage.frames)
        batch = drawn.to(self._device)
        taught = self._teacher.on(batch.pictures) if self._teacher else None
        outcome = self._objective(self._describe(batch), batch, taught)
        self._optimiser.zero_grad()
        outcome.loss.backward()
        average_gradients([*self.network.parameters(), *self._objective.parameters()])
        nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self._optimiser.step()
        self._objective.matching.update(collect(outcome.clips.detach()), collect(batch.labels))
        figures: dict[str, Tensor] = outcome.terms | outcome.watched
        return figures

    def _describe(self, batch: Batch) -> CropOutput:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            output = batch.pictures.through(self.network)
        return CropOutput(*(values.float() for values in output))

    def _enter(self, stage: StageSettings) -> None:
        """Training mode for what the stage trains; what is frozen keeps its statistics as well."""
        self.network.train()
        self.network.spatial_pooling = stage.spatial or self._recipe.network.spatial
        frozen = [m for name in stage.frozen for m in self.network.layers(name)]
        resting = {id(p) for module in frozen for p in module.parameters()}
        for parameter in self.network.parameters():
            parameter.requires_grad_(id(parameter) not in resting)
        for module in frozen:
            module.eval()

    def _set_rates(self, stage: StageSettings, step: int) -> None:
        schedule = self._recipe.schedule
        share = stage.rate * learning_rate_share(
            step,
            steps=stage.steps,
            warm_up_steps=schedule.warm_up_steps,
            last_share=schedule.last_share,
        )
        for group in self._optimiser.param_groups:
            group["lr"] = share * group["peak"]

    def _save(self) -> None:
        write_whole(self._state(), self.checkpoint)
        save_network(self.network, self._recipe, self._output)

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "objective": self._objective.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "rng": self._rng.bit_generator.state,
            "waiting": self._sampler.waiting,
            "step": self._step,
        }


def make_optimiser(
    network: AttentionNetwork, objective: Objective, schedule: ScheduleSettings
) -> torch.optim.Optimizer:
    """Two groups, the backbone and the rest, each with its `peak` rate."""
    backbone = list(network.backbone.parameters())
    known = {id(parameter) for parameter in backbone}
    head = [p for p in network.parameters() if id(p) not in known]
    head += list(objective.parameters())
    groups = [
        {"params": backbone, "peak": schedule.backbone_rate},
        {"params": head, "peak": schedule.head_rate},
    ]
    if schedule.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=schedule.head_rate, momentum=0.9, weight_decay=schedule.weight_decay
        )
    return torch.optim.AdamW(groups, weight_decay=schedule.weight_decay)


def learning_rate_share(
    step: int, *, steps: int, warm_up_steps: int, last_share: float = 0.0
) -> float:
    """Share of the highest rate: a straight line up, then half a cosine down to `last_share`."""
    if step < warm_up_steps:
        return (step + 1) / warm_up_steps
    progress = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return last_share + (1.0 - last_share) * 0.5 * (1.0 + math.cos(math.pi * progress))


def choose_device(name: str) -> torch.device:
    """`auto` is the GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def parse_arguments(arguments: Iterable[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="recipe")
    parser.add_argument("--data", type=Path, required=True, help="root of the recipe's paths")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument(
        "--teacher",
        type=Path,
        action="append",
        help="OpenVINO's .xml of a re-ID network, or network.pt; may be given several times",
    )
    parser.add_argument(
        "--initial", type=Path, help="network.pt, or ImageNet weights, to start from"
    )
    parser.add_argument(
        "--views", type=Path, help="folder of engines.views, for stages with a frozen backbone"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, …")
    parser.add_argument(
        "--compile", action="store_true", help="compile the backbone (C++ compiler)"
    )
    return parser.parse_args(None if arguments is None else list(arguments))


def main() -> None:
    """Trains, or continues a training that was stopped; what is wrong is a sentence."""
    arguments = parse_arguments()
    join_replicas()
    level = logging.INFO if replica() == 0 else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")
    try:
        _train(arguments)
    except (HandoffError, FileNotFoundError) as error:
        sys.exit(str(error))


def _train(arguments: argparse.Namespace) -> None:
    recipe = read_recipe(arguments.config)
    trainer = Trainer(
        recipe,
        root=arguments.data,
        output=arguments.output,
        teacher=Teacher(arguments.teacher) if arguments.teacher else None,
        device=choose_device(arguments.device),
        views=arguments.views,
    )
    if trainer.checkpoint.exists():
        trainer.resume()
    else:
        load_initial(trainer.network, arguments.initial, pretrained=recipe.network.pretrained)
    if arguments.compile:
        trainer.network.backbone.compile()
    trainer.run()


if __name__ == "__main__":
    main()
