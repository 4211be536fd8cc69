"""H.264 as it is laid out: enough of it to hand a camera's video on to somebody else's decoder."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.film import Coding
from pipeline.ingest.sps import in_order, in_order_record

_START = b"\x00\x00\x00\x01"
_IDR, _SPS, _PPS = 5, 7, 8


def coding_of(parameters: bytes, key_unit: bytes) -> Coding | None:
    """What a decoder has to know of a stream.

    Args:
        parameters: what came before the first picture: Annex B, an AVCDecoderConfigurationRecord
            (it begins with 1), or nothing.
        key_unit: the access unit of a key frame, which may have newer ones in it.

    Returns:
        None if neither says how the pictures are coded.
    """
    if parameters[:1] == b"\x01":
        if len(parameters) <= 6:
            return None
        return Coding(_codec(parameters), in_order_record(parameters))
    sets = [unit for unit in units_in(key_unit) if unit[0] & 31 == _SPS]
    sets = sets or [unit for unit in units_in(parameters) if unit[0] & 31 == _SPS]
    return Coding(_codec(sets[0])) if sets and len(sets[0]) > 3 else None


def with_parameters(parameters: bytes, key_unit: bytes) -> bytes:
    """A key frame that brings its parameters along, as decoders want it, if in Annex B format.

    They say that pictures come in order; in AVC format the description does.
    """
    if parameters[:1] == b"\x01":
        return key_unit
    kinds = {unit[0] & 31 for unit in units_in(key_unit)}
    missing = {_SPS, _PPS} - kinds
    lacking = [unit for unit in units_in(parameters) if unit[0] & 31 in missing]
    whole = b"".join(_START + unit for unit in lacking) + key_unit
    for unit in units_in(whole):
        if unit[0] & 31 == _SPS:
            whole = whole.replace(unit, in_order(unit), 1)
    return whole


def is_key_unit(parameters: bytes, unit: bytes) -> bool:
    """True if decoding can begin with it: a picture that only refreshes others is not enough."""
    found = units_in_avc(unit) if parameters[:1] == b"\x01" else units_in(unit)
    return any(each[0] & 31 == _IDR for each in found)


def units_in(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B stream, without what lies between them.

    >>> [unit.hex() for unit in units_in(bytes.fromhex("00000001670a000001688b"))]
    ['670a', '688b']
    """
    begin = data.find(_START[1:])
    while begin >= 0:
        end = data.find(_START[1:], begin + 3)
        if unit := data[begin + 3 : end if end >= 0 else None].rstrip(b"\x00"):
            yield unit
        begin = end


def units_in_avc(data: bytes) -> Iterator[bytes]:
    """The NAL units of an access unit in AVC format, each behind its length in four bytes."""
    place = 0
    while place + 4 < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if unit := data[place + 4 : place + 4 + size]:
            yield unit
        place += 4 + size


def _codec(parameters: bytes) -> str:
    """Profile, constraints and level stand behind the first byte of both."""
    return f"avc1.{parameters[1:4].hex().upper()}"
