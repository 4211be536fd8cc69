"""The smallest real detectors: networks whose outputs are given, whatever the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops


def save_constant_network(
    path: Path,
    outputs: Mapping[str, NDArray[Any]],
    *,
    input_shape: tuple[int, ...] = (1, 3, 640, 640),
) -> Path:
    """Writes a network that takes float32 pictures and always gives `outputs`."""
    pictures = ops.parameter(input_shape, np.float32, name="images")
    pictures.output(0).set_names({"images"})
    results = []
    for name, array in outputs.items():
        # The output must depend on the input, or the network would have none.
        nothing = ops.multiply(ops.reduce_sum(pictures, np.arange(4)), np.float32(0))
        result = ops.add(ops.constant(array.astype(np.float32)), nothing)
        result.output(0).set_names({name})
        results.append(result.output(0))
    ov.save_model(ov.Model(results, [pictures], "small"), str(path), compress_to_fp16=False)
    return path
