"""ONNX operations in PyTorch: what the networks of this project and YOLO detectors are made of.

Each takes the node's attributes and its inputs (None: left out) and gives its output or outputs.
Numbers of the network live on the device; shapes and positions stay on the CPU, so that no step
waits for the GPU to say how large something is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

Attributes = Mapping[str, Any]
Operation = Callable[..., "Tensor | Sequence[Tensor]"]

TYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 6: torch.int32, 7: torch.int64,
    9: torch.bool, 10: torch.float16, 11: torch.float64, 16: torch.bfloat16,
}  # fmt: skip
"""ONNX's numbers for element types."""


def beside(given: Tensor, x: Tensor) -> Tensor:
    """`given` on the device of `x`.

    What comes from the CPU are shapes, positions and limits, the same for every batch of a size.
    They are kept on the device: copying them each time would make the GPU wait, and cannot be
    recorded in a CUDA graph.
    """
    if given.device == x.device:
        return given
    content = given.numpy()
    return _kept(content.tobytes(), content.dtype.str, content.shape, x.device)


@lru_cache(maxsize=4096)
def _kept(content: bytes, kind: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, kind).reshape(shape).copy()).to(device)


def _ints(values: Tensor | None) -> list[int]:
    return [] if values is None else [int(value) for value in values.reshape(-1).tolist()]


def _axes(attributes: Attributes, given: Tensor | None) -> list[int]:
    return _ints(given) if given is not None else list(attributes.get("axes", []))


def _symmetric(attributes: Attributes, x: Tensor) -> Tensor:
    """Padding of a convolution or pooling that PyTorch cannot express by itself."""
    pads = list(attributes.get("pads", []))
    if not any(pads):
        return x
    half = len(pads) // 2
    pairs = [n for i in reversed(range(half)) for n in (pads[i], pads[half + i])]
    return F.pad(x, pairs)


def conv(attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """2-D convolution."""
    return F.conv2d(
        _symmetric(attributes, x),
        weight,
        bias,
        stride=attributes.get("strides", [1, 1]),
        dilation=attributes.get("dilations", [1, 1]),
        groups=attributes.get("group", 1),
    )


def conv_transpose(
    attributes: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """2-D transposed convolution with symmetric padding."""
    return F.conv_transpose2d(
        x,
        weight,
        bias,
        stride=attributes.get("strides", [1, 1]),
        padding=list(attributes.get("pads", [0, 0]))[:2],
        groups=attributes.get("group", 1),
    )


def pad(attributes: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None) -> Tensor:
    """Adds a border of one value to all axes."""
    if attributes.get("mode", b"constant") != b"constant":
        raise NotImplementedError(f"Pad {attributes['mode'].decode()}")
    lengths, count = _ints(pads), x.dim()
    pairs = [n for i in reversed(range(count)) for n in (lengths[i], lengths[count + i])]
    return F.pad(x, pairs, value=0.0 if value is None else float(value))


def max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """2-D maximum; what is padded never wins."""
    pads = list(attributes.get("pads", [0] * 4))
    padded = F.pad(x, [pads[1], pads[3], pads[0], pads[2]], value=-math.inf)
    return F.max_pool2d(padded, attributes["kernel_shape"], attributes.get("strides", [1, 1]))


def average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """2-D mean of windows; what is padded counts as 0 if `count_include_pad` says so."""
    pads = list(attributes.get("pads", [0] * 4))
    if pads[:2] != pads[2:]:
        raise NotImplementedError(f"AveragePool: expected equal padding, found {pads}")
    return F.avg_pool2d(
        x,
        attributes["kernel_shape"],
        attributes.get("strides", [1, 1]),
        padding=pads[:2],
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
        count_include_pad=bool(attributes.get("count_include_pad", 0)),
    )


def batch_norm(attributes: Attributes, x: Tensor, *parameters: Tensor) -> Tensor:
    """Batch normalisation with the statistics of training."""
    scale, bias, mean, variance = parameters
    return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))


