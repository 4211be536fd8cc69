"""Batches: their shape, whose clips they hold, and what a recipe's data come to."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engines.augment import Augmentation, AugmentationSettings
from engines.batches import Batch, BatchSampler, TrainingData
from engines.crops import CropStore
from engines.datasets import LabelledTracklet
from engines.pictures import AlteredCrops
from engines.recipe import BatchSettings

NO_CHANGE = AugmentationSettings(
    flip=0,
    box_jitter=0,
    colour=0,
    grey=0,
    low_resolution=0,
    blur=0,
    compress=0,
    noise=0,
    erase=0,
)
PEOPLE, CAMERAS, FRAMES = 5, 3, 4


@pytest.fixture
def tracklets(tmp_path: Path) -> list[LabelledTracklet]:
    """Every frame has its own grey: 12 · person + 4 · camera + frame."""
    made = []
    for person in range(PEOPLE):
        for camera in range(CAMERAS):
            paths = [tmp_path / f"{person}_{camera}_{frame}.png" for frame in range(FRAMES)]
            for frame, path in enumerate(paths):
                grey = 12 * person + 4 * camera + frame
                cv2.imwrite(str(path), np.full((16, 16, 3), grey, dtype=np.uint8))
            made.append(LabelledTracklet(person, camera, tuple(paths)))
    return made


@pytest.fixture(params=[1e9, 0], ids=["decoded once", "decoded when asked for"])
def pictures(request: pytest.FixtureRequest, tracklets: list[LabelledTracklet]) -> AlteredCrops:
    crops = CropStore(
        [path for tracklet in tracklets for path in tracklet.paths],
        height=16,
        width=16,
        device=torch.device("cpu"),
        capacity_bytes=request.param,
    )
    unaltered = Augmentation(NO_CHANGE, np.random.default_rng(0))
    return AlteredCrops(crops, augmentation=unaltered, loose_augmentation=unaltered)


@pytest.fixture
def sampler(tracklets: list[LabelledTracklet]) -> BatchSampler:
    """Draws 2 people × 2 tracklets × 2 frames, and 3 loose crops."""
    loose = [[path for tracklet in tracklets for path in tracklet.paths]]
    data = TrainingData(tracklets, held_out=[], loose=loose, held_out_crops=[])
    settings = BatchSettings(people=2, tracklets=2, frames=2, loose_crops=3)
    return BatchSampler(data, settings=settings, rng=np.random.default_rng(0))


def greys(batch: Batch) -> torch.Tensor:
    assert batch.pictures.crops is not None
    return batch.pictures.crops[:, 0, 0, 0].int()


def test_a_batch_has_the_shape_that_was_asked_for(
    sampler: BatchSampler, pictures: AlteredCrops
) -> None:
    batch = sampler.draw(pictures)
    assert batch.pictures.crops is not None
    assert batch.pictures.crops.shape == (2 * 2 * 2 + 3, 16, 16, 3)
    assert batch.labels.shape == (4,)
    assert batch.frames == 2


def test_crops_and_labels_belong_together(sampler: BatchSampler, pictures: AlteredCrops) -> None:
    batch = sampler.draw(pictures)
    assert (greys(batch)[:8].reshape(4, 2) // 12 == batch.labels[:, None]).all()


def test_a_stage_may_have_clips_of_another_length(
    sampler: BatchSampler, pictures: AlteredCrops
) -> None:
    batch = sampler.draw(pictures, frames=1)
    assert batch.frames == 1
    assert len(greys(batch)) == 4 + 3


def test_a_persons_clips_come_from_different_cameras(
    sampler: BatchSampler, pictures: AlteredCrops
) -> None:
    drawn = greys(sampler.draw(pictures))[:8].reshape(2, 2, 2)
    cameras = drawn % 12 // 4
    assert (cameras[:, 0, 0] != cameras[:, 1, 0]).all()
    assert (cameras[:, :, 0] == cameras[:, :, 1]).all()


def test_everybody_is_drawn_once_before_anybody_is_drawn_again(
    sampler: BatchSampler, pictures: AlteredCrops
) -> None:
    batches = [sampler.draw(pictures) for _ in range(PEOPLE)]
    drawn = [label for batch in batches for label in batch.labels[::2].tolist()]
    assert sorted(drawn[:PEOPLE]) == list(range(PEOPLE))
    assert sorted(drawn[PEOPLE:]) == list(range(PEOPLE))


def test_a_small_group_of_loose_crops_counts_by_the_root_of_its_size(tmp_path: Path) -> None:
    small, large = [tmp_path / "small"], [tmp_path / f"{n}" for n in range(100)]
    person = LabelledTracklet(0, 0, (tmp_path / "0",))
    data = TrainingData([person], held_out=[], loose=[small, large], held_out_crops=[])
    settings = BatchSettings(people=1, tracklets=1, frames=1, loose_crops=4000)
    drawn: list[Path] = []
    sampler = BatchSampler(data, settings=settings, rng=np.random.default_rng(0))
    sampler.draw(lambda _, loose: drawn.extend(loose))  # type: ignore[arg-type, func-returns-value]
    assert drawn.count(small[0]) / 4000 == pytest.approx(1 / 11, abs=0.02)
