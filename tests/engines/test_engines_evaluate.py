"""What is held out: nobody may be trained on in one set and measured on in the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.datasets import hold_out_people, read_market1501
from engines.evaluate import HELD_OUT_PEOPLE, held_out_problems, market_number


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """130 people of Market-1501; MARS trains on 1 to 40 and tests on 41 to 130, both by number."""
    (tmp_path / "train").mkdir()
    for person in range(1, 131):
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


def test_nobody_is_a_stranger_to_himself(root: Path) -> None:
    mars = held_out_problems(root)["mini_mars + people"]
    known = {market_number(t) for t in mars.query}
    strangers = [t for t in mars.gallery if t.paths[0].parent.name == "train"]
    assert known.isdisjoint({int(t.paths[0].name[:4]) for t in strangers})
