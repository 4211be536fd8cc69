"""Figures, ways, floor plan and files by the REST interface."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from api_parts import ground, walk_by
from viewer_parts import NOON, make_site, report, serving

from calibration.plane import write_ground
from pipeline.config import CameraSettings, TopologySettings
from pipeline.data import Clock, Evidence
from pipeline.store import Store
from pipeline.topology import Topology, file_entries
from pipeline.transit import TransitModel
from pipeline.zones import Ellipse, Zone, Zones

CORNER = ((0.0, 0.0), (0.3, 0.0), (0.0, 0.4))


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    report(store, "west", clock=Clock.FILE)
    walk_by(store, "west-1", 1)
    walk_by(store, "east-1", 1, begin=20, evidence=Evidence(1.5, -2.5, closest="west-1"))
    walk_by(store, "west-2", 2, begin=4000, closed=False)
    with serving(store) as address, httpx.Client(base_url=f"{address}/api/v1") as client:
        yield client


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_figures_of_the_last_day_when_no_time_is_given(api):
    figures = api.get("/statistics").json()
    assert figures["end"] - figures["begin"] == 86400
    assert (figures["people"], figures["cameras"]) == (2, {"east": 1, "west": 2})
    assert figures["now"] == {"people": 1, "cameras": {"west": 1}}
    assert [hour["people"] for hour in figures["hours"] if hour["people"]] == [1, 1]
    assert (figures["stay"]["visits"], figures["stay"]["mean"]) == (2, (28 + 8) / 2)
    assert figures["stays"]["east"]["median"] == 8


def test_figures_of_a_time(api):
    figures = api.get("/statistics", params={"from": NOON, "to": NOON + 600}).json()
    assert (figures["people"], len(figures["hours"])) == (1, 1)


@pytest.mark.parametrize(
    "query", [{"from": 0, "to": 40 * 86400}, {"from": 10, "to": 5}, {"from": -1e308, "to": 1e308}]
)
def test_a_time_that_is_too_long_or_ends_before_it_begins_is_refused(api, query):
    answers = [api.get(path, params=query) for path in ("/statistics", "/graph")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "31 days" in answers[0].json()["detail"]


@pytest.mark.timed
def test_many_people_are_counted_within_a_moment(store):
    for number in range(1, 1001):
        walk_by(store, f"west-{number}", number, begin=8 * number, looks=number)
    report(store, "west", clock=Clock.FILE)
    with serving(store) as address:
        started = time.perf_counter()
        figures = httpx.get(f"{address}/api/v1/statistics", timeout=30).json()
        seconds = time.perf_counter() - started
    assert figures["people"] == 1000
    assert seconds < 3


def test_ways_tell_what_was_learned_and_who_walked_them(api, store):
    model = TransitModel()
    for gap in (10.0, 12.0, 14.0):
        model.observe("west", "", "east", "", gap, NOON)
    model.observe("west", "door", "east", "gate", 12.0, NOON)
    store.learned.put({"west>east": model.to_fields("west>east")})
    graph = api.get("/graph").json()
    (way,) = graph["ways"]
    assert (way["from_camera"], way["to_camera"]) == ("west", "east")
    assert (way["flow"]["count"], way["flow"]["median"]) == (1, 12)
    assert way["learned"]["weight"] == pytest.approx(4)
    assert 9 <= way["learned"]["p10"] <= way["learned"]["median"] <= way["learned"]["p90"] <= 15
    bins = way["learned"]["histogram"]
    assert sum(each["weight"] for each in bins) == pytest.approx(4)
    assert bins[0]["begin"] <= 10 <= bins[0]["end"]


def test_a_persons_ways_from_tracklet_to_tracklet(api):
    (way,) = api.get("/identities/1/transits").json()["items"]
    assert (way["from_tracklet"], way["to_tracklet"], way["seconds"]) == ("west-1", "east-1", 12)
    assert api.get("/identities/99/transits").status_code == 404


def test_areas_are_those_of_the_topology_and_the_masks(store, tmp_path: Path):
    ellipse = Zone("east", "gate", Ellipse((0.5, 0.8), (0.2, 0.1), math.pi / 2), lost=True)
    topology = Topology(Zones.build([ellipse]))
    (tmp_path / "topology.yaml").write_text(yaml.safe_dump(file_entries(topology)))
    site = make_site().model_copy(
        update={
            "topology": TopologySettings.model_validate(
                {"file": tmp_path / "topology.yaml", "zones": {"west": {"door": CORNER}}}
            ),
            "cameras": {
                "west": CameraSettings(source="rtsp://x", masks=(CORNER,)),
                "east": CameraSettings(source="rtsp://x"),
            },
        }
    )
    with serving(store, site) as address:
        west, east = httpx.get(f"{address}/api/v1/areas").json()
    corners = [list(corner) for corner in CORNER]
    assert west == {
        "camera": "west",
        "zones": [{"name": "door", "corners": corners, "lost": False}],
        "masks": [corners],
    }
    assert (east["masks"], east["zones"][0]["name"], east["zones"][0]["lost"]) == ([], "gate", True)
    x, y = np.array(east["zones"][0]["corners"]).T
    assert (x.min(), x.max()) == pytest.approx((0.4, 0.6), abs=1e-3)  # turned by a quarter
    assert (y.min(), y.max()) == pytest.approx((0.6, 1.0), abs=1e-3)


def test_the_plan_tells_where_cameras_stand_and_what_they_see(store, tmp_path: Path):
    write_ground(ground("west"), tmp_path / "west.yaml")
    cameras = {
        "west": CameraSettings(source="rtsp://x", ground=tmp_path / "west.yaml"),
        "east": CameraSettings(source="rtsp://x", ground=tmp_path / "none.yaml"),
    }
    site = make_site().model_copy(update={"cameras": cameras})
    with serving(store, site) as address:
        plan = httpx.get(f"{address}/api/v1/plan")
    (camera,) = plan.json()["cameras"]
    assert plan.json()["missing"] == ["east"]
    assert camera["place"] == pytest.approx([4, 7], abs=1e-3)
    x, y, w = np.array(camera["homography"]) @ [0.5, 0.5, 1]
    assert (x / w, y / w) == pytest.approx((7, 7), abs=1e-3)
    outline = np.array(camera["field_of_view"])
    assert outline[:, 0].min() > 4
    assert str(tmp_path) not in plan.text


def test_people_as_a_table(api, store):
    store.corrections.rename(1, "=HYPERLINK(1)")
    answer = api.get("/export/identities.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="identities.csv"'
    last, first = table(answer.text)
    assert (last["identity"], first["identity"]) == ("2", "1")
    assert (first["name"], first["cameras"], first["tracklets"]) == (
        "'=HYPERLINK(1)",
        "west east",
        "2",
    )
    assert first["first_seen_utc"] == "2009-06-25T12:00:00.000+00:00"


def test_tracklets_as_a_table(api):
    rows = table(api.get("/export/tracklets.csv").text)
    assert [row["tracklet"] for row in rows] == ["west-2", "east-1", "west-1"]
    east = rows[1]
    assert (east["appearance"], east["transit"], east["closest"]) == ("1.5", "-2.5", "west-1")
    assert (east["closed"], east["gap"]) == ("true", "")


def test_figures_as_a_table(api):
    rows = table(api.get("/export/statistics.csv").text)
    seen = [(row["camera"], row["people"]) for row in rows if row["people"] != "0"]
    assert seen == [("", "1"), ("east", "1"), ("west", "1"), ("", "1"), ("west", "1")]


@pytest.mark.parametrize(
    ("file", "path"), [("identities", "/identities"), ("tracklets", "/tracklets")]
)
def test_json_files_hold_what_the_lists_show(api, file, path):
    assert api.get(f"/export/{file}.json").json() == api.get(path).json()["items"]
    only = {"camera": "east"}
    chosen = api.get(f"/export/{file}.json", params=only).json()
    assert chosen == api.get(path, params=only).json()["items"]
    assert api.get(f"/export/{file}.json", params={"camera": "x"}).json() == []


def test_figures_as_json(api):
    query = {"from": NOON, "to": NOON + 600}
    figures = api.get("/export/statistics.json", params=query).json()
    assert figures == api.get("/statistics", params=query).json()
