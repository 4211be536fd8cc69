"""The engine: results that stay, requests that are reused, errors in one sentence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from engines.openvino_engine import OpenVinoEngine, has_fast_bf16
from engines.runtime import Engine
from pipeline.errors import ModelError


def doubling_network() -> ov.Model:
    """Two inputs [n, 4]; gives twice the first, and the sum of both."""
    a = ops.parameter([-1, 4], np.float32, name="a")
    b = ops.parameter([-1, 4], np.float32, name="b")
    a.output(0).set_names({"a"})
    b.output(0).set_names({"b"})
    doubled = ops.multiply(a, np.float32(2))
    added = ops.add(a, b)
    doubled.output(0).set_names({"doubled"})
    added.output(0).set_names({"added"})
    return ov.Model([doubled.output(0), added.output(0)], [a, b], "doubler")


@pytest.fixture(scope="module")
def doubler() -> Engine:
    return OpenVinoEngine(doubling_network(), precision="f32", mode="throughput")


def rows(value: float, count: int = 1) -> NDArray[np.float32]:
    return np.full((count, 4), value, np.float32)


def test_inputs_and_outputs_go_by_name(doubler: Engine) -> None:
    assert (doubler.inputs, doubler.outputs) == (("a", "b"), ("doubled", "added"))
    results = doubler({"b": rows(1), "a": rows(3)})
    np.testing.assert_array_equal(results["doubled"], rows(6))
    np.testing.assert_array_equal(results["added"], rows(4))


def test_batches_may_change_from_one_request_to_the_next(doubler: Engine) -> None:
    shapes = [doubler({"a": rows(1, n), "b": rows(1, n)})["added"].shape for n in (1, 5, 2)]
    assert shapes == [(1, 4), (5, 4), (2, 4)]


def test_what_is_compiled_for_few_rows_splits_more() -> None:
    pairs = OpenVinoEngine(doubling_network(), precision="f32", rows=2)
    a = np.arange(24, dtype=np.float32).reshape(6, 4)
    np.testing.assert_array_equal(pairs({"a": a, "b": rows(0, 6)})["doubled"], 2 * a)


def test_results_stay_what_they_are_when_the_request_is_used_again(doubler: Engine) -> None:
    first = doubler({"a": rows(1), "b": rows(0)})
    doubler({"a": rows(9), "b": rows(0)})
    np.testing.assert_array_equal(first["doubled"], rows(2))


def test_requests_under_way_at_the_same_time_do_not_mix(doubler: Engine) -> None:
    pending = [doubler.submit({"a": rows(i), "b": rows(0)}) for i in range(20)]
    found = [float(p.wait()["doubled"][0, 0]) for p in reversed(pending)]
    assert found == [2.0 * i for i in reversed(range(20))]


def test_waiting_twice_gives_the_same_results(doubler: Engine) -> None:
    pending = doubler.submit({"a": rows(4), "b": rows(0)})
    assert pending.wait() is pending.wait()


def test_arrays_that_are_not_contiguous_are_understood(doubler: Engine) -> None:
    columns = np.arange(8, dtype=np.float32).reshape(4, 2).T
    np.testing.assert_array_equal(
        doubler({"a": columns, "b": np.zeros_like(columns)})["doubled"], 2 * columns
    )


def test_several_threads_may_use_one_engine(doubler: Engine) -> None:
    def work(value: int) -> bool:
        return bool((doubler({"a": rows(value), "b": rows(1)})["added"] == value + 1).all())

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(400)))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        pytest.param({"a": rows(1)}, "expected the inputs a, b, found a", id="one is missing"),
        pytest.param({}, "expected the inputs a, b, found none", id="all are missing"),
        pytest.param({"a": np.ones((1, 3), np.float32), "b": rows(1)}, "shape", id="wrong shape"),
    ],
)
def test_wrong_inputs_are_named(
    arrays: dict[str, NDArray[np.float32]], message: str, doubler: Engine
) -> None:
    with pytest.raises(ModelError, match=f"^doubler: .*{message}"):
        doubler(arrays)
    assert doubler({"a": rows(1), "b": rows(1)})  # it still works


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.onnx: expected a network's file, found none"):
        OpenVinoEngine(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_both_modes_give_the_same_results(
    mode: Literal["latency", "throughput"], shared_weights: Path
) -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)
    once = OpenVinoEngine(shared_weights / "yolox_nano.onnx", precision="f32", mode=mode, threads=1)
    again = OpenVinoEngine(shared_weights / "yolox_nano.onnx", precision="f32", threads=1)
    np.testing.assert_allclose(
        once({"images": picture})["output"], again({"images": picture})["output"], atol=1e-3
    )


def test_bf16_is_fast_where_the_cpu_has_matrix_units(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("flags : avx512_bf16 amx_bf16 amx_tile\n")
    assert has_fast_bf16(cpu_info)
    cpu_info.write_text("flags : avx512_bf16\n")
    assert not has_fast_bf16(cpu_info)
    assert not has_fast_bf16(tmp_path / "no such file")
