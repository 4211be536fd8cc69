"""Transit times that are learned while people walk."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gaps import BINS, EDGES, BroadPrior, GapHistogram, Given, bin_of
from pipeline.transit import EXCLUDED, LONG_STRENGTH, STRENGTH, TransitModel, TransitSettings

DAY = 86400.0
NOW = 1_000_000.0

gaps = st.floats(min_value=-1e7, max_value=1e9)
usual_gaps = st.floats(min_value=-2.0, max_value=40_000.0)


def prior_llr(gap: float, *, cameras: int = 2) -> float:
    """What is expected of a pair of cameras of which nothing is known, in nats."""
    settings = TransitSettings()
    return math.log(settings.prior.density(gap) / cameras / settings.arrivals)


def integral(density: Callable[[float], float]) -> float:
    """Over all gaps, by the trapezoid rule on a grid that knows the edges of the bins."""
    bins = pairwise(EDGES[1:-1])
    inner = np.concatenate([np.linspace(a, b, 65)[1:-1] for a, b in bins])
    grid = np.sort(
        np.concatenate(
            [-np.geomspace(500.0, 29.0, 200), inner, np.geomspace(EDGES[-2] + 1, 1e9, 1000)]
        )
    )
    return float(np.trapezoid([density(gap) for gap in grid], grid))


def walked(transits: list[float], *, now: float = NOW, weight: float = 1.0) -> TransitModel:
    """A model that has seen people go from west to east, one a minute."""
    model = TransitModel()
    for number, gap in enumerate(transits):
        model.observe("west", "", "east", "", gap, now + 60 * number, weight)
    return model


@given(st.floats(min_value=0.0, max_value=3e6))
def test_without_data_it_is_the_broad_prior(gap: float) -> None:
    model = TransitModel()
    assert model.llr("west", "", "east", "", gap, NOW) == pytest.approx(prior_llr(gap))
    assert model.llr("west", "door", "east", "door", gap, NOW) == pytest.approx(prior_llr(gap))


@given(st.lists(usual_gaps, max_size=20))
def test_what_returns_and_what_does_not_add_up_to_one(transits: list[float]) -> None:
    model = walked(transits)
    now = NOW + 60 * max(0, len(transits) - 1)
    share = sum(
        integral(lambda gap, to=to: model.density("west", to, gap, now)) for to in ("west", "east")
    )
    prior = BroadPrior()
    expected = prior.returns * (1 + prior.tolerance / prior.scale)
    n = len(transits)
    total = (STRENGTH * expected + n) / (STRENGTH + n)
    # Of long gaps more of the prior stays, so it is a little more than that.
    assert 0.99 * total < share < total + 0.1
    away = model.away("west", "", 1e9, now)
    assert away == pytest.approx(max(0.05, 1 - total), abs=0.02)


def test_who_has_been_away_for_long_may_come_in_where_nobody_walks_to() -> None:
    model = TransitModel()
    for number in range(60):
        model.observe_new("north", "", NOW + 60 * number)
        model.observe("west", "", "east", "", 9.0, NOW + 60 * number)
    now = NOW + 3600.0
    soon, late = (
        model.density("west", "north", gap, now) / (BroadPrior().density(gap) / 3)
        for gap in (10.0, 600.0)
    )
    assert soon == pytest.approx(STRENGTH / (STRENGTH + 60), rel=0.05)
    assert late == pytest.approx(LONG_STRENGTH / (LONG_STRENGTH + 60), rel=0.05)


@given(gaps, st.lists(usual_gaps, max_size=5), st.sampled_from(["", "door"]))
def test_nothing_is_ever_impossible(gap: float, transits: list[float], zone: str) -> None:
    model = walked(transits)
    assert math.isfinite(model.llr("west", zone, "east", zone, gap, NOW + 100 * DAY))


def test_it_converges_to_the_true_distribution() -> None:
    rng = np.random.default_rng(0)
    model = walked(list(rng.lognormal(math.log(12), 0.25, 4000)), now=NOW)
    now = NOW + 4000 * 60
    fresh = rng.lognormal(math.log(12), 0.25, 1000)
    learned = np.log([model.density("west", "east", gap, now) for gap in fresh])
    true = -((np.log(fresh / 12) / 0.25) ** 2) / 2 - np.log(fresh * 0.25 * math.sqrt(2 * math.pi))
    assert 0 < np.mean(true - learned) < 0.08
    assert model.density("west", "east", 100.0, now) < 1e-4
    quantiles = [model.transits()["west", "", "east", ""].quantile(q) for q in (0.1, 0.5, 0.9)]
    assert quantiles == pytest.approx(12 * np.exp(0.25 * np.array([-1.2816, 0, 1.2816])), rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_twenty_transits_are_enough_to_beat_the_prior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.lognormal(math.log(40), 0.3, 220)
    model = walked(list(drawn[:20]))
    gain = [model.llr("west", "", "east", "", g, NOW) - prior_llr(g) for g in drawn[20:]]
    assert np.mean(gain) > 1.0


def test_two_ways_are_two_peaks() -> None:
    model = walked([8.0, 9.0, 60.0, 65.0] * 25)
    by_gap = {gap: model.llr("west", "", "east", "", gap, NOW + 6000) for gap in (8.5, 25.0, 62.0)}
    assert min(by_gap[8.5], by_gap[62.0]) > by_gap[25.0] + 2


def test_uncertain_decisions_teach_less() -> None:
    sure, unsure = walked([9.0] * 4), walked([9.0] * 4, weight=0.2)
    ratios = [model.llr("west", "", "east", "", 9.0, NOW + 180) for model in (unsure, sure)]
    assert ratios[0] < ratios[1]


def test_a_decision_can_be_taken_back() -> None:
    model = walked([9.0, 9.0])
    model.observe("west", "", "east", "", 70.0, NOW + 60, weight=0.8)
    model.observe("west", "", "east", "", 70.0, NOW + 60, weight=-0.8)
    assert model.density("west", "east", 70.0, NOW + 60) == pytest.approx(
        walked([9.0, 9.0]).density("west", "east", 70.0, NOW + 60)
    )


def test_old_evidence_fades() -> None:
    model, densities = walked([9.0] * 50), []
    for now in np.arange(NOW, NOW + 100 * DAY, 600.0):
        model.observe_new("yard", "", now)  # the site is watched all the time
        densities.append(model.density("west", "east", 9.0, now))
    assert densities[10:] == sorted(densities[10:], reverse=True)
    assert densities[-1] == pytest.approx(BroadPrior().density(9.0) / 3, rel=0.2)


def test_nothing_fades_while_the_site_is_switched_off() -> None:
    model = walked([9.0] * 50)
    model.observe_new("east", "", NOW + 3000)
    before = model.llr("west", "", "east", "", 9.0, NOW + 3000)
    after = model.llr("west", "", "east", "", 9.0, NOW + 100 * DAY)
    assert after == pytest.approx(before, abs=0.5)


def test_new_habits_take_the_place_of_old_ones() -> None:
    model = walked([9.0] * 50)
    for quarter in range(50 * 100):
        model.observe("west", "", "east", "", 40.0, NOW + quarter * 900)
    now = NOW + 50 * 100 * 900
    assert model.density("west", "east", 40.0, now) > model.density("west", "east", 9.0, now)


def test_where_nobody_goes_becomes_unlikely() -> None:
    model = TransitModel()
    for minute in range(200):
        model.observe_exit("west", "", NOW + 60 * minute)
        model.observe("west", "", "east", "", 9.0, NOW + 60 * minute + 9)
    now = NOW + 200 * 60
    assert model.llr("west", "", "roof", "", 9.0, now) < prior_llr(9.0) - 3
    assert model.llr("west", "", "east", "", 9.0, now) > prior_llr(9.0) + 1


@pytest.mark.parametrize("per_minute", [0.2, 3.0, 30.0])
def test_the_rate_of_new_people_is_learned(per_minute: float) -> None:
    model = TransitModel()
    for number in range(int(120 * per_minute)):
        model.observe_new("west", "", NOW + 60 * number / per_minute)
    assert model.arrivals("west", NOW + 7200) == pytest.approx(per_minute / 60, rel=0.25)


def test_time_goes_on_after_it_was_set_back() -> None:
    model = TransitModel()
    model.observe("west", "", "east", "", 9.0, NOW + 1e9)
    for second in range(0, 3600, 20):
        model.observe_new("west", "", NOW + second)
    assert model.arrivals("west", NOW + 3600) == pytest.approx(1 / 20, rel=0.25)


def test_a_long_absence_does_not_make_a_camera_look_deserted() -> None:
    model = TransitModel()
    for second in range(0, 1200, 20):
        model.observe_new("west", "", NOW + second)
    before = model.arrivals("west", NOW + 1200)
    model.observe("west", "", "east", "", 36_000.0, NOW + 1200)
    assert model.arrivals("west", NOW + 1200) == pytest.approx(before, rel=0.05)


def test_a_quiet_night_is_noticed() -> None:
    model = TransitModel()
    for second in range(0, 7200, 10):
        model.observe_new("west", "", NOW + second)
    busy = model.arrivals("west", NOW + 7200)
    for second in range(7200, 7200 + 4 * 3600, 60):
        model.observe_new("yard", "", NOW + second)
    quiet = model.arrivals("west", NOW + 7200 + 4 * 3600)
    assert quiet < 0.25 * busy


def test_zones_say_more_than_cameras_once_they_have_data() -> None:
    model = TransitModel()
    for minute in range(100):
        now = NOW + 60 * minute
        model.observe("west", "door", "east", "left", 9.0, now)
        model.observe("west", "stairs", "east", "right", 30.0, now)
        model.observe_new("east", "right", now)
    now = NOW + 6000

    def asked(left: str, entered: str, gap: float) -> float:
        return model.llr("west", left, "east", entered, gap, now)

    assert asked("door", "left", 9.0) > asked("", "", 9.0) + 0.5
    assert asked("door", "right", 9.0) < asked("", "", 9.0) - 2
    assert asked("stairs", "right", 9.0) < asked("stairs", "right", 30.0) - 2


def test_zones_without_data_say_what_the_cameras_say() -> None:
    model = walked([9.0] * 30)
    by_camera = model.llr("west", "", "east", "", 9.0, NOW + 1800)
    assert model.llr("west", "hatch", "east", "hatch", 9.0, NOW + 1800) == pytest.approx(
        by_camera, abs=0.3
    )


@pytest.mark.parametrize(
    ("word", "gap", "excluded"),
    [
        pytest.param(Given(shortest=5, longest=40), 20.0, False, id="inside"),
        pytest.param(Given(shortest=5, longest=40), 4.8, False, id="early by the clocks"),
        pytest.param(Given(shortest=5, longest=40), 3.0, True, id="too early"),
        pytest.param(Given(shortest=5, longest=40), 60.0, True, id="too late"),
        pytest.param(Given(never=True), 20.0, True, id="never"),
        pytest.param(Given(typical=20), 600.0, False, id="typical is no limit"),
    ],
)
def test_what_people_said_is_respected(word: Given, gap: float, excluded: bool) -> None:
    model = walked([gap] * 50)
    llr = model.llr("west", "", "east", "", gap, NOW + 3000, given=word)
    assert (llr == EXCLUDED) is excluded


@pytest.mark.parametrize(
    "word", [Given(shortest=5, longest=40), Given(typical=12), Given(longest=60), Given()]
)
def test_what_people_said_is_a_density(word: Given) -> None:
    assert integral(word.density) == pytest.approx(0.7, rel=0.04)


def test_what_people_said_beats_the_broad_prior_where_they_said_it() -> None:
    model = TransitModel()
    plain = model.llr("west", "", "east", "", 60.0, NOW)
    told = model.llr("west", "", "east", "", 60.0, NOW, given=Given(typical=60))
    assert told > plain + 1


@pytest.mark.parametrize("ahead", [-2.0, 0.0, 2.0])
def test_clocks_that_differ_are_found_by_transits_both_ways(ahead: float) -> None:
    rng, model = np.random.default_rng(0), TransitModel()
    for number, gap in enumerate(rng.lognormal(math.log(1.5), 0.2, 60)):
        model.observe("west", "", "east", "", gap + ahead, NOW + 60 * number)
    for number, gap in enumerate(rng.lognormal(math.log(1.5), 0.2, 60)):
        model.observe("east", "", "west", "", gap - ahead, NOW + 60 * number)
    assert model.clock_offset("west", "east") == pytest.approx(ahead, abs=0.2)
    assert model.clock_offset("east", "west") == pytest.approx(-ahead, abs=0.2)


def test_slow_transits_say_nothing_about_clocks() -> None:
    model = walked([9.0] * 30)
    for number in range(30):
        model.observe("east", "", "west", "", 13.0, NOW + 60 * number)
    assert model.clock_offset("west", "east") == 0.0


def test_gaps_below_zero_tell_of_clocks_when_nobody_comes_back() -> None:
    rng = np.random.default_rng(0)
    model = walked(list(rng.uniform(-1.5, -0.5, 40)))
    assert model.clock_offset("west", "east") == pytest.approx(-1.4, abs=0.2)
    assert model.clock_offset("east", "west") == pytest.approx(1.4, abs=0.2)


def test_what_is_written_down_is_read_back() -> None:
    model = TransitModel()
    model.observe("west", "door", "east", "left", 9.0, NOW, 0.7)
    model.observe_new("west", "door", NOW + 1)
    model.observe_exit("west", "door", NOW + 2)
    again = TransitModel()
    changed = model.take_changed()
    for key in changed:
        again.load(key, model.to_fields(key))
    assert changed == {"west>east", "west", "east"}
    assert model.take_changed() == set()
    asked = "west", "door", "east", "left", 8.0, NOW + 100
    assert again.llr(*asked) == model.llr(*asked)


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        pytest.param("a>b", {">": b"12345678"}, id="too short"),
        pytest.param("a>b", {">": b"\xff" * 16}, id="no numbers"),
        pytest.param("a>b", {"door": GapHistogram().to_bytes()}, id="a zone alone"),
        pytest.param("a", {"traffic": b"[]"}, id="no mapping"),
        pytest.param("a", {}, id="nothing"),
        pytest.param("a", {"traffic": b"{"}, id="no JSON"),
    ],
)
def test_what_cannot_be_read_is_refused(key: str, fields: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="expected"):
        TransitModel().load(key, fields)


@given(st.lists(st.tuples(usual_gaps, st.floats(0.01, 1.0)), min_size=1, max_size=30))
def test_a_histogram_keeps_all_its_weight(observations: list[tuple[float, float]]) -> None:
    histogram = GapHistogram()
    for gap, weight in observations:
        histogram.add(gap, weight, now=NOW, half_life=DAY)
    assert sum(histogram.smoothed()) == pytest.approx(histogram.total)
    again = GapHistogram.from_bytes(histogram.to_bytes())
    assert np.array_equal(again.weights, histogram.weights)
    assert again.quantile(0.5) == histogram.quantile(0.5)


@given(gaps)
def test_a_gap_lies_in_its_bin(gap: float) -> None:
    place = bin_of(gap)
    assert 0 <= place < BINS
    assert EDGES[place] - 1e-9 * abs(gap) <= gap <= EDGES[place + 1] + 1e-9 * abs(gap)


def test_it_stays_small_however_many_pairs_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.seen_gaps._MOST", 50)
    model = TransitModel()
    for number in range(400):
        model.observe("hub", "", f"c{number}", "", 5.0, NOW + number)
        model.observe("hub", "", "busy", "", 5.0, NOW + number)
    assert len(model.transits()) <= 50
    assert ("hub", "", "busy", "") in model.transits()
