"""Finding people: real detectors on real pictures, and the rules all of them follow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from engines.heads import SsdGridHead, YoloHead, YoloxHead
from pipeline.config import DetectorSettings, Tiles
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.errors import ModelError

# People in plain sight in the 50th picture of the sample clip, by its ground truth.
PEOPLE_EAST = np.array([[70, 219, 111, 312], [238, 257, 279, 374]], np.float32)


@pytest.fixture(scope="module")
def street(vtest_path: Path) -> NDArray[np.uint8]:
    """The 50th picture of the sample clip, uint8[576, 768, 3]."""
    clip = cv2.VideoCapture(str(vtest_path))
    clip.set(cv2.CAP_PROP_POS_FRAMES, 49)
    _, picture = clip.read()
    return picture.astype(np.uint8)


@pytest.fixture(scope="module")
def east(street: NDArray[np.uint8]) -> Frame:
    """The demo site's right-hand view."""
    return frame(street[:, 440:], camera="east")


@pytest.fixture(scope="module")
def ssdlite(ssdlite_path: Path) -> Detector:
    """A small detector that every machine can get."""
    return detector(ssdlite_path)


def frame(image: NDArray[np.uint8], *, camera: str = "west") -> Frame:
    return Frame(camera, 0, 0.0, image)


def detector(
    path: Path, *, confidence: float = 0.3, min_height: float = 24, tiles: Tiles = "off"
) -> Detector:
    settings = DetectorSettings(confidence=confidence, min_height=min_height, tiles=tiles)
    return Detector(path, settings=settings)


def best_overlaps(people: NDArray[np.float32], found: sv.Detections) -> list[float]:
    """For each person the highest IoU with what was found."""
    overlaps = sv.box_iou_batch(people, found.xyxy)
    return [float(overlap) for overlap in overlaps.max(axis=1)]


def test_ssdlite_finds_the_people(ssdlite: Detector, east: Frame) -> None:
    (found,) = ssdlite.detect([east])
    assert isinstance(ssdlite.head, SsdGridHead)
    assert min(best_overlaps(PEOPLE_EAST, found)) > 0.6
    assert len(found) <= 6


@pytest.mark.parametrize(
    ("file", "head"), [("yolox_nano.onnx", YoloxHead), ("yolov8n_int8.onnx", YoloHead)]
)
def test_yolo_networks_find_the_people(
    file: str, head: type, shared_weights: Path, east: Frame
) -> None:
    yolo = detector(shared_weights / file)
    (found,) = yolo.detect([east])
    assert isinstance(yolo.head, head)
    assert min(best_overlaps(PEOPLE_EAST, found)) > 0.7
    assert len(found) <= 6


def test_boxes_are_float32_inside_the_frame_and_sorted(ssdlite: Detector, east: Frame) -> None:
    (found,) = ssdlite.detect([east])
    assert (found.xyxy.dtype, found.confidence.dtype) == (np.float32, np.float32)
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [*east.size, *east.size]).all()
    assert (np.diff(found.confidence) <= 0).all()
    assert (found.class_id == 0).all()


def test_a_batch_gives_what_its_frames_give_alone(
    ssdlite: Detector, street: NDArray[np.uint8], east: Frame
) -> None:
    frames = [frame(street[:, :330]), east, frame(street)]
    together = ssdlite.detect(frames)
    alone = [ssdlite.detect([each])[0] for each in frames]
    assert [found == single for found, single in zip(together, alone, strict=True)] == [True] * 3


def test_no_frames_give_no_detections(ssdlite: Detector) -> None:
    assert ssdlite.detect([]) == []


def test_an_empty_scene_has_nobody(ssdlite: Detector) -> None:
    (found,) = ssdlite.detect([frame(np.full((480, 640, 3), 90, np.uint8))])
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


@pytest.mark.parametrize("shape", [(1, 1), (7, 900), (2000, 30)], ids=str)
def test_pictures_of_any_shape_are_taken(ssdlite: Detector, shape: tuple[int, int]) -> None:
    (found,) = ssdlite.detect([frame(np.zeros((*shape, 3), np.uint8))])
    assert len(found) == 0


def test_weak_people_are_dropped(ssdlite_path: Path, east: Frame) -> None:
    (found,) = detector(ssdlite_path, confidence=0.75).detect([east])
    assert 1 <= len(found) <= 2
    assert found.confidence.min() >= 0.75


def test_small_people_are_dropped(ssdlite_path: Path, east: Frame) -> None:
    (found,) = detector(ssdlite_path, min_height=110).detect([east])
    heights = found.xyxy[:, 3] - found.xyxy[:, 1]
    assert len(found) >= 1
    assert heights.min() >= 110


def test_submitted_frames_are_worked_on_meanwhile(ssdlite: Detector, east: Frame) -> None:
    first, second = ssdlite.submit([east]), ssdlite.submit([east])
    assert second.wait() == first.wait() == ssdlite.detect([east])


@pytest.mark.parametrize(
    ("tiles", "size", "count"),
    [
        pytest.param("off", (1920, 1080), 1, id="off"),
        pytest.param("auto", (330, 576), 1, id="auto, portrait"),
        pytest.param("auto", (1920, 1080), 2, id="auto, wide"),
        pytest.param((2, 1), (640, 480), 2, id="two columns"),
        pytest.param((2, 2), (640, 480), 5, id="two rows and the whole"),
    ],
)
def test_tiles_follow_the_settings(
    tiles: Tiles, size: tuple[int, int], count: int, ssdlite_path: Path
) -> None:
    assert len(detector(ssdlite_path, tiles=tiles).tiles_of(size)) == count


def test_auto_leaves_pictures_whole_that_a_network_sees_well(shared_weights: Path) -> None:
    yolox = detector(shared_weights / "yolox_nano.onnx", tiles="auto")
    assert [len(yolox.tiles_of(size)) for size in [(1920, 1080), (3840, 2160)]] == [1, 2]


@pytest.mark.parametrize("tiles", [(2, 1), (2, 2)], ids=str)
def test_tiles_find_more_people_and_nobody_twice(
    tiles: Tiles, ssdlite_path: Path, street: NDArray[np.uint8]
) -> None:
    (whole,) = detector(ssdlite_path).detect([frame(street)])
    (tiled,) = detector(ssdlite_path, tiles=tiles).detect([frame(street)])
    overlaps = sv.box_iou_batch(tiled.xyxy, tiled.xyxy) - np.eye(len(tiled))
    assert len(tiled) > len(whole)
    assert overlaps.max() < 0.6


def test_a_network_that_is_no_detector_is_refused(shared_weights: Path) -> None:
    with pytest.raises(ModelError, match="expected a detector"):
        detector(shared_weights / "osnet_x0_25_market1501.onnx")
