"""Embedding a list of tracklets: rows in order, the paper's test protocol, all or nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.datasets import DatasetError, read_crop
from engines.embed import (
    WEIGHTS,
    Clip,
    ListEmbedder,
    ahead,
    embed_list,
    find_graphs,
    in_batches,
    main,
    read_clips,
)
from engines.preprocess import stack_crops
from engines.runtime import open_engine
from pipeline.errors import ModelError

NETWORK = "drsa_osnet_x0_5"
LENGTHS = (3, 1, 14, 6, 2)
"""Pictures of each tracklet of the list that most tests embed."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 26 pictures of different sizes, 00.png to 25.png."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(sum(LENGTHS)):
        height, width = rng.integers(20, 300, 2)
        small = rng.integers(0, 256, (4, 3, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number:02}.png"), cv2.resize(small, (int(width), int(height))))
    return folder


@pytest.fixture(scope="module")
def tracklets(pictures: Path) -> list[list[str]]:
    """Names of the pictures of each tracklet."""
    names = sorted(path.name for path in pictures.iterdir())
    ends = np.cumsum(LENGTHS)
    return [names[end - length : end] for end, length in zip(ends, LENGTHS, strict=True)]


@pytest.fixture(scope="module")
def listed(pictures: Path, tracklets: list[list[str]]) -> Path:
    """The list of them."""
    path = pictures / "list.txt"
    path.write_text("".join(f"{' '.join(names)}\n" for names in tracklets))
    return path


@pytest.fixture(scope="module")
def embedder() -> ListEmbedder:
    return ListEmbedder(find_graphs(NETWORK), device="cpu", precision="f32")


def embed_alone(embedder: ListEmbedder, paths: list[Path]) -> np.ndarray:
    """One clip by itself, graph A and graph B in one call each."""
    graphs, card = find_graphs(NETWORK), embedder.card
    crops = stack_crops([read_crop(p) for p in paths], height=card.height, width=card.width)
    known = open_engine(graphs.crop, device="cpu", precision="f32")({"crops": crops})
    clip = {"features": known["features"][None], "logits": known["logits"][None]}
    mask = np.ones((1, len(paths)), np.float32)
    engine = open_engine(graphs.tracklet, device="cpu", precision="f32")
    return engine({**clip, "mask": mask})["embedding"][0]


def line(path: Path, text: str) -> Path:
    """A list of this text beside the pictures."""
    listed = path / "case.txt"
    listed.write_text(text)
    return listed


@pytest.mark.parametrize(("row", "chosen"), [(0, [0, 1, 2]), (1, [0]), (2, [0, 2, 4, 7, 9, 11])])
def test_a_row_is_the_first_picture_of_each_chunk_embedded_together(
    embedder: ListEmbedder,
    pictures: Path,
    tracklets: list[list[str]],
    listed: Path,
    row: int,
    chosen: list[int],
) -> None:
    rows = embedder(read_clips(listed, frames=6), origin=listed)
    alone = embed_alone(embedder, [pictures / tracklets[row][i] for i in chosen])
    np.testing.assert_allclose(rows[row], alone, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_the_rows_do_not_depend_on_the_batch(
    embedder: ListEmbedder, listed: Path, batch: int
) -> None:
    other = ListEmbedder(find_graphs(NETWORK), device="cpu", precision="f32", batch=batch)
    clips = read_clips(listed, frames=6)
    expected = embedder(clips, origin=listed)
    np.testing.assert_allclose(other(clips, origin=listed), expected, atol=1e-5)


def test_the_command_writes_one_unit_vector_per_tracklet(listed: Path, tmp_path: Path) -> None:
    main([str(listed), "-o", str(tmp_path / "out.npz"), "--weights", NETWORK])
    with np.load(tmp_path / "out.npz") as stored:
        embeddings = stored["embeddings"]
    assert (embeddings.shape, embeddings.dtype) == ((len(LENGTHS), 256), np.float32)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "00.png 01.png\n",
        "  00.png\t01.png  ",
        "\n# people\n00.png 01.png\n\n",
        "'00.png' \"01.png\"",
        "\ufeff00.png 01.png\r\n",
    ],
    ids=["plain", "white space", "comments and blank lines", "quotes", "from Windows"],
)
def test_paths_count_from_the_folder_of_the_list(pictures: Path, text: str) -> None:
    (clip,) = read_clips(line(pictures, text), frames=6)
    assert clip.paths == (str(pictures / "00.png"), str(pictures / "01.png"))


