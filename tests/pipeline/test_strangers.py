"""How far looks are trusted, by how alike people are who cannot be the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from people import record, sighting

from pipeline.data import Candidate, Sighting
from pipeline.evidence import Calibration
from pipeline.strangers import Strangers
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=20.0, offset=-8.0, trust=0.75)


def crowd(alike: float, *, cameras: tuple[str, ...] = ("west", "east")) -> Iterator[Sighting]:
    """Twenty people at a time, thrice, each two of a similarity of about `alike`."""
    random, common = np.random.default_rng(0), np.eye(1, 512)[0]
    for moment in range(3):
        for person in range(20):
            own = random.normal(size=512)
            look = np.sqrt(alike) * common + np.sqrt(1 - alike) * own / np.linalg.norm(own)
            name, camera = f"{moment}-{person}", cameras[person % len(cameras)]
            yield sighting(
                name, camera, 100 * moment, 100 * moment + 10, closed=True, embedding=unit(look)
            )


def unit(look: NDArray[np.float64]) -> NDArray[np.float32]:
    return (look / np.linalg.norm(look)).astype(np.float32)


def after(sightings: Iterator[Sighting]) -> Strangers:
    strangers = Strangers(CALIBRATION)
    for each in sightings:
        strangers.meet(each)
    return strangers


def test_where_nothing_is_known_looks_count_as_they_were_calibrated() -> None:
    assert Strangers(CALIBRATION).trust("west", "east") == CALIBRATION.trust


def test_where_strangers_differ_looks_count_in_full() -> None:
    assert after(crowd(0.1)).trust("west", "east") == CALIBRATION.trust


def test_where_everybody_wears_the_same_looks_count_less() -> None:
    somewhat, very = after(crowd(0.55)), after(crowd(0.8))
    assert very.trust("west", "east") < somewhat.trust("west", "east") < CALIBRATION.trust
    assert very.trust("west", "west") < CALIBRATION.trust
    assert very.trust("west", "yard") < CALIBRATION.trust  # also where nobody has been seen yet


def test_people_who_never_met_may_be_one_person() -> None:
    strangers = Strangers(CALIBRATION)
    for number, each in enumerate(crowd(0.9)):
        begin = 20.0 * number
        strangers.meet(sighting(f"{number}", each.camera, begin, begin + 10, closed=True))
    assert strangers.trust("west", "east") == CALIBRATION.trust


def test_a_pair_of_cameras_has_a_curve_of_its_own_once_it_has_data() -> None:
    strangers = Strangers(CALIBRATION)
    for _ in range(10):
        for each in crowd(0.1):
            strangers.meet(each)
        for each in crowd(0.8, cameras=("yard", "gate")):
            strangers.meet(each)
    assert strangers.trust("gate", "yard") < 0.7 * strangers.trust("east", "west")


def test_what_is_long_ago_counts_less() -> None:
    strangers = after(crowd(0.8))
    for _ in range(30):
        for each in crowd(0.1):
            strangers.meet(each)
    assert strangers.trust("west", "east") == CALIBRATION.trust


def test_it_is_read_back_as_it_was_written() -> None:
    strangers, again = after(crowd(0.7)), Strangers(CALIBRATION)
    again.load(strangers.take_changed())
    assert not strangers.take_changed()
    for pair in (("west", "east"), ("west", "west"), ("yard", "yard")):
        assert again.trust(*pair) == pytest.approx(strangers.trust(*pair), rel=1e-12)


@pytest.mark.parametrize(
    "fields",
    [{"west": b"1 2"}, {"a>b": b"1"}, {"a>b": b"1 x"}, {"a>b": b"-1 2"}, {"a>b": b"nan 0"}],
)
def test_what_cannot_be_read_is_a_sentence(fields: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="expected pairs of cameras and two numbers"):
        Strangers(CALIBRATION).load(fields)


def test_looks_prove_less_to_a_matcher_where_strangers_look_alike() -> None:
    weigher, fresh = Weigher(CALIBRATION), Weigher(CALIBRATION)
    weigher.know_strangers(crowd(0.8))
    seen = [Candidate(record("a", "west", 0, 5, identity=1), 0.9)]
    assert weigher.resembles("east", seen) < 0.5 * fresh.resembles("east", seen)


def test_the_line_of_two_cameras_says_what_their_tracklets_say() -> None:
    weigher = Weigher(CALIBRATION)
    weigher.know_strangers(crowd(0.6))
    slope, offset = weigher.lines(["west", "east"])
    for i, j in ((0, 0), (0, 1), (1, 0)):
        there = record("a", ("west", "east")[j], 0, 5, identity=1)
        said = weigher.resembles(("west", "east")[i], [Candidate(there, 0.4)])
        assert slope[i, j] * 0.4 + offset[i, j] == pytest.approx(said, rel=1e-5)
