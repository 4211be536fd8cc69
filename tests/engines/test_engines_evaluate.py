"""What is held out, and the command that measures: its tables, its sets, its sentences."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from engines import evaluate, held_out
from engines.calibrate import FITTED_SETS
from engines.datasets import LabelledTracklet, hold_out_people, read_market1501
from engines.held_out import HELD_OUT_PEOPLE, held_out_problems, market_number


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """150 people of Market-1501; MARS trains on 1 to 40 and tests on 41 to 130, by number."""
    (tmp_path / "train").mkdir()
    for person in range(1, 151):
        for camera in (1, 2):
            (tmp_path / "train" / f"{person:04d}_c{camera}s1_000001_00.jpg").touch()
    lists = tmp_path / "mini_mars" / "gtPepper"
    lists.mkdir(parents=True)
    parts = {"train": (range(1, 41), 0), "query": (range(41, 131), 0)}
    for name, (people, camera) in (parts | {"gallery": (range(41, 131), 1)}).items():
        entries = [
            {"pid": pid, "camid": camera, "img_paths": [f"bbox/{person:04d}/1.jpg"]}
            for pid, person in enumerate(people)
        ]
        (lists / f"{name}.json").write_text(json.dumps(entries))
    return tmp_path


def test_nobody_who_is_measured_on_was_trained_on_in_the_other_set(root: Path) -> None:
    training, _ = hold_out_people(read_market1501(root / "train"), HELD_OUT_PEOPLE)
    problems = held_out_problems(root)
    assert {t.person for t in problems["held-out people"].query}.isdisjoint(range(1, 41))
    mars = {market_number(t) for t in problems["mini_mars test"].gallery}
    assert mars
    assert mars.isdisjoint({t.person for t in training})


def test_the_calibration_is_fitted_on_what_is_held_out(root: Path) -> None:
    assert set(FITTED_SETS) <= set(held_out_problems(root))


def test_nobody_is_a_stranger_to_himself(root: Path) -> None:
    mars = held_out_problems(root)["mini_mars + people"]
    known = {market_number(t) for t in mars.query}
    strangers = [t for t in mars.gallery if t.paths[0].parent.name == "train"]
    assert strangers
    assert known.isdisjoint({int(t.paths[0].name[:4]) for t in strangers})


def test_nobody_is_a_stranger_under_another_number(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {t.paths[0].name[:4] for t in _strangers(root)}
    other = int(sorted(before)[-1])
    number = market_number(held_out_problems(root)["mini_mars test"].query[0])
    monkeypatch.setitem(held_out.NUMBERED_TWICE, number, other)
    after = {t.paths[0].name[:4] for t in _strangers(root)}
    assert before - after == {f"{other:04d}"}


def _strangers(root: Path) -> list[LabelledTracklet]:
    gallery = held_out_problems(root)["mini_mars + people"].gallery
    return [t for t in gallery if t.paths[0].parent.name == "train"]


def save_people(root: Path, *, seed: int = 0) -> Path:
    """Four people in two cameras, each of one colour: the histogram finds all of them."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 3))
    for person, colour in enumerate(colours):
        for camera in (0, 1):
            folder = root / str(person) / str(camera)
            folder.mkdir(parents=True)
            picture = np.full((32, 16, 3), colour, dtype=np.uint8)
            cv2.imwrite(str(folder / "1.png"), picture)
    return root


def save_prid2011(root: Path) -> Path:
    """Six people of 28 frames in both cameras; no file of splits."""
    for person in range(1, 7):
        for camera in ("cam_a", "cam_b"):
            folder = root / "prid_2011" / "multi_shot" / camera / f"person_{person:04d}"
            folder.mkdir(parents=True)
            picture = np.full((32, 16, 3), (40 * person, 255 - 40 * person, 9), dtype=np.uint8)
            encoded = cv2.imencode(".png", picture)[1].tobytes()
            for frame in range(1, 29):
                (folder / f"{frame:04d}.png").write_bytes(encoded)
    return root


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["evaluate", *map(str, arguments)])
    evaluate.main()


def test_a_set_of_ones_own_gets_all_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--set", "folder", save_people(tmp_path / "station"))
    printed = capsys.readouterr().out
    assert "station" in printed
    (row,) = [line for line in printed.splitlines() if "colour histogram" in line]
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["100.0"] * 6 + ["8"]


def test_several_sets_begin_with_an_overview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = save_people(tmp_path / "north"), save_people(tmp_path / "south", seed=1)
    run(monkeypatch, "--set", "folder", first, "--set", "folder", second)
    assert capsys.readouterr().out.count("100.0 / 100.0") == 2


def test_figures_over_splits_are_said_to_be_their_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--set", "prid2011", save_prid2011(tmp_path))
    printed = capsys.readouterr().out
    assert "PRID2011 (own splits), mean of 10 splits" in printed
    assert "│ 30 " in printed  # three queries in each split


def test_a_network_that_knows_a_split_is_measured_on_that_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--set", "prid2011", save_prid2011(tmp_path), "--split", 3)
    printed = capsys.readouterr().out
    assert "PRID2011 (own splits) split 3" in printed
    assert "│ 3 " in printed  # queries


def test_a_split_that_there_is_not_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="expected a split from 0 to 9, found 10"):
        run(monkeypatch, "--set", "prid2011", save_prid2011(tmp_path), "--split", 10)


def test_nothing_to_measure_on_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch)
    assert "expected something to measure on: --data, --set or --video" in capsys.readouterr().err


def test_pictures_need_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "--set", "folder", tmp_path, "--pictures", tmp_path)
    assert "--weights or --network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("mars", "MARS: .* missing: bbox_test"), ("duke", "expected a kind of set")],
)
def test_what_is_wrong_with_a_set_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, sentence: str
) -> None:
    with pytest.raises(SystemExit, match=sentence):
        run(monkeypatch, "--set", kind, tmp_path)


def test_pictures_of_the_shipped_network_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = Path(__file__).parents[2] / "engines" / "weights"
    people = save_people(tmp_path / "station")
    options = ["--weights", weights, "--pictures", tmp_path / "pictures"]
    run(monkeypatch, "--set", "folder", people, *options)
    drawn = sorted(path.name for path in (tmp_path / "pictures" / "station").iterdir())
    assert drawn == ["random_1.png", "random_2.png", *(f"worst_{n}.png" for n in (1, 2, 3, 4))]
