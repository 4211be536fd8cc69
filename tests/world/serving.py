"""A world as live cameras: real RTSP servers that play its recordings over and over."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from .recording import Film, record, write_settings
from .site import World

SYSTEM_PYTHON = "/usr/bin/python3"
"""Has GStreamer's bindings; the project's Python has not."""

_SERVER = Path(__file__).parents[1] / "rtsp_server.py"


@contextmanager
def serve(world: World, folder: Path, film: Film | None = None) -> Iterator[Path]:
    """Films a world and serves it, a server for each camera, until the context is left.

    A camera's recording begins when its first viewer comes.

    Yields:
        the path of a cams.yaml with the servers' URLs.
    """
    film = replace(film or Film(), suffix=".h264")
    record(world, folder, film)
    servers: list[subprocess.Popen[str]] = []
    try:
        for camera in world.plan.cameras:
            servers.append(_start(folder / f"{camera.name}.h264", film.fps))
        urls = [f"rtsp://127.0.0.1:{_port(server)}/clip" for server in servers]
        yield write_settings(world, film, folder, urls)
    finally:
        for server in servers:
            server.kill()
            server.wait()


def _start(clip: Path, fps: int) -> subprocess.Popen[str]:
    command = [SYSTEM_PYTHON, str(_SERVER), str(clip), "--fps", str(fps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _port(server: subprocess.Popen[str]) -> int:
    assert server.stdout is not None
    line = server.stdout.readline()
    if not line:
        raise RuntimeError("the RTSP server did not start: are GStreamer's packages installed?")
    return int(line)
