"""People cut out of annotated video: early and late, whole, in view, and by the right colour."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.datasets import DatasetError, read_crop
from engines.datasets.tracking import cut_tracklets, hidden_shares
from engines.held_out import video_problems
from pipeline.mot import Table

FRAMES, WIDTH, HEIGHT = 50, 160, 96
GREYS = {1: 100, 2: 200}


def box_of(person: int, frame: int) -> tuple[int, int, int, int]:
    """Left, top, width and height: one walks to the right, the other stands below on the right."""
    return (frame, 8, 16, 32) if person == 1 else (120, 40, 20, 40)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """50 pictures in which the people are plain grey, a little brighter from frame to frame."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (WIDTH, HEIGHT))
    for frame in range(1, FRAMES + 1):
        picture = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        for person, grey in GREYS.items():
            left, top, width, height = box_of(person, frame)
            picture[top : top + height, left : left + width] = grey + frame
        writer.write(picture)
    writer.release()
    return path


def write_truth(path: Path, extra: Iterable[str] = (), *, people: Iterable[int] = (1, 2)) -> Path:
    """MOT16 rows: confidence, class and visibility at the end."""
    rows = [
        f"{frame},{person},{','.join(map(str, box_of(person, frame)))},1,1,1"
        for person in people
        for frame in range(1, FRAMES + 1)
    ]
    path.write_text("\n".join([*rows, *extra]) + "\n")
    return path


def test_everybody_is_cut_out_early_and_late(video: Path, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.txt")
    tracklets = cut_tracklets(video, truth, tmp_path / "crops", pictures=4, first_person=10)
    assert [(t.person, t.camera, len(t.paths)) for t in tracklets] == [
        (10, 0, 4),
        (10, 1, 4),
        (11, 0, 4),
        (11, 1, 4),
    ]


def test_the_crops_show_the_box_in_its_frame(video: Path, tmp_path: Path) -> None:
    """Early is frames 1 to 20, late 31 to 50: a fifth lies between."""
    truth = write_truth(tmp_path / "gt.txt")
    tracklets = cut_tracklets(video, truth, tmp_path / "crops", pictures=2)
    crops = [[read_crop(path) for path in tracklet.paths] for tracklet in tracklets]
    greys = [[round(float(crop.mean())) for crop in pair] for pair in crops]
    assert np.abs(np.subtract(greys, [[101, 120], [131, 150], [201, 220], [231, 250]])).max() <= 4
    assert crops[0][0].shape == (32, 16, 3)


@pytest.mark.parametrize(
    "end", ["0,1,1", "1,2,1"], ids=["rows that do not count", "what is no pedestrian"]
)
def test_only_pedestrians_who_count_are_cut_out(video: Path, tmp_path: Path, end: str) -> None:
    extra = [f"{frame},3,60,8,16,32,{end}" for frame in range(1, FRAMES + 1)]
    truth = write_truth(tmp_path / "gt.txt", extra)
    assert len(cut_tracklets(video, truth, tmp_path / "crops")) == 4


def test_rows_without_a_class_are_people(video: Path, tmp_path: Path) -> None:
    rows = [f"{frame},1,60,8,16,32,1,-1,-1,-1" for frame in range(1, FRAMES + 1)]
    truth = write_truth(tmp_path / "gt.txt", rows, people=())
    assert len(cut_tracklets(video, truth, tmp_path / "crops")) == 2


@pytest.mark.parametrize(
    "box",
    ["118,36,16,40", "150,8,40,60", "60,8,4,32", "60,8,40,32"],
    ids=["behind somebody", "mostly outside the picture", "too narrow", "wider than upright"],
)
def test_people_who_cannot_be_seen_are_left_out(video: Path, tmp_path: Path, box: str) -> None:
    extra = [f"{frame},3,{box},1,1,1" for frame in range(1, FRAMES + 1)]
    truth = write_truth(tmp_path / "gt.txt", extra)
    assert len(cut_tracklets(video, truth, tmp_path / "crops")) == 4


def test_whoever_stands_lower_hides_who_is_behind() -> None:
    boxes = [[0, 0, 10, 20], [5, 0, 15, 30], [100, 0, 110, 20]]
    table = Table.build(frame=[1, 1, 1], identity=[1, 2, 3], xyxy=boxes)
    assert hidden_shares(table).tolist() == [0.5, 0.0, 0.0]


def test_a_short_track_has_no_beginning_and_end(video: Path, tmp_path: Path) -> None:
    extra = [f"{frame},3,60,8,16,32,1,1,1" for frame in range(1, 20)]
    truth = write_truth(tmp_path / "gt.txt", extra)
    assert len(cut_tracklets(video, truth, tmp_path / "crops")) == 4


def test_all_videos_make_one_gallery(video: Path, tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "gt.txt")
    problems = video_problems([(video, truth), (video, truth)], tmp_path / "crops")
    assert {t.person for t in problems["video"].gallery} == {0, 1, 2, 3}
    assert len(problems["video, one frame"].query) == 8 * 12
    assert all(len(t.paths) == 1 for t in problems["video, one frame"].query)


def test_a_video_that_ends_too_early_is_named(video: Path, tmp_path: Path) -> None:
    extra = [f"{frame},3,60,8,16,32,1,1,1" for frame in range(1, 200)]
    truth = write_truth(tmp_path / "gt.txt", extra)
    with pytest.raises(DatasetError, match=r"clip.avi: expected a frame \d+, as in its ground"):
        cut_tracklets(video, truth, tmp_path / "crops")


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.avi").write_text("no video")
    truth = write_truth(tmp_path / "gt.txt")
    with pytest.raises(DatasetError, match=r"clip.avi: expected a video"):
        cut_tracklets(tmp_path / "clip.avi", truth, tmp_path / "crops")
