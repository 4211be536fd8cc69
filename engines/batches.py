"""What a training learns from, and its batches: clips of people, and crops of nobody known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engines.datasets import (
    LabelledTracklet,
    hold_out_people,
    read_loose_crops,
    read_market1501,
    read_tracklet_list,
    read_training_set,
    restricted_random_sampling,
)
from engines.pictures import AlteredPictures, Pictures
from engines.recipe import BatchSettings, DataSettings, TrackletListSettings


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a recipe's data settings come to.

    Attributes:
        labelled: tracklets to learn identities from; people of different sets are kept apart,
            except where a set is said to show those of Market-1501.
        held_out: Market-1501 people to measure on.
        loose: groups of crops without identity.
        held_out_crops: crops on which student and teacher are compared.
    """

    labelled: list[LabelledTracklet]
    held_out: list[LabelledTracklet]
    loose: list[list[Path]]
    held_out_crops: list[Path]

    @property
    def training_paths(self) -> list[Path]:
        """All pictures that are trained on."""
        return [path for tracklet in self.labelled for path in tracklet.paths] + [
            path for group in self.loose for path in group
        ]


def read_data(settings: DataSettings, root: Path) -> TrainingData:
    """Reads the sets; people and cameras of each further set are numbered after the one before."""
    labelled: list[LabelledTracklet] = []
    held_out: list[LabelledTracklet] = []
    if settings.market1501 is not None:
        market = read_market1501(root / settings.market1501)
        labelled, held_out = hold_out_people(market, settings.held_out_people)
    for entry in settings.tracklet_lists:
        further = _read_list(entry, root)
        labelled += _numbered_after(labelled + held_out, further, people=not entry.market_people)
    unseen = {tracklet.person for tracklet in held_out} | set(settings.excluded_people)
    labelled = [tracklet for tracklet in labelled if tracklet.person not in unseen]
    for extra in settings.sets:
        further = read_training_set(extra.kind, root / extra.path, split=extra.split)
        labelled += _numbered_after(labelled + held_out, further)
    loose = [read_loose_crops(root / folder) for folder in settings.loose_crops]
    if settings.loose_labelled:
        loose.append([path for tracklet in labelled for path in tracklet.paths])
    compared = [path for f in settings.held_out_crops for path in read_loose_crops(root / f)]
    return TrainingData(labelled, held_out, loose, compared)


def _read_list(entry: TrackletListSettings, root: Path) -> list[LabelledTracklet]:
    tracklets = read_tracklet_list(root / entry.path, root=root / entry.root)
    if not entry.market_people:
        return tracklets
    return [replace(t, person=int(t.paths[0].parent.name)) for t in tracklets]


def _numbered_after(
    before: Sequence[LabelledTracklet],
    further: Sequence[LabelledTracklet],
    *,
    people: bool = True,
) -> list[LabelledTracklet]:
    """Numbers cameras, and people unless they are the same ones, after those known already."""
    person = 1 + max((tracklet.person for tracklet in before), default=-1) if people else 0
    camera = 1 + max((tracklet.camera for tracklet in before), default=-1)
    return [LabelledTracklet(person + t.person, camera + t.camera, t.paths) for t in further]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of t clips of N frames and u loose crops.

    Attributes:
        pictures: t · N + u; the clips first.
        labels: int64[t], who the clips show, counted from 0.
        frames: N.
    """

    pictures: Pictures
    labels: Tensor
    frames: int

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        return Batch(self.pictures.to(device), self.labels.to(device), self.frames)


class BatchSampler:
    """Draws batches without end; everybody is drawn once before anybody is drawn again.

    Args:
        data: what to draw from.
        settings: the shape of a batch.
        rng: source of all that is random here.
    """

    def __init__(
        self, data: TrainingData, *, settings: BatchSettings, rng: np.random.Generator
    ) -> None:
        by_person: dict[int, list[LabelledTracklet]] = defaultdict(list)
        for tracklet in data.labelled:
            by_person[tracklet.person].append(tracklet)
        self._people = [by_person[person] for person in sorted(by_person)]
        self._loose = [group for group in data.loose if group]
        weights = np.sqrt([len(group) for group in self._loose])
        self._loose_shares = weights / weights.sum()
        self._settings = settings
        self._rng = rng
        self.waiting: list[int] = []
        """People not yet drawn in this round; part of a checkpoint."""

    @property
    def people(self) -> int:
        """Number of people in the labelled sets."""
        return len(self._people)

    def draw(self, pictures: AlteredPictures, *, frames: int | None = None) -> Batch:
        """Draws the next batch.

        Args:
            pictures: gives the pictures of what has been drawn.
            frames: length of the clips, instead of the settings' own.
        """
        frames = frames or self._settings.frames
        labels = [self._next_person() for _ in range(self._settings.people)]
        clips = [
            self._draw_clip(tracklet, frames)
            for label in labels
            for tracklet in self._draw_tracklets(self._people[label])
        ]
        repeated = torch.tensor(labels).repeat_interleave(self._settings.tracklets)
        return Batch(pictures(clips, self._draw_loose()), repeated, frames)

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

    def _draw_clip(self, tracklet: LabelledTracklet, frames: int) -> list[Path]:
        indices = restricted_random_sampling(len(tracklet.paths), frames, rng=self._rng)
        return [tracklet.paths[i] for i in indices]

    def _draw_loose(self) -> list[Path]:
        if not self._loose or not self._settings.loose_crops:
            return []
        groups = self._rng.choice(
            len(self._loose), size=self._settings.loose_crops, p=self._loose_shares
        )
        return [self._loose[g][self._rng.integers(len(self._loose[g]))] for g in groups]
