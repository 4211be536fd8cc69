"""Search by picture, on real people seen by the real detector and network."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import httpx
import numpy as np
import pytest
from api_parts import crop, populate, remember
from numpy.typing import NDArray
from PIL import Image
from viewer_parts import NOON, make_site, serving

from engines.preprocess import stack_crops
from pipeline import strangers
from pipeline.config import DetectorSettings, NetworkSettings, Site
from pipeline.store import Store
from pipeline.viewer.looking import Looker


@pytest.fixture(scope="module")
def site(ssdlite_path: Path) -> Site:
    detector = DetectorSettings(model=str(ssdlite_path))
    network = NetworkSettings(weights="drsa_osnet_x0_5")
    return make_site().model_copy(update={"detector": detector, "network": network})


@pytest.fixture(scope="module")
def looker(site: Site) -> Looker:
    return Looker(site)


@pytest.fixture(scope="module")
def frames(vtest_path: Path) -> list[NDArray[np.uint8]]:
    """Two pictures of the same street, a second apart."""
    clip = cv2.VideoCapture(str(vtest_path))
    pictures = [clip.read()[1] for _ in range(60)]
    return [pictures[48], pictures[58]]


@contextmanager
def asking(store: Store, site: Site) -> Iterator[httpx.Client]:
    with serving(store, site) as address:
        yield httpx.Client(base_url=f"{address}/api/v1", timeout=60)


@pytest.fixture(scope="module")
def api(redis_server, site, looker, frames) -> Iterator[httpx.Client]:
    """A site that no test changes: loading the models takes a second."""
    store = Store.connect(redis_server.url, site=f"search-{uuid4().hex[:12]}")
    populate(store, looker, frames[0])
    with asking(store, site) as client:
        yield client
    store.close()


@pytest.fixture
def own(store, site, looker, frames) -> Iterator[httpx.Client]:
    """A site for a test that changes it."""
    populate(store, looker, frames[0])
    with asking(store, site) as client:
        yield client


def sent(picture: NDArray[np.uint8], kind: str = ".jpg") -> dict[str, Any]:
    _, data = cv2.imencode(kind, picture)
    return {"picture": ("a lie.exe", data.tobytes(), "application/x-lie")}


def test_somebody_in_a_photo_is_found_among_those_who_were_seen(api, looker, frames):
    answer = api.post("/search", files=sent(frames[1])).json()
    assert answer["person"] == 0
    assert len(answer["people"]) == len(looker.people(frames[1])[0])
    best, second = answer["items"][:2]
    assert best["similarity"] > second["similarity"]
    assert best["probability"] > 0.5
    assert sum(hit["probability"] for hit in answer["items"]) < 1


def test_everybody_in_the_photo_can_be_asked_for(api, frames):
    found = [
        api.post("/search", files=sent(frames[0], ".png"), params={"person": i}).json()["items"][0]
        for i in range(4)
    ]
    assert [hit["tracklet"]["identity"] for hit in found] == [1, 2, 3, 4]
    assert min(hit["similarity"] for hit in found) > 0.9


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
def test_a_crop_in_which_no_detector_finds_anybody_counts_as_a_whole(api, frames, looker, kind):
    box = looker.people(frames[0])[0][0]
    head = crop(frames[0], box)[:20]
    answer = api.post("/search", files=sent(head, kind)).json()
    assert (answer["people"], answer["person"]) == ([], None)
    assert len(answer["items"]) == 4


def test_somebody_is_found_by_a_tracklet_that_is_there(own, store, looker, frames):
    box = looker.people(frames[1])[0][0]
    remember(store, looker, "east-9", 9, crop(frames[1], box))
    answer = own.post("/search", json={"tracklet": "east-9"}).json()
    photo = own.post("/search", files=sent(crop(frames[1], box))).json()
    names = [hit["tracklet"]["tracklet"] for hit in answer["items"]]
    assert "east-9" not in names
    assert photo["items"][0]["tracklet"]["tracklet"] == "east-9"
    assert names[0] == photo["items"][1]["tracklet"]["tracklet"]


def test_likeness_in_the_view_of_the_tracklet_asked_with_proves_less(own, store, looker, frames):
    box = looker.people(frames[1])[0][0]
    for number, name in enumerate(("east-8", "west-8"), start=8):
        remember(store, looker, name, number, crop(frames[1], box))
    remember(store, looker, "east-10", 10, crop(frames[0], box))
    found = {}
    for name in ("east-8", "west-8"):
        hits = own.post("/search", json={"tracklet": name}).json()["items"]
        found[name] = next(h for h in hits if h["tracklet"]["tracklet"] == "east-10")
    assert found["east-8"]["similarity"] == pytest.approx(found["west-8"]["similarity"], abs=0.02)
    assert found["east-8"]["probability"] < found["west-8"]["probability"]


def test_likeness_proves_less_where_strangers_look_alike(own, store, frames):
    before = own.post("/search", files=sent(frames[1])).json()["items"]
    store.learned.put({strangers.KEY: {"west>west": b"500 1500"}})  # 3 nats in the mean
    after = own.post("/search", files=sent(frames[1])).json()["items"]
    likeness = [hit["similarity"] for hit in before]
    assert [hit["similarity"] for hit in after] == pytest.approx(likeness)
    assert after[0]["probability"] < before[0]["probability"] - 0.1


def test_a_tracklet_whose_looks_are_gone_is_searched_for_by_its_picture(own, store):
    store.gallery.forget(["west-0"])
    answer = own.post("/search", json={"tracklet": "west-0"})
    assert answer.status_code == 200
    assert {hit["tracklet"]["tracklet"] for hit in answer.json()["items"]} == {
        "west-1",
        "west-2",
        "east-3",
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({"camera": "east"}, {"east-3"}, id="camera"),
        pytest.param({"from": NOON + 100}, {"west-2", "east-3"}, id="from"),
        pytest.param({"to": NOON + 65}, {"west-0", "west-1"}, id="to"),
        pytest.param({"count": 1, "camera": "west", "from": NOON + 100}, {"west-2"}, id="all"),
    ],
)
def test_only_what_is_wanted_is_found(api, frames, query, names):
    answer = api.post("/search", files=sent(frames[1]), params=query).json()
    assert {hit["tracklet"]["tracklet"] for hit in answer["items"]} == names


def turned(picture: NDArray[np.uint8], orientation: int) -> bytes:
    """A JPEG that lies on its side and says so."""
    image = Image.fromarray(np.ascontiguousarray(np.rot90(picture)[:, :, ::-1]))
    exif = image.getexif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


def test_a_photo_is_looked_at_the_way_up_it_was_taken(api, frames):
    upright = api.post("/search", files=sent(frames[0])).json()
    answer = api.post("/search", files={"picture": turned(frames[0], 6)}).json()
    assert len(answer["people"]) == len(upright["people"])
    assert answer["items"][0]["tracklet"] == upright["items"][0]["tracklet"]


def of_pixels(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels; nobody ever decodes it."""
    file = io.BytesIO()
    Image.new("1", (8, 8)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        pytest.param(b"", 422, "found nothing", id="empty"),
        pytest.param(b"GIF89a", 422, "JPEG, PNG or WebP", id="another format"),
        pytest.param(b"<svg></svg>", 422, "JPEG, PNG or WebP", id="SVG"),
        pytest.param(b"\xff\xd8\xff\xe0 cut off", 422, "cannot be decoded", id="cut off"),
        pytest.param(of_pixels(50_000, 50_000), 422, "40 million pixels", id="a bomb"),
        pytest.param(b"\xff\xd8\xff" + bytes(11 * 2**20), 413, "10 MB", id="too long"),
    ],
)
def test_what_is_no_usable_photo_is_refused_with_a_sentence(api, data, status, sentence):
    answer = api.post("/search", files={"picture": ("x.jpg", data, "image/jpeg")})
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({"json": {"tracklet": "nobody"}}, 404, id="unknown tracklet"),
        pytest.param({"json": {"track": "x"}}, 422, id="no tracklet"),
        pytest.param({"json": [1]}, 422, id="a list"),
        pytest.param({"content": b"x"}, 415, id="neither form nor JSON"),
        pytest.param({"data": {"picture": "text"}}, 415, id="a form without files"),
        pytest.param({"files": {"photo": b"x"}}, 422, id="another field"),
        pytest.param(
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            400,
            id="no boundary",
        ),
    ],
)
def test_a_question_that_is_none_is_refused_with_a_sentence(api, request_, status):
    answer = api.post("/search", **request_)
    assert answer.status_code == status
    assert "expected" in answer.json()["detail"]


