"""Batches: their shape, whose clips they hold, and that the teacher's features belong to them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.augment import Augmentation, AugmentationSettings
from engines.batches import BatchSampler
from engines.datasets import CropCache, LabelledTracklet
from engines.recipe import BatchSettings
from engines.teacher import TeacherFeatures

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
                cv2.imwrite(str(path), np.full((8, 4, 3), grey, dtype=np.uint8))
            made.append(LabelledTracklet(person, camera, tuple(paths)))
    return made


@pytest.fixture
def sampler(tracklets: list[LabelledTracklet], tmp_path: Path) -> BatchSampler:
    """Draws 2 people × 2 tracklets × 2 frames, 3 loose crops; the teacher says the grey."""
    paths = [path for tracklet in tracklets for path in tracklet.paths]
    np.savez(
        tmp_path / "teacher.npz",
        paths=[path.name for path in paths],
        features=np.arange(len(paths), dtype=np.float16)[:, None],
    )
    rng = np.random.default_rng(0)
    return BatchSampler(
        tracklets,
        paths,
        cache=CropCache(height=8, width=4),
        teacher=TeacherFeatures(tmp_path / "teacher.npz", root=tmp_path),
        settings=BatchSettings(people=2, tracklets=2, frames=2, loose_crops=3),
        augmentation=Augmentation(NO_CHANGE, rng),
        rng=rng,
    )


def test_a_batch_has_the_shape_that_was_asked_for(sampler: BatchSampler) -> None:
    batch = sampler.draw()
    assert batch.crops.shape == (2 * 2 * 2 + 3, 8, 4, 3)
    assert batch.labels.shape == (4,)
    assert batch.frames == 2


def test_crops_labels_and_teacher_belong_together(sampler: BatchSampler) -> None:
    batch = sampler.draw()
    assert batch.teacher is not None
    greys = batch.crops[:, 0, 0, 0].float()
    assert (greys == batch.teacher[:, 0]).all()
    assert (greys[:8].reshape(4, 2) // 12 == batch.labels[:, None]).all()


def test_a_persons_clips_come_from_different_cameras(sampler: BatchSampler) -> None:
    greys = sampler.draw().crops[:8, 0, 0, 0].reshape(2, 2, 2)
    cameras = greys % 12 // 4
    assert (cameras[:, 0, 0] != cameras[:, 1, 0]).all()
    assert (cameras[:, :, 0] == cameras[:, :, 1]).all()


def test_everybody_is_drawn_once_before_anybody_is_drawn_again(sampler: BatchSampler) -> None:
    drawn = [label for _ in range(PEOPLE) for label in sampler.draw().labels[::2].tolist()]
    assert sorted(drawn[:PEOPLE]) == list(range(PEOPLE))
    assert sorted(drawn[PEOPLE:]) == list(range(PEOPLE))
