"""Quantisation: the graph in 8 bits says the same, and is kept only if it does."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from engines.card import GraphPaths, graph_paths, read_card
from engines.datasets import DatasetError, LabelledTracklet, RetrievalProblem, read_crop
from engines.embed import find_graphs
from engines.metrics import RetrievalScores
from engines.preprocess import Image
from engines.quantise import (
    choose_crops,
    first_convolution,
    loss_in_points,
    main,
    make_signed,
    quantise,
    quantised_path,
    write,
)
from engines.runtime import open_engine
from pipeline.errors import ModelError

NETWORK = "drsa_osnet_x1_0"


def pictures(count: int, *, height: int, width: int) -> Image:
    """Crops of soft blobs of colour, each another."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (count, 6, 3, 3), np.uint8)
    return np.stack([cv2.resize(crop, (width, height)) for crop in coarse]).astype(np.uint8)


@pytest.fixture(scope="module")
def crops() -> Image:
    card = read_card(find_graphs(NETWORK).crop)
    return pictures(16, height=card.height, width=card.width)


@pytest.fixture(scope="module")
def quantised(crops: Image, tmp_path_factory: pytest.TempPathFactory) -> GraphPaths:
    """The shipped network, beside its graph in 8 bits that has seen a few crops."""
    pytest.importorskip("nncf")
    shipped = find_graphs(NETWORK)
    copy = graph_paths(tmp_path_factory.mktemp("quantised"), NETWORK)
    copy.crop.symlink_to(shipped.crop)
    copy.tracklet.symlink_to(shipped.tracklet)
    network = quantise(onnx.load(str(copy.crop)), crops, exact_biases=False)
    assert write(network, copy, quantised_path(copy.crop), {}) == "not measured"
    return copy


def test_precision_int8_takes_it_and_it_says_nearly_the_same(
    quantised: GraphPaths, crops: Image
) -> None:
    before, after = (
        open_engine(quantised.crop, device="cpu", precision=precision)({"crops": crops})["features"]
        for precision in ("f32", "int8")
    )
    cosine = (before * after).sum(axis=-1)
    assert not np.array_equal(before, after)
    assert cosine.mean() > 0.95


def test_it_carries_the_same_card_in_less_space(quantised: GraphPaths) -> None:
    smaller = quantised_path(quantised.crop)
    assert read_card(smaller) == read_card(quantised.crop)
    assert smaller.stat().st_size < quantised.crop.stat().st_size


def test_the_head_and_the_first_convolution_stay_in_float(quantised: GraphPaths) -> None:
    network = onnx.load(str(quantised_path(quantised.crop)))
    makers = {output: node.op_type for node in network.graph.node for output in node.output}
    in_8_bits = {
        node.name
        for node in network.graph.node
        if node.op_type in {"Conv", "MatMul"} and makers.get(node.input[0]) == "DequantizeLinear"
    }
    assert in_8_bits
    assert first_convolution(network) not in in_8_bits
    assert not [name for name in in_8_bits if "spatial" in name or "project" in name]


def test_signed_activations_say_nearly_the_same(
    quantised: GraphPaths, crops: Image, tmp_path: Path
) -> None:
    network = onnx.load(str(quantised_path(quantised.crop)))
    make_signed(network)
    onnx.save(network, str(tmp_path / "signed.onnx"))
    paths = quantised_path(quantised.crop), tmp_path / "signed.onnx"
    unsigned, signed = (
        open_engine(path, device="cpu", precision="f32")({"crops": crops})["features"]
        for path in paths
    )
    kinds = {weight.data_type for weight in network.graph.initializer}
    assert onnx.TensorProto.UINT8 not in kinds
    assert (unsigned * signed).sum(axis=-1).mean() > 0.95


def scores(mean_average_precision: float, queries: int) -> RetrievalScores:
    return RetrievalScores(np.ones(20), mean_average_precision, 0.0, queries)


def test_the_loss_weighs_every_query_alike() -> None:
    before = {"large": scores(0.80, 300), "small": scores(0.90, 100)}
    after = {"large": scores(0.79, 300), "small": scores(0.94, 100)}
    assert loss_in_points(before, after) == pytest.approx(-0.25)


def test_a_network_that_finds_people_less_well_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = find_graphs(NETWORK)
    measured = iter([{"people": scores(0.80, 10)}, {"people": scores(0.78, 10)}])
    monkeypatch.setattr("engines.quantise.evaluate", lambda *_: next(measured))
    person = LabelledTracklet(1, 1, (tmp_path / "1.jpg",))
    problems = {"people": RetrievalProblem("people", (person,), (person,))}
    with pytest.raises(ModelError, match=r"less than 1\.0 points in 8 bits, found 2\.00"):
        write(onnx.load(str(shipped.crop)), shipped, tmp_path / "out.onnx", problems)
    assert list(tmp_path.iterdir()) == []


def test_crops_are_the_same_every_time_and_never_those_measured_on(tmp_path: Path) -> None:
    card = read_card(find_graphs(NETWORK).crop)
    for number, crop in enumerate(pictures(6, height=card.height, width=card.width)):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), crop)
    some = choose_crops(tmp_path, card, count=4)
    np.testing.assert_array_equal(some, choose_crops(tmp_path, card, count=4))
    rest = choose_crops(tmp_path, card, count=9, leave_out=[tmp_path / "3.jpg"])
    left_out = read_crop(tmp_path / "3.jpg")
    assert (len(some), len(rest)) == (4, 5)
    assert not [crop for crop in rest if np.array_equal(crop, left_out)]


def test_a_folder_without_crops_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([NETWORK, "--crops", str(tmp_path), "-o", str(tmp_path / "out.onnx")])
    assert exit_.value.code == 2
    assert "expected JPEG crops to quantise by, found none" in capsys.readouterr().err
    with pytest.raises(DatasetError):
        choose_crops(tmp_path, read_card(find_graphs(NETWORK).crop), count=1)
