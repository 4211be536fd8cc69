"""How many cameras a machine carries live, and how soon a client sees their pictures.

    python -m benchmarks.live --output docs/live.png             1, 2, 4, 8, 16, 32 RTSP cameras
    python -m benchmarks.live --demo --minutes 5 --output demo.png           the site of cams.yaml
    python -m benchmarks.live --files --detector FILE.onnx --count 16        without an RTSP server

Runs the command a user runs and connects to its viewer as a browser does: it decodes every picture
and confirms it before the next is sent. Only what a browser does after decoding, drawing, is
missing. The cameras are simulated: H.264, 640×360, 10 pictures a second, all from one server on
this same machine, each at another place of the same clip; with `--files` they are recordings
played live, and all their pictures are analysed. Delays count from the moment a picture
has reached the node; a recording played live "arrives" when its picture is due.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import psutil
import typer

from benchmarks.cameras import FPS, CameraServer, Recordings, encode_clip
from benchmarks.demo_run import observe, plot_recording, summary
from benchmarks.load import HEADER, Flow, Load, plot, verdict
from benchmarks.machine import describe_machine, markdown
from benchmarks.site_run import Watch, members, running, sample_memory, watching
from pipeline.config import CameraSettings, DetectorSettings, NetworkSettings, Site, load_site
from pipeline.errors import HandoffError

_COUNTS = (1, 2, 4, 8, 16, 32)

Cameras = CameraServer | Recordings


@dataclass(frozen=True, slots=True)
class Setup:
    """How the simulated sites are measured.

    Attributes:
        seconds: how long.
        settle: seconds left out before, once all cameras run.
        fps: pictures per camera and second that are analysed at most.
        weights: name of the network.
        tiles: as in cams.yaml; `auto` cuts these pictures in two for ssdlite.
        detector: its name, or its file.
        files: the cameras are recordings instead of streams.
    """

    seconds: float
    settle: float
    fps: float
    weights: str
    tiles: Literal["auto", "off"]
    detector: str = "ssdlite"
    files: bool = False

    def __str__(self) -> str:
        pace = "files played live" if self.files else f"`fps: {self.fps:g}`"
        return (
            f"H.264 640×360, {FPS} pictures a second, {pace}; {Path(self.detector).stem}, "
            f"`tiles: {self.tiles}`; {self.weights}; {self.seconds:g} s each"
        )

    def serve(self, clip: Path, cameras: int) -> Cameras:
        """So many cameras that show a clip."""
        return Recordings(clip, cameras) if self.files else CameraServer(clip, cameras)

    def site(self, served: Cameras) -> Site:
        """A site of all these cameras."""
        how = {"loop": True} if self.files else {"fps": self.fps}
        cameras = {
            f"c{number:02}": CameraSettings(source=served.url(number), **how)
            for number in range(served.cameras)
        }
        return Site(
            site="benchmark",
            cameras=cameras,
            detector=DetectorSettings(model=self.detector, tiles=self.tiles),
            network=NetworkSettings(weights=self.weights),
        )


def measure(clip: Path, cameras: int, folder: Path, setup: Setup) -> Load:
    """Runs a site with so many cameras, which play a clip; `folder` gets settings and a log."""
    with setup.serve(clip, cameras) as server:
        site = setup.site(server)
        with running(site, folder) as (process, address), watching(address) as watch:
            _wait_for(watch, list(site.cameras))
            time.sleep(setup.settle)
            begin, before = time.time(), _cpu_seconds(process, server)
            memory = sample_memory(process, setup.seconds)
            end, after = time.time(), _cpu_seconds(process, server)
    cpu = {who: 100 * (after[who] - before.get(who, 0.0)) / (end - begin) for who in after}
    return _load(cameras, watch.between(begin, end), cpu, memory)


def _load(
    cameras: int, watch: Watch, cpu: dict[str, float], memory: list[tuple[float, float]]
) -> Load:
    pictures = sorted(picture for seen in watch.pictures.values() for picture in seen)
    if not pictures:
        raise HandoffError("benchmark: expected pictures of a camera, found none")
    flows = [Flow.between(seen) for seen in watch.statuses.values()]
    return Load(cameras, flows, np.array(pictures), cpu, memory)


def _wait_for(watch: Watch, cameras: Sequence[str], *, patience: float = 90.0) -> None:
    """Until a picture of every camera has been analysed."""
    deadline = time.monotonic() + patience
    while missing := [c for c in cameras if not _has_begun(watch, c)]:
        if time.monotonic() > deadline:
            raise HandoffError(f"benchmark: expected pictures of {missing[0]}, found none")
        time.sleep(0.2)


def _has_begun(watch: Watch, camera: str) -> bool:
    seen = watch.statuses.get(camera, [])
    return any(status["frames"] > 0 for _, status in seen)


def _cpu_seconds(process: psutil.Process, served: Cameras) -> dict[str, float]:
    """Processor time so far, by role."""
    times = {role: _spent(member) for role, member in members(process).items()}
    cameras = 0.0 if served.pid is None else _spent(psutil.Process(served.pid))
    times |= {"cameras": cameras, "client": time.process_time()}
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0)
    return times | {"others": busy - sum(times.values())}


def _spent(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def main(
    count: Annotated[
        list[int] | None, typer.Option(min=1, help="Simulated cameras; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=5.0, help="How long to measure each.")] = 60.0,
    fps: Annotated[float, typer.Option(help="Limit per camera, as `fps` in cams.yaml.")] = 5.0,
    weights: Annotated[str, typer.Option(help="Network.")] = NetworkSettings().weights,
    tiles: Annotated[bool, typer.Option(help="Cut pictures for the detector (auto).")] = True,
    detector: Annotated[str, typer.Option(help="Its name, or its file.")] = "ssdlite",
    files: Annotated[bool, typer.Option(help="Recordings played live, not streams.")] = False,
    settle: Annotated[float, typer.Option(help="Seconds left out at the beginning.")] = 10.0,
    demo: Annotated[bool, typer.Option("--demo", help="Measure a site of cams.yaml.")] = False,
    minutes: Annotated[float, typer.Option(min=0.2, help="How long, with --demo.")] = 10.0,
    cameras: Annotated[Path, typer.Option(help="Settings, with --demo.")] = Path("cams.yaml"),
    output: Annotated[Path | None, typer.Option(help="Write a plot to this PNG file.")] = None,
) -> None:
    """Measures rates, delays, processor time and memory of the live system."""
    try:
        with tempfile.TemporaryDirectory(prefix="handoff-benchmark-") as name:
            folder = Path(name)
            if demo:
                _demo(load_site(cameras), folder, 60 * minutes, settle, output)
            else:
                cut: Literal["auto", "off"] = "auto" if tiles else "off"
                setup = Setup(seconds, settle, fps, weights, cut, detector, files)
                _simulated(count or _COUNTS, folder, output, setup)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    print(f"\nMachine: {describe_machine()}")


def _demo(site: Site, folder: Path, seconds: float, settle: float, output: Path | None) -> None:
    with running(site, folder) as (process, address):
        recording = observe(process, address, seconds=seconds, settle=settle)
    if output is not None:
        plot_recording(recording, output)
    print(summary(recording))


def _simulated(counts: Sequence[int], folder: Path, output: Path | None, setup: Setup) -> None:
    clip = encode_clip(folder / ("clip.mp4" if setup.files else "clip.h264"))
    loads = []
    for count in counts:
        typer.echo(f"{count} cameras …", err=True)
        loads.append(measure(clip, count, folder / str(count), setup))
    if output is not None:
        plot(loads, output)
    print(markdown(HEADER, [load.row() for load in loads]))
    print(f"\n{verdict(loads)}\n\nCameras: {setup}. CPU: 100 is one core.")


if __name__ == "__main__":
    typer.run(main)
