"""A stream's parameters (H.264's sequence parameter set), told that pictures come in their order.

A decoder may hold pictures back until it is sure that none comes before them: up to sixteen, if the
stream does not say that it needs none, and cameras rarely do. Live pictures would be late by as
many. What is handed on has been found to come in order, so its parameters may say so.
Names and order of what is read are those of ITU-T H.264, 7.3.2.1.1 and E.1.1.
"""

from __future__ import annotations

_WITH_CHROMA = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
_ANY_ASPECT = 255
_USUAL = "1" + "011" + "010" + "000010001" * 2
"""What holds where nothing is said: vectors may leave the picture, codes 2, 1, 16 and 16."""


def in_order(sps: bytes) -> bytes:
    """The parameters, with the word that no picture is to be held back.

    Args:
        sps: the NAL unit, without a start code. One that makes no sense comes back as it is.
    """
    try:
        return _in_order(sps)
    except (IndexError, ValueError):
        return sps


def in_order_record(record: bytes) -> bytes:
    """The same for all of those in an AVCDecoderConfigurationRecord."""
    parts, place = [record[:6]], 6
    for _ in range(record[5] & 31):
        size = int.from_bytes(record[place : place + 2], "big")
        changed = in_order(record[place + 2 : place + 2 + size])
        parts += [len(changed).to_bytes(2, "big"), changed]
        place += 2 + size
    return b"".join((*parts, record[place:]))


def _in_order(sps: bytes) -> bytes:
    bits = _Bits(sps[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    references = _read_until_vui(bits)
    begin = bits.place
    if not bits.flag():
        kept, buffering = bits.text[:begin] + "1" + "0" * 8, references
    else:
        _read_until_restriction(bits)
        kept, buffering = bits.text[: bits.place], references
        if bits.flag():
            buffering = max(buffering, _read_buffering(bits))
    text = f"{kept}1{_USUAL}{_code(0)}{_code(buffering)}1"
    text += "0" * (-len(text) % 8)
    data = int(text, 2).to_bytes(len(text) // 8, "big")
    return sps[:1] + _escaped(data)


def _read_until_vui(bits: _Bits) -> int:
    """Reads up to the flag that says whether anything is said of display; the reference frames."""
    profile = bits.number(8)
    bits.number(16)  # constraints, level
    bits.code()
    if profile in _WITH_CHROMA:
        _read_chroma(bits)
    bits.code()  # log2_max_frame_num
    kind = bits.code()  # of picture order
    if kind == 0:
        bits.code()
    elif kind == 1:
        bits.flag()
        bits.codes(2)
        bits.codes(bits.code())
    references = bits.code()
    bits.flag()  # gaps
    bits.codes(2)  # size
    if not bits.flag():  # not frames only
        bits.flag()
    bits.flag()  # direct_8x8_inference
    if bits.flag():  # cropping
        bits.codes(4)
    return references


def _read_chroma(bits: _Bits) -> None:
    kind = bits.code()
    if kind == 3:
        bits.flag()
    bits.codes(2)  # depths
    bits.flag()
    if not bits.flag():  # scaling matrices
        return
    for number in range(12 if kind == 3 else 8):
        if bits.flag():
            _read_scaling(bits, 16 if number < 6 else 64)


def _read_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _read_until_restriction(bits: _Bits) -> None:
    """Reads what is said of display, up to the flag of bitstream_restriction."""
    if bits.flag() and bits.number(8) == _ANY_ASPECT:
        bits.number(32)
    if bits.flag():  # overscan
        bits.flag()
    if bits.flag():  # video signal
        bits.number(4)
        if bits.flag():
            bits.number(24)
    if bits.flag():  # chroma's place
        bits.codes(2)
    if bits.flag():  # timing
        bits.number(65)
    rates = [_read_rates(bits), _read_rates(bits)]
    if any(rates):
        bits.flag()
    bits.flag()  # pic_struct


def _read_rates(bits: _Bits) -> bool:
    if not bits.flag():
        return False
    count = bits.code() + 1
    bits.number(8)
    for _ in range(count):
        bits.codes(2)
        bits.flag()
    bits.number(20)
    return True


def _read_buffering(bits: _Bits) -> int:
    bits.flag()
    bits.codes(5)
    return bits.code()


class _Bits:
    """Bits that are read one after the other."""

    def __init__(self, data: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.place = 0

    def number(self, count: int) -> int:
        """An unsigned number of so many bits."""
        end = self.place + count
        if end > len(self.text):
            raise IndexError("the parameters end early")
        value = int(self.text[self.place : end], 2)
        self.place = end
        return value

    def flag(self) -> bool:
        """One bit."""
        return self.number(1) == 1

    def code(self) -> int:
        """An Exp-Golomb code."""
        zeros = self.text.index("1", self.place) - self.place
        self.place += zeros
        return self.number(zeros + 1) - 1

    def codes(self, count: int) -> None:
        """So many of them, of which nothing is needed."""
        for _ in range(count):
            self.code()

    def signed(self) -> int:
        """A signed Exp-Golomb code."""
        value = self.code()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def _code(value: int) -> str:
    text = f"{value + 1:b}"
    return "0" * (len(text) - 1) + text


def _escaped(data: bytes) -> bytes:
    """With what keeps it from looking like a start code."""
    found = bytearray()
    for byte in data:
        if byte <= 3 and found[-2:] == b"\x00\x00":
            found.append(3)
        found.append(byte)
    return bytes(found)
