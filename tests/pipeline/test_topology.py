"""Zones and ways between cameras: what was learned, and what people said."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import load_site
from pipeline.errors import ConfigError
from pipeline.evidence import Calibration
from pipeline.gaps import GapHistogram, Given
from pipeline.topology import Topology, Transit, file_entries, load_topology, read_topology
from pipeline.transit import TransitModel
from pipeline.weigh import Weigher
from pipeline.zones import Ellipse, Polygon, Zone, Zones

NOW = 1_000_000.0
SITE = """
cameras: {entrance: {source: 'device:0'}, till: {source: 'device:1'}, roof: {source: 'device:2'}}
topology:
"""
DOOR = "  zones: {entrance: {door: [[0, 0.5], [0.2, 0.5], [0.2, 1], [0, 1]]}}\n"
AT_THE_DOOR, ELSEWHERE = (0.1, 0.8), (0.8, 0.8)


def load(folder: Path, topology: str) -> Topology:
    path = folder / "cams.yaml"
    path.write_text(SITE + topology, encoding="utf-8")
    return load_topology(load_site(path), where=str(path))


def seen(*gaps: float) -> GapHistogram:
    histogram = GapHistogram()
    for gap in gaps:
        histogram.add(gap, 1.0, now=NOW, half_life=86400.0)
    return histogram


def learned() -> Topology:
    zones = [
        Zone("entrance", "left", Ellipse((0.1, 0.8), (0.1, 0.05), 0.5), 0.6, 0.4, 20),
        Zone("till", "desk", Polygon(((0.4, 0.4), (0.6, 0.4), (0.5, 0.6))), 1.0, 1.0, 9, lost=True),
    ]
    transits = (
        Transit(("entrance", "left"), ("till", ""), seen(8, 9, 10, 11), share=0.5),
        Transit(("till", ""), ("entrance", ""), seen(30), share=0.1),
    )
    return Topology(Zones.build(zones), transits, tracklets=30)


def write(folder: Path, topology: Topology) -> Path:
    path = folder / "topology.yaml"
    path.write_text(yaml.safe_dump(file_entries(topology)), encoding="utf-8")
    return path


square = Polygon(((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)))
round_zone = Ellipse((0.5, 0.5), (0.2, 0.1))


@pytest.mark.parametrize(
    ("shape", "point", "distance"),
    [
        pytest.param(square, (0.5, 0.5), 0.0, id="inside a polygon"),
        pytest.param(square, (0.7, 0.5), 0.1, id="beside a polygon"),
        pytest.param(square, (0.7, 0.7), 0.1 * math.sqrt(2), id="off its corner"),
        pytest.param(round_zone, (0.65, 0.5), 0.0, id="inside an ellipse"),
        pytest.param(round_zone, (0.8, 0.5), 0.1, id="beside it"),
        pytest.param(round_zone, (0.5, 0.65), 0.05, id="below it"),
        pytest.param(Ellipse((0.5, 0.5), (0.2, 0.1), math.pi / 2), (0.5, 0.8), 0.1, id="turned"),
    ],
)
def test_a_shape_knows_how_far_a_point_is(
    shape: Polygon | Ellipse, point: tuple[float, float], distance: float
) -> None:
    assert shape.distance(point) == pytest.approx(distance)


@given(st.tuples(st.floats(-1, 2), st.floats(-1, 2)), st.floats(-4, 4))
def test_an_ellipse_is_around_its_centre(point: tuple[float, float], angle: float) -> None:
    ellipse = Ellipse((0.5, 0.5), (0.2, 0.1), angle)
    away = math.dist(point, ellipse.centre)
    assert ellipse.distance(point) == pytest.approx(max(0.0, away - 0.15), abs=0.0501)


@pytest.mark.parametrize(
    ("point", "name"),
    [
        pytest.param((0.1, 0.5), "one", id="in it"),
        pytest.param((0.24, 0.5), "one", id="within reach"),
        pytest.param((0.3, 0.5), "", id="in none"),
        pytest.param((0.55, 0.5), "two", id="in two: the nearer centre"),
        pytest.param((0.65, 0.5), "three", id="in two, the other"),
    ],
)
def test_a_foot_point_belongs_to_the_nearest_zone_within_reach(
    point: tuple[float, float], name: str
) -> None:
    zones = Zones.build(
        [
            Zone("west", "one", Ellipse((0.1, 0.5), (0.1, 0.1))),
            Zone("west", "two", Ellipse((0.5, 0.5), (0.1, 0.1))),
            Zone("west", "three", Ellipse((0.65, 0.5), (0.12, 0.1))),
        ]
    )
    assert zones.of("west", point) == name
    assert zones.of("east", point) == ""


def test_without_a_word_nothing_is_known(tmp_path: Path) -> None:
    topology = load(tmp_path, "  {}")
    assert topology.given("entrance", AT_THE_DOOR, "till", ELSEWHERE) is None
    assert topology.zone("entrance", AT_THE_DOOR) == ""


def test_what_people_say_of_a_zone_holds_for_that_zone_alone(tmp_path: Path) -> None:
    way = "  transits: [{from: entrance.door, to: till, seconds: [5, 40s]}]"
    topology = load(tmp_path, DOOR + way)
    window = Given(shortest=5, longest=40)
    assert topology.given("entrance", AT_THE_DOOR, "till", ELSEWHERE) == window
    assert topology.given("entrance", ELSEWHERE, "till", ELSEWHERE) is None
    assert topology.given("till", ELSEWHERE, "entrance", AT_THE_DOOR) is None


def test_the_most_special_word_counts(tmp_path: Path) -> None:
    ways = (
        "  transits:\n"
        "    - {from: entrance, to: till, typical: 1m}\n"
        "    - {from: entrance.door, to: till, typical: 12s}"
    )
    topology = load(tmp_path, DOOR + ways)
    assert topology.given("entrance", AT_THE_DOOR, "till", ELSEWHERE) == Given(typical=12)
    assert topology.given("entrance", ELSEWHERE, "till", ELSEWHERE) == Given(typical=60)


def test_nobody_goes_between_cameras_that_are_never_neighbours(tmp_path: Path) -> None:
    topology = load(tmp_path, "  never: [[entrance, roof]]")
    assert topology.given("entrance", ELSEWHERE, "roof", ELSEWHERE) == Given(never=True)
    assert topology.given("roof", ELSEWHERE, "entrance", ELSEWHERE) == Given(never=True)
    assert topology.given("till", ELSEWHERE, "roof", ELSEWHERE) is None


def test_what_was_learned_is_written_and_read_back(tmp_path: Path) -> None:
    before, after = learned(), read_topology(write(tmp_path, learned()))
    assert after.zone("entrance", AT_THE_DOOR) == "left"
    assert [(t.start, t.to) for t in after.transits] == [(t.start, t.to) for t in before.transits]
    assert after.transits[0].median == pytest.approx(before.transits[0].median, abs=0.05)
    assert file_entries(after) == file_entries(before)


def test_zones_that_people_drew_take_the_place_of_those_that_were_found(tmp_path: Path) -> None:
    write(tmp_path, learned())
    topology = load(tmp_path, "  file: topology.yaml\n" + DOOR)
    assert topology.zone("entrance", AT_THE_DOOR) == "door"
    assert topology.zone("till", (0.5, 0.5)) == "desk"
    assert [transit.start for transit in topology.transits] == [("till", "")]


def test_the_file_alone_will_do(tmp_path: Path) -> None:
    write(tmp_path, learned())
    path = tmp_path / "cams.yaml"
    path.write_text(SITE.rstrip() + " topology.yaml", encoding="utf-8")
    assert len(load_topology(load_site(path)).transits) == 2


def test_a_model_is_taught_what_was_learned() -> None:
    model, fresh = TransitModel(), TransitModel()
    learned().teach(model, now=NOW)
    asked = "entrance", "", "till", "", 9.0, NOW
    assert model.llr(*asked) > fresh.llr(*asked) + 0.5
    assert model.exits("entrance", "left", NOW) == pytest.approx(8)


def test_what_was_learned_is_known_to_every_model_of_the_site_also_with_hindsight() -> None:
    weigher = Weigher(Calibration(slope=20.0, offset=-10.0), places=learned())
    asked = "entrance", "", "till", "", 9.0, NOW
    known = weigher.transit.llr(*asked)
    assert known > TransitModel().llr(*asked) + 0.5
    weigher.forget_ways()
    assert weigher.transit.llr(*asked) == pytest.approx(known, abs=0.2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            DOOR + "  transits: [{from: entrance.gate, to: till, typical: 3}]",
            "topology.transits.0.from: expected a zone of camera entrance (known: door), "
            "found 'entrance.gate'",
            id="no such zone",
        ),
        pytest.param(
            "  transits: [{from: cellar, to: till, typical: 3}]",
            "topology.transits.0.from: expected the name of a camera, found 'cellar'",
            id="no such camera",
        ),
        pytest.param(
            "  never: [[entrance, cellar]]",
            "topology.never.0: expected the name of a camera, found 'cellar'",
            id="never to no camera",
        ),
        pytest.param(
            "  zones: {till: {door: [[0, 0], [1, 1]]}}",
            "topology.zones.till.door: expected at least three points [x, y], fractions of the "
            "picture from 0 to 1, found [[0, 0], [1, 1]]",
            id="two corners",
        ),
        pytest.param(
            "  zones: {till: {door: [[0, 0], [640, 0], [640, 480]]}}",
            "topology.zones.till.door: expected at least three points [x, y], fractions of the "
            "picture from 0 to 1, found [[0, 0], [640, 0], [640, 480]]",
            id="pixels",
        ),
        pytest.param(
            "  transits: [{from: entrance, to: till}]",
            "topology.transits.0: expected either `seconds` or `typical`, "
            "found {'from': 'entrance', 'to': 'till'}",
            id="no time",
        ),
        pytest.param(
            "  transits: [{from: entrance, to: till, seconds: [40, 5]}]",
            "topology.transits.0.seconds: expected two times [shortest, longest], found [40, 5]",
            id="the wrong way round",
        ),
        pytest.param(
            "  transits: [{form: entrance, to: till, typical: 5}]",
            "topology.transits.0.form: unknown key; did you mean 'from'?",
            id="misspelt",
        ),
        pytest.param("  file: gone.yaml", "topology.file: expected an existing file", id="no file"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "zones: {till: {a: {centre: [0.5, 0.5]}}}",
            "zones.till.a: expected `centre` and `axes`, or `polygon`",
            id="half an ellipse",
        ),
        pytest.param(
            "zones: {till: {a: {centre: [0.5, 0.5], axes: [0.1, 0]}}}",
            "zones.till.a.axes: expected two half axes above 0",
            id="flat",
        ),
        pytest.param(
            "transits: [{from: till.a, to: till, count: 3, times: [[5, 3]]}]",
            "transits.0.from: expected a zone of camera till (known: none), found 'till.a'",
            id="a zone that is not there",
        ),
        pytest.param("zone: {}", "zone: unknown key; did you mean 'zones'?", id="misspelt"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "topology.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_topology(path)
    assert f"{path}: {sentence}" in str(error.value)
