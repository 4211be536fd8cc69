"""Detector graphs: a detector's file made to take camera pictures as they are, uint8 BGR.

Conversion of colour, type, range and layout is put into the graph, where it costs least; an SSD
from TensorFlow is cut to its network, which leaves out two loops that a CPU is slow at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from openvino.passes import ConstantFolding, Manager
from openvino.preprocess import ColorFormat, PrePostProcessor

from engines.heads import (
    EndToEndHead,
    Head,
    SsdGridHead,
    SsdHead,
    YoloHead,
    YoloxHead,
    positions,
)
from engines.openvino_engine import read_network
from pipeline.errors import ModelError

INPUT = "pictures"
"""Name of the one input of a prepared graph: uint8[1, H, W, 3] BGR."""

_DEFAULT_SIDE = 640
_SIDE_MULTIPLE = 32
_MAX_CLASSES = 1000

# Tensors of the TensorFlow Object Detection API, the same in every SSD it has exported.
_SSD_PICTURE = "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3:0"
_SSD_BOXES = "Postprocessor/ExpandDims_1:0"
_SSD_SCORES = "Postprocessor/convert_scores:0"
_SSD_OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes")


class DetectorGraph:
    """A detector's file, understood: its head, its input size, and graphs for any picture.

    Args:
        path: an ONNX, TensorFlow or OpenVINO file.

    Attributes:
        path: the file.
        head: what the outputs mean.
        native_size: width and height of the input the file asks for, in pixels.

    Raises:
        ModelError: the file is missing, unreadable, or not a detector.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        network = read_network(path)
        network.set_friendly_name(str(path))
        self._network = _cut_ssd(network) or network
        self.head = _recognise(self._network, path)
        self.native_size = _native_size(self._network, self.head)
        self._sizes: dict[tuple[int, int], tuple[int, int]] = {}  # trying a size out takes time

    @property
    def takes_channels_first(self) -> bool:
        """True for an ONNX file of a YOLO detector: what a GPU's compiler can be given."""
        return self.path.suffix == ".onnx" and not isinstance(self.head, SsdGridHead | SsdHead)

    def size_for(self, picture: tuple[int, int]) -> tuple[int, int]:
        """Input width and height for pictures of this width and height.

        The longer side is the file's own; the shorter one follows the picture's proportions
        where the network allows it, so that no time is spent on padding.
        """
        if picture not in self._sizes:
            self._sizes[picture] = self._choose_size(picture)
        return self._sizes[picture]

    def build(self, size: tuple[int, int]) -> ov.Model:
        """The graph for inputs of this width and height: `INPUT` in, the head's outputs out."""
        network = self._network.clone()
        _reshape(network, self.head, size)
        return _take_pictures(network, self.head)

    def _choose_size(self, picture: tuple[int, int]) -> tuple[int, int]:
        if self.head.fit == "stretch":
            return self.native_size
        wanted = _proportional(self.native_size, picture)
        return wanted if self._can_take(wanted) else self.native_size

    def _can_take(self, size: tuple[int, int]) -> bool:
        """True if the file's graph works at this size; many are exported for one size only."""
        network = self._network.clone()
        try:
            _reshape(network, self.head, size)
        except RuntimeError:
            return False
        axis = {YoloxHead: 1, YoloHead: 2}.get(type(self.head))
        return axis is None or _length(network.output(0), axis) == positions(size)


def _recognise(network: ov.Model, path: Path) -> Head:
    names = {name for port in network.outputs for name in port.get_names()}
    if names == {"ssd_boxes", "ssd_scores"}:
        return SsdGridHead()
    if all(any(name.startswith(wanted) for name in names) for wanted in _SSD_OUTPUTS):
        return SsdHead()
    if len(network.outputs) == 1 and len(network.inputs) == 1:
        head = _recognise_yolo(network)
        if head is not None:
            return head
    found = ", ".join(f"{p.get_any_name()}{p.get_partial_shape()}" for p in network.outputs)
    raise ModelError(
        f"{path}: expected a detector (SSD, YOLOX, YOLOv8, YOLO11, YOLO26), "
        f"found a network with the outputs {found}"
    )


