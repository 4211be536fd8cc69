"""What each head makes of a detector's raw outputs, and how it is told from the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_networks import save_constant_network

from engines.detector_graph import INPUT, DetectorGraph
from engines.heads import (
    EndToEndHead,
    Head,
    SsdGridHead,
    SsdHead,
    YoloHead,
    YoloxHead,
    grid,
    positions,
)
from engines.openvino_engine import OpenVinoEngine
from pipeline.errors import ModelError

SIZE = (256, 416)
BOX = np.array([40.0, 60.0, 90.0, 190.0], np.float32)
CENTRED = np.array([65.0, 125.0, 50.0, 130.0], np.float32)


def yolox_outputs(cell: int, score: float) -> dict[str, NDArray[np.float32]]:
    """Raw outputs in which grid cell `cell` sees BOX, as YOLOX's loss defines them."""
    raw = np.zeros((1, positions(SIZE), 85), np.float32)
    cells, strides = grid(SIZE)
    raw[0, cell, 0:2] = CENTRED[:2] / strides[cell] - cells[cell]
    raw[0, cell, 2:4] = np.log(CENTRED[2:] / strides[cell])
    raw[0, cell, 4:6] = np.sqrt(score)
    return {"output": raw}


@given(cell=st.integers(0, positions(SIZE) - 1))
def test_yolox_gives_the_box_that_its_loss_encodes_in_any_cell(cell: int) -> None:
    boxes, scores = YoloxHead().decode(yolox_outputs(cell, 0.8), size=SIZE, confidence=0.1)
    np.testing.assert_allclose(boxes, [BOX], atol=1e-3)
    np.testing.assert_allclose(scores, [0.8], atol=1e-6)


def test_yolox_multiplies_objectness_by_the_probability_of_a_person() -> None:
    outputs = yolox_outputs(5, 0.81)
    outputs["output"][0, 5, 5] = 0.5
    _, scores = YoloxHead().decode(outputs, size=SIZE, confidence=0.1)
    np.testing.assert_allclose(scores, [0.9 * 0.5], atol=1e-6)


def test_the_grid_has_a_cell_per_stride_row_by_row() -> None:
    cells, strides = grid((64, 32))
    assert len(cells) == positions((64, 32)) == 8 * 4 + 4 * 2 + 2 * 1
    assert cells[:9].tolist() == [[i, 0] for i in range(8)] + [[0, 1]]
    assert np.unique(strides).tolist() == [8, 16, 32]


def test_yolo_gives_corners_and_the_score_of_person() -> None:
    raw = np.zeros((1, 84, positions(SIZE)), np.float32)
    raw[0, :4, 7], raw[0, 4, 7] = CENTRED, 0.7
    raw[0, 5, 8] = 0.9  # a bicycle
    boxes, scores = YoloHead().decode({"output0": raw}, size=SIZE, confidence=0.1)
    np.testing.assert_allclose(boxes, [BOX])
    np.testing.assert_allclose(scores, [0.7])


def test_end_to_end_rows_of_other_classes_are_left_out() -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [*BOX, 0.9, 0]
    rows[0, 1] = [*BOX, 0.8, 2]
    boxes, scores = EndToEndHead().decode({"output0": rows}, size=SIZE, confidence=0.1)
    np.testing.assert_allclose(boxes, [BOX])
    np.testing.assert_allclose(scores, [0.9])


def test_ssd_fractions_become_pixels_of_the_input() -> None:
    boxes = np.zeros((1, 100, 4), np.float32)
    boxes[0, 3] = BOX[[1, 0, 3, 2]] / [SIZE[1], SIZE[0], SIZE[1], SIZE[0]]
    scores, classes = np.zeros((1, 100), np.float32), np.ones((1, 100), np.float32)
    scores[0, 3] = 0.6
    outputs = {
        "detection_boxes": boxes,
        "detection_scores": scores,
        "detection_classes": classes,
    }
    found, found_scores = SsdHead().decode(outputs, size=SIZE, confidence=0.1)
    np.testing.assert_allclose(found, [BOX], atol=1e-3)
    np.testing.assert_allclose(found_scores, [0.6])


