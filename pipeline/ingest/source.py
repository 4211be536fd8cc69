"""Sources: a file, stream or device opened with PyAV, and the pictures that come out of it."""

from __future__ import annotations

import logging
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import SourceError
from pipeline.film import Stretch
from pipeline.ingest.failures import Failure, explain, explain_opening
from pipeline.ingest.hardware import accelerator, decoding_device
from pipeline.ingest.reel import Reel

Region = tuple[int, int, int, int]

CORRUPT_IN_A_ROW = 100
"""Packets of a live source no picture comes of, one after the other, before it is opened anew."""

_LIVE_OPTIONS = {
    # FFmpeg looks at a stream for up to 5 s before it hands out anything; half a second is enough
    # to see the size and the frame rate. `fflags=nobuffer` is left out on purpose: it throws away
    # what was read meanwhile, key frame included, so that the first picture comes a whole group
    # of pictures later (measured: 1.1 s instead of 0.6 s with a key frame every second).
    "analyzeduration": "500000",
    "probesize": "500000",
}
_FALLBACK_FPS = 25.0
_MICROSECONDS = struct.Struct("<q")  # AVProducerReferenceTime begins with them
_LARGE_PICTURE = 1280 * 720

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """How a source is opened and read.

    Attributes:
        transport: `tcp` or `udp`, for RTSP.
        open_seconds: how long it may take to answer.
        read_seconds: how long it may be silent.
        hardware: True to decode on a device where there is one.
        film: True to keep the video since its last key frame, for those who decode it themselves.
    """

    transport: str = "tcp"
    open_seconds: float = 8.0
    read_seconds: float = 5.0
    hardware: bool = False
    film: bool = False


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says about its video.

    Attributes:
        width, height: size of the whole picture in pixels.
        fps: nominal frame rate, pictures per second; 25 if the source does not say.
        frames: number of pictures (estimated from the duration where it is not written in the
            file), or None for a stream without end.
    """

    width: int
    height: int
    fps: float
    frames: int | None


class Picture:
    """One decoded picture, turned into BGR only if somebody asks for it.

    Attributes:
        index: number of the picture in its source, from 0; pictures that could not be decoded
            are counted.
        seconds: presentation time in the source, or None if it has none.
        film: what it takes to decode it, or None where that is not kept.
    """

    __slots__ = ("_bgr", "_frame", "film", "index", "seconds")

    def __init__(self, index: int, frame: VideoFrame, film: Stretch | None = None) -> None:
        self.index = index
        self.film = film
        self.seconds = None if frame.pts is None else float(frame.time)
        self._frame = frame
        self._bgr: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._frame.width, self._frame.height

    def image(self, region: Region | None = None) -> NDArray[np.uint8]:
        """The picture, or a region of it, as contiguous uint8[H, W, 3] BGR.

        The whole picture is converted once, however many regions are cut out of it. (Cutting
        before converting saves 0.06 ms of 0.28 on 768×576 and 0.85 ms of 1.1 on 1080p, where
        decoding takes 9: not worth a filter graph per camera. `threads=1`: swscale's own threads
        made the same conversion take 6.5 ms on two busy cores.)

        Args:
            region: [x, y, width, height] inside the picture; None: all of it. A region is a copy;
                the whole picture is shared by everybody who asks for it, so nobody writes into it.
        """
        if self._bgr is None:
            converted = self._frame.to_ndarray(format="bgr24", threads=1)
            self._bgr = np.ascontiguousarray(converted, dtype=np.uint8)
        if region is None:
            return self._bgr
        x, y, width, height = region
        return self._bgr[y : y + height, x : x + width].copy()


class VideoSource:
    """An opened file, stream or device.

    >>> with VideoSource("west.mp4") as source:  # doctest: +SKIP
    ...     first = next(source.pictures()).image()

    Attributes:
        info: see `SourceInfo`.
        counts: what became of the pictures so far: `decoded`, `corrupt`, `skipped`.
        clock_origin: when presentation time 0 was, by the sender's clock, seconds since the epoch.
            Known for RTSP once the first RTCP sender report has come, a few seconds into the
            stream, and renewed with each picture by the newest report.
        decoder: what decodes: `software`, or a device such as `cuda`.
    """

    def __init__(self, source: str, connection: Connection = Connection()) -> None:
        """Opens it; takes as long as the source needs to answer, `open_seconds` at most.

        Raises:
            SourceError: it cannot be opened, or holds no video.
        """
        self._source = source
        self._live = is_live(source)
        self._read_seconds = connection.read_seconds
        self._container = open_container(source, connection)
        try:
            self._stream = self._video_stream()
            self.info = _describe(self._container, self._stream)
        except BaseException:
            self._container.close()
            raise
        on_device = self._stream.codec_context.is_hwaccel
        self.decoder = (decoding_device() or "") if on_device else "software"
        self.clock_origin: float | None = None
        self.counts: Counter[str] = Counter()
        self._in_vain = 0
        self._reel = self._new_reel() if connection.film else None

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
        """Closes it; never while another thread reads from it."""
        self._container.close()

    def skip_what_can_be(self, skip: bool) -> None:
        """Leaves out, or not, the decoding of pictures that no other picture builds upon."""
        self._stream.codec_context.skip_frame = "NONREF" if skip else "DEFAULT"

    def pictures(self) -> Iterator[Picture]:
        """The pictures in the order in which they are shown, until the source ends.

        A packet that cannot be decoded costs its own picture only.

        Raises:
            SourceError: a live source stopped sending, or sends nothing but garbage.
        """
        for packet in self._packets():
            self._note_clock(packet)
            if self._reel is not None:
                self._reel.add(packet)
            frames = self._decode(packet)
            index = self.counts.total() - len(frames)  # what did not come out is counted, too
            for offset, frame in enumerate(frames):
                yield Picture(index + offset, frame, self._film(frame))

    def _video_stream(self) -> VideoStream:
        if not self._container.streams.video:
            raise Failure.NOT_VIDEO.error(self._source)
        stream = self._container.streams.video[0]
        if getattr(stream, "codec_context", None) is None:
            raise Failure.CODEC.error(self._source)
        large = stream.codec_context.width * stream.codec_context.height > _LARGE_PICTURE
        # Frame threads delay every picture by one per thread, so live sources take slices only.
        # Small pictures decode faster than threads can be told to.
        stream.thread_count = 0 if large else 1
        stream.thread_type = "SLICE" if self._live else "AUTO"
        return stream

    def _new_reel(self) -> Reel | None:
        context = self._stream.codec_context
        return Reel(bytes(context.extradata or b"")) if context.name.startswith("h264") else None

    def _film(self, frame: VideoFrame) -> Stretch | None:
        return None if self._reel is None else self._reel.stretch(frame.pts)

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            started = time.monotonic()
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self._broken_off(explain(error, self._source, timed_out=self._is_over(started)))
                return
            if packet is None:
                return
            if self._live and self._is_over(started):
                # What comes now is only what the parser still had. FFmpeg would begin to wait
                # for as long again.
                raise Failure.TIMEOUT.error(self._source)
            yield packet

    def _broken_off(self, error: SourceError) -> None:
        """A stream is opened anew; of a recording we keep what there was."""
        if self._live:
            raise error
        logger.warning("recording breaks off early: %s", error)

    def _is_over(self, started: float) -> bool:
        return time.monotonic() - started >= self._read_seconds

    def _note_clock(self, packet: Packet[VideoStream]) -> None:
        """What the sender's clock said, from the report that came last."""
        if packet.pts is not None and packet.has_sidedata("prft"):
            (sent,) = _MICROSECONDS.unpack_from(bytes(packet.get_sidedata("prft")))
            self.clock_origin = sent / 1e6 - float(packet.pts * packet.time_base)
        elif self.clock_origin is None:
            origin = self._container.start_time_realtime or 0
            self.clock_origin = origin / 1e6 if origin > 0 else None

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._note_harm(1)
            frames = []
        else:
            if not frames and self._stream.codec_context.skip_frame == "NONREF":
                self.counts["skipped"] += 1
        whole = [frame for frame in frames if not (self._live and frame.is_corrupt)]
        self._note_harm(len(frames) - len(whole))
        self.counts["decoded"] += len(whole)
        self._in_vain = 0 if whole else self._in_vain + 1
        if self._live and self._in_vain >= CORRUPT_IN_A_ROW:
            raise Failure.CORRUPT.error(self._source)
        return whole

    def _note_harm(self, pictures: int) -> None:
        self.counts["corrupt"] += pictures
        if pictures and self._reel is not None:
            self._reel.spoil()


