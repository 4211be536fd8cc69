"""What a training learns from, and its batches: clips of people, and crops of nobody known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.augment import Augmentation
from engines.datasets import (
    CropCache,
    LabelledTracklet,
    hold_out_people,
    read_loose_crops,
    read_market1501,
    read_tracklet_list,
    restricted_random_sampling,
)
from engines.preprocess import Image
from engines.recipe import BatchSettings, DataSettings
from engines.teacher import TeacherFeatures


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a recipe's data settings come to.

    Attributes:
        labelled: tracklets to learn identities from, people of different sets kept apart.
        loose: crops without identity.
        held_out: Market-1501 people to measure on.
    """

    labelled: list[LabelledTracklet]
    loose: list[Path]
    held_out: list[LabelledTracklet]


def read_data(settings: DataSettings, root: Path) -> TrainingData:
    """Reads the sets; people and cameras of each further set are numbered after the one before."""
    labelled: list[LabelledTracklet] = []
    held_out: list[LabelledTracklet] = []
    if settings.market1501 is not None:
        market = read_market1501(root / settings.market1501)
        labelled, held_out = hold_out_people(market, settings.held_out_people)
    for entry in settings.tracklet_lists:
        further = read_tracklet_list(root / entry.path, root=root / entry.root)
        labelled = labelled + _numbered_after(labelled + held_out, further)
    loose = [path for folder in settings.loose_crops for path in read_loose_crops(root / folder)]
    return TrainingData(labelled, loose, held_out)


def _numbered_after(
    before: Sequence[LabelledTracklet], further: Sequence[LabelledTracklet]
) -> list[LabelledTracklet]:
    person = 1 + max((tracklet.person for tracklet in before), default=-1)
    camera = 1 + max((tracklet.camera for tracklet in before), default=-1)
    return [LabelledTracklet(person + t.person, camera + t.camera, t.paths) for t in further]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of t clips of N frames and u loose crops.

    Attributes:
        crops: uint8[t · N + u, H, W, 3] BGR; the clips first.
        labels: int64[t], who the clips show, counted from 0.
        frames: N.
        teacher: float32[t · N + u, E], the teacher's features of the unaltered crops, or None.
    """

    crops: Tensor
    labels: Tensor
    frames: int
    teacher: Tensor | None


class BatchSampler:
    """Draws batches without end; everybody is drawn once before anybody is drawn again.

    Args:
        tracklets: the labelled set; people are numbered in the order of `LabelledTracklet.person`.
        loose: paths of crops without identity.
        cache: gives the crops at the network's input size.
        teacher: features to distil, or None.
        settings: the shape of a batch.
        augmentation: alters the frames of a clip.
        rng: source of all that is random here.
    """

    def __init__(
        self,
        tracklets: Sequence[LabelledTracklet],
        loose: Sequence[Path],
        *,
        cache: CropCache,
        teacher: TeacherFeatures | None,
        settings: BatchSettings,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> None:
        by_person: dict[int, list[LabelledTracklet]] = defaultdict(list)
        for tracklet in tracklets:
            by_person[tracklet.person].append(tracklet)
        self._people = [by_person[person] for person in sorted(by_person)]
        self._loose = list(loose)
        self._cache = cache
        self._teacher = teacher
        self._settings = settings
        self._augmentation = augmentation
        self._rng = rng
        self.waiting: list[int] = []
        """People not yet drawn in this round; part of a checkpoint."""

    @property
    def people(self) -> int:
        """Number of people in the labelled set."""
        return len(self._people)

    def draw(self) -> Batch:
        """Draws the next batch."""
        labels = [self._next_person() for _ in range(self._settings.people)]
        clips = [
            (label, self._draw_clip(tracklet))
            for label in labels
            for tracklet in self._draw_tracklets(self._people[label])
        ]
        groups = [paths for _, paths in clips] + [[path] for path in self._draw_loose()]
        crops = [crop for paths in groups for crop in self._alter(paths)]
        return Batch(
            crops=torch.from_numpy(np.stack(crops)),
            labels=torch.tensor([label for label, _ in clips]),
            frames=self._settings.frames,
            teacher=self._teacher_features([path for paths in groups for path in paths]),
        )

    def _next_person(self) -> int:
        if not self.waiting:
            self.waiting = self._rng.permutation(len(self._people)).tolist()
        return self.waiting.pop()

    def _draw_tracklets(self, tracklets: Sequence[LabelledTracklet]) -> list[LabelledTracklet]:
        """Draws tracklets of one person, each of another camera as long as there is one."""
        shuffled = [tracklets[i] for i in self._rng.permutation(len(tracklets))]
        one_per_camera = {tracklet.camera: tracklet for tracklet in shuffled}
        fresh = list(one_per_camera.values())
        ordered = fresh + [tracklet for tracklet in shuffled if tracklet not in fresh]
        return [ordered[i % len(ordered)] for i in range(self._settings.tracklets)]

    def _draw_clip(self, tracklet: LabelledTracklet) -> list[Path]:
        indices = restricted_random_sampling(
            len(tracklet.paths), self._settings.frames, rng=self._rng
        )
        return [tracklet.paths[i] for i in indices]

    def _draw_loose(self) -> list[Path]:
        if not self._loose or not self._settings.loose_crops:
            return []
        drawn = self._rng.integers(len(self._loose), size=self._settings.loose_crops)
        return [self._loose[i] for i in drawn]

    def _alter(self, paths: Sequence[Path]) -> list[Image]:
        return self._augmentation([self._cache[path] for path in paths])

    def _teacher_features(self, paths: Sequence[Path]) -> Tensor | None:
        if self._teacher is None:
            return None
        return torch.from_numpy(np.stack([self._teacher[path] for path in paths]))
