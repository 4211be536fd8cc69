"""Engines on a GPU: the same results as on the CPU, by whatever its GPU can be used with.

Skipped where there is no driver. What can be held without a GPU is in test_compile.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.compile import BatchRange, Target, build, graph_source, read_for, wanted_facts
from engines.cuda_graph import CudaGraph
from engines.engine import Engine
from engines.gpu import Gpu, NoGpu, NoTensorRt, find_gpu, find_tensorrt
from engines.openvino_engine import OpenVinoEngine
from engines.tensorrt_engine import TensorRtEngine, import_pycuda
from pipeline.errors import ModelError

WEIGHTS = Path(__file__).parents[2] / "engines" / "weights"
CROPS = WEIGHTS / "drsa_osnet_x1_0.crop.onnx"
TRACKLETS = WEIGHTS / "drsa_osnet_x1_0.tracklet.onnx"
BATCH = BatchRange(1, 4, 8)

Opener = Callable[..., Engine]


@pytest.fixture(scope="module")
def gpu() -> Gpu:
    try:
        return find_gpu()
    except NoGpu as error:
        pytest.skip(str(error))


def _open_tensorrt(gpu: Gpu, path: Path, precision: Any) -> Engine:
    try:
        target = Target(find_tensorrt(gpu.capability), gpu, precision, BATCH)
        import_pycuda()
    except (NoTensorRt, NoGpu) as error:
        pytest.skip(str(error))
    source = graph_source(path)
    facts = wanted_facts(source, target)
    return TensorRtEngine(facts, build(source, target), edition=target.edition)


def _open_torch(gpu: Gpu, path: Path, precision: Any) -> Engine:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    from engines.torch_engine import TorchEngine

    model = read_for(graph_source(path), precision)
    return TorchEngine(model, name=path.name, max_batch=BATCH.largest)


@pytest.fixture(scope="module", params=[_open_tensorrt, _open_torch], ids=["tensorrt", "torch"])
def open_on_gpu(gpu: Gpu, request: pytest.FixtureRequest) -> Opener:
    opened: dict[tuple[Path, str], Engine] = {}

    def open_once(path: Path = CROPS, precision: str = "f32") -> Engine:
        if (path, precision) not in opened:
            opened[path, precision] = request.param(gpu, path, precision)
        return opened[path, precision]

    return open_once


def crops(count: int, *, seed: int = 0) -> dict[str, NDArray[np.uint8]]:
    shape = (count, 256, 128, 3)
    return {"crops": np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)}


def tracklets(count: int) -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(0)
    mask = np.ones((count, 6), np.float32)
    mask[:, 4:] = 0
    return {
        "features": random.standard_normal((count, 6, 6, 128)).astype(np.float32),
        "logits": random.standard_normal((count, 6, 6)).astype(np.float32),
        "mask": mask,
    }


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 2e-3), ("f16", 1e-2)])
def test_features_are_those_of_the_cpu(
    precision: str, tolerance: float, open_on_gpu: Opener
) -> None:
    expected = OpenVinoEngine(CROPS, precision="f32")(crops(5))
    found = open_on_gpu(precision=precision)(crops(5))
    np.testing.assert_allclose(found["features"], expected["features"], atol=tolerance)
    np.testing.assert_allclose(found["logits"], expected["logits"], atol=tolerance)


def test_embeddings_are_those_of_the_cpu(open_on_gpu: Opener) -> None:
    expected = OpenVinoEngine(TRACKLETS, precision="f32")(tracklets(3))["embedding"]
    found = open_on_gpu(TRACKLETS)(tracklets(3))["embedding"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("count", [1, 3, 8, 9, 30])
def test_batches_of_every_size_give_what_single_crops_give(count: int, open_on_gpu: Opener) -> None:
    engine = open_on_gpu()
    batch = crops(count)["crops"]
    one_by_one = [engine({"crops": batch[i : i + 1]})["features"] for i in range(count)]
    together = engine({"crops": batch})["features"]
    np.testing.assert_allclose(together, np.concatenate(one_by_one), atol=2e-3)


def test_a_repeated_batch_gives_the_same_again(open_on_gpu: Opener) -> None:
    engine = open_on_gpu()
    first, *others = [engine(crops(4))["features"] for _ in range(5)]
    # Not to the last bit: TensorRT-RTX puts faster kernels in place while it runs.
    assert all(np.allclose(first, other, atol=2e-3) for other in others)


def test_requests_under_way_at_the_same_time_do_not_mix(open_on_gpu: Opener) -> None:
    engine = open_on_gpu()
    pending = [engine.submit(crops(4, seed=seed)) for seed in range(6)]
    found = [request.wait()["features"] for request in reversed(pending)]
    expected = [engine(crops(4, seed=seed))["features"] for seed in reversed(range(6))]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_several_threads_may_use_one_engine(open_on_gpu: Opener) -> None:
    engine = open_on_gpu()
    expected = [engine(crops(2, seed=seed))["features"] for seed in range(4)]

    def work(number: int) -> float:
        found = engine(crops(2, seed=number % 4))["features"]
        return float(np.abs(found - expected[number % 4]).max())

    with ThreadPoolExecutor(4) as threads:
        assert max(threads.map(work, range(100))) < 2e-3


def test_wrong_arrays_are_a_sentence(open_on_gpu: Opener) -> None:
    with pytest.raises(ModelError, match=r"expected crops of type uint8 and shape .*256, 128, 3"):
        open_on_gpu()({"crops": np.zeros((1, 64, 64, 3), np.uint8)})
    assert open_on_gpu()(crops(1))  # it still works


def test_a_cuda_graph_does_again_what_was_recorded(gpu: Gpu) -> None:
    try:
        cuda = import_pycuda()
    except NoGpu as error:
        pytest.skip(str(error))
    context = cuda.Device(0).retain_primary_context()
    context.push()
    try:
        source, target = (cuda.pagelocked_empty(4, np.float32) for _ in range(2))
        memory, stream = cuda.mem_alloc(source.nbytes), cuda.Stream()
        with CudaGraph.capturing(stream.handle) as graph:
            cuda.memcpy_htod_async(memory, source, stream)
            cuda.memcpy_dtoh_async(target, memory, stream)
        source[:] = 7
        graph.launch(stream.handle)
        stream.synchronize()
        assert target.tolist() == [7.0] * 4
    finally:
        cuda.Context.pop()


def test_an_engine_may_be_opened_in_one_thread_and_used_in_another(open_on_gpu: Opener) -> None:
    engine = open_on_gpu()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(engine(crops(1))))
    thread.start()
    thread.join()
    np.testing.assert_allclose(found[0]["features"], engine(crops(1))["features"], atol=2e-3)
