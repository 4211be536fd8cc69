"""Zones and transit times learned from who was seen where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.labels import place_labels
from calibration.mixture import fit_best
from calibration.people_seen import read_results
from calibration.topology import main
from calibration.transits import learn_topology
from calibration.zones import find_zones
from pipeline.config import TopologySettings
from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.errors import ConfigError
from pipeline.topology import Topology, Transit, read_topology

PEOPLE = 120
Point = tuple[float, float]
LEFT, RIGHT, DOOR = (0.04, 0.8), (0.96, 0.7), (0.5, 0.35)


def near(rng: np.random.Generator, point: Point) -> Point:
    x, y = rng.normal(point, 0.02)
    return float(x), float(y)


def walk(
    rng: np.random.Generator,
    person: int,
    number: int,
    camera: str,
    begin: float,
    way: tuple[Point, Point],
    *,
    confidence: float = 0.9,
) -> TrackletRecord:
    """Somebody crosses a view in four to eight seconds."""
    return TrackletRecord(
        f"{camera}-{person}-{number}", camera, begin, begin + rng.uniform(4, 8), person,
        confidence, closed=True, entered=near(rng, way[0]), left=near(rng, way[1]),
    )  # fmt: skip


def site(*, people: int = PEOPLE, confidence: float = 0.9) -> list[IdentityRecord]:
    """Everybody crosses the hall; three in four go on to the till in about 12 seconds."""

    def person(number: int) -> Iterator[TrackletRecord]:
        rng = np.random.default_rng(number)
        way = (LEFT, RIGHT) if number % 2 else (DOOR, RIGHT)
        first = walk(rng, number, 1, "hall", 100.0 * number, way, confidence=confidence)
        yield first
        if number % 4:
            begin = first.end + float(rng.lognormal(math.log(12), 0.2))
            yield walk(rng, number, 2, "till", begin, (LEFT, RIGHT), confidence=confidence)

    return [IdentityRecord(number, tuple(person(number))) for number in range(1, people + 1)]


def tracklets(identities: list[IdentityRecord], camera: str) -> list[TrackletRecord]:
    return [t for i in identities for t in i.tracklets if t.camera == camera]


def way(topology: Topology, start: tuple[str, str], to: tuple[str, str]) -> Transit:
    return next(t for t in topology.transits if (t.start, t.to) == (start, to))


def test_zones_are_found_where_people_come_in_and_leave() -> None:
    zones = {z.name: z for z in find_zones("hall", tracklets(site(), "hall"))}
    assert set(zones) == {"left", "top", "right"}
    assert zones["left"].entries == pytest.approx(0.5, abs=0.06)
    assert zones["right"].exits == pytest.approx(1.0, abs=0.06)
    assert zones["top"].shape.centre == pytest.approx(DOOR, abs=0.02)
    assert not any(zone.lost for zone in zones.values())


def test_people_who_appear_anywhere_make_no_zone() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, (200, 4))
    anywhere = [
        TrackletRecord(str(i), "hall", 10.0 * i, 10.0 * i + 5, i, 1.0, True, (a, b), (c, d))
        for i, (a, b, c, d) in enumerate(points.tolist())
    ]
    assert find_zones("hall", anywhere) == []


def test_where_people_are_lost_from_sight_is_told_from_a_door() -> None:
    rng = np.random.default_rng(0)
    broken = []
    for number in range(80):
        before = walk(rng, number, 1, "hall", 60.0 * number, (LEFT, (0.5, 0.7)))
        after = walk(rng, number, 2, "hall", before.end + 1.5, ((0.53, 0.7), RIGHT))
        broken += [before, after]
    lost = {zone.name: zone.lost for zone in find_zones("hall", broken)}
    assert lost == {"left": False, "right": False, "lost": True}


def test_what_begins_and_ends_with_the_recording_is_no_door() -> None:
    rng = np.random.default_rng(0)
    there = [
        TrackletRecord(str(i), "hall", 0.0, 600.0, i, 1.0, True, (x, 0.6), (x, 0.6))
        for i, x in enumerate(rng.normal(0.5, 0.02, 20).tolist())
    ]
    assert find_zones("hall", there) == []


def test_a_camera_without_people_has_no_zones() -> None:
    assert find_zones("hall", []) == []
    assert learn_topology([]) == Topology()


@pytest.mark.parametrize("clusters", [1, 2, 5])
def test_the_number_of_clusters_is_chosen_by_the_data(clusters: int) -> None:
    rng = np.random.default_rng(0)
    centres = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9), (0.5, 0.5)][:clusters]
    points = np.concatenate([rng.normal(centre, 0.03, (30, 2)) for centre in centres])
    assert len(fit_best(points).weights) == clusters


def test_transit_times_and_shares_are_learned() -> None:
    topology = learn_topology(site())
    onwards = way(topology, ("hall", "right"), ("till", "left"))
    assert onwards.median == pytest.approx(12, rel=0.1)
    assert onwards.share == pytest.approx(0.75 * 0.81, abs=0.05)
    assert topology.tracklets == PEOPLE + PEOPLE * 3 // 4


def test_a_transit_weighs_as_much_as_both_identities_are_certain() -> None:
    sure, unsure = (learn_topology(site(confidence=c)) for c in (1.0, 0.5))
    ways = [way(t, ("hall", "right"), ("till", "left")).count for t in (sure, unsure)]
    assert ways[1] == pytest.approx(0.25 * ways[0], rel=0.01)


def test_somebody_who_comes_back_is_a_transit_to_the_same_camera() -> None:
    rng = np.random.default_rng(0)
    twice = [
        IdentityRecord(n, (walk(rng, n, 1, "hall", 500.0 * n, (LEFT, RIGHT)),
                           walk(rng, n, 2, "hall", 500.0 * n + 90, (RIGHT, LEFT))))
        for n in range(40)
    ]  # fmt: skip
    back = way(learn_topology(twice), ("hall", "right"), ("hall", "right"))
    assert back.median == pytest.approx(84, abs=3)


def test_zones_that_people_drew_are_used() -> None:
    drawn = TopologySettings(
        zones={"hall": {"east": ((0.8, 0.0), (1.0, 0.0), (1.0, 1.0), (0.8, 1.0))}}
    )
    topology = learn_topology(site(), given=drawn)
    (zone,) = topology.zones.by_camera["hall"]
    assert (zone.name, zone.exits) == ("east", pytest.approx(1.0, abs=0.05))
    assert way(topology, ("hall", "east"), ("till", "left")).median == pytest.approx(12, rel=0.1)


# ── the command ─────────────────────────────────────────────────────────────────────────────────


def utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def results(folder: Path) -> Path:
    """What --offline writes, as far as it is read."""
    listed = [
        {
            "identity": identity.identity,
            "tracklets": [
                {
                    "tracklet": t.tracklet, "camera": t.camera, "begin": utc(t.begin),
                    "end": utc(t.end), "entered": t.entered, "left": t.left,
                    "confidence": t.confidence, "thumbnail": None,
                }
                for t in identity.tracklets
            ],
        }
        for identity in site()
    ]  # fmt: skip
    text = json.dumps({"site": "shop", "identities": listed})
    (folder / "identities.json").write_text(text, encoding="utf-8")
    return folder


def cams(folder: Path, topology: str = "") -> Path:
    path = folder / "cams.yaml"
    cameras = "cameras: {hall: {source: 'device:77'}, till: {source: 'device:78'}}\n"
    path.write_text(cameras + topology, encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["topology", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_learns_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output, picture = tmp_path / "topology.yaml", tmp_path / "topology.png"
    learning = "--cameras", cams(tmp_path), "--results", results(tmp_path), "--output", output
    assert run(monkeypatch, "learn", *learning) == 0
    assert read_topology(output).zone("hall", LEFT) == "left"
    words = "topology: {file: topology.yaml, never: [[hall, till]]}"
    assert run(monkeypatch, "show", "--cameras", cams(tmp_path, words), "--picture", picture) == 0
    told = capsys.readouterr().out
    assert "nobody goes directly between hall and till" in told
    assert "hall.right" in told
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(None, "found none", id="not there"),
        pytest.param("{}", "found no 'identities'", id="something else"),
        pytest.param(
            '{"identities": [{"identity": 1, "tracklets": [{"tracklet": "a", "camera": "hall", '
            '"begin": "1970-01-01T00:00:00+00:00", "end": "1970-01-01T00:00:00+00:00", '
            '"confidence": 1}]}]}',
            "found no 'entered'",
            id="of an older version",
        ),
    ],
)
def test_results_that_cannot_be_used_are_one_sentence(
    tmp_path: Path, text: str | None, found: str
) -> None:
    contents = {} if text is None else {"identities.json": text}
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=found):
        read_results(tmp_path)


def test_a_command_that_cannot_work_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "--results", tmp_path / "gone", "--output", tmp_path / "t.yaml"
    assert run(monkeypatch, "learn", "--cameras", cams(tmp_path), *nowhere) == 2
    assert "expected the results of --offline, found none" in capsys.readouterr().err


# ── the picture ─────────────────────────────────────────────────────────────────────────────────

places = st.tuples(st.floats(0, 8), st.floats(0, 8))
sizes = st.tuples(st.floats(0.1, 1.5), st.floats(0.1, 0.4))


@given(st.lists(st.tuples(places, sizes), max_size=15))
def test_labels_never_lie_over_one_another(labels: list[tuple[Point, Point]]) -> None:
    wanted, size = [label[0] for label in labels], [label[1] for label in labels]
    placed = place_labels(wanted, size, within=(8.0, 8.0))
    boxes = [(*p, *s) for p, s in zip(placed, size, strict=True) if p is not None]
    touching = [
        (a, b)
        for i, a in enumerate(boxes)
        for b in boxes[:i]
        if abs(a[0] - b[0]) < (a[2] + b[2]) / 2 - 1e-9
        and abs(a[1] - b[1]) < (a[3] + b[3]) / 2 - 1e-9
    ]
    assert touching == []


def test_a_label_that_has_room_lies_where_it_is_wanted() -> None:
    assert place_labels([(2.0, 3.0)], [(1.0, 0.3)], within=(8.0, 8.0)) == [(2.0, 3.0)]
    assert place_labels([(0.0, 9.0)], [(1.0, 0.4)], within=(8.0, 8.0)) == [(0.5, 7.8)]
