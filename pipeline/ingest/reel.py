"""Reel: a camera's own video since its last key frame, for those who can decode it themselves."""

from __future__ import annotations

import secrets

from av.packet import Packet
from av.video.stream import VideoStream

from pipeline.film import Group, Stretch
from pipeline.ingest.h264 import coding_of, is_key_unit, with_parameters

MOST_BYTES = 4 << 20
MOST_UNITS = 300
"""A longer group of pictures is not kept: whoever begins to look would have to be sent all of it.
Cameras with a key frame every few seconds stay well below."""


class Reel:
    """Keeps the access units of the newest group of pictures, and of the one before.

    Used by the one thread that reads the source; the stretches it hands out may be used by any.

    What cannot be handed on has no stretch: pictures that come in another order than they are
    decoded in, that something is missing of, or that are further from their key frame than
    `most_bytes` or `most_units`. Where one group was too long the next ones are not handed on
    either, until one has ended in time.

    Args:
        parameters: the stream's, as FFmpeg has them (its `extradata`).
    """

    def __init__(
        self, parameters: bytes, *, most_bytes: int = MOST_BYTES, most_units: int = MOST_UNITS
    ) -> None:
        self._parameters = parameters
        self._most_bytes = most_bytes
        self._most_units = most_units
        self._group: Group | None = None
        self._before: Group | None = None
        self._size = 0
        self._too_long = False
        self._reordered = False

    def add(self, packet: Packet[VideoStream]) -> None:
        """Takes what came from the source; called for every packet, in their order."""
        if packet.size == 0 or self._reordered:
            return
        data = bytes(packet)
        if packet.is_keyframe and is_key_unit(self._parameters, data):
            self._begin(data)
        elif self._group is None:
            return
        self._append(packet.pts, data)

    def spoil(self) -> None:
        """Something came to harm: what builds upon it is not handed on."""
        self._group = self._before = None

    def stretch(self, time: int | None) -> Stretch | None:
        """What it takes to decode the picture of this presentation time, or None."""
        if time is None or self._too_long or self._reordered:
            return None
        for group in (self._group, self._before):
            if group is not None and time in group.times:
                return Stretch(group, group.times.index(time) + 1)
        return None

    def _begin(self, data: bytes) -> None:
        if self._group is not None:  # the last one has come to its end
            self._too_long = False
        coding = coding_of(self._parameters, data)
        self._before, self._size = self._group, 0
        self._group = Group(secrets.token_hex(6), coding) if coding is not None else None

    def _append(self, time: int | None, data: bytes) -> None:
        group = self._group
        if group is None:
            return
        if time is None:
            self.spoil()
            return
        if group.times and time <= group.times[-1]:
            self._reordered = True
            self.spoil()
            return
        if not group.units:
            data = with_parameters(self._parameters, data)
        self._size += len(data)
        if self._size > self._most_bytes or len(group.units) >= self._most_units:
            self._too_long = True
            self.spoil()
            return
        group.units.append(data)
        group.times.append(time)
