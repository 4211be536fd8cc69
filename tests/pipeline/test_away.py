"""Who has left and has not been seen since: how usual that is, and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from people import record, sighting

from pipeline.data import Candidate
from pipeline.evidence import Calibration
from pipeline.gaps import BroadPrior, GapHistogram
from pipeline.match import Matcher
from pipeline.query import Query
from pipeline.second_pass import second_pass
from pipeline.transit import TransitModel
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=20.0, offset=-10.0)
NOW = 1_000_000.0
usual_gaps = st.floats(min_value=-2.0, max_value=40_000.0)


def site(back: Iterable[float], *, zone: str = "", gone: int = 0) -> TransitModel:
    """A model of a site where people left by a zone and came back after these gaps, or did not."""
    model, back = TransitModel(), list(back)
    for number, gap in enumerate(back):
        model.observe("west", zone, ("west", "east")[number % 2], zone, gap, NOW)
    for _ in range(len(back) + gone):
        model.observe_exit("west", zone, NOW)
    return model


@given(st.lists(usual_gaps, max_size=20), st.integers(0, 20))
def test_the_longer_the_fewer_are_away(back: list[float], gone: int) -> None:
    model = site(back, gone=gone)
    shares = [model.away("west", "", seconds, NOW) for seconds in (0, 1, 10, 100, 1e3, 1e5, 1e9)]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] >= 0.05


def test_without_data_it_is_what_the_broad_prior_leaves() -> None:
    assert TransitModel().away("west", "", 20.0, NOW) == pytest.approx(0.65)
    assert BroadPrior().within(20.0) == pytest.approx(0.35)


def test_where_everybody_comes_back_soon_few_stay_away() -> None:
    returning, leaving = site([20.0] * 30), site([], gone=30)
    assert returning.away("west", "", 10.0, NOW) > 0.8
    assert returning.away("west", "", 60.0, NOW) < 0.1
    assert leaving.away("west", "", 3600.0, NOW) > 0.9


def test_the_zone_that_people_left_by_says_more_than_the_camera() -> None:
    model = site([20.0] * 15, zone="corridor")
    for _ in range(15):
        model.observe_exit("west", "street", NOW)
    corridor, street = (model.away("west", zone, 300.0, NOW) for zone in ("corridor", "street"))
    assert corridor < 0.2 < 0.7 < street
    assert corridor < model.away("west", "", 300.0, NOW) < street


def test_what_was_taken_back_says_nothing() -> None:
    model, fresh = site([20.0]), site([20.0])
    model.observe("west", "", "east", "", 300.0, NOW, weight=0.8)
    assert model.away("west", "", 400.0, NOW) < fresh.away("west", "", 400.0, NOW)
    model.observe("west", "", "east", "", 300.0, NOW, weight=-0.8)
    assert model.away("west", "", 400.0, NOW) == pytest.approx(fresh.away("west", "", 400.0, NOW))


@pytest.mark.parametrize("zone", ["", "corridor"])
def test_it_is_known_again_after_a_restart(zone: str) -> None:
    model, again = site([5.0, 20.0, 300.0], zone=zone, gone=3), TransitModel()
    for key in sorted(model.take_changed()):
        again.load(key, model.to_fields(key))
    for seconds in (1.0, 10.0, 100.0, 1000.0):
        assert again.away("west", zone, seconds, NOW) == pytest.approx(
            model.away("west", zone, seconds, NOW)
        )


@given(st.lists(usual_gaps, min_size=1, max_size=20))
def test_a_histogram_knows_how_much_lies_below_a_gap(seen: list[float]) -> None:
    histogram = GapHistogram()
    for gap in seen:
        histogram.add(gap, 1.0, now=NOW, half_life=1e6)
    shares = [histogram.within(gap) for gap in (-1e6, 0.0, 3.0, 100.0, 1e9)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(len(seen))


def test_histograms_add_up_as_of_the_newest() -> None:
    old, new = GapHistogram(), GapHistogram()
    old.add(10.0, 2.0, now=NOW, half_life=100.0)
    new.add(50.0, 1.0, now=NOW + 100, half_life=100.0)
    total = GapHistogram.sum([old, new], half_life=100.0)
    assert (total.updated, total.total) == (NOW + 100, pytest.approx(2.0))
    assert total.within(1e9) == pytest.approx(2.0)


def test_a_prior_of_which_every_camera_has_a_share() -> None:
    few, many = TransitModel(), TransitModel()
    for number in range(20):
        many.observe_new(f"camera-{number}", "", NOW)
    ratio = many.density("west", "east", 10.0, NOW) / few.density("west", "east", 10.0, NOW)
    assert ratio == pytest.approx(2 / 20)


def test_a_zone_without_data_says_what_the_camera_says() -> None:
    model = site([20.0] * 10)
    assert model.away("west", "new", 60.0, NOW) == model.away("west", "", 60.0, NOW)


def test_the_longer_somebody_is_away_the_likelier_it_is_they_who_come() -> None:
    weigher = Weigher(CALIBRATION)
    left, comes = record("w1", "west", 0, 5, identity=1), record("e1", "east", 65, 70, identity=1)
    assert weigher.absence(left, 5.0) == 0.0
    costs = [weigher.absence(left, until) for until in (6.0, 65.0, 600.0)]
    assert costs == sorted(costs, reverse=True)
    assert weigher.absence(left, 65.0) == pytest.approx(math.log(1 - 0.7 * 60 / 80))
    assert weigher.absence(left, 65.0, now=5.0) == weigher.absence(left, 65.0)
    (decision,) = Matcher(weigher).decide(
        [Query(sighting("e1", "east", 65, 70), (Candidate(left, 0.9),))], {1: [left]}, lambda: 2
    )
    gain = weigher.way(left, comes) - weigher.absence(left, 65.0)
    assert decision.evidence.transit == pytest.approx(gain)


def test_with_hindsight_it_counts_that_somebody_was_never_seen_again() -> None:
    """Looks say 2.9 nats for one person, the way 3.8 against it, and the absence 0.8 or 1.2."""
    first, alike, nobody = np.eye(64, dtype=np.float32)[:3]
    alike = 0.693 * first + math.sqrt(1 - 0.693**2) * alike
    left = sighting("w1", "west", 0, 5, embedding=first)
    comes = sighting("e1", "east", 65, 70, embedding=alike.astype(np.float32))
    last = sighting("w2", "west", 3600, 3605, embedding=nobody)
    online = {"w1": 1, "e1": 2, "w2": 3}
    soon = second_pass([left, comes], online, Weigher(CALIBRATION), learn=0)
    later = second_pass([left, comes, last], online, Weigher(CALIBRATION), learn=0)
    assert soon["w1"].identity != soon["e1"].identity
    assert later["w1"].identity == later["e1"].identity != later["w2"].identity
    assert later["e1"].evidence.transit == pytest.approx(-3.82 + 1.18, abs=0.05)
    assert 0.5 < later["e1"].confidence < 0.8
