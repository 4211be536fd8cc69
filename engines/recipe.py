"""A training recipe: everything that decides what comes out, as typed settings read from YAML."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from engines.augment import AugmentationSettings


class Settings(BaseModel):
    """Unknown keys are refused: a misspelt option must not be silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSettings(Settings):
    """The shape of the network; defaults are the paper's."""

    backbone: str = "resnet50"
    last_stride: int = Field(default=2, ge=1, le=2)
    """Stride of the backbone's last reduction."""
    parts: PositiveInt = 6
    """K, the number of spatial attentions."""
    dimensions: PositiveInt = 128
    """Length of a part's feature."""
    shared_projection: bool = False
    """One projection for all parts instead of one each."""
    height: PositiveInt = 256
    """Height of the input in pixels."""
    width: PositiveInt = 128
    """Width of the input in pixels."""


class TrackletListSettings(Settings):
    """A JSON list of tracklets, paths relative to the data's root."""

    path: Path
    root: Path


class DataSettings(Settings):
    """What is learned from; every path is relative to the root given on the command line."""

    market1501: Path | None = None
    """Folder of Market-1501's training images."""
    held_out_people: int = Field(default=100, ge=0)
    """People of Market-1501 that are measured on, never trained on."""
    tracklet_lists: tuple[TrackletListSettings, ...] = ()
    """Further labelled sets."""
    loose_crops: tuple[Path, ...] = ()
    """Folders of crops without identity; they are used by distillation alone."""


class BatchSettings(Settings):
    """A batch: people × tracklets × frames labelled crops, and some loose ones."""

    people: PositiveInt = 12
    tracklets: PositiveInt = 2
    """Tracklets per person, of different cameras where there are enough."""
    frames: PositiveInt = 6
    """N, the frames of a clip."""
    loose_crops: int = Field(default=0, ge=0)


class LossSettings(Settings):
    """Weights of the terms; 0 leaves a term out. The paper has the first and the third."""

    identity: float = 1.0
    """Online instance matching."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
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
        """Whether a teacher's features are needed."""
        return self.teacher_cosine > 0 or self.teacher_relation > 0


class ScheduleSettings(Settings):
    """AdamW with a linear warm-up and a cosine descent to zero."""

    steps: PositiveInt
    warm_up_steps: int = Field(default=100, ge=0)
    backbone_rate: float = 5e-4
    """Highest learning rate of the pretrained layers."""
    head_rate: float = 1.5e-3
    """Highest learning rate of the new layers."""
    weight_decay: float = 0.02
    freeze_early_layers: bool = False
    """Keep the first layers of the backbone as ImageNet has made them."""
    checkpoint_steps: PositiveInt = 300
    """How often to measure on held-out people and to write a checkpoint."""


class Recipe(Settings):
    """One training, start to finish."""

    seed: int = 0
    network: NetworkSettings = NetworkSettings()
    data: DataSettings
    batch: BatchSettings = BatchSettings()
    loss: LossSettings = LossSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    schedule: ScheduleSettings


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe.

    Raises:
        ValueError: the first wrong key, with what was expected.
    """
    try:
        return Recipe.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {key}: {first['msg']}, found {first['input']!r}") from None