def is_live(source: str) -> bool:
    """True for streams and devices, which never wait; False for files and samples."""
    return source.startswith(("rtsp://", "rtsps://", "http://", "https://", "device:"))


def probe(source: str) -> SourceInfo:
    """Opens a source, looks at it and closes it.

    Raises:
        SourceError: it cannot be opened, or holds no video.
        ModelError: an unknown sample, or one that cannot be fetched.
    """
    with VideoSource(source) as opened:
        return opened.info


def open_container(source: str, connection: Connection = Connection()) -> InputContainer:
    """Opens a source, and no more.

    Raises:
        SourceError: it cannot be opened.
    """
    address, file_format = _locate(source)
    started = time.monotonic()
    try:
        return av.open(
            address,
            mode="r",
            format=file_format,
            options=_options(source, connection),
            timeout=(connection.open_seconds, connection.read_seconds),
            hwaccel=accelerator() if connection.hardware else None,
        )
    except av.error.FFmpegError as error:
        late = time.monotonic() - started >= connection.open_seconds
        raise explain_opening(error, source, timed_out=late) from None


def _locate(source: str) -> tuple[str, str | None]:
    """What FFmpeg is asked to open, and as which format (None: it finds out)."""
    if source.startswith("sample:"):
        from engines.zoo import fetch  # only who uses a sample needs the zoo

        return str(fetch(source.removeprefix("sample:"))), None
    if source.startswith("device:"):
        return _device(source), "v4l2"
    return source, None


def _device(source: str) -> str:
    number = source.removeprefix("device:")
    path = Path(f"/dev/video{number}")
    if not number.isdecimal():
        raise SourceError(f"expected a number after device:, such as device:0, found {source}")
    if not path.exists():
        raise SourceError(f"{source}: expected a camera at {path}, found none")
    return str(path)


def _options(source: str, connection: Connection) -> dict[str, str]:
    if not is_live(source):
        return {}
    transport = {"rtsp_transport": connection.transport} if source.startswith("rtsp") else {}
    return _LIVE_OPTIONS | transport


def _describe(container: InputContainer, stream: VideoStream) -> SourceInfo:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    fps = next((float(rate) for rate in rates if rate and 0 < rate <= 240), _FALLBACK_FPS)
    seconds = container.duration / av.time_base if container.duration else None
    frames = stream.frames or (round(seconds * fps) if seconds else None)
    return SourceInfo(stream.codec_context.width, stream.codec_context.height, fps, frames)
