"""The types that flow: checked when they are made, unchanged by the journey through Redis."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import supervision as sv
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from people import looks, sighting

from pipeline.data import (
    CameraState,
    CameraStatus,
    Decision,
    DecisionKind,
    Evidence,
    Frame,
    IdentityRecord,
    TrackletRecord,
)
from pipeline.errors import InvalidArray
from pipeline.preview import decode_header, encode_preview
from pipeline.privacy_settings import PrivacySettings
from pipeline.veil import Veil
from pipeline.wire import (
    pack_decision,
    pack_record,
    pack_status,
    unpack_decision,
    unpack_record,
    unpack_status,
)

NUMBERS = st.floats(-1e12, 1e12)
FRACTIONS = st.floats(0, 1)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((4, 4), np.uint8), id="grey"),
        pytest.param(np.zeros((4, 4, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((4, 4, 3), np.float32), id="float"),
    ],
)
def test_a_frame_takes_colour_pictures_only(image: np.ndarray) -> None:
    with pytest.raises(InvalidArray, match=r"camera west: expected a picture uint8\[H, W, 3\]"):
        Frame("west", 0, 0.0, image)


@pytest.mark.parametrize(
    ("embedding", "sentence"),
    [
        pytest.param(looks(1) * 2, "length 1, found 2.000", id="not of unit length"),
        pytest.param(looks(1)[None], "expected an embedding float32", id="two dimensions"),
        pytest.param(looks(1).astype(float), "expected an embedding float32", id="float64"),
        pytest.param(looks(1) * np.float32(np.nan), "length 1, found nan", id="not a number"),
    ],
)
def test_a_sighting_checks_its_embedding(embedding: np.ndarray, sentence: str) -> None:
    with pytest.raises(InvalidArray, match=sentence):
        sighting("w1", embedding=embedding)


def test_a_sighting_does_not_end_before_it_begins() -> None:
    with pytest.raises(InvalidArray, match="it ends before it begins"):
        sighting("w1", begin=5.0, end=4.0)


@given(st.text(), st.integers(1), st.sampled_from(DecisionKind), FRACTIONS, NUMBERS)
def test_a_decision_survives_the_journey(
    name: str, number: int, kind: DecisionKind, confidence: float, llr: float
) -> None:
    evidence = Evidence(appearance=llr, transit=-llr, runner_up=None, similarity=0.5)
    decision = Decision(name, "west", number, kind, confidence, evidence, time=llr)
    assert unpack_decision(pack_decision(decision)) == decision


@given(st.text(), NUMBERS, st.booleans(), st.tuples(FRACTIONS, FRACTIONS))
def test_a_record_survives_the_journey(
    name: str, time: float, closed: bool, foot: tuple[float, float]
) -> None:
    evidence = Evidence(time, -time, None, 0.5, closest=name, came_from=name, gap=time)
    record = TrackletRecord(name, "west", time, time, 3, 0.5, closed, foot, foot, evidence=evidence)
    assert unpack_record(pack_record(record)) == record


def test_a_record_of_before_there_was_evidence_is_still_read() -> None:
    record = TrackletRecord("w1", "west", 1.0, 2.0, 3, 0.5, True)
    written = json.loads(pack_record(record))
    del written["evidence"]
    assert unpack_record(json.dumps(written).encode()) == record


def test_a_decision_of_before_it_named_tracklets_is_still_read() -> None:
    decision = Decision("w1", "west", 3, DecisionKind.NEW, 0.5, Evidence(similarity=0.5))
    written = json.loads(pack_decision(decision))
    for name in ("closest", "came_from", "gap"):
        del written["evidence"][name]
    assert unpack_decision(json.dumps(written).encode()) == decision


def test_a_status_survives_the_journey() -> None:
    status = CameraStatus("west", CameraState.WAITING, 1.0, (640, 480), error="x", next_try=2.0)
    assert unpack_status(pack_status(status)) == status


def test_an_identity_sums_its_tracklets_up() -> None:
    first = TrackletRecord("e1", "east", 3.0, 9.0, 1, 1.0, True)
    second = TrackletRecord("w1", "west", 12.0, 15.0, 1, 1.0, True)
    identity = IdentityRecord(1, (first, second))
    assert (identity.first_seen, identity.last_seen) == (3.0, 15.0)
    assert identity.cameras == ("east", "west")


def test_a_preview_carries_the_boxes_of_its_own_picture() -> None:
    frame = Frame("west", 7, 5.0, np.full((200, 1000, 3), 99, np.uint8), arrival=6.0)
    tracks = sv.Detections(xyxy=np.array([[100, 50, 300, 150]], np.float32))
    message = encode_preview(frame, tracks, ["w1"], width=500)
    header = decode_header(message)
    assert (header["camera"], header["index"], header["arrival"]) == ("west", 7, 6.0)
    assert header["boxes"] == [{"tracklet": "w1", "xywh": [0.1, 0.25, 0.2, 0.5]}]
    length = int.from_bytes(message[:4], "big")
    picture = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (100, 500, 3)


def preview(people: list[list[float]] | None, *, hidden: str) -> NDArray[np.uint8]:
    """The picture of a preview of noise, half as large as the frame."""
    image = np.random.default_rng(1).integers(0, 256, (400, 1000, 3)).astype(np.uint8)
    message = encode_preview(
        Frame("west", 7, 5.0, image), sv.Detections.empty(), [], width=500, quality=100,
        veil=Veil(PrivacySettings.model_validate({"people": hidden})),
        people=None if people is None else np.array(people, np.float32),
    )  # fmt: skip
    length = int.from_bytes(message[:4], "big")
    picture = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)


def detail(part: NDArray[np.uint8]) -> float:
    return float(np.abs(np.diff(part.astype(int), axis=0)).mean())


def test_a_preview_hides_everybody_who_may_be_in_it() -> None:
    shown = preview([[100, 50, 220, 350]], hidden="faces")
    assert detail(shown[25:45, 70:90]) < 6
    assert detail(shown[25:45, 200:220]) > 20
    assert detail(shown[120:170, 60:100]) > 20


def test_a_preview_of_which_nobody_knows_who_is_in_it_shows_nothing() -> None:
    assert detail(preview(None, hidden="faces")) < 6
    assert detail(preview(None, hidden="none")) > 20
