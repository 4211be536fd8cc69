"""The last projection: fewer numbers, nearly the same similarities."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from engines.card import GraphPaths, graph_paths, read_card
from engines.embed import Clip, ListEmbedder
from engines.export import read_metadata
from engines.shorten import embed_parts, learn_projection, main, project, shorten
from pipeline.embed import WEIGHTS
from pipeline.errors import ModelError

NAME = "drsa_osnet_x0_5"


def drawn(count: int, *, directions: int, length: int, seed: int) -> np.ndarray:
    """Unit vectors that lie in few directions but for a little noise: float32[count, length]."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(length, directions)))[0].T
    vectors = rng.normal(size=(count, directions)) @ basis + 0.01 * rng.normal(size=(count, length))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@pytest.fixture
def graphs(tmp_path: Path) -> GraphPaths:
    """A copy of a network that ships."""
    shipped, copies = graph_paths(WEIGHTS, NAME), graph_paths(tmp_path, "site")
    shutil.copy(shipped.crop, copies.crop)
    shutil.copy(shipped.tracklet, copies.tracklet)
    return copies


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Pictures of twelve people in two cameras each: PERSON/CAMERA/1.png."""
    rng = np.random.default_rng(0)
    for person in range(12):
        for camera in "12":
            folder = tmp_path / "people" / f"{person:02}" / camera
            folder.mkdir(parents=True)
            small = rng.integers(0, 256, (4, 3, 3), np.uint8)
            cv2.imwrite(str(folder / "1.png"), cv2.resize(small, (32, 64)))
    return tmp_path / "people"


def run(monkeypatch: pytest.MonkeyPatch, graphs: GraphPaths, *options: object) -> None:
    """The command."""
    weights = ["--weights", graphs.crop.parent, "--name", "site"]
    monkeypatch.setattr("sys.argv", ["shorten", *map(str, [*weights, *options])])
    main()


def test_similarities_of_others_stay_where_there_are_few_directions() -> None:
    projection, share = learn_projection([drawn(400, directions=20, length=60, seed=1)], 20)
    others = drawn(100, directions=20, length=60, seed=2)
    shorter = project(others, projection)
    assert projection.shape == (60, 20)
    assert share > 0.99
    np.testing.assert_allclose(shorter @ shorter.T, others @ others.T, atol=0.02)


def test_the_directions_are_at_right_angles_and_the_same_every_time() -> None:
    groups = [drawn(200, directions=30, length=40, seed=1)]
    projection, _ = learn_projection(groups, 10)
    np.testing.assert_allclose(projection.T @ projection, np.eye(10), atol=1e-5)
    assert (projection == learn_projection(groups, 10)[0]).all()


def test_groups_weigh_the_same_however_large() -> None:
    many, few = np.tile(np.eye(4, dtype=np.float32)[:1], (99, 1)), np.eye(4, dtype=np.float32)[1:2]
    _, share = learn_projection([many, few], 1)
    assert share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("count", "dimensions", "message"),
    [
        (50, 60, r"expected 1 to 59 dimensions, found 60"),
        (50, 0, r"expected 1 to 59 dimensions, found 0"),
        (7, 8, r"expected at least 8 tracklets to learn from, found 7"),
    ],
)
def test_what_cannot_be_learned_is_said(count: int, dimensions: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        learn_projection([drawn(count, directions=5, length=60, seed=1)], dimensions)


def test_graph_b_projects_and_both_cards_say_how_long_the_embedding_is(
    graphs: GraphPaths, people: Path
) -> None:
    clips = [Clip(n, (str(path),)) for n, path in enumerate(sorted(people.glob("*/*/1.png")), 1)]
    before, parts = read_card(graphs.crop), embed_parts(graphs, clips)
    assert parts.shape == (24, 768)
    projection, _ = learn_projection([parts], 16)
    shorten(graphs, projection)

    found = ListEmbedder(graphs, device="cpu", precision="f32")(clips, origin=people)
    np.testing.assert_allclose(found, project(parts, projection), atol=2e-3)  # half precision
    for path in (graphs.crop, graphs.tracklet):
        assert read_card(path) == replace(before, embedding=16)
    assert "recipe" in read_metadata(graphs.tracklet)
    np.testing.assert_array_equal(embed_parts(graphs, clips), parts)  # of the whole, as before


def test_the_command_shortens_by_people_of_ones_own(
    graphs: GraphPaths,
    people: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    untouched = graphs.tracklet.read_bytes()
    options = ["--set", "folder", people, "--dimensions", 8]
    run(monkeypatch, graphs, *options, "--dry-run")
    assert graphs.tracklet.read_bytes() == untouched
    run(monkeypatch, graphs, *options)
    assert read_card(graphs.crop).embedding == 8
    assert "8 of 768 numbers hold 0." in capsys.readouterr().out


def test_the_command_needs_more_tracklets_than_numbers(
    graphs: GraphPaths, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="expected at least 256 tracklets to learn from, found 18"):
        run(monkeypatch, graphs, "--set", "folder", people)


def test_a_network_of_before_has_all_of_its_parts(graphs: GraphPaths) -> None:
    model = onnx.load(str(graphs.crop))
    kept = [entry for entry in model.metadata_props if entry.key != "embedding"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, str(graphs.crop))
    assert read_card(graphs.crop).embedding == 6 * 128
