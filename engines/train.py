"""Trains the attention network by a recipe.

`python -m engines.train --config engines/recipes/lite0.yaml --data ROOT --output DIR`

Writes DIR/checkpoint.pt every `checkpoint_steps`; the same command continues from it. The network
alone is in DIR/network.pt, what `engines.export` takes.
"""

from __future__ import annotations

import argparse
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engines.augment import Augmentation
from engines.batches import BatchSampler, TrainingData, read_data
from engines.checkpoint import create_network, load_initial, save_network, write_whole
from engines.datasets import CropCache
from engines.embedders import NetworkEmbedder
from engines.objective import Objective, Outcome
from engines.protocols import all_against_all, embed_problem
from engines.recipe import Recipe, read_recipe
from engines.replicas import average_gradients, collect, join_replicas, replica
from engines.teacher import TeacherFeatures

logger = logging.getLogger(__name__)

REPORT_STEPS = 20


@dataclass
class RunningMeans:
    """Means of the loss terms since they were last reported."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, terms: dict[str, Tensor]) -> None:
        self.count += 1
        for name, term in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(term.detach())

    def report(self) -> str:
        """Describes the means and starts anew."""
        text = "  ".join(f"{name} {total / self.count:.3f}" for name, total in self.sums.items())
        self.sums, self.count = {}, 0
        return text


class Trainer:
    """One training: network, losses, optimiser and batches, and how they are saved.

    Args:
        recipe: what to do.
        root: folder of the data.
        output: folder for checkpoints.
        teacher: features to distil; needed when the recipe distils.

    Raises:
        ValueError: the recipe distils and there is no teacher.
    """

    def __init__(
        self, recipe: Recipe, *, root: Path, output: Path, teacher: TeacherFeatures | None
    ) -> None:
        if recipe.loss.distils and teacher is None:
            raise ValueError("the recipe distils: --teacher with the teacher's features is needed")
        torch.manual_seed(recipe.seed)
        self._recipe = recipe
        self._output = output
        self._rng = np.random.default_rng([recipe.seed, replica()])
        self._step = 0
        data = read_data(recipe.data, root)
        self._problem = all_against_all("held-out people", data.held_out)
        self._sampler = self._make_sampler(data, teacher)
        self.network = create_network(recipe.network)
        # Twice as fast on a CPU; a tensor option that nn.Module.to's annotations do not know.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._objective = Objective(
            recipe.loss,
            people=self._sampler.people,
            dimensions=recipe.network.parts * recipe.network.dimensions,
            teacher_dimensions=teacher.dimensions if teacher else 0,
        )
        self._optimiser = self._make_optimiser()

    def _make_sampler(self, data: TrainingData, teacher: TeacherFeatures | None) -> BatchSampler:
        recipe = self._recipe
        return BatchSampler(
            data.labelled,
            data.loose,
            cache=CropCache(height=recipe.network.height, width=recipe.network.width),
            teacher=teacher if recipe.loss.distils else None,
            settings=recipe.batch,
            augmentation=Augmentation(recipe.augmentation, self._rng),
            rng=self._rng,
        )

    def _make_optimiser(self) -> torch.optim.Optimizer:
        schedule = self._recipe.schedule
        if schedule.freeze_early_layers:
            for layer in self.network.backbone.early_layers():
                layer.requires_grad_(False)
        backbone = list(self.network.backbone.parameters())
        known = {id(parameter) for parameter in backbone}
        head = [p for p in self.network.parameters() if id(p) not in known]
        head += list(self._objective.parameters())
        groups = [
            {"params": [p for p in backbone if p.requires_grad], "peak": schedule.backbone_rate},
            {"params": head, "peak": schedule.head_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=schedule.weight_decay)

    @property
    def checkpoint(self) -> Path:
        """Where the state of the training is kept."""
        return self._output / "checkpoint.pt"

    def resume(self) -> None:
        """Continues from the checkpoint."""
        state = torch.load(self.checkpoint, weights_only=False)
        self.network.load_state_dict(state["network"])
        self._objective.load_state_dict(state["objective"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step = state["step"]
        self._sampler.waiting = state["waiting"]
        if replica() == 0:
            self._rng.bit_generator.state = state["rng"]
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
            if self._step % REPORT_STEPS == 0:
                logger.info("step %d/%d  %s", self._step, schedule.steps, means.report())
            if self._step % schedule.checkpoint_steps == 0 or self._step == schedule.steps:
                self._finish_round()

    def _finish_round(self) -> None:
        """One replica saves and measures; the others wait for it in their next step."""
        if replica() == 0:
            self._save()
            logger.info("step %d  held-out people: %s", self._step, self._validate())

    def _train_step(self) -> dict[str, Tensor]:
        self._set_mode()
        self._set_rates()
        batch = self._sampler.draw()
        outcome: Outcome = self._objective(self.network, batch)
        self._optimiser.zero_grad()
        outcome.loss.backward()
        average_gradients([*self.network.parameters(), *self._objective.parameters()])
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self._optimiser.step()
        self._objective.matching.update(collect(outcome.clips.detach()), collect(batch.labels))
        return outcome.terms | outcome.watched

    def _set_mode(self) -> None:
        self.network.train()
        if self._recipe.schedule.freeze_early_layers:
            for layer in self.network.backbone.early_layers():
                layer.eval()

    def _set_rates(self) -> None:
        schedule = self._recipe.schedule
        share = learning_rate_share(
            self._step, steps=schedule.steps, warm_up_steps=schedule.warm_up_steps
        )
        for group in self._optimiser.param_groups:
            group["lr"] = share * group["peak"]

    def _validate(self) -> str:
        if not self._problem.query:
            return "none"
        self.network.eval()
        network = self._recipe.network
        embedder = NetworkEmbedder(self.network, height=network.height, width=network.width)
        return str(embed_problem(self._problem, embedder).scores())

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


def learning_rate_share(step: int, *, steps: int, warm_up_steps: int) -> float:
    """Share of the highest rate: a straight line up, then half a cosine down to 0."""
    if step < warm_up_steps:
        return (step + 1) / warm_up_steps
    progress = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def main() -> None:
    """Trains, or continues a training that was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="recipe")
    parser.add_argument("--data", type=Path, required=True, help="root of the recipe's paths")
    parser.add_argument("--output", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--teacher", type=Path, help="file written by engines.teacher")
    parser.add_argument(
        "--initial", type=Path, help="network.pt, or ImageNet weights, to start from"
    )
    parser.add_argument(
        "--compile", action="store_true", help="compile the backbone (C++ compiler)"
    )
    arguments = parser.parse_args()
    join_replicas()
    level = logging.INFO if replica() == 0 else logging.WARNING
    logging.basicConfig(level=level, format="%(asctime)s %(message)s")

    recipe = read_recipe(arguments.config)
    teacher = TeacherFeatures(arguments.teacher, root=arguments.data) if arguments.teacher else None
    trainer = Trainer(recipe, root=arguments.data, output=arguments.output, teacher=teacher)
    if trainer.checkpoint.exists():
        trainer.resume()
    else:
        load_initial(trainer.network, arguments.initial)
    if arguments.compile:
        trainer.network.backbone.compile()
    trainer.run()


if __name__ == "__main__":
    main()
