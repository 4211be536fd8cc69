"""Records a world: a video per camera, the truth about it, and a cams.yaml that runs it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np

from pipeline.evaluate import counted
from pipeline.mot import Table, read_table, write_table

from .motion import Motion
from .scene import Box, Figure, Scene
from .scenery import Image
from .sight import Faults, clock_offsets
from .site import World
from .wardrobe import Outfit, outfit

SEEN = 0.3
"""Who is seen to a lesser part is not counted: neither to be found, nor wrong if found."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """How a world is filmed.

    Attributes:
        fps: pictures per second.
        size: width and height, pixels.
        lookalikes: share of people in dark coats.
        clock: seconds by which a camera's clock is wrong at most.
        suffix: `.mp4`, or `.h264` for the bare stream an RTSP server plays.
    """

    fps: int = 10
    size: tuple[int, int] = (640, 360)
    lookalikes: float = 0.3
    clock: float = 0.2
    suffix: str = ".mp4"


class Cast:
    """Everybody who walks through a world, as they are drawn."""

    def __init__(self, world: World, film: Film) -> None:
        seed = world.spec.seed
        ways = list(world.ways())
        self._motions = [(person, Motion(times, places)) for person, times, places in ways]
        self.outfits: dict[int, Outfit] = {
            person: outfit(person, seed, lookalikes=film.lookalikes) for person, _, _ in ways
        }
        self._known: dict[float, list[Figure]] = {}

    def figures(self, time: float) -> list[Figure]:
        """Everybody on the site, so many seconds since its beginning."""
        if time not in self._known:  # every camera asks for the same moments
            self._known[time] = [
                Figure(person, self.outfits[person], motion.pose(time))
                for person, motion in self._motions
                if motion.begin <= time <= motion.end
            ]
        return self._known[time]


def record(world: World, folder: Path, film: Film | None = None) -> Path:
    """Films a world.

    Writes into the folder: `<camera>.mp4`; `<camera>.gt.txt`, MOTChallenge boxes in which a person
    has one number in all cameras, confidence 0 marking who is hardly seen; `positions.csv`, where
    everybody is at each moment; `visits.csv`; `cams.yaml`. Picture n of every camera is of the
    same moment; each shows n (see `world.strip`).

    Args:
        world: who walks where.
        folder: is made if it is not there.
        film: how it is filmed.

    Returns:
        the path of cams.yaml.
    """
    film = film or Film()
    folder.mkdir(parents=True, exist_ok=True)
    cast = Cast(world, film)
    for number, camera in enumerate(world.plan.cameras):
        scene = Scene(camera, number, film.size, world.spec.seed)
        _film(scene, cast, world, film, folder / camera.name)
    _write_positions(cast, world, film, folder / "positions.csv")
    _write_visits(world, folder / "visits.csv")
    return write_settings(world, film, folder)


def _film(scene: Scene, cast: Cast, world: World, film: Film, path: Path) -> None:
    """One camera's video and boxes."""
    rows: list[tuple[int, Box]] = []

    def pictures() -> Iterator[Image]:
        for number in range(round(world.spec.seconds * film.fps)):
            image, boxes = scene.picture(cast.figures(number / film.fps), number)
            rows.extend((number + 1, box) for box in boxes)
            yield image

    encode(pictures(), path.with_suffix(film.suffix), film, scene.light.quality)
    table = Table.build(
        frame=[frame for frame, _ in rows],
        identity=[box.person + 1 for _, box in rows],
        xyxy=[box.xyxy for _, box in rows],
        confidence=np.array([float(box.visible >= SEEN) for _, box in rows]),
    )
    write_table(table, path.with_suffix(".gt.txt"))


def encode(pictures: Iterator[Image], path: Path, film: Film, quality: int) -> None:
    """Encodes pictures as H.264; the same bytes for the same pictures."""
    options = {
        "preset": "veryfast",
        "crf": str(quality),
        "x264-params": f"aud=1:keyint={2 * film.fps}:bframes=0:threads=1",
    }
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=film.fps, options=options)
        stream.width, stream.height = film.size
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _write_positions(cast: Cast, world: World, film: Film, path: Path) -> None:
    with path.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["frame", "time", "person", "x", "y"])
        for number in range(round(world.spec.seconds * film.fps)):
            time = number / film.fps
            for figure in cast.figures(time):
                x, y = figure.pose.place
                moment = f"{world.spec.start + time:.3f}"
                writer.writerow([number + 1, moment, figure.person + 1, f"{x:.3f}", f"{y:.3f}"])


def _write_visits(world: World, path: Path) -> None:
    with path.open("w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["person", "camera", "begin", "end"])
        for visit in world.visits():
            times = f"{visit.begin:.3f}", f"{visit.end:.3f}"
            writer.writerow([visit.person + 1, visit.camera, *times])


def write_settings(
    world: World, film: Film, folder: Path, sources: Sequence[str] | None = None
) -> Path:
    """Writes the cams.yaml of a recorded world, or of one that is served from these URLs."""
    offsets = clock_offsets(world.plan, world.spec, Faults(clock=film.clock))
    lines = ["site: world", "cameras:"]
    for number, camera in enumerate(world.plan.cameras):
        lines.append(f"  {camera.name}:")
        if sources is not None:
            lines.append(f"    source: {sources[number]}")
            continue
        start = datetime.fromtimestamp(world.spec.start + offsets[number], UTC)
        lines.append(f"    source: {camera.name}{film.suffix}")
        lines.append(f"    start: {start.isoformat(timespec='milliseconds')}")
        truth = folder / f"{camera.name}.gt.txt"
        if counted(read_table(truth)).any():  # with nobody to be found, nothing can be measured
            lines.append(f"    ground_truth: {truth.name}")
    path = folder / "cams.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
