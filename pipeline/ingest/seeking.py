"""Single pictures of a recording, by their number, without decoding all that comes before."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain
from types import TracebackType
from typing import Self

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.ingest.source import Picture, open_container

_NEAR = 32
"""Pictures: so far it reads on, rather than go back to a picture that needs no other."""


class PictureFinder:
    """Any picture of a recording, numbered as `VideoSource.pictures` numbers them.

    Where they are is found out by one reading of the file, without decoding. One thread at a time
    may ask.

    Args:
        source: a file or a sample.
        count: how many pictures it is known to have. If the file tells of another number, or of
            no times, a picture is found by counting from the beginning.

    Raises:
        SourceError: it cannot be opened, or holds no video.
    """

    def __init__(self, source: str, *, count: int) -> None:
        self._source = source
        self._container = open_container(source)
        self._stamps, self._keys = self._look_through()
        if len(self._stamps) != count:
            self._stamps, self._keys = [], []
        self._at = -1
        self._going = self._from_the_beginning()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def find(self, index: int) -> Picture | None:
        """The picture of a number, from 0; None if there is none, or it cannot be decoded."""
        if not self._is_ahead(index):
            self._going = self._from_key(index) if self._stamps else self._from_the_beginning()
        for number, frame in self._going:
            self._at = number
            if number >= index:
                return Picture(index, frame) if number == index else None
        self._at = index  # whatever comes next, it is not ahead
        return None

    def _look_through(self) -> tuple[list[int], list[int]]:
        """Times of all pictures in the order in which they are shown, and numbers of key frames."""
        packets = [p for p in self._container.demux(video=0) if p.size]
        if any(packet.pts is None for packet in packets):
            return [], []
        stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
        keys = [packet.pts for packet in packets if packet.is_keyframe and packet.pts is not None]
        return stamps, sorted(bisect_left(stamps, key) for key in keys)

    def _is_ahead(self, index: int) -> bool:
        """True if reading on leads to a picture, and no jump would be quicker."""
        return self._at < index and (index - self._at <= _NEAR or self._key(index) <= self._at)

    def _key(self, index: int) -> int:
        """The last picture up to this one that needs no other."""
        place = bisect_right(self._keys, index) - 1
        return self._keys[place] if place >= 0 else 0

    def _from_key(self, index: int) -> Iterator[tuple[int, VideoFrame]]:
        for key in self._keys_before(index):
            if (packets := self._jump(key, index)) is not None:
                for frame in _decoded(packets):
                    if frame.pts is not None:
                        yield bisect_left(self._stamps, frame.pts), frame
                return
        yield from self._from_the_beginning()

    def _keys_before(self, index: int) -> Iterator[int]:
        """The nearest key frame, then others ever further back: not every file leads there."""
        place, step = bisect_right(self._keys, index) - 1, 1
        while place > 0:
            yield self._keys[place]
            place, step = place - step, 2 * step

    def _jump(self, key: int, index: int) -> Iterator[Packet[VideoStream]] | None:
        """What comes from a key frame on; None if the file has led beyond the picture."""
        self._container.seek(self._stamps[key], stream=self._container.streams.video[0])
        packets = self._container.demux(video=0)
        first = next((packet for packet in packets if packet.is_keyframe), None)
        if first is None or first.pts is None or bisect_left(self._stamps, first.pts) > index:
            return None
        return chain([first], packets)

    def _from_the_beginning(self) -> Iterator[tuple[int, VideoFrame]]:
        self._container.close()
        self._container = open_container(self._source)
        yield from enumerate(_decoded(self._container.demux(video=0)))


def _decoded(packets: Iterable[Packet[VideoStream]]) -> Iterator[VideoFrame]:
    """The pictures of packets; one that cannot be decoded costs its own picture only."""
    for packet in packets:
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            continue
