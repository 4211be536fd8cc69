"""Ultralytics' detectors: exported by their own code, understood by ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from engines.detector_graph import INPUT, DetectorGraph
from engines.export_detector import export
from engines.heads import EndToEndHead, Head, YoloHead
from engines.openvino_engine import OpenVinoEngine


def ultralytics_models() -> Path:
    """Folder of the descriptions of Ultralytics' networks."""
    pytest.importorskip("torch")
    found = importlib.util.find_spec("ultralytics")
    if found is None or found.origin is None:
        pytest.skip("ultralytics is not installed: pip install -r requirements.txt")
    return Path(found.origin).parent / "cfg" / "models"


@pytest.mark.parametrize(
    ("description", "name", "head"),
    [
        ("26/yolo26.yaml", "yolo26n", EndToEndHead),
        ("11/yolo11.yaml", "yolo11n", YoloHead),
        ("v8/yolov8.yaml", "yolov8n", YoloHead),
    ],
    ids=["yolo26n", "yolo11n", "yolov8n"],
)
def test_an_untrained_network_is_exported_and_recognised(
    description: str, name: str, head: type[Head], tmp_path: Path
) -> None:
    weights = tmp_path / f"{name}.yaml"  # the letter in the name is the size
    weights.write_text((ultralytics_models() / description).read_text())
    export(weights, tmp_path / f"{name}.onnx")
    graph = DetectorGraph(tmp_path / f"{name}.onnx")
    assert isinstance(graph.head, head)
    assert graph.size_for((330, 576)) == (384, 640)
    picture = np.zeros((1, 640, 384, 3), np.uint8)
    outputs = OpenVinoEngine(graph.build((384, 640)))({INPUT: picture})
    boxes, scores = graph.head.decode(outputs, size=(384, 640), confidence=0.0)
    assert boxes.shape == (len(scores), 4)