def _recognise_yolo(network: ov.Model) -> Head | None:
    output, shape = network.output(0), network.output(0).get_partial_shape()
    if len(shape) != 3 or len(network.input(0).get_partial_shape()) != 4:
        return None
    rows, columns = _length(output, 1), _length(output, 2)
    if columns == 6 and rows is not None and rows <= _MAX_CLASSES:
        return EndToEndHead()
    cells = positions(_native_size(network, YoloHead()))
    if columns is not None and 5 < columns < _MAX_CLASSES and rows in (None, cells):
        return YoloxHead()
    if rows is not None and 4 < rows < _MAX_CLASSES and columns in (None, cells):
        return YoloHead()
    return None


def _native_size(network: ov.Model, head: Head) -> tuple[int, int]:
    port = network.input(0)
    first = 1 if isinstance(head, SsdGridHead | SsdHead) else 2  # NHWC, else NCHW
    height, width = _length(port, first), _length(port, first + 1)
    return width or _DEFAULT_SIDE, height or _DEFAULT_SIDE


def _length(port: ov.Output, axis: int) -> int | None:
    dimension = port.get_partial_shape()[axis]
    return dimension.get_length() if dimension.is_static else None


def _proportional(native: tuple[int, int], picture: tuple[int, int]) -> tuple[int, int]:
    scale = min(native[0] / picture[0], native[1] / picture[1])
    width, height = (
        min(limit, -(-round(length * scale) // _SIDE_MULTIPLE) * _SIDE_MULTIPLE)
        for length, limit in zip(picture, native, strict=True)
    )
    return max(width, _SIDE_MULTIPLE), max(height, _SIDE_MULTIPLE)


def _reshape(network: ov.Model, head: Head, size: tuple[int, int]) -> None:
    width, height = size
    nhwc = isinstance(head, SsdGridHead | SsdHead)
    network.reshape([1, height, width, 3] if nhwc else [1, 3, height, width])


def _take_pictures(network: ov.Model, head: Head) -> ov.Model:
    nhwc = isinstance(head, SsdGridHead | SsdHead)
    steps = PrePostProcessor(network)
    tensor = steps.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(ov.Layout("NHWC" if nhwc else "NCHW"))
    if network.input(0).get_element_type() != ov.Type.u8:
        steps.input().preprocess().convert_element_type(network.input(0).get_element_type())
    if head.rgb:
        steps.input().preprocess().convert_color(ColorFormat.RGB)
    if head.divisor != 1.0:
        steps.input().preprocess().scale(head.divisor)
    prepared = steps.build()
    prepared.input(0).set_names({INPUT})
    _name_outputs(prepared, head)
    return prepared


def _name_outputs(network: ov.Model, head: Head) -> None:
    """One name per output: TensorFlow's tensors have several, `detection_boxes:0` among them."""
    for port in network.outputs:
        known = [w for w in _SSD_OUTPUTS for n in port.get_names() if n.startswith(w)]
        if isinstance(head, SsdHead) and known:
            port.set_names({known[0]})


def _cut_ssd(network: ov.Model) -> ov.Model | None:
    """The network of a TensorFlow SSD without the loops around it, or None if it is none."""
    tensors = {
        name: port for op in network.get_ops() for port in op.outputs() for name in port.names
    }
    if not {_SSD_PICTURE, _SSD_BOXES, _SSD_SCORES} <= tensors.keys():
        return None
    height, width = (_length(tensors[_SSD_PICTURE], axis) for axis in (1, 2))
    pictures = ops.parameter([1, height, width, 3], np.float32)
    for consumer in tensors[_SSD_PICTURE].get_target_inputs():
        consumer.replace_source_output(pictures.output(0))
    boxes = ops.squeeze(tensors[_SSD_BOXES], np.array([2]))
    cut = ov.Model([boxes.output(0), tensors[_SSD_SCORES]], [pictures], network.get_friendly_name())
    for port, name in zip(cut.outputs, ("ssd_boxes", "ssd_scores"), strict=True):
        port.set_names({name})
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(cut)
    return cut
