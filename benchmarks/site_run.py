"""Runs the command a user runs, watches its page as a browser does, and measures its processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.offline import COMMAND, write_settings
from pipeline.config import Site
from pipeline.errors import HandoffError
from pipeline.preview import decode_header
from pipeline.roles import REDIS_VARIABLE
from pipeline.viewer_settings import ViewerSettings

_START_SECONDS = 120.0
_STOP_SECONDS = 30.0
_SAMPLE_SECONDS = 1.0

Place = tuple[psutil.Process, str]


@contextmanager
def running(site: Site, folder: Path, *, redis_url: str | None = None) -> Iterator[Place]:
    """The site, live, with its viewer on a free port: its process and the viewer's address.

    Args:
        site: the settings; the viewer's port is replaced.
        folder: gets the settings (cams.yaml) and a log (log.txt).
        redis_url: Redis in place of the embedded one.
    """
    cameras = write_site(site, folder)
    log = folder / "log.txt"
    environment = (
        dict(os.environ) if redis_url is None else os.environ | {REDIS_VARIABLE: redis_url}
    )
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, str(COMMAND), f"--cameras={cameras}"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield psutil.Process(process.pid), _address(process, log)
    finally:
        process.terminate()
        process.wait(timeout=_STOP_SECONDS)


def write_site(site: Site, folder: Path) -> Path:
    """Writes cams.yaml; the viewer listens on a free port of this machine."""
    viewer = ViewerSettings(port=0)
    return write_settings(site.model_copy(update={"viewer": viewer}), folder)


def members(process: psutil.Process) -> dict[str, psutil.Process]:
    """The processes of a run by role; `command` is the one that has started the others."""
    found = {"command": process}
    for child in process.children(recursive=True):
        try:
            found[role_of(child.cmdline())] = child
        except psutil.Error:
            continue
    return found


def sample_memory(process: psutil.Process, seconds: float) -> list[tuple[float, float]]:
    """Resident memory of a run once a second: (seconds since the beginning, bytes)."""
    begin, samples = time.time(), []
    while (now := time.time() - begin) < seconds:
        samples.append((now, _resident(process)))
        time.sleep(_SAMPLE_SECONDS)
    return samples


def _resident(process: psutil.Process) -> float:
    """Resident memory of a process and all it has started, in bytes; shared pages count again."""
    return float(sum(member.memory_info().rss for member in members(process).values()))


def role_of(command_line: list[str]) -> str:
    """What a process is for.

    >>> role_of(["python", "run_pipeline.py", "--role", "node"])
    'node'
    >>> role_of(["/bin/redis-server", "*:0"])
    'redis'
    """
    if "--role" in command_line:
        return command_line[command_line.index("--role") + 1]
    return "redis" if command_line and "redis" in command_line[0] else "other"


@dataclass(slots=True)
class Watch:
    """What a browser would have seen; times in seconds since the epoch.

    Attributes:
        pictures: per camera (time, delay): when a picture had been decoded, and seconds since it
            had arrived at the node.
        statuses: per camera (time, status), as the page is told once a second.
    """

    pictures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    statuses: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)

    def between(self, begin: float, end: float) -> Watch:
        """What was seen from one moment to another."""
        return Watch(_between(self.pictures, begin, end), _between(self.statuses, begin, end))

    def take_picture(self, message: bytes) -> str:
        """Decodes a picture as a browser does; returns its camera."""
        header = decode_header(message)
        start = 4 + int.from_bytes(message[:4], "big")
        cv2.imdecode(np.frombuffer(message, np.uint8, offset=start), cv2.IMREAD_COLOR)
        now, camera = time.time(), str(header["camera"])
        delay = now - float(str(header["arrival"]))
        self.pictures.setdefault(camera, []).append((now, delay))
        return camera

    def take_news(self, message: str) -> None:
        """Notes how the cameras are doing, if that is what the message says."""
        news = json.loads(message)
        if news.get("type") != "cameras":
            return
        for camera in news["cameras"]:
            if camera["status"] is not None:
                seen = self.statuses.setdefault(camera["name"], [])
                seen.append((time.time(), camera["status"]))


@contextmanager
def watching(address: str, *, keep: bool = True) -> Iterator[Watch]:
    """Looks at the page of a viewer: decodes every picture and confirms it.

    Args:
        address: the viewer's, `http://…/`.
        keep: False forgets what was seen.
    """
    watch = Watch()
    note: Callable[[], Watch] = (lambda: watch) if keep else Watch
    with connect(address.replace("http", "ws", 1) + "live", max_size=None) as socket:
        thread = threading.Thread(target=_look, args=(socket, note))
        thread.start()
        try:
            yield watch
        finally:
            socket.close()
            thread.join()


def _look(socket: ClientConnection, note: Callable[[], Watch]) -> None:
    """Decodes and confirms pictures until the connection closes."""
    try:
        for message in socket:
            if isinstance(message, bytes):
                camera = note().take_picture(message)
                socket.send(json.dumps({"type": "shown", "cameras": [camera]}))
            else:
                note().take_news(message)
    except ConnectionClosed:
        pass


def _between(seen: dict[str, list[Any]], begin: float, end: float) -> dict[str, list[Any]]:
    return {name: [s for s in entries if begin <= s[0] <= end] for name, entries in seen.items()}


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """The viewer's address, once the command has printed it."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        found = re.search(r"viewer: (http\S+)", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.1)
    printed = log.read_text(encoding="utf-8")
    raise HandoffError(f"benchmark: expected the viewer's address, found:\n{printed}")
