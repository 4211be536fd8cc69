"""H.264 as it is laid out: parameters, key frames, names of codecs."""

from __future__ import annotations

import pytest

from pipeline.film import Coding
from pipeline.ingest.h264 import coding_of, is_key_unit, with_parameters

SPS, PPS = bytes.fromhex("6764001facd9"), bytes.fromhex("68ebe3cb")
OTHER_SPS = bytes.fromhex("6742c01ed9")
IDR, SLICE, SEI = bytes.fromhex("65888400"), bytes.fromhex("419a22"), bytes.fromhex("0605")
AVCC = bytes.fromhex("0164001fffe10006") + SPS + bytes.fromhex("010004") + PPS
LONG, SHORT = b"\x00\x00\x00\x01", b"\x00\x00\x01"


def annexb(*units: bytes, start: bytes = LONG) -> bytes:
    return b"".join(start + unit for unit in units)


def avc(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


@pytest.mark.parametrize(
    ("parameters", "unit", "coding"),
    [
        pytest.param(annexb(SPS, PPS), annexb(IDR), Coding("avc1.64001F"), id="before"),
        pytest.param(b"", annexb(SPS, PPS, IDR), Coding("avc1.64001F"), id="in the picture"),
        pytest.param(annexb(OTHER_SPS), annexb(SPS, IDR), Coding("avc1.64001F"), id="newer"),
        pytest.param(AVCC, avc(IDR), Coding("avc1.64001F", AVCC), id="AVC"),
        pytest.param(b"", annexb(IDR), None, id="nowhere"),
    ],
)
def test_what_a_decoder_has_to_know(parameters: bytes, unit: bytes, coding: Coding | None) -> None:
    assert coding_of(parameters, unit) == coding


@pytest.mark.parametrize("start", [LONG, SHORT], ids=["4 bytes", "3 bytes"])
def test_a_key_frame_brings_its_parameters_along(start: bytes) -> None:
    bare = annexb(SEI, IDR, start=start)
    whole = with_parameters(annexb(SPS, PPS, start=start), bare)
    assert whole == annexb(SPS, PPS) + bare
    assert with_parameters(annexb(SPS, PPS), whole) == whole
    assert with_parameters(AVCC, avc(IDR)) == avc(IDR)


@pytest.mark.parametrize(
    ("parameters", "unit", "key"),
    [
        pytest.param(b"", annexb(SEI, IDR), True, id="IDR"),
        pytest.param(b"", annexb(SEI, SLICE), False, id="refreshed little by little"),
        pytest.param(AVCC, avc(SEI, IDR), True, id="IDR, AVC"),
        pytest.param(AVCC, avc(SEI, SLICE), False, id="another, AVC"),
        pytest.param(b"", b"", False, id="nothing"),
        pytest.param(AVCC, b"\x00\x00", False, id="half, AVC"),
    ],
)
def test_where_decoding_can_begin(parameters: bytes, unit: bytes, key: bool) -> None:
    assert is_key_unit(parameters, unit) is key
