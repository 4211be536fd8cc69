"""Retrieval problems: who asks, who is searched, and that nobody finds himself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.datasets import LabelledTracklet
from engines.preprocess import Image
from engines.protocols import (
    Embedding,
    all_against_all,
    embed_problem,
    every_image,
    single_images,
    with_distractors,
)


@pytest.fixture
def tracklets(tmp_path: Path) -> list[LabelledTracklet]:
    """Three people in two cameras; a person's pictures all have the person's grey."""
    return [
        LabelledTracklet(person, camera, tuple(_pictures(tmp_path, person, camera)))
        for person in (1, 2, 3)
        for camera in (0, 1)
    ]


def _pictures(folder: Path, person: int, camera: int) -> list[Path]:
    paths = [folder / f"{person}_{camera}_{frame}.png" for frame in range(2)]
    for path in paths:
        cv2.imwrite(str(path), np.full((16, 8, 3), 60 * person, dtype=np.uint8))
    return paths


class GreyEmbedder:
    """One-hot code of a crop's grey: perfect on the fixture's people. Remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, crops: Sequence[Image]) -> Embedding:
        self.calls.append(len(crops))
        return np.eye(5, dtype=np.float32)[int(crops[0].mean()) // 60]


def test_a_perfect_embedder_finds_everybody_in_the_other_camera(
    tracklets: list[LabelledTracklet],
) -> None:
    scores = embed_problem(all_against_all("all", tracklets), GreyEmbedder()).scores()
    assert scores.queries == 6
    assert scores.rank1 == 1.0
    assert scores.mean_average_precision == 1.0


def test_every_tracklet_is_embedded_once_and_no_frame_twice(
    tracklets: list[LabelledTracklet],
) -> None:
    embedder = GreyEmbedder()
    embed_problem(all_against_all("all", tracklets), embedder, frames=6)
    assert embedder.calls == [2] * 6


def test_every_tracklet_has_one_camera_however_many_frames(
    tracklets: list[LabelledTracklet],
) -> None:
    embedded = embed_problem(all_against_all("all", tracklets), GreyEmbedder())
    assert embedded.gallery.cameras.tolist() == [tracklet.camera for tracklet in tracklets]
    assert embedded.similarity.shape == (6, 6)


def test_what_another_split_has_embedded_is_not_embedded_again(
    tracklets: list[LabelledTracklet],
) -> None:
    embedder = GreyEmbedder()
    known: dict[LabelledTracklet, Embedding] = {}
    embed_problem(all_against_all("first", tracklets[:4]), embedder, known=known)
    embed_problem(all_against_all("second", tracklets), embedder, known=known)
    assert len(embedder.calls) == 6


def test_every_image_asks_by_itself(tracklets: list[LabelledTracklet]) -> None:
    problem = every_image("images", tracklets)
    assert len(problem.query) == len(problem.gallery) == 12


def test_single_images_ask_once_per_person_and_camera(tracklets: list[LabelledTracklet]) -> None:
    problem = single_images("images", tracklets)
    assert len(problem.query) == 6
    assert len(problem.gallery) == 12
    assert all(len(tracklet.paths) == 1 for tracklet in problem.gallery)


def test_distractors_are_never_right(tracklets: list[LabelledTracklet]) -> None:
    problem = all_against_all("all", tracklets[:2])
    harder = with_distractors("harder", problem, tracklets)
    assert harder.query == problem.query
    assert len(harder.gallery) == 8
    assert {t.person for t in harder.gallery[2:]}.isdisjoint({t.person for t in problem.gallery})