def test_a_person_who_is_not_in_the_photo_is_named(api, frames):
    answer = api.post("/search", files=sent(frames[0]), params={"person": 15})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("person: expected a number below")


def test_looks_of_another_network_are_not_compared(own, store, frames):
    store.gallery.begin("another@network")
    answer = own.post("/search", files=sent(frames[0]))
    assert answer.status_code == 409
    assert "another@network" in answer.json()["detail"]


def test_a_photo_is_written_nowhere(api, frames, monkeypatch):
    files: list[object] = []
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", lambda file: files.append(file))
    noise = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
    picture = sent(noise, ".png")
    assert len(picture["picture"][1]) > 2**21
    assert api.post("/search", files=picture).status_code == 200
    assert files == []


def test_attention_maps_come_from_the_network_and_each_sums_to_one(api):
    answer = api.get("/tracklets/west-0/attention").json()
    assert api.get(answer["crop"].removeprefix("/api/v1")).status_code == 200
    parts = np.array(answer["parts"])
    assert parts.shape == (6, answer["rows"] * answer["columns"])
    assert parts.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
    assert parts.max() > 2 / parts.shape[1]
    assert api.get("/tracklets/nobody/attention").status_code == 404


def test_the_graph_with_maps_embeds_as_the_nodes_do(looker, frames):
    picture = crop(frames[0], looker.people(frames[0])[0][0])
    features, logits = looker._network.features([picture])
    size = {"height": looker._card.height, "width": looker._card.width}
    found = looker._with_maps({"crops": stack_crops([picture], **size)})
    assert found["features"] == pytest.approx(features, abs=0.02)
    assert found["logits"] == pytest.approx(logits, abs=0.02)
