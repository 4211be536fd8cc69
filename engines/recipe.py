"""A training recipe: everything that decides what comes out, as typed settings read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from engines.augment import AugmentationSettings
from pipeline.errors import HandoffError


class RecipeError(HandoffError, ValueError):
    """A recipe that cannot be followed."""


class Settings(BaseModel):
    """Unknown keys are refused: a misspelt option must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSettings(Settings):
    """The shape of the network; defaults are the paper's."""

    backbone: str = "resnet50"
    pretrained: bool = True
    """Begin the backbone with ImageNet weights."""
    last_stride: int = Field(default=2, ge=1, le=2)
    """Stride of the backbone's last reduction."""
    parts: PositiveInt = 6
    """K, the number of spatial attentions."""
    dimensions: PositiveInt = 128
    """Length of a part's feature."""
    shared_projection: bool = False
    """One projection for all parts instead of one each."""
    spatial: Literal["attention", "mean"] = "attention"
    """How positions are gathered; the mean is the control."""
    temporal: Literal["attention", "mean"] = "attention"
    """How frames are gathered; the mean is the control."""
    instance_normalisation: bool = False
    """Normalise every picture's contrast and colour in the early layers, as OSNet-AIN does."""
    height: PositiveInt = 256
    """Height of the input in pixels."""
    width: PositiveInt = 128
    """Width of the input in pixels."""


class SetSettings(Settings):
    """A public set in its own layout; `engines.datasets.TRAINING_SETS` lists the kinds."""

    kind: str
    path: Path
    split: int = Field(default=0, ge=0)
    """Which of the published splits, where a set has several."""


class TrackletListSettings(Settings):
    """A JSON list of tracklets."""

    path: Path
    root: Path
    """What the list's paths are relative to."""
    market_people: bool = False
    """People are those of Market-1501, by the name of the picture's folder, as in MARS."""


class DataSettings(Settings):
    """What is learned from; every path is relative to the root given on the command line."""

    market1501: Path | None = None
    """Folder of Market-1501's training images."""
    held_out_people: int = Field(default=100, ge=0)
    """People of Market-1501 that are measured on, never trained on."""
    excluded_people: tuple[int, ...] = ()
    """Further people of Market-1501 never trained on, by number: those of another test set."""
    tracklet_lists: tuple[TrackletListSettings, ...] = ()
    """Further labelled sets."""
    sets: tuple[SetSettings, ...] = ()
    """Further public sets."""
    loose_crops: tuple[Path, ...] = ()
    """Folders of crops without identity, for distillation alone; each is drawn from in proportion
    to the root of its size, so that a small set of another kind still counts."""
    loose_labelled: bool = False
    """Draw loose crops from the labelled sets as well."""
    held_out_crops: tuple[Path, ...] = ()
    """Folders of crops on which student and teacher are compared, never trained on."""


class BatchSettings(Settings):
    """A batch: people × tracklets × frames labelled crops, and some loose ones."""

    people: PositiveInt = 12
    tracklets: PositiveInt = 2
    """Tracklets per person, of different cameras where there are enough."""
    frames: PositiveInt = 6
    """N, the frames of a clip."""
    loose_crops: int = Field(default=0, ge=0)


class LossSettings(Settings):
    """Weights of the terms; 0 leaves a term out. The paper has `identity` and `diversity`."""

    identity: float = 1.0
    """Online instance matching."""
    softmax: float = 0.0
    """Cross entropy of a linear classifier behind a batch normalisation ("BN neck")."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Of both kinds of cross entropy."""
    diversity: float = 1.0
    """Overlap of the spatial attentions."""
    triplet: float = 0.0
    """Batch-hard triplet."""
    teacher_cosine: float = 0.0
    """Distillation: cosine distance to the teacher's feature."""
    teacher_relation: float = 0.0
    """Distillation: squared difference of the batch's similarities."""

    @property
    def distils(self) -> bool:
        """Whether a teacher is needed."""
        return self.teacher_cosine > 0 or self.teacher_relation > 0


Layers = Literal["early_layers", "backbone", "spatial", "projection", "temporal"]


class StageSettings(Settings):
    """One stage of the training, with a rate that warms up and descends by a cosine."""

    name: str = "joint"
    steps: PositiveInt
    rate: float = Field(default=1.0, gt=0)
    """Factor on the learning rates."""
    frozen: tuple[Layers, ...] = ()
    """Layers that stay as they are."""
    spatial: Literal["attention", "mean"] | None = None
    """Another way of gathering positions than the network's own."""
    frames: PositiveInt | None = None
    """Another length of the clips than the batch's own; 1 means still images."""


class ScheduleSettings(Settings):
    """Stages one after the other, and what they share."""

    stages: tuple[StageSettings, ...] = Field(min_length=1)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    """SGD has a momentum of 0.9."""
    warm_up_steps: int = Field(default=100, ge=0)
    backbone_rate: float = 5e-4
    """Highest learning rate of the backbone."""
    head_rate: float = 1.5e-3
    """Highest learning rate of the other layers."""
    last_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the highest rate that a stage ends with (0.1 in the paper)."""
    weight_decay: float = 0.02
    checkpoint_steps: PositiveInt = 300
    """How often to measure on held-out people and to write a checkpoint."""

    @property
    def steps(self) -> int:
        """Of all stages together."""
        return sum(stage.steps for stage in self.stages)

    def at(self, step: int) -> tuple[StageSettings, int]:
        """The stage a step belongs to, and its number within that stage."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise ValueError(f"step {step} after the last stage")


class Recipe(Settings):
    """One training, start to finish."""

    seed: int = 0
    network: NetworkSettings = NetworkSettings()
    data: DataSettings
    batch: BatchSettings = BatchSettings()
    loss: LossSettings = LossSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    loose_augmentation: AugmentationSettings | None = None
    """For the loose crops; None: the same."""
    schedule: ScheduleSettings


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe.

    Raises:
        RecipeError: there is none, it is no YAML, or the first wrong key with what was expected.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: expected a recipe in YAML, found: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{path}: {key}: {first['msg']}, found {first['input']!r}") from None
