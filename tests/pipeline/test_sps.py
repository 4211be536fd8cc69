"""Parameters of H.264 say that no picture is to be held back, and all else stays as it was."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import number_of, write_clip

from pipeline.ingest.sps import in_order, in_order_record

ZEROLATENCY = {"preset": "ultrafast", "tune": "zerolatency"}


def code(value: int) -> str:
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text


def sps(profile: int, *, after: str = "0", chroma: str = "", order: str = code(2)) -> bytes:
    """Parameters written by hand: four reference frames, 128×32, `after` from VUI's flag on."""
    text = f"{profile:08b}" + "00000000" + f"{30:08b}" + code(0) + chroma
    text += code(0) + order + code(4) + "0" + code(7) + code(1) + "1" + "1" + "0" + after + "1"
    text += "0" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return b"\x67" + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", data)


PLAIN = code(1) + code(0) + code(0) + "0" + "0"
SCALED = code(1) + code(0) + code(0) + "0" + "1" + "1" + "1" * 16 + "0" * 7
NO_RESTRICTION = "1" + "0" * 9
CYCLE = code(1) + "0" + code(0) * 2 + code(2) + code(4) * 2
ASPECT = "1" + "1" + "11111111" + "0" * 30 + "11"
RATES = "1" + code(0) + "0" * 8 + code(9) + code(9) + "0" + "0" * 20


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(sps(66), id="nothing said"),
        pytest.param(sps(77, order=code(0) + code(2)), id="main"),
        pytest.param(sps(77, order=CYCLE), id="cycle"),
        pytest.param(sps(100, chroma=PLAIN), id="high"),
        pytest.param(sps(100, chroma=SCALED), id="scaling matrix"),
        pytest.param(sps(77, after=NO_RESTRICTION), id="display, no restriction"),
        pytest.param(sps(77, after=ASPECT + "0" * 8), id="aspect"),
        pytest.param(sps(77, after="1" + "0" * 4 + "1" + "01" * 32 + "1" + "0" * 4), id="timing"),
        pytest.param(sps(77, after="1" + "0" * 5 + RATES * 2 + "0" + "0" + "0"), id="rates"),
    ],
)
def test_what_is_said_stays_and_the_word_is_added(written: bytes) -> None:
    changed = in_order(written)
    assert changed != written
    assert changed[:4] == written[:4]
    assert in_order(changed) == changed  # it is said, and can be read


def extradata(clip: Path) -> bytes:
    with av.open(str(clip)) as container:
        return bytes(container.streams.video[0].codec_context.extradata or b"")


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_a_real_stream_is_decoded_to_the_same_pictures(tmp_path: Path, profile: str) -> None:
    options = ZEROLATENCY | {
        "profile": profile,
        "x264-params": "nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500",
    }
    clip = write_clip(tmp_path / "clip.mp4", count=20, options=options)
    record = in_order_record(extradata(clip))
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = record
    numbers = []
    with av.open(str(clip)) as container:
        for packet in container.demux(video=0):
            data = bytes(packet)
            frames = decoder.decode(av.Packet(data)) if data else decoder.decode(None)  # type: ignore[attr-defined]
            numbers.append([number_of(frame.to_ndarray(format="bgr24")) for frame in frames])
    assert numbers[:20] == [[number] for number in range(20)]  # each as soon as it is there


def test_a_decoder_holds_no_picture_back_any_more(tmp_path: Path) -> None:
    options = {"x264-params": "bframes=2:b-adapt=0:keyint=20"}  # says that it needs two
    clip = write_clip(tmp_path / "clip.mp4", count=20, options=options)
    record = extradata(clip)
    with av.open(str(clip)) as container:
        first = av.Packet(bytes(next(container.demux(video=0))))
    for told, held_back in ((record, True), (in_order_record(record), False)):
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = told
        decoder.thread_count = 1
        (picture,) = [*decoder.decode(first), None][:1]  # type: ignore[attr-defined]
        assert (picture is None) is held_back


def test_a_record_keeps_all_else(tmp_path: Path) -> None:
    record = extradata(write_clip(tmp_path / "clip.mp4", options=ZEROLATENCY))
    changed = in_order_record(record)
    assert changed[:6] == record[:6]
    size = int.from_bytes(record[6:8], "big")
    new_size = int.from_bytes(changed[6:8], "big")
    assert changed[8 + new_size :] == record[8 + size :]


@given(st.binary(max_size=60))
def test_nonsense_stays_what_it_is_or_becomes_something(data: bytes) -> None:
    assert isinstance(in_order(b"\x67" + data), bytes)
    assert b"\x00\x00\x01" not in in_order(b"\x67" + data)[1:] or b"\x00\x00\x01" in data
