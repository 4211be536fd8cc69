"""How alike the tracklets of a recording are, without all pairs of them in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from people import sighting

from pipeline.data import Sighting
from pipeline.evidence import Calibration
from pipeline.likeness import Likeness
from pipeline.weigh import Weigher

WEIGHER = Weigher(Calibration(slope=20.0, offset=-10.0))


def crowd(count: int) -> list[Sighting]:
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(count, 16)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    return [
        replace(sighting(f"t{i}", "wes"[i % 3], float(i), float(i + 4)), embedding=looks[i])
        for i in range(count)
    ]


def test_pairs_say_what_the_line_of_their_cameras_makes_of_their_similarity() -> None:
    people = crowd(10)
    likeness, line = Likeness(people, WEIGHER), WEIGHER.strangers.line
    said = likeness.among((2, 5, 9))
    for place, i in enumerate((2, 5, 9)):
        slope, offset = line(people[2].camera, people[i].camera)
        similarity = float(people[2].embedding @ people[i].embedding)
        assert said[0, place] == pytest.approx(slope * similarity + offset, abs=1e-4)
    assert likeness.similarity(2, (5, 9)) == pytest.approx(
        [float(people[2].embedding @ people[i].embedding) for i in (5, 9)], abs=1e-6
    )


@pytest.mark.parametrize("count", [1, 2, 5, 1_100])
def test_the_nearest_are_those_of_all_pairs(count: int) -> None:
    likeness = Likeness(crowd(count), WEIGHER)
    said = likeness.among(range(count))
    np.fill_diagonal(said, -np.inf)
    expected = np.argsort(-said, axis=1, kind="stable")[:, : min(12, count - 1)]
    nearest = likeness.nearest(12)
    assert nearest.shape == (count, min(12, count - 1))
    found, best = (np.take_along_axis(said, rows, 1) for rows in (nearest, expected))
    assert np.allclose(found, best, atol=1e-5)
