"""Real clips and a real RTSP server for the tests of ingest."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).parents[1] / "rtsp_server.py"

BITS = 8
BLOCK = 16
CLIP_SIZE = (BITS * BLOCK, 2 * BLOCK)
"""Width and height of the pictures of `write_clip`."""


def numbered_picture(number: int) -> NDArray[np.uint8]:
    """A picture that shows its number: eight black or white blocks side by side."""
    bits = [255 * (number >> bit & 1) for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8), BLOCK)
    return np.broadcast_to(row[None, :, None], (CLIP_SIZE[1], CLIP_SIZE[0], 3)).copy()


def number_of(image: NDArray[np.uint8]) -> int:
    """Reads the number back, also after lossy compression."""
    middles = image[BLOCK, BLOCK // 2 :: BLOCK, 1]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 127)


def write_clip(
    path: Path,
    *,
    count: int = 20,
    fps: int = 10,
    codec: str = "libx264",
    times_ms: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    scale: int = 1,
) -> Path:
    """Encodes numbered pictures into a file.

    Args:
        path: its suffix decides on the container.
        count: how many pictures.
        fps: frame rate.
        codec: encoder.
        times_ms: presentation times in milliseconds, for a variable frame rate.
        options: of the encoder.
        scale: so many times the usual width and height.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height = scale * CLIP_SIZE[0], scale * CLIP_SIZE[1]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        time_base = Fraction(1, 1000) if times_ms else Fraction(1, fps)
        stream.codec_context.time_base = time_base
        for number in range(count):
            picture = numbered_picture(number).repeat(scale, axis=0).repeat(scale, axis=1)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = times_ms[number] if times_ms else number
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_h264(path: Path, *, count: int = 100, fps: int = 10, scale: int = 1) -> Path:
    """Encodes numbered pictures as the raw H.264 that the RTSP server plays."""
    parameters = "aud=1:keyint=10:bframes=0"
    options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": parameters}
    return write_clip(path, count=count, fps=fps, options=options, scale=scale)


@dataclass(slots=True)
class RtspServer:
    """A GStreamer RTSP server in a process of its own, which can be killed and started again."""

    clip: Path
    fps: int = 10
    user: str | None = None
    password: str | None = None
    port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Host, port and path of the stream."""
        return f"127.0.0.1:{self.port}/clip"

    @property
    def url(self) -> str:
        """URL of the stream, without credentials."""
        return f"rtsp://{self.address}"

    def start(self) -> None:
        """Starts it, on the port it had before, and waits until it listens."""
        command = [SYSTEM_PYTHON, str(SERVER), str(self.clip), "--fps", str(self.fps)]
        command += ["--port", str(self.port)]
        if self.user and self.password:
            command += ["--user", self.user, "--password", self.password]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Kills it, in the middle of whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """Makes it fall silent without closing its connections, as when a cable is pulled."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


def require_gstreamer() -> None:
    """Skips the test where GStreamer's RTSP server is missing; fails where that must not be."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    reason = f"{SYSTEM_PYTHON} has no GstRtspServer (Debian: gir1.2-gst-rtsp-server-1.0)"
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True).returncode == 0
    except OSError:
        found = False
    if not found and os.environ.get("CI"):
        pytest.fail(reason)
    if not found:
        pytest.skip(reason)
