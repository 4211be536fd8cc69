#!/usr/bin/python3
"""A real RTSP server (GStreamer) that plays one H.264 clip over and over to whoever connects.

Run by the system's Python, which has GStreamer's bindings, not by the project's:

    /usr/bin/python3 tests/rtsp_server.py clip.h264 --fps 10 [--port N] [--user NAME --password P]

The clip is raw H.264 (Annex B) whose pictures each begin with an access unit delimiter (x264's
option `aud=1`). The server prints its port as soon as it listens, and serves
rtsp://127.0.0.1:<port>/clip until it is killed.
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


class Clip:
    """The clip's pictures without end, each with its presentation time."""

    def __init__(self, path: Path, fps: int) -> None:
        self._pictures = [DELIMITER + part for part in path.read_bytes().split(DELIMITER)[1:]]
        self._duration = Gst.SECOND // fps
        self._count = 0

    def push(self, appsrc: GstApp.AppSrc, _wanted: int) -> None:
        """Hands GStreamer the next picture; it asks for more when it has sent this one."""
        buffer = Gst.Buffer.new_wrapped(self._pictures[self._count % len(self._pictures)])
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
    factory = _factory(options.clip, options.fps)
    if options.user:
        _require_password(server, factory, options.user, options.password)
    server.get_mount_points().add_factory("/clip", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {options.port} is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("--fps", type=int, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--password")
    return parser.parse_args()


def _factory(clip: Path, fps: int) -> GstRtspServer.RTSPMediaFactory:
    """One pipeline for all clients at a time: whoever joins sees the same moment."""

    def configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name("pictures")
        source.connect("need-data", Clip(clip, fps).push)

    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(PIPELINE.format(fps=fps))
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    return factory


def _require_password(
    server: GstRtspServer.RTSPServer,
    factory: GstRtspServer.RTSPMediaFactory,
    user: str,
    password: str,
) -> None:
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions.new()
    for right in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", right, True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main()
