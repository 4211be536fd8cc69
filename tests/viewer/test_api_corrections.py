"""Decisions and corrections by the REST interface."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from api_parts import walk_by
from viewer_parts import serving

from pipeline.data import DecisionKind
from pipeline.store import Store


@pytest.fixture
def api(store: Store) -> Iterator[httpx.Client]:
    for number in (1, 2, 3):
        walk_by(store, f"west-{number}", number, begin=10 * number)
    walk_by(store, "east-1", 1, begin=60, kind=DecisionKind.MATCHED)
    store.new_identity(above=3)
    with serving(store) as address, httpx.Client(base_url=f"{address}/api/v1") as client:
        yield client


def people(store: Store) -> dict[int, set[str]]:
    return {p.identity: {t.tracklet for t in p.tracklets} for p in store.identities()}


def test_decisions_come_newest_first_or_as_they_follow_one(api):
    page = api.get("/decisions", params={"count": 3}).json()
    rest = api.get("/decisions", params={"count": 3, "cursor": page["next"]}).json()
    names = [d["tracklet"] for d in (*page["items"], *rest["items"])]
    assert (names, rest["next"]) == (["east-1", "west-3", "west-2", "west-1"], None)
    after = rest["items"][-1]["id"]
    later = api.get("/decisions", params={"after": after, "count": 2}).json()
    last = api.get("/decisions", params={"after": after, "cursor": later["next"]}).json()
    assert [d["tracklet"] for d in later["items"]] == ["west-2", "west-3"]
    assert [d["tracklet"] for d in last["items"]] == ["east-1"]


def test_decisions_of_a_kind(api):
    found = api.get("/decisions", params={"kind": "matched"}).json()["items"]
    assert [(d["tracklet"], d["kind"]) for d in found] == [("east-1", "matched")]


def test_two_people_are_merged_and_the_merge_is_undone(api, store):
    made = api.post("/corrections", json={"kind": "merge", "keep": 1, "other": 2}).json()
    assert (made["kind"], made["moved"], made["stands"]) == ("merge", 1, True)
    assert people(store)[1] == {"west-1", "east-1", "west-2"}
    undone = api.post("/corrections", json={"kind": "undo", "correction": made["id"]}).json()
    assert (undone["kind"], undone["undoes"]) == ("undo", made["id"])
    assert people(store)[2] == {"west-2"}


def test_tracklets_are_split_off(api, store):
    wanted = {"kind": "split", "identity": 1, "tracklets": ["east-1"]}
    made = api.post("/corrections", json=wanted).json()
    assert people(store)[made["other"]] == {"east-1"}


def test_somebody_is_given_a_name_and_it_is_taken_away(api, store):
    api.post("/corrections", json={"kind": "rename", "identity": 3, "name": "Ann"})
    named = api.get("/identities/3").json()["name"]
    api.post("/corrections", json={"kind": "rename", "identity": 3, "name": None})
    assert (named, api.get("/identities/3").json()["name"]) == ("Ann", None)


def test_somebody_is_forgotten(api, store):
    made = api.post("/corrections", json={"kind": "forget", "identity": 1}).json()
    assert (made["moved"], made["stands"]) == (2, False)
    assert api.get("/identities/1").status_code == 404
    assert api.get("/tracklets/west-1").status_code == 404
    assert api.get("/crops/west-1.jpg").status_code == 404


def test_the_history_tells_what_stands(api):
    api.post("/corrections", json={"kind": "rename", "identity": 3, "name": "Ann"})
    api.post("/corrections", json={"kind": "merge", "keep": 1, "other": 2})
    newest = api.get("/corrections", params={"count": 1}).json()
    rest = api.get("/corrections", params={"cursor": newest["next"]}).json()["items"]
    of_two = api.get("/corrections", params={"identity": 2}).json()["items"]
    assert [c["kind"] for c in (*newest["items"], *rest)] == ["merge", "rename"]
    assert [(c["kind"], c["stands"]) for c in of_two] == [("merge", True)]


@pytest.mark.parametrize(
    ("wanted", "status", "sentence"),
    [
        pytest.param({"kind": "merge", "keep": 1, "other": 1}, 409, "person 1 twice", id="same"),
        pytest.param({"kind": "merge", "keep": 1, "other": 99}, 409, "99", id="nobody"),
        pytest.param({"kind": "forget", "identity": 99}, 409, "99", id="forget nobody"),
        pytest.param(
            {"kind": "split", "identity": 1, "tracklets": ["west-1", "east-1"]},
            409,
            "all of them",
            id="nobody stays",
        ),
        pytest.param({"kind": "undo", "correction": "5-0"}, 409, "5-0", id="undo nothing"),
        pytest.param({"kind": "undo", "correction": "x"}, 422, "correction", id="no id"),
        pytest.param({"kind": "undone"}, 422, "kind: expected", id="unknown kind"),
        pytest.param({}, 422, "kind: expected", id="no kind"),
        pytest.param({"kind": "merge", "keep": 0, "other": 1}, 422, "keep", id="no number"),
        pytest.param({"kind": "rename", "identity": 1, "name": "\x07"}, 409, "name", id="bell"),
        pytest.param({"kind": "forget", "identity": 1, "x": 1}, 422, "x: expected", id="more"),
    ],
)
def test_what_cannot_be_corrected_is_refused_with_a_sentence(api, store, wanted, status, sentence):
    before = people(store)
    answer = api.post("/corrections", json=wanted)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert people(store) == before
