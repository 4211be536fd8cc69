"""Lists of people and tracklets: a page at a time, filtered, and why somebody is who."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_parts import walk_by
from viewer_parts import NOON, report, see, serving

from pipeline.data import Clock, Evidence
from pipeline.store import Store


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as address, httpx.Client(base_url=f"{address}/api/v1") as client:
        yield client


def pages(api: httpx.Client, path: str, **query: Any) -> list[list[Any]]:
    """All pages of a list."""
    found, cursor = [], None
    while True:
        page = api.get(path, params=query | ({"cursor": cursor} if cursor else {})).json()
        found.append(page["items"])
        if (cursor := page["next"]) is None:
            return found


@pytest.fixture
def five(store: Store) -> None:
    """Five people who walk by one after the other, the last two at the same time."""
    for number, begin in enumerate((0, 10, 20, 30, 30), start=1):
        walk_by(store, f"west-{number}", number, begin=begin)


def test_people_come_a_page_at_a_time_and_nobody_twice(api, five):
    found = pages(api, "/identities", count=2)
    assert [[person["identity"] for person in page] for page in found] == [[5, 4], [3, 2], [1]]


def test_whoever_comes_meanwhile_is_not_in_the_way(api, store, five):
    first = api.get("/identities", params={"count": 2}).json()
    walk_by(store, "west-6", 6, begin=60)
    walk_by(store, "east-4", 4, begin=70)
    second = api.get("/identities", params={"count": 2, "cursor": first["next"]}).json()
    assert [person["identity"] for person in second["items"]] == [3, 2]


def test_tracklets_come_a_page_at_a_time(api, five):
    found = pages(api, "/tracklets", count=3)
    names = [[tracklet["tracklet"] for tracklet in page] for page in found]
    assert names == [["west-5", "west-4", "west-3"], ["west-2", "west-1"]]


@pytest.mark.parametrize(
    ("query", "people"),
    [
        pytest.param({"camera": "east"}, [2], id="camera"),
        pytest.param({"from": NOON + 29}, [5, 4, 2], id="from"),
        pytest.param({"to": NOON + 5}, [1], id="to"),
        pytest.param({"from": NOON + 9, "to": NOON + 19}, [2], id="from and to"),
        pytest.param({"camera": "west", "from": NOON + 49}, [], id="not there at that time"),
        pytest.param({"name": "ANN"}, [3], id="a part of the name"),
        pytest.param({"name": "nobody"}, [], id="a name nobody has"),
    ],
)
def test_people_are_found_by_where_when_and_name(api, store, five, query, people):
    walk_by(store, "east-2", 2, begin=50)
    store.corrections.rename(3, "Joanna")
    found = {person["identity"] for page in pages(api, "/identities", **query) for person in page}
    assert found == set(people)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({"camera": "east"}, ["east-2"], id="camera"),
        pytest.param({"identity": 2}, ["east-2", "west-2"], id="identity"),
        pytest.param({"identity": 2, "camera": "west"}, ["west-2"], id="identity and camera"),
        pytest.param({"identity": 99}, [], id="nobody"),
        pytest.param({"from": NOON + 31, "to": NOON + 49}, ["west-5", "west-4"], id="time"),
    ],
)
def test_tracklets_are_found_by_where_when_and_whose(api, store, five, query, names):
    walk_by(store, "east-2", 2, begin=50)
    found = pages(api, "/tracklets", count=1, **query)
    assert [tracklet["tracklet"] for page in found for tracklet in page] == names


def test_who_is_in_view_now_is_told_by_the_wall_clock(api, store):
    report(store, "west", clock=Clock.RTCP)
    now = time.time()
    see(store, "west", 1, begin=now - 9, end=now - 1)
    see(store, "east", 2, begin=now - 90, end=now - 80)
    in_view = api.get("/identities", params={"live": True}).json()["items"]
    gone = api.get("/identities", params={"live": False}).json()["items"]
    assert ([p["identity"] for p in in_view], [p["identity"] for p in gone]) == ([1], [2])


def test_of_recordings_now_is_as_late_as_what_was_seen_last(api, store):
    report(store, "west", clock=Clock.FILE)
    see(store, "west", 1, end=NOON + 8)
    see(store, "east", 2, end=NOON + 60)
    assert [p["identity"] for p in api.get("/identities?live=true").json()["items"]] == [2]


def test_a_tracklet_tells_why_it_belongs_to_its_person(api, store):
    walk_by(store, "west-1", 1)
    why = Evidence(6.5, 1.5, -2.0, 0.91, closest="west-1", came_from="west-1", gap=12.0)
    walk_by(store, "east-1", 1, begin=20, evidence=why)
    view = api.get("/tracklets/east-1").json()
    assert view["tracklet"]["evidence"] == {
        "appearance": 6.5,
        "transit": 1.5,
        "runner_up": -2.0,
        "similarity": 0.91,
        "closest": "west-1",
        "came_from": "west-1",
        "gap": 12.0,
    }
    assert view["closest"]["camera"] == view["came_from"]["camera"] == "west"


def test_evidence_that_names_somebody_forgotten_leads_nowhere(api, store):
    walk_by(store, "west-1", 1)
    walk_by(store, "east-1", 2, begin=20, evidence=Evidence(closest="west-1", came_from="west-1"))
    store.corrections.forget(1)
    view = api.get("/tracklets/east-1")
    assert "west-1" not in view.text
    assert (view.json()["closest"], view.json()["came_from"]) == (None, None)
    assert api.get("/tracklets").text.count("west-1") == 0


def test_evidence_for_another_person_than_by_now_leads_nowhere(api, store):
    walk_by(store, "west-1", 1)
    walk_by(store, "east-1", 1, begin=20, evidence=Evidence(closest="west-1", came_from="west-1"))
    store.corrections.split(1, ["east-1"])
    view = api.get("/tracklets/east-1").json()
    assert (view["tracklet"]["identity"], view["tracklet"]["pinned"]) == (2, True)
    assert (view["closest"], view["came_from"]) == (None, None)
