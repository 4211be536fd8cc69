"""A folder of results, opened: what the interface of a recording says, and what it keeps to."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording_parts import FRAMES, RATE, copy_with, pictures, run_offline, viewing

from pipeline.errors import ConfigError
from pipeline.mot import read_table
from pipeline.viewer.recording import Recording
from pipeline.viewer.recording_api import knots


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, vtest_path: Path) -> Path:
    """What an offline run with video has left."""
    return run_offline(tmp_path_factory.mktemp("run"), vtest_path, "--video")


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory, vtest_path: Path) -> Path:
    """The same without video, and nobody is to be made out."""
    return run_offline(tmp_path_factory.mktemp("hidden"), vtest_path, privacy="persons")


@pytest.fixture(scope="module")
def api(results: Path):
    """Asks the viewer of the run with video."""
    with viewing(results) as address, httpx.Client(base_url=f"{address}/api/v1") as client:
        yield client


def until(ask: Callable[[], Any], holds: Callable[[Any], bool], seconds: float = 30) -> Any:
    """The first answer that is as it should be."""
    end = time.monotonic() + seconds
    while not holds(answer := ask()):
        assert time.monotonic() < end, answer
        time.sleep(0.2)
    return answer


def decoded(video: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(video)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def test_it_says_what_was_recorded(api):
    said = api.get("/recording").json()
    assert [c["name"] for c in said["cameras"]] == ["west", "east"]
    assert {c["state"] for c in said["cameras"]} == {"ready"}
    assert [c["frames"] for c in said["cameras"]] == [FRAMES, FRAMES]
    assert said["results"] == ["hindsight", "online"]
    assert said["end"] - said["begin"] == pytest.approx(3 + FRAMES / RATE, abs=0.01)
    assert said["folder"] == "out"


@pytest.mark.parametrize("whose", ["hindsight", "online"])
@pytest.mark.parametrize("camera", ["west", "east"])
def test_the_boxes_of_a_picture_are_those_of_its_row_in_the_results(api, results, whose, camera):
    folder = results if whose == "hindsight" else results / "online"
    table = read_table(folder / f"{camera}.txt")
    query = {"whose": whose, "first": 10, "count": 60}
    said = api.get(f"/recording/cameras/{camera}/boxes", params=query).json()
    width, height = Recording(results).run.cameras[camera].size
    assert sum(map(len, said["boxes"])) > 0
    for index, boxes in enumerate(said["boxes"], start=10):
        rows = table.at(index + 1)
        assert [box[0] for box in boxes] == rows.identity.tolist()
        corners = np.array([box[1:3] for box in boxes]).reshape(-1, 2) * (width, height)
        assert corners == pytest.approx(rows.xyxy[:, :2], abs=0.01)


def test_ground_truth_has_boxes_where_there_is_any(api):
    west = api.get("/recording/cameras/west/boxes", params={"whose": "truth"}).json()
    assert west["boxes"][0] == [[5, *map(pytest.approx, (0.0303, 0.03472, 0.09091, 0.10417))]]
    east = api.get("/recording/cameras/east/boxes", params={"whose": "truth"})
    assert east.status_code == 404
    assert east.json()["detail"] == "expected a camera that has boxes of truth, found 'east'"


def test_people_are_those_of_the_results_asked_for(api, results):
    for view, folder in (("hindsight", results), ("online", results / "online")):
        people = api.get("/identities", params={"results": view}).json()["items"]
        listed = json.loads((folder / "identities.json").read_text())["identities"]
        assert {p["identity"] for p in people} == {p["identity"] for p in listed}
        assert [p["last_seen"] for p in people] == sorted(
            (p["last_seen"] for p in people), reverse=True
        )


def test_a_video_comes_in_parts_and_without_boxes(api, results):
    path = "/recording/cameras/west.mp4"
    part = api.get(path, headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    shown = decoded(api.get(path).content)
    filmed = pictures(results.parent / "clip.avi", "west")
    assert len(shown) == FRAMES
    errors = [np.abs(a.astype(int) - b).mean() for a, b in zip(shown, filmed, strict=True)]
    assert max(errors) < 6


def test_every_tracklet_has_its_picture(api):
    people = api.get("/identities").json()["items"]
    for tracklet in (t["tracklet"] for person in people for t in person["tracklets"]):
        assert api.get(f"/crops/{tracklet}.jpg").content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "path",
    [
        "/recording/cameras/..%2f..%2fclip.mp4",
        "/recording/cameras/pictures%2Fwest.mp4",
        "/crops/..%2f..%2frun.jpg",
        "/crops/%2e%2e.jpg",
    ],
)
def test_no_path_of_a_request_reaches_a_file(api, path):
    assert api.get(path).status_code == 404


def test_a_picture_named_outside_the_folder_is_not_shown(results, tmp_path):
    folder = copy_with(results, tmp_path / "out")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    for path in (folder / "identities.json", folder / "online" / "identities.json"):
        people = json.loads(path.read_text())
        tracklet = people["identities"][0]["tracklets"][0]
        tracklet["thumbnail"] = "../secret.jpg"
        path.write_text(json.dumps(people))
    recording = Recording(folder)
    assert recording.thumbnail(tracklet["tracklet"]) is None


def test_it_listens_to_this_machine_alone(api):
    answer = api.get("/recording", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 421


# ── pictures that were not kept ──────────────────────────────────────────────────────────────


def test_without_video_the_pictures_are_made_from_the_recording_and_go_in_the_end(
    results, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = copy_with(results, tmp_path / "out")
    with viewing(folder) as address, httpx.Client(base_url=f"{address}/api/v1") as api:
        ask = lambda: {c["state"] for c in api.get("/recording").json()["cameras"]}  # noqa: E731
        until(ask, lambda states: states == {"ready"})
        shown = decoded(api.get("/recording/cameras/east.mp4").content)
    filmed = pictures(results.parent / "clip.avi", "east")
    assert len(shown) == FRAMES
    assert np.abs(shown[40][:, :327].astype(int) - filmed[40]).mean() < 6
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("camera", "index"), [("west", 0), ("west", FRAMES - 1), ("east", 40)])
def test_any_picture_is_there_at_once(results, tmp_path, camera, index):
    folder = copy_with(results, tmp_path / "out")
    with viewing(folder) as address, httpx.Client(base_url=f"{address}/api/v1") as api:
        answer = api.get(f"/recording/cameras/{camera}/pictures/{index}.jpg")
    shown = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    filmed = pictures(results.parent / "clip.avi", camera)
    assert shown.shape == filmed[index].shape
    errors = [np.abs(shown.astype(int) - picture).mean() for picture in filmed]
    assert int(np.argmin(errors)) == index


@pytest.mark.parametrize(
    ("camera", "index", "status"),
    [("west", FRAMES, 404), ("nobody", 0, 404), ("west", -1, 422)],
)
def test_a_picture_that_does_not_exist_is_not_shown(api, camera, index, status):
    answer = api.get(f"/recording/cameras/{camera}/pictures/{index}.jpg")
    assert answer.status_code == status


def test_of_a_recording_that_is_gone_there_is_no_picture(results, tmp_path):
    folder = copy_with(results, tmp_path / "out", west="gone.avi")
    with viewing(folder) as address, httpx.Client(base_url=f"{address}/api/v1") as api:
        assert api.get("/recording/cameras/west/pictures/0.jpg").status_code == 404


def test_every_tracklet_says_what_speaks_for_it(api, results):
    for view, folder in (("hindsight", results), ("online", results / "online")):
        people = json.loads((folder / "identities.json").read_text())["identities"]
        listed = {t["tracklet"]: t["evidence"] for p in people for t in p["tracklets"]}
        said = api.get("/identities", params={"results": view}).json()["items"]
        assert {t["tracklet"]: t["evidence"] for p in said for t in p["tracklets"]} == listed
        several = [p["tracklets"] for p in people if len(p["tracklets"]) > 1]
        assert several
        for tracklets in several:
            names = {tracklet["tracklet"] for tracklet in tracklets}
            assert tracklets[-1]["evidence"]["closest"] in names


def test_results_without_reasons_can_be_looked_at(results, tmp_path):
    folder = copy_with(results, tmp_path / "out")
    people = json.loads((folder / "identities.json").read_text())
    for tracklet in (t for person in people["identities"] for t in person["tracklets"]):
        del tracklet["evidence"]
    (folder / "identities.json").write_text(json.dumps(people))
    everybody = Recording(folder).results["hindsight"].identities.values()
    assert {t.evidence for person in everybody for t in person.tracklets} == {None}


def test_what_was_to_be_hidden_is_hidden_in_them(hidden):
    table = read_table(hidden / "west.txt")
    filmed = pictures(hidden.parent / "clip.avi", "west")
    with viewing(hidden) as address, httpx.Client(base_url=f"{address}/api/v1") as api:
        ask = lambda: api.get("/recording/cameras/west.mp4")  # noqa: E731
        shown = decoded(until(ask, lambda answer: answer.status_code == 200).content)
        row = table[table.frame == table.frame[len(table) // 2]]
        jpeg = api.get(f"/recording/cameras/west/pictures/{row.frame[0] - 1}.jpg").content
    still = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    x1, y1, x2, y2 = row.xyxy[0].astype(int)
    index = int(row.frame[0]) - 1
    person, seen = filmed[index][y1:y2, x1:x2], shown[index][y1:y2, x1:x2]
    assert roughness(seen) < 0.6 * roughness(person)
    assert roughness(still[y1:y2, x1:x2]) < 0.6 * roughness(person)
    assert np.abs(shown[index][-100:].astype(int) - filmed[index][-100:]).mean() < 6  # the lawn


def roughness(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture.astype(int), axis=0)).mean())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("gone.avi", "expected a file or device at gone.avi, found none"),
        ("{vtest}", "camera west: expected the recording that the results are of, found another"),
    ],
    ids=["gone", "another"],
)
def test_without_the_recording_it_says_why_there_are_no_pictures(
    results, tmp_path, vtest_path, source, why
):
    sources = {name: source.format(vtest=vtest_path) for name in ("west", "east")}
    folder = copy_with(results, tmp_path / "out", **sources)
    with viewing(folder) as address, httpx.Client(base_url=f"{address}/api/v1") as api:
        ask = lambda: api.get("/recording").json()  # noqa: E731
        said = until(ask, lambda answer: answer["problem"] is not None)
    assert said["problem"].startswith(why)
    assert {c["state"] for c in said["cameras"]} == {"missing"}


# ── folders that are none ────────────────────────────────────────────────────────────────────


def spoil_nothing(folder: Path) -> None:
    (folder / "run.json").unlink()


def spoil_run(folder: Path) -> None:
    (folder / "run.json").write_text("{}")


def spoil_times(folder: Path) -> None:
    (folder / "frames.json").write_text("[1]")


def spoil_people(folder: Path) -> None:
    (folder / "identities.json").write_text('{"identities": [{"identity": "x"}]}')


def spoil_table(folder: Path) -> None:
    (folder / "west.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_nothing, "found no run.json in it"),
        (spoil_run, "run.json: site|run.json: network|run.json: cameras"),
        (spoil_times, "frames.json: expected the times of every picture"),
        (spoil_people, "identities.json: identities.0.identity: expected"),
        (spoil_table, "west.txt: expected a file, found none"),
    ],
)
def test_a_damaged_folder_is_answered_with_a_sentence(results, tmp_path, spoil, sentence):
    folder = copy_with(results, tmp_path / "out")
    spoil(folder)
    with pytest.raises(ConfigError, match=sentence):
        Recording(folder)


# ── times ────────────────────────────────────────────────────────────────────────────────────


def test_an_even_rate_needs_two_times():
    assert knots(np.arange(1000) / 25) == [(0, 0.0), (999, 39.96)]


@given(st.lists(st.floats(0.001, 2.0), max_size=60))
def test_times_in_between_are_right_to_two_milliseconds(intervals):
    times = np.concatenate([[0.0], np.cumsum(intervals)])
    found = knots(times)
    indices, moments = zip(*found, strict=True)
    between = np.interp(np.arange(len(times)), indices, moments)
    assert np.abs(between - times).max() <= 0.002 + 1e-9