def test_absolute_paths_are_taken_as_they_are(pictures: Path, tmp_path: Path) -> None:
    listed = line(tmp_path, f"{pictures / '03.png'}\n")
    assert read_clips(listed, frames=6) == [Clip(1, (str(pictures / "03.png"),))]


def test_a_quoted_path_may_hold_spaces(tmp_path: Path) -> None:
    (tmp_path / "a b.png").touch()
    (clip,) = read_clips(line(tmp_path, "'a b.png'\n"), frames=6)
    assert clip.paths == (str(tmp_path / "a b.png"),)


@pytest.mark.parametrize("missing", range(8))
def test_a_missing_picture_is_named_with_its_line_even_if_its_chunk_has_another(
    pictures: Path, missing: int
) -> None:
    names = [f"{number:02}.png" for number in range(8)]
    names[missing] = "gone.png"
    listed = line(pictures, f"# people\n00.png\n{' '.join(names)}\n")
    with pytest.raises(DatasetError, match=rf"case\.txt: line 3: .*{pictures}/gone\.png"):
        read_clips(listed, frames=6)


def test_a_file_that_is_no_picture_is_named_and_nothing_is_written(
    listed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    broken = line(tmp_path, f"{listed.parent / '00.png'}\nnotes.jpg\n")
    with pytest.raises(SystemExit) as exit_:
        main([str(broken), "-o", str(tmp_path / "out.npz"), "--weights", NETWORK])
    message = capsys.readouterr().err
    assert exit_.value.code == 2
    assert f"{broken}: line 2: {tmp_path / 'notes.jpg'}: expected a picture" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.txt", "notes.jpg"]


def test_what_was_written_before_stays_when_a_picture_is_missing(
    embedder: ListEmbedder, tmp_path: Path
) -> None:
    output = tmp_path / "out.npz"
    output.write_bytes(b"from before")
    with pytest.raises(DatasetError):
        embed_list(line(tmp_path, "gone.jpg"), output, embedder)
    assert output.read_bytes() == b"from before"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "expected a tracklet per line, found none"), ("'a b", "line 1: expected paths")],
    ids=["empty", "open quote"],
)
def test_a_list_that_makes_no_sense_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DatasetError, match=sentence):
        read_clips(line(tmp_path, text), frames=6)


@pytest.mark.parametrize("found", ["list.txt", "list/"])
def test_a_list_that_cannot_be_read_is_a_sentence(tmp_path: Path, found: str) -> None:
    (tmp_path / "list").mkdir()
    with pytest.raises(DatasetError, match="expected a list of tracklets"):
        read_clips(tmp_path / found, frames=6)


def test_an_output_folder_that_is_missing_is_said_at_once(
    embedder: ListEmbedder, listed: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="expected the folder"):
        embed_list(listed, tmp_path / "no" / "out.npz", embedder)


def test_weights_are_found_by_name_by_file_and_by_folder(tmp_path: Path) -> None:
    named = find_graphs(NETWORK)
    for path in (named.crop, named.tracklet):
        (tmp_path / path.name).symlink_to(path)
    assert named.crop == WEIGHTS / f"{NETWORK}.crop.onnx"
    assert find_graphs(str(named.crop)) == named
    assert find_graphs(str(tmp_path)).crop == tmp_path / named.crop.name


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "expected one network"),
        (["a.crop.onnx", "b.crop.onnx"], "found a.crop.onnx, b.crop.onnx"),
        (["a.crop.onnx"], "….tracklet.onnx beside it"),
    ],
    ids=["none", "two", "half"],
)
def test_a_folder_must_hold_one_whole_network(
    tmp_path: Path, names: list[str], sentence: str
) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ModelError, match=sentence):
        find_graphs(str(tmp_path))


def test_an_unknown_network_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ModelError, match=rf"expected one of .*{NETWORK}.*, found 'drsa'"):
        find_graphs("drsa")


def test_reading_ahead_is_bounded() -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        while taken < 10_000:
            taken += 1
            yield taken

    results = ahead(lambda number: number * 2, numbers())
    assert [next(results), next(results)] == [2, 4]
    assert taken < 1000


def test_batches_keep_the_order_and_the_rest() -> None:
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_it_runs_without_torch() -> None:
    code = "import sys, engines.embed; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
