"""What every engine does with batches: splits them, halves them, and refuses NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from engines.engine import Arrays, Engine, OutOfMemory, Request
from engines.gpu import NoGpu, NoTensorRt, find_gpu, find_tensorrt, parse_capability
from engines.openvino_engine import OpenVinoEngine
from engines.runtime import Backend, choose_backend, open_engine
from pipeline.errors import ModelError

TRACKLETS = Path(__file__).parents[2] / "engines" / "weights" / "drsa_osnet_x1_0.tracklet.onnx"


def root_engine() -> OpenVinoEngine:
    """x [n, 2] → its square root, which is NaN where x is negative."""
    x = ops.parameter([-1, 2], np.float32, name="x")
    x.output(0).set_names({"x"})
    root = ops.sqrt(x)
    root.output(0).set_names({"root"})
    return OpenVinoEngine(ov.Model([root.output(0)], [x], "root"), precision="f32")


class SmallDevice(Engine):
    """An engine on a device that has room for so many rows and no more.

    Args:
        engine: what does the work.
        room: rows that fit.
        notices_late: True if it runs out of memory while it works, not when it begins.
    """

    def __init__(self, engine: OpenVinoEngine, *, room: int, notices_late: bool = False) -> None:
        self.name, self.inputs, self.outputs = "small", engine.inputs, engine.outputs
        self.batches: list[int] = []
        self._engine = engine
        self._room = room
        self._notices_late = notices_late

    def _start(self, arrays: Arrays) -> Request:
        rows = len(arrays["x"])
        self.batches.append(rows)
        if rows > self._room and self._notices_late:
            return _Failing()
        if rows > self._room:
            raise OutOfMemory("no room")
        return self._engine._start(arrays)


class _Failing:
    def wait(self) -> dict[str, NDArray[Any]]:
        raise OutOfMemory("no room")


def squares(count: int) -> dict[str, NDArray[np.float32]]:
    return {"x": np.square(np.arange(2 * count, dtype=np.float32)).reshape(count, 2)}


def roots(count: int) -> NDArray[np.float32]:
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


@pytest.mark.parametrize("late", [False, True], ids=["when it begins", "while it works"])
def test_a_batch_without_room_is_halved_until_it_fits(
    late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SmallDevice(root_engine(), room=3, notices_late=late)
    np.testing.assert_allclose(engine(squares(10))["root"], roots(10))
    assert engine.max_batch == 2
    assert [record.getMessage() for record in caplog.records] == [
        "small: out of memory with a batch of 10, going on with 5",
        "small: out of memory with a batch of 5, going on with 2",
    ]


def test_what_was_learnt_about_memory_is_kept() -> None:
    engine = SmallDevice(root_engine(), room=4)
    engine(squares(8))
    engine.batches.clear()
    engine(squares(8))
    assert engine.batches == [4, 4]


def test_requests_sent_before_memory_ran_out_are_finished(caplog: pytest.LogCaptureFixture) -> None:
    engine = SmallDevice(root_engine(), room=4, notices_late=True)
    pending = [engine.submit(squares(n)) for n in (8, 3, 8)]
    for request, count in zip(pending, (8, 3, 8), strict=True):
        np.testing.assert_allclose(request.wait()["root"], roots(count))


def test_no_room_for_a_single_row_is_a_sentence() -> None:
    engine = SmallDevice(root_engine(), room=0)
    with pytest.raises(ModelError, match="small: the device has not enough memory for a batch of"):
        engine(squares(2))


@pytest.mark.parametrize("count", [1, 4, 5, 12, 13])
def test_more_rows_than_a_batch_takes_are_split(count: int) -> None:
    engine = SmallDevice(root_engine(), room=4)
    engine.max_batch = 4
    np.testing.assert_allclose(engine(squares(count))["root"], roots(count))
    assert max(engine.batches) <= 4


def test_nan_is_a_sentence() -> None:
    rows = np.array([[4, 9], [-1, 4], [1, 1]], np.float32)
    with pytest.raises(ModelError, match=r"root: .*output root, found NaN in 1 of 3 rows"):
        root_engine()({"x": rows})


def test_a_machine_without_a_driver_says_so() -> None:
    with pytest.raises(NoGpu, match=r"expected an NVIDIA driver, found no libno\.so\.1"):
        find_gpu(driver="libno.so.1")


def test_a_library_that_is_no_driver_says_so() -> None:
    with pytest.raises(NoGpu, match="expected an NVIDIA driver, found a library without cuInit"):
        find_gpu(driver="libc.so.6")


@pytest.fixture
def no_gpu() -> str:
    """Why there is no GPU here."""
    try:
        gpu = find_gpu()
    except NoGpu as error:
        return str(error)
    pytest.skip(f"{gpu} is here")


def test_auto_is_the_cpu_where_there_is_no_gpu(no_gpu: str) -> None:
    assert choose_backend("auto") == Backend()
    assert isinstance(open_engine(TRACKLETS), OpenVinoEngine)
    assert str(Backend()) == "CPU, OpenVINO"


def test_a_gpu_that_is_asked_for_and_missing_is_a_sentence(no_gpu: str) -> None:
    with pytest.raises(ModelError, match="expected an NVIDIA") as error:
        choose_backend("gpu")
    assert str(error.value) == no_gpu


def test_precisions_that_a_cpu_has_not_are_named() -> None:
    with pytest.raises(ModelError, match="expected precision auto, f32, bf16 or int8 on a CPU"):
        open_engine(TRACKLETS, device="cpu", precision="f16")


def test_eight_bits_take_a_file_of_their_own() -> None:
    with pytest.raises(ModelError, match=r"precision int8: expected .*\.tracklet\.int8\.onnx"):
        open_engine(TRACKLETS, device="cpu", precision="int8")


@pytest.mark.parametrize("text", ["", "9", "8.9.1", "a.b", "-8.9"])
def test_what_is_no_compute_capability_is_named(text: str) -> None:
    with pytest.raises(ModelError, match=r"expected a compute capability such as 8\.9"):
        parse_capability(text)


def test_a_gpu_that_no_edition_knows_is_named() -> None:
    try:
        edition = find_tensorrt()
    except NoTensorRt as error:
        pytest.skip(str(error))
    if not edition.is_rtx:
        pytest.skip("TensorRT itself tries any GPU")
    with pytest.raises(NoTensorRt, match=r"TensorRT-RTX .* does not know GPUs of 5\.0"):
        find_tensorrt((5, 0))
