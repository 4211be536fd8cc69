"""Readers, the sampling of clips, and the split by person."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engines.datasets import (
    DatasetError,
    LabelledTracklet,
    hold_out_people,
    read_market1501,
    read_tracklet_list,
    restricted_random_sampling,
)

MARKET_FILES = [
    "0002_c1s1_000451_03.jpg",
    "0002_c1s1_000551_01.jpg",
    "0002_c1s2_000776_01.jpg",
    "0007_c3s3_077419_03.jpg",
    "0000_c1s1_000001_00.jpg",
    "-1_c1s1_000401_03.jpg",
]


def test_market_images_become_one_tracklet_per_person_camera_and_sequence(tmp_path: Path) -> None:
    for name in MARKET_FILES:
        (tmp_path / name).touch()
    tracklets = read_market1501(tmp_path)
    assert [(t.person, t.camera, len(t.paths)) for t in tracklets] == [
        (2, 1, 2),
        (2, 1, 1),
        (7, 3, 1),
    ]


def test_a_folder_without_market_images_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected images named like 0002_c1s1"):
        read_market1501(tmp_path)


def test_a_tracklet_list_keeps_one_camera_per_tracklet(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([{"pid": 3, "camid": 1, "img_paths": ["a/1.jpg", "a/2.jpg"]}]))
    (tracklet,) = read_tracklet_list(path, root=tmp_path)
    assert tracklet == LabelledTracklet(3, 1, (tmp_path / "a/1.jpg", tmp_path / "a/2.jpg"))


@pytest.mark.parametrize(
    "entry", [{"pid": 3, "img_paths": ["a"]}, {"pid": 3, "camid": 1, "img_paths": []}, "a"]
)
def test_an_incomplete_entry_is_named(tmp_path: Path, entry: object) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(DatasetError, match="entry 0: expected pid, camid"):
        read_tracklet_list(path, root=tmp_path)


def test_nobody_is_on_both_sides_of_the_split() -> None:
    tracklets = [LabelledTracklet(person, 0, (Path("x"),)) for person in range(20) for _ in "ab"]
    training, held_out = hold_out_people(tracklets, 5)
    assert len({t.person for t in held_out}) == 5
    assert not {t.person for t in held_out} & {t.person for t in training}
    assert len(training) + len(held_out) == len(tracklets)


@pytest.mark.parametrize("length", [1, 4, 6, 7, 100])
def test_sampling_at_test_takes_the_first_frame_of_each_chunk(length: int) -> None:
    indices = restricted_random_sampling(length, 6)
    assert indices.tolist() == [length * chunk // 6 for chunk in range(6)]


@pytest.mark.parametrize("length", [1, 5, 6, 23, 60])
def test_sampling_in_training_draws_one_frame_inside_each_chunk(length: int) -> None:
    rng = np.random.default_rng(0)
    draws = np.array([restricted_random_sampling(length, 6, rng=rng) for _ in range(300)])
    begins = np.arange(6) * length // 6
    ends = np.maximum(begins + 1, np.arange(1, 7) * length // 6)
    assert draws.min(axis=0).tolist() == begins.tolist()
    assert draws.max(axis=0).tolist() == (ends - 1).tolist()
