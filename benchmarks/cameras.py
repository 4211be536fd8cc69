"""Simulated cameras for benchmarks: the sample clip as H.264, served by GStreamer or as files."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from engines.zoo import fetch
from pipeline.errors import HandoffError

FPS = 10
SIZE = (640, 360)
"""Width and height of the pictures."""

_SYSTEM_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_KEY_FRAME_EVERY = 2 * FPS
_CODING = {
    "preset": "veryfast",
    "tune": "zerolatency",
    "x264-params": f"aud=1:keyint={_KEY_FRAME_EVERY}:bframes=0:threads=1",
}


def encode_clip(path: Path, *, frames: int | None = None) -> Path:
    """Encodes OpenCV's sample `vtest`, cut to 16:9, as H.264 of `SIZE` and `FPS`.

    Args:
        path: the file to write: `….h264`, without times, or a container such as `….mp4`.
        frames: how many pictures at most; None: all 795.
    """
    with av.open(str(fetch("vtest"))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=FPS, options=_CODING)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(source.decode(video=0)):
            if number == frames:
                break
            target.mux(stream.encode(_scaled(frame, number)))
        target.mux(stream.encode())
    return path


def _scaled(frame: VideoFrame, number: int) -> VideoFrame:
    image = frame.to_ndarray(format="bgr24")
    rows = image.shape[1] * SIZE[1] // SIZE[0]
    top = (image.shape[0] - rows) // 2
    small = cv2.resize(image[top : top + rows], SIZE, interpolation=cv2.INTER_AREA)
    scaled = VideoFrame.from_ndarray(np.asarray(small, np.uint8), format="bgr24")
    scaled.pts, scaled.time_base = number, Fraction(1, FPS)
    return scaled


@dataclass(slots=True)
class CameraServer:
    """A process that plays so many cameras; it can be killed and started again on its port.

    Attributes:
        clip: what `encode_clip` wrote.
        cameras: how many there are.
        port: 0 until it has been started.
    """

    clip: Path
    cameras: int
    port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._process is None else self._process.pid

    def url(self, number: int) -> str:
        """Where camera `number`, from 0, is found."""
        return f"rtsp://127.0.0.1:{self.port}/{number}"

    def start(self) -> None:
        """Starts it and waits until it listens.

        Raises:
            HandoffError: it does not start, as where GStreamer's RTSP server is missing.
        """
        options = {"--fps": FPS, "--cameras": self.cameras, "--port": self.port}
        arguments = [str(word) for option in options.items() for word in option]
        self._process = subprocess.Popen(
            [_SYSTEM_PYTHON, str(_SERVER), str(self.clip), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        printed = self._process.stdout.readline()
        if not printed:
            self.kill()
            raise HandoffError(
                f"benchmark: expected {_SYSTEM_PYTHON} to run GStreamer's RTSP server "
                "(Debian: gir1.2-gst-rtsp-server-1.0), found that it ended"
            )
        self.port = int(printed)

    def kill(self) -> None:
        """Kills it, in the middle of whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> CameraServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass(frozen=True, slots=True)
class Recordings:
    """Cameras that are files played live, for machines without GStreamer's RTSP server.

    Attributes:
        clip: a video with times; all cameras show it, all at the same place.
        cameras: how many there are.
    """

    clip: Path
    cameras: int
    pid: None = None

    def url(self, number: int) -> str:
        """What camera `number` plays."""
        del number
        return str(self.clip)

    def __enter__(self) -> Recordings:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""
