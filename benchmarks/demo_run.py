"""A site of cams.yaml as a client sees it: how soon its pictures come, and what memory it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.machine import markdown
from benchmarks.site_run import sample_memory, watching
from pipeline.errors import HandoffError

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Recording:
    """What was observed of a site; times in seconds since the epoch, and since the beginning."""

    pictures: dict[str, list[tuple[float, float]]]
    memory: list[tuple[float, float]]


def observe(process: psutil.Process, address: str, *, seconds: float, settle: float) -> Recording:
    """Watches every camera for so many seconds and samples memory once a second."""
    with watching(address) as watch:
        time.sleep(settle)
        begin = time.time()
        memory = sample_memory(process, seconds)
    seen = watch.between(begin, time.time()).pictures
    if not any(len(pictures) > 1 for pictures in seen.values()):
        raise HandoffError("benchmark: expected pictures of a camera, found none")
    return Recording(seen, memory)


def summary(recording: Recording) -> str:
    """Delays per camera and memory, as a table."""
    rows = [_delays(camera, seen) for camera, seen in recording.pictures.items() if len(seen) > 1]
    delays = markdown(["camera", "pictures/s", "median ms", "95 % ms", "longest ms"], rows)
    times, sizes = np.array(recording.memory).T
    growth = np.polyfit(times / 60, sizes / _MIB, 1)[0]
    figures = [f"{size / _MIB:.0f}" for size in (sizes[0], sizes[-1], sizes.max())]
    memory = markdown(
        ["", "at first MiB", "at last MiB", "at most MiB", "growth MiB/min"],
        [["memory", *figures, f"{growth:.2f}"]],
    )
    return f"{delays}\n\n{memory}"


def _delays(camera: str, seen: list[tuple[float, float]]) -> list[str]:
    times, delays = np.array(seen).T
    rate = (len(times) - 1) / (times[-1] - times[0])
    figures = (np.median(delays), np.percentile(delays, 95), delays.max())
    return [camera, f"{rate:.2f}", *(f"{1000 * value:.0f}" for value in figures)]


def plot_recording(recording: Recording, path: Path) -> None:
    """Delays and memory over time, one above the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    begin = min(seen[0][0] for seen in recording.pictures.values() if seen)
    for camera, seen in recording.pictures.items():
        times, delays = np.array(seen).reshape(-1, 2).T
        above.plot((times - begin) / 60, 1000 * delays, ".", markersize=2, label=camera)
    above.set(ylabel="arrival to client, ms")
    above.legend()
    times, sizes = np.array(recording.memory).T
    below.plot(times / 60, sizes / _MIB)
    below.set(xlabel="minutes", ylabel="memory, MiB")
    for axes in (above, below):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    FigureCanvasAgg(figure).print_png(str(path))
