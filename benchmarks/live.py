"""Delay and memory of the live system, from a picture's arrival to a client that shows it.

    python -m benchmarks.live --minutes 10 --output live.png

Runs the command a user runs and connects to its viewer as a browser does: it decodes every picture
and confirms it before the next is sent. Only what a browser does after decoding, drawing, is
missing. A recording played live "arrives" when its picture is due.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import psutil
import typer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.machine import describe_machine, markdown
from benchmarks.offline import COMMAND, write_settings
from pipeline.config import Site, load_site
from pipeline.errors import HandoffError
from pipeline.preview import decode_header

_SAMPLE_SECONDS = 1.0
_START_SECONDS = 120.0
_MIB = 2**20


@dataclass(slots=True)
class Recording:
    """What was observed; times in seconds since the viewer was reached.

    Attributes:
        pictures: per camera (time, delay): when a picture had been decoded, and seconds since it
            had arrived at the machine.
        memory: (time, bytes): resident memory of all processes of the system together.
    """

    pictures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def after(self, seconds: float) -> Recording:
        """What was observed from a moment on."""
        return Recording(
            {c: [p for p in seen if p[0] >= seconds] for c, seen in self.pictures.items()},
            [sample for sample in self.memory if sample[0] >= seconds],
        )


@contextmanager
def running(site: Site, folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The site, live, with its viewer on a free port: its process and the viewer's address.

    Args:
        site: the settings; the viewer's port is replaced.
        folder: gets the settings and a log.
    """
    viewer = site.viewer.model_copy(update={"host": "127.0.0.1", "port": 0, "token": None})
    cameras = write_settings(site.model_copy(update={"viewer": viewer}), folder)
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, str(COMMAND), f"--cameras={cameras}"],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield psutil.Process(process.pid), _address(process, log)
    finally:
        process.terminate()
        process.wait(timeout=30)


def observe(process: psutil.Process, address: str, *, seconds: float) -> Recording:
    """Watches every camera for so many seconds and samples memory once a second."""
    recording = Recording()
    begin = time.time()
    with connect(address.replace("http", "ws", 1) + "live", max_size=None) as socket:
        watching = threading.Thread(target=_watch, args=(socket, recording, begin))
        watching.start()
        while (now := time.time() - begin) < seconds:
            recording.memory.append((now, _resident(process)))
            time.sleep(_SAMPLE_SECONDS)
    watching.join()
    if not recording.pictures:
        raise HandoffError("benchmark: expected pictures of a camera, found none")
    return recording


def summary(recording: Recording) -> str:
    """Delays per camera and memory, as a table."""
    rows = [_delays(camera, seen) for camera, seen in recording.pictures.items()]
    delays = markdown(["camera", "pictures/s", "median ms", "95 % ms", "longest ms"], rows)
    times, sizes = np.array(recording.memory).T
    growth = np.polyfit(times / 60, sizes / _MIB, 1)[0]
    figures = [f"{size / _MIB:.0f}" for size in (sizes[0], sizes[-1], sizes.max())]
    memory = markdown(
        ["", "at first MiB", "at last MiB", "at most MiB", "growth MiB/min"],
        [["memory", *figures, f"{growth:.2f}"]],
    )
    return f"{delays}\n\n{memory}"


def plot(recording: Recording, path: Path) -> None:
    """Delays and memory over time, one above the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for camera, seen in recording.pictures.items():
        times, delays = np.array(seen).reshape(-1, 2).T
        above.plot(times / 60, 1000 * delays, ".", markersize=2, label=camera)
    above.set(ylabel="arrival to client, ms")
    above.legend()
    times, sizes = np.array(recording.memory).T
    below.plot(times / 60, sizes / _MIB)
    below.set(xlabel="minutes", ylabel="memory, MiB")
    for axes in (above, below):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    FigureCanvasAgg(figure).print_png(str(path))


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


def _watch(socket: ClientConnection, recording: Recording, begin: float) -> None:
    """Decodes and confirms pictures until the connection closes."""
    try:
        for message in socket:
            if isinstance(message, bytes):
                _take(socket, message, recording, begin)
    except ConnectionClosed:
        pass


def _take(socket: ClientConnection, message: bytes, recording: Recording, begin: float) -> None:
    header = decode_header(message)
    start = 4 + int.from_bytes(message[:4], "big")
    cv2.imdecode(np.frombuffer(message, np.uint8, offset=start), cv2.IMREAD_COLOR)
    now = time.time()
    camera = str(header["camera"])
    delay = now - float(str(header["arrival"]))
    recording.pictures.setdefault(camera, []).append((now - begin, delay))
    socket.send(json.dumps({"type": "shown", "cameras": [camera]}))


def _resident(process: psutil.Process) -> float:
    """Resident memory of a process and all it has started, in bytes; shared pages count again."""
    total = 0.0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _delays(camera: str, seen: list[tuple[float, float]]) -> list[str]:
    times, delays = np.array(seen).T
    rate = (len(times) - 1) / (times[-1] - times[0])
    figures = (np.median(delays), np.percentile(delays, 95), delays.max())
    return [camera, f"{rate:.2f}", *(f"{1000 * value:.0f}" for value in figures)]


def main(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long to watch.")] = 10.0,
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
    output: Annotated[Path | None, typer.Option(help="Write a plot to this PNG file.")] = None,
    settle: Annotated[float, typer.Option(help="Seconds left out at the beginning.")] = 10.0,
) -> None:
    """Measures the delay from arrival to a client, and memory over time."""
    try:
        site = load_site(cameras)
        with (
            tempfile.TemporaryDirectory(prefix="handoff-benchmark-") as folder,
            running(site, Path(folder)) as (process, address),
        ):
            recording = observe(process, address, seconds=60 * minutes).after(settle)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if output is not None:
        plot(recording, output)
    print(summary(recording))
    print(f"\nMachine: {describe_machine()}")


if __name__ == "__main__":
    typer.run(main)
