"""The benchmark of tracks: who each box lies on, what ceilings there are, what is remembered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.ceilings import NOBODY, Judged, idf1, is_mixed, worth
from benchmarks.tracks import Remembered, thinned
from pipeline.evaluate import evaluate
from pipeline.mot import Table

PLACES = {1: 0.0, 2: 100.0, 3: 200.0}
"""Where each of three people stands, pixels from the left."""


def table(*rows: tuple[int, int, float]) -> Table:
    """Boxes 20 pixels wide and 40 high by (frame, identity, left edge)."""
    return Table.build(
        frame=[frame for frame, _, _ in rows],
        identity=[identity for _, identity, _ in rows],
        xyxy=[(left, 0.0, left + 20.0, 40.0) for _, _, left in rows],
    )


def people(frames: int, *who: int) -> Table:
    return table(*((f, p, PLACES[p]) for f in range(1, frames + 1) for p in who))


def track(number: int, *persons: int) -> list[tuple[int, int, float]]:
    """A track that lies on these people, one a frame; 0 is on nobody."""
    return [(f, number, PLACES.get(p, 500.0)) for f, p in enumerate(persons, start=1)]


TRUTH = people(12, 1, 2)
EXCHANGED = table(*track(1, *[1] * 7, *[2] * 5), *track(2, *[2] * 7, *[1] * 5))


def test_each_box_is_on_the_person_it_overlaps() -> None:
    judged = Judged.by(TRUTH, table(*track(7, 1, 1, 0, 2)))
    assert judged.person.tolist() == [1, 1, NOBODY, 2]


def test_tracks_without_a_flaw_leave_nothing_to_gain() -> None:
    found = worth({"a": TRUTH}, {"a": TRUTH}, {"a": TRUTH})
    assert (found.idf1, found.by_detection, found.by_box, found.cut, found.linked) == (1,) * 5
    assert (found.tracks, found.mixed, found.fragments, found.switches) == (2, 0, 1.0, 0)
    assert (found.inside, found.outside) == (0, 0)


def test_people_exchanged_are_mended_by_cutting_not_by_linking() -> None:
    found = worth({"a": EXCHANGED}, {"a": TRUTH}, {"a": TRUTH})
    assert (found.idf1, found.linked) == pytest.approx((14 / 24, 14 / 24))
    assert (found.cut, found.by_box) == (1, 1)
    assert (found.mixed, found.switches, found.fragments) == (2, 2, 1.0)


def test_pieces_are_mended_by_linking() -> None:
    pieces = table(*track(1, *[1] * 6), *[(f, 2, PLACES[1]) for f in range(7, 13)])
    found = worth({"a": pieces}, {"a": people(12, 1)}, {"a": people(12, 1)})
    assert found.idf1 == pytest.approx(0.5)
    assert (found.linked, found.fragments) == (1, 2.0)


def test_a_stray_box_does_not_cut_a_track() -> None:
    stray = table(*track(1, *[1] * 5, 2, *[1] * 6))
    assert len(np.unique(Judged.by(TRUTH, stray).pieces())) == 1
    assert len(np.unique(Judged.by(TRUTH, EXCHANGED).pieces())) == 4


def test_lost_detections_are_counted_where_they_are_lost() -> None:
    found = table(*[(f, 1, PLACES[1]) for f in (3, 4, 5, 8, 9, 10)])
    figures = worth({"a": found}, {"a": people(12, 1)}, {"a": people(12, 1)})
    assert (figures.inside, figures.outside) == (pytest.approx(2 / 12), pytest.approx(4 / 12))


def test_cameras_have_tracks_of_their_own() -> None:
    found = worth({"a": TRUTH, "b": TRUTH}, {"a": TRUTH, "b": TRUTH}, {"a": TRUTH, "b": TRUTH})
    assert (found.idf1, found.tracks, found.linked) == (1, 4, 1)


def test_identity_f1_is_that_of_trackeval() -> None:
    random = np.random.default_rng(0)
    wild = table(*[(f, t, random.choice([0.0, 5.0, 100.0])) for f in range(1, 13) for t in (1, 2)])
    judged = Judged.by(TRUTH, wild)
    assert idf1([(judged, wild.identity)]) == pytest.approx(
        evaluate({"a": wild}, {"a": TRUTH}).across.idf1
    )


@pytest.mark.parametrize(
    ("persons", "mixed"),
    [([1] * 20, False), ([1] * 20 + [2] * 2, False), ([1] * 20 + [2] * 3, True)],
    ids=["one person", "by accident", "two people"],
)
def test_a_track_is_mixed_if_a_good_part_lies_on_somebody_else(
    persons: list[int], mixed: bool
) -> None:
    assert is_mixed(np.array(persons)) == mixed


def test_a_quarter_of_the_pictures_is_numbered_without_gaps() -> None:
    assert thinned(people(12, 1), 4).frame.tolist() == [1, 2, 3]


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    asked: list[int] = []

    def work(missing: list[int]) -> list[np.ndarray]:
        asked.extend(missing)
        return [np.full(2, i, np.float32) for i in missing]

    first = Remembered(tmp_path / "known.npz")
    first.ask(["a", "b"], work)
    first.save()
    again = Remembered(tmp_path / "known.npz")
    assert [r.tolist() for r in again.ask(["b", "c", "a"], work)] == [[1, 1], [1, 1], [0, 0]]
    assert asked == [0, 1, 1]