@pytest.mark.parametrize(
    ("shape", "head"),
    [
        pytest.param((1, 8400, 85), YoloxHead, id="yolox"),
        pytest.param((1, 8400, 6), YoloxHead, id="yolox of people alone"),
        pytest.param((1, 84, 8400), YoloHead, id="yolov8 and yolo11"),
        pytest.param((1, 5, 8400), YoloHead, id="yolov8 of people alone"),
        pytest.param((1, 300, 6), EndToEndHead, id="yolo26 and yolov10"),
    ],
)
def test_the_head_is_told_by_the_shape_of_the_output(
    shape: tuple[int, ...], head: type[Head], tmp_path: Path
) -> None:
    path = save_constant_network(tmp_path / "any_name.xml", {"output": np.zeros(shape)})
    assert isinstance(DetectorGraph(path).head, head)


@pytest.mark.parametrize("shape", [(1, 256), (1, 1000, 1, 1), (1, 8400, 3), (1, 84, 77)], ids=str)
def test_a_network_that_is_no_detector_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = save_constant_network(tmp_path / "reid.xml", {"embedding": np.zeros(shape)})
    with pytest.raises(ModelError, match=r"reid\.xml: expected a detector .* embedding\["):
        DetectorGraph(path)


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a network at all" * 100)
    with pytest.raises(ModelError, match=r"broken\.onnx: expected a network OpenVINO can read"):
        DetectorGraph(path)


def test_ssdlite_is_cut_to_its_network(ssdlite_path: Path) -> None:
    graph = DetectorGraph(ssdlite_path)
    assert isinstance(graph.head, SsdGridHead)
    assert graph.native_size == (300, 300)
    assert graph.size_for((1920, 1080)) == (300, 300)


def test_cutting_ssdlite_changes_none_of_its_boxes(
    ssdlite_path: Path, monkeypatch: pytest.MonkeyPatch, street_300: NDArray[np.uint8]
) -> None:
    cut, cut_scores = strongest(ssdlite_path, street_300)
    monkeypatch.setattr("engines.detector_graph._cut_ssd", lambda _network: None)
    whole, whole_scores = strongest(ssdlite_path, street_300)
    np.testing.assert_allclose(cut_scores, whole_scores, atol=1e-4)
    np.testing.assert_allclose(cut, whole, atol=0.1)


def strongest(
    path: Path, picture: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The strongest box and its score, in pixels of a 300×300 input."""
    graph = DetectorGraph(path)
    outputs = OpenVinoEngine(graph.build((300, 300)), precision="f32")({INPUT: picture[None]})
    boxes, scores = graph.head.decode(outputs, size=(300, 300), confidence=0.5)
    return boxes[scores.argmax()], scores.max()


@pytest.mark.parametrize(
    ("picture", "size"),
    [
        pytest.param((330, 576), (256, 416), id="portrait"),
        pytest.param((1920, 1080), (416, 256), id="wide"),
        pytest.param((500, 500), (416, 416), id="square"),
        pytest.param((4000, 10), (416, 32), id="a strip"),
        pytest.param((20, 10), (416, 224), id="tiny"),
    ],
)
def test_yolox_takes_inputs_of_the_pictures_proportions(
    picture: tuple[int, int], size: tuple[int, int], shared_weights: Path
) -> None:
    assert DetectorGraph(shared_weights / "yolox_nano.onnx").size_for(picture) == size


def test_a_network_for_one_size_only_gets_that_size(tmp_path: Path) -> None:
    path = save_constant_network(tmp_path / "fixed.xml", {"output": np.zeros((1, 8400, 85))})
    assert DetectorGraph(path).size_for((330, 576)) == (640, 640)
