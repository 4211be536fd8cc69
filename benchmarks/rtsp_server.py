#!/usr/bin/python3
"""Many simulated cameras: one RTSP server (GStreamer) that plays one H.264 clip to all clients.

Run by the system's Python, which has GStreamer's bindings, not by the project's:

    /usr/bin/python3 benchmarks/rtsp_server.py clip.h264 --fps 10 --cameras 32 [--port N]

Camera n is rtsp://127.0.0.1:<port>/n, from 0. Each begins at another place of the clip, so that
no two show the same moment. Nothing is encoded while it runs. The clip is raw H.264 (Annex B)
whose pictures each begin with an access unit delimiter. The port is printed once it listens.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402

DELIMITER = b"\x00\x00\x00\x01\x09"
PIPELINE = (
    "( appsrc name=pictures format=time is-live=true max-buffers=2 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au,framerate={fps}/1 "
    "! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


class Pictures:
    """The clip's pictures without end, from a place of its own, each with its time."""

    def __init__(self, pictures: list[bytes], fps: int, start: int) -> None:
        self._pictures = pictures
        self._duration = Gst.SECOND // fps
        self._start = start
        self._count = 0

    def push(self, appsrc: GstApp.AppSrc, _wanted: int) -> None:
        """Hands GStreamer the next picture; it asks for more when it has sent this one."""
        place = (self._start + self._count) % len(self._pictures)
        buffer = Gst.Buffer.new_wrapped(self._pictures[place])
        buffer.pts = buffer.dts = self._count * self._duration
        buffer.duration = self._duration
        self._count += 1
        appsrc.emit("push-buffer", buffer)


def main() -> None:
    """Serves until killed."""
    options = _parse()
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    pictures = [DELIMITER + part for part in options.clip.read_bytes().split(DELIMITER)[1:]]
    for number in range(options.cameras):
        start = number * len(pictures) // options.cameras
        factory = _factory(pictures, options.fps, start)
        server.get_mount_points().add_factory(f"/{number}", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {options.port} is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--fps", type=int, required=True)
    parser.add_argument("--cameras", type=int, required=True)
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args()


def _factory(pictures: list[bytes], fps: int, start: int) -> GstRtspServer.RTSPMediaFactory:
    def configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name("pictures")
        source.connect("need-data", Pictures(pictures, fps, start).push)

    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(PIPELINE.format(fps=fps))
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    return factory


if __name__ == "__main__":
    main()