def instance_norm(attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Each picture's channels by their own mean and variance."""
    return F.instance_norm(x, weight=scale, bias=bias, eps=attributes.get("epsilon", 1e-5))


def clip(
    attributes: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> Tensor:
    """Limits, either of which may be missing."""
    if low is not None:
        x = torch.maximum(x, beside(low, x))
    return torch.minimum(x, beside(high, x)) if high is not None else x


def slice_(
    attributes: Attributes,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    """Part of a tensor, by start, end and step per axis."""
    begins, stops = _ints(starts), _ints(ends)
    where = _ints(axes) or list(range(len(begins)))
    strides = _ints(steps) or [1] * len(begins)
    index = [slice(None)] * x.dim()
    for axis, begin, stop, step in zip(where, begins, stops, strides, strict=True):
        if step < 1:
            raise NotImplementedError("Slice backwards")
        index[axis] = slice(begin, stop, step)
    return x[tuple(index)]


def gather(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    """Rows along an axis; a scalar index takes the axis away."""
    axis = attributes.get("axis", 0) % x.dim()
    index = beside(indices, x).long()
    index = torch.where(index < 0, index + x.shape[axis], index)
    picked = x.index_select(axis, index.reshape(-1))
    return picked.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


def reshape(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    """Another shape; 0 keeps a length."""
    lengths = [x.shape[i] if n == 0 else n for i, n in enumerate(_ints(shape))]
    return x.reshape(lengths)


def resize(
    attributes: Attributes,
    x: Tensor,
    region: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Nearest neighbour, by whole factors: what detectors enlarge their feature maps with."""
    if attributes.get("mode", b"nearest") != b"nearest":
        raise NotImplementedError(f"Resize {attributes['mode'].decode()}")
    if sizes is not None and sizes.numel():
        return F.interpolate(x, size=_ints(sizes)[2:], mode="nearest")
    factors = [] if scales is None else [float(scale) for scale in scales.tolist()]
    return F.interpolate(x, scale_factor=factors[2:], mode="nearest")


def split(attributes: Attributes, x: Tensor, lengths: Tensor | None = None) -> Sequence[Tensor]:
    """Parts along an axis; of the same length unless given."""
    axis = attributes.get("axis", 0)
    given = _ints(lengths) or list(attributes.get("split", []))
    return x.split(given, dim=axis) if given else x.chunk(attributes["outputs"], dim=axis)


def squeeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Takes away axes of length 1."""
    given = _axes(attributes, axes)
    return x.squeeze(tuple(given)) if given else x.squeeze()


def unsqueeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Adds axes of length 1."""
    given = _axes(attributes, axes)
    for axis in sorted(axis % (x.dim() + len(given)) for axis in given):
        x = x.unsqueeze(axis)
    return x


def reduction(name: str) -> Operation:
    """A sum, mean, maximum, minimum or length over some axes."""
    functions: dict[str, Callable[..., Tensor]] = {
        "L2": lambda x, dim, keepdim: torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim),
        "Max": torch.amax,
        "Mean": torch.mean,
        "Min": torch.amin,
        "Sum": torch.sum,
    }

    def reduce(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
        over = _axes(attributes, axes) or list(range(x.dim()))
        return functions[name](x, dim=over, keepdim=bool(attributes.get("keepdims", 1)))

    return reduce


def gemm(attributes: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """Matrix product with a bias."""
    a = a.t() if attributes.get("transA") else a
    b = b.t() if attributes.get("transB") else b
    product = attributes.get("alpha", 1.0) * (a @ b)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def top_k(attributes: Attributes, x: Tensor, count: Tensor) -> Sequence[Tensor]:
    """The largest values and where they are."""
    axis, largest = attributes.get("axis", -1), bool(attributes.get("largest", 1))
    return x.topk(_ints(count)[0], dim=axis, largest=largest)


def expand(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    """Broadcasts to a shape (PyTorch's own function for it would import SymPy)."""
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(_ints(shape))))


def modulo(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    """Remainder, with the sign of the divisor, or with that of the dividend."""
    other = beside(b, a)
    return torch.fmod(a, other) if attributes.get("fmod") else torch.remainder(a, other)


def divide(attributes: Attributes, a: Tensor, b: Tensor) -> Tensor:
    """Quotient; whole numbers stay whole."""
    whole = not a.is_floating_point()
    return torch.div(*_together(a, b), rounding_mode="trunc" if whole else None)


def _together(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both on the device, if one of them is there."""
    return (a, beside(b, a)) if a.device.type != "cpu" else (beside(a, b), b)


def _pair(function: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    return lambda attributes, a, b: function(*_together(a, b))


def _single(function: Callable[[Tensor], Tensor]) -> Operation:
    return lambda attributes, x: function(x)


OPERATIONS: Mapping[str, Operation] = {
    "Add": _pair(torch.add),
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "InstanceNormalization": instance_norm,
    "Cast": lambda a, x: x.to(TYPES[a["to"]]),
    "Clip": clip,
    "Concat": lambda a, *xs: torch.cat(xs, dim=a["axis"]),
    "ConstantOfShape": lambda a, s: torch.full(_ints(s), a["value"].item() if "value" in a else 0),
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Div": divide,
    "Equal": _pair(torch.eq),
    "Erf": _single(torch.erf),
    "Exp": _single(torch.exp),
    "Expand": expand,
    "Flatten": lambda a, x: x.reshape(math.prod(x.shape[: a.get("axis", 1)]), -1),
    "Floor": _single(torch.floor),
    "Gather": gather,
    "GatherElements": lambda a, x, i: x.gather(a.get("axis", 0), beside(i, x)),
    "Gemm": gemm,
    "GlobalAveragePool": lambda a, x: x.mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": lambda a, x: (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1),
    "Identity": _single(lambda x: x),
    "LeakyRelu": lambda a, x: F.leaky_relu(x, a.get("alpha", 0.01)),
    "LogSoftmax": lambda a, x: x.log_softmax(a.get("axis", -1)),
    "MatMul": _pair(torch.matmul),
    "MaxPool": max_pool,
    "Mod": modulo,
    "Mul": _pair(torch.mul),
    "Pad": pad,
    "Pow": _pair(torch.pow),
    "Range": lambda a, low, high, step: torch.arange(low.item(), high.item(), step.item()),
    "ReduceL2": reduction("L2"),
    "ReduceMax": reduction("Max"),
    "ReduceMean": reduction("Mean"),
    "ReduceMin": reduction("Min"),
    "ReduceSum": reduction("Sum"),
    "Relu": _single(torch.relu),
    "Reshape": reshape,
    "Resize": resize,
    "Shape": lambda a, x: torch.tensor(x.shape, dtype=torch.int64),
    "Sigmoid": _single(torch.sigmoid),
    "Slice": slice_,
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
    "Split": split,
    "Sqrt": _single(torch.sqrt),
    "Squeeze": squeeze,
    "Sub": _pair(torch.sub),
    "Tanh": _single(torch.tanh),
    "Tile": lambda a, x, n: x.repeat(_ints(n)),
    "TopK": top_k,
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Unsqueeze": unsqueeze,
    "Where": lambda a, c, x, y: torch.where(beside(c, x), *_together(x, y)),
}
"""By the name ONNX has for them."""
