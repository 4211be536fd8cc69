"""Sources: a file, stream or device opened with PyAV, and the pictures that come out of it."""

from __future__ import annotations

import functools
import logging
import time
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

from pipeline.config import Site
from pipeline.errors import ConfigError, HandoffError, SourceError
from pipeline.ingest.failures import Failure, explain

Region = tuple[int, int, int, int]

OPEN_SECONDS = 8.0
READ_SECONDS = 5.0
CORRUPT_IN_A_ROW = 100
"""Packets a live source may fail to decode, one after the other, before it is opened anew."""

_LIVE_OPTIONS = {
    # FFmpeg looks at a stream for up to 5 s before it hands out anything; half a second is enough
    # to see the size and the frame rate. `fflags=nobuffer` is left out on purpose: it throws away
    # what was read meanwhile, key frame included, so that the first picture comes a whole group
    # of pictures later (measured: 1.1 s instead of 0.6 s with a key frame every second).
    "analyzeduration": "500000",
    "probesize": "500000",
}
_FALLBACK_FPS = 25.0
_LARGE_PICTURE = 1280 * 720

logger = logging.getLogger(__name__)


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
    """

    __slots__ = ("_bgr", "_frame", "index", "seconds")

    def __init__(self, index: int, frame: VideoFrame) -> None:
        self.index = index
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
        corrupt: packets that could not be decoded so far.
    """

    def __init__(self, source: str) -> None:
        """Opens it; takes as long as the source needs to answer, `OPEN_SECONDS` at most.

        Raises:
            SourceError: it cannot be opened, or holds no video.
        """
        self._source = source
        self._live = is_live(source)
        self._container = _open(source)
        self._stream = self._video_stream()
        self.info = _describe(self._container, self._stream)
        self.corrupt = 0
        self._corrupt_in_a_row = 0

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

    @property
    def clock_origin(self) -> float | None:
        """When presentation time 0 was, by the sender's clock, seconds since the epoch.

        Known for RTSP once the first RTCP sender report has come, a few seconds into the stream.
        """
        origin = self._container.start_time_realtime
        return None if not origin or origin < 0 else origin / 1e6

    def pictures(self) -> Iterator[Picture]:
        """The pictures in the order in which they are shown, until the source ends.

        A packet that cannot be decoded costs its own picture only.

        Raises:
            SourceError: a live source stopped sending, or sends nothing but garbage.
        """
        index = 0
        for packet in self._packets():
            frames = self._decode(packet)
            if frames is None:
                index += 1
                continue
            for frame in frames:
                yield Picture(index, frame)
                index += 1

    def _video_stream(self) -> VideoStream:
        if not self._container.streams.video:
            self._container.close()
            raise Failure.NOT_VIDEO.error(self._source)
        stream = self._container.streams.video[0]
        large = stream.codec_context.width * stream.codec_context.height > _LARGE_PICTURE
        # Frame threads delay every picture by one per thread, so live sources take slices only.
        # Small pictures decode faster than threads can be told to.
        stream.thread_count = 0 if large else 1
        stream.thread_type = "SLICE" if self._live else "AUTO"
        return stream

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        packets = self._container.demux(self._stream)
        while True:
            started = time.monotonic()
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self._broken_off(explain(error, self._source, timed_out=_is_over(started)))
                return
            if packet is None:
                return
            if self._live and _is_over(started):
                # What comes now is only what the parser still had. FFmpeg would begin to wait
                # for as long again.
                raise Failure.TIMEOUT.error(self._source)
            yield packet

    def _broken_off(self, error: SourceError) -> None:
        """A stream is opened anew; of a recording we keep what there was."""
        if self._live:
            raise error
        logger.warning("recording breaks off early: %s", error)

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame] | None:
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._count_corrupt()
            return None
        self._corrupt_in_a_row = 0
        return frames

    def _count_corrupt(self) -> None:
        self.corrupt += 1
        self._corrupt_in_a_row += 1
        if self._live and self._corrupt_in_a_row >= CORRUPT_IN_A_ROW:
            raise Failure.BROKEN.error(self._source)


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


def check_regions(site: Site, *, where: str = "cams.yaml") -> dict[str, SourceInfo]:
    """Opens every recording of a site and sees that the regions lie inside their pictures.

    Streams are checked when their first picture comes.

    Args:
        site: the settings.
        where: name of the file they come from, for the message.

    Returns:
        What the recordings say, by camera.

    Raises:
        ConfigError: one sentence per mistake.
    """
    recordings: dict[str, SourceInfo] = {}
    problems: list[str] = []
    look = functools.cache(probe)  # cameras often share a source
    for name, camera in site.enabled_cameras.items():
        if camera.live:
            continue
        try:
            info = recordings[name] = look(camera.source)
        except HandoffError as error:
            problems.append(f"{where}: cameras.{name}.source: {error}")
            continue
        if problem := region_problem(name, camera.region, (info.width, info.height)):
            problems.append(f"{where}: {problem}")
    if problems:
        raise ConfigError("\n".join(problems))
    return recordings


def region_problem(camera: str, region: Region | None, size: tuple[int, int]) -> str | None:
    """A sentence if the region does not lie inside a picture of this size, else None.

    >>> region_problem("west", (700, 0, 500, 576), (768, 576))
    'cameras.west.region: expected four whole numbers [x, y, width, height] inside the 768×576 \
picture, found [700, 0, 500, 576]'
    """
    if region is None:
        return None
    x, y, width, height = region
    if x + width <= size[0] and y + height <= size[1]:
        return None
    return (
        f"cameras.{camera}.region: expected four whole numbers [x, y, width, height] inside the "
        f"{size[0]}×{size[1]} picture, found {list(region)}"
    )


def _open(source: str) -> InputContainer:
    address, file_format = _locate(source)
    started = time.monotonic()
    try:
        return av.open(
            address,
            mode="r",
            format=file_format,
            options=_options(source),
            timeout=(OPEN_SECONDS, READ_SECONDS),
        )
    except av.error.FFmpegError as error:
        waited = time.monotonic() - started
        raise explain(error, source, timed_out=waited >= OPEN_SECONDS) from None


def _is_over(started: float) -> bool:
    return time.monotonic() - started >= READ_SECONDS


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


def _options(source: str) -> dict[str, str]:
    if not is_live(source):
        return {}
    return _LIVE_OPTIONS | ({"rtsp_transport": "tcp"} if source.startswith("rtsp") else {})


def _describe(container: InputContainer, stream: VideoStream) -> SourceInfo:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    fps = next((float(rate) for rate in rates if rate and 0 < rate <= 240), _FALLBACK_FPS)
    seconds = container.duration / av.time_base if container.duration else None
    frames = stream.frames or (round(seconds * fps) if seconds else None)
    return SourceInfo(stream.codec_context.width, stream.codec_context.height, fps, frames)
