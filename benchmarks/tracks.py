"""What the tracks within one camera are worth, and how much perfect linking could make of them.

    python -m benchmarks.tracks --data ../shared/data/tracking --cache DIR \
        --detector ssdlite --detector ../shared/data/weights/yolox_nano.onnx

Each clip at its full frame rate and at a quarter of it, MOT16-09 also cut into three views that do
not overlap. Detections and the features of crops are kept in the cache, so that a second run costs
little more than the tracking itself. With `--ground-truth` the demo site is measured as well; no
constant is ever chosen by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import supervision as sv
import typer
from numpy.typing import NDArray

from benchmarks.ceilings import HEADER, Worth, worth
from benchmarks.machine import describe_machine, markdown
from engines.zoo import resolve_detector
from pipeline.config import DEFAULT_NETWORK, CameraSettings, DetectorSettings, Site, load_site
from pipeline.data import Frame, Sighting
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights
from pipeline.errors import HandoffError
from pipeline.ingest import probe, read_recordings
from pipeline.mot import Table
from pipeline.offline import Rows
from pipeline.perceive import Perception
from pipeline.truth import load_truth

RATES = (1, 4)
"""Every picture, and every fourth."""

Views = Mapping[str, tuple[int, int, int, int] | None]
"""Cameras a picture is cut into: region [x, y, width, height] by name; None: all of it."""

_MOT16_VIEWS: Views = {
    "left": (0, 0, 600, 1080),
    "middle": (660, 0, 600, 1080),
    "right": (1320, 0, 600, 1080),
}


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with ground truth, as one camera or several.

    Attributes:
        name: what the table calls it.
        site: its cameras, each with its ground truth.
        people: which numbers of the ground truth are one person, or None: each is one.
    """

    name: str
    site: Site
    people: Path | None = None

    def truth(self, every: int) -> dict[str, Table]:
        """Ground truth by camera, of every so many pictures, numbered from 1 without gaps."""
        truth = load_truth(self.site, people=self.people)
        return {camera: thinned(table, every) for camera, table in truth.items()}

    def pictures(self) -> Iterator[list[Frame]]:
        """The pictures of all cameras, as the offline mode reads them."""
        return read_recordings(self.site.enabled_cameras)

    @property
    def fps(self) -> float:
        """Pictures a second."""
        camera = next(iter(self.site.enabled_cameras.values()))
        return camera.fps or probe(camera.source).fps


def clips(data: Path) -> list[Clip]:
    """The clips constants may be chosen by."""
    return [
        _clip("MOT16-09", data / "mot16_09", {"whole": None}),
        _clip("MOT16-09 in three views", data / "mot16_09", _MOT16_VIEWS),
        _clip("TUD-Stadtmitte", data / "tud_stadtmitte", {"street": None}),
        _clip("TUD-Campus", data / "tud_campus", {"campus": None}),
    ]


def _clip(name: str, stem: Path, views: Views) -> Clip:
    cameras = {
        view: CameraSettings(
            source=str(stem.with_suffix(".mp4").resolve()),
            region=None if region is None else list(region),  # type: ignore[arg-type]
            ground_truth=stem.with_suffix(".gt.txt").resolve(),
        )
        for view, region in views.items()
    }
    return Clip(name, Site(cameras=cameras))


def thinned(table: Table, every: int) -> Table:
    """The rows of every so many pictures, which are numbered anew."""
    kept = table[(table.frame - 1) % every == 0]
    return Table.build(
        frame=(kept.frame - 1) // every + 1, identity=kept.identity, xyxy=kept.xyxy,
        confidence=kept.confidence, category=kept.category,
    )  # fmt: skip


class Remembered:
    """Results of a network by what it was asked, kept in a file.

    Args:
        path: the file, NumPy's `.npz`; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, NDArray[np.float32]] = {}
        self._grown = False
        if path is not None and path.is_file():
            with np.load(path) as stored:
                self._known = {key: stored[key] for key in stored.files}

    def ask(
        self, keys: Sequence[str], work: Callable[[list[int]], Sequence[NDArray[np.float32]]]
    ) -> list[NDArray[np.float32]]:
        """The result for each key; `work` is given the positions of those not known yet."""
        missing = [i for i, key in enumerate(keys) if key not in self._known]
        if missing:
            self._grown = True
            for i, result in zip(missing, work(missing), strict=True):
                self._known[keys[i]] = result
        return [self._known[key] for key in keys]

    def save(self) -> None:
        """Writes the file, if there is anything new."""
        if self._grown and self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._path, **self._known)  # type: ignore[arg-type]


class RememberedNetwork(Network):
    """A network that goes over no crop twice, not even in another run."""

    def __init__(self, weights: Path, cache: Path | None) -> None:
        super().__init__(weights)
        self._remembered = Remembered(cache and cache / f"{self.id}.npz")

    def features(
        self, crops: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Network.features`."""

        def work(missing: list[int]) -> list[NDArray[np.float32]]:
            x, e = super(RememberedNetwork, self).features([crops[i] for i in missing])
            return list(np.concatenate([x, e[..., None]], axis=2))

        both = np.stack(self._remembered.ask([_digest(crop) for crop in crops], work))
        return both[..., :-1], both[..., -1]

    def save(self) -> None:
        """Keeps what was new."""
        self._remembered.save()


class RememberedDetector:
    """A detector that looks at no picture of a clip twice."""

    def __init__(self, model: str, cache: Path | None) -> None:
        path, _ = resolve_detector(model)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        self.name = Path(model).stem
        self._detector = Detector(path, settings=DetectorSettings())
        self._remembered = Remembered(cache and cache / f"{self.name}@{digest}.npz")

    def detect(self, clip: str, frames: Sequence[Frame]) -> list[sv.Detections]:
        """See `Detector.detect`."""

        def work(missing: list[int]) -> list[NDArray[np.float32]]:
            found = self._detector.detect([frames[i] for i in missing])
            return [
                np.column_stack((each.xyxy, each.confidence)).astype(np.float32)  # type: ignore[arg-type]
                for each in found
            ]

        keys = [f"{clip}/{frame.camera}/{frame.index}" for frame in frames]
        return [_people(rows) for rows in self._remembered.ask(keys, work)]

    def save(self) -> None:
        """Keeps what was new."""
        self._remembered.save()


def _people(rows: NDArray[np.float32]) -> sv.Detections:
    return sv.Detections(xyxy=rows[:, :4], confidence=rows[:, 4], class_id=np.zeros(len(rows), int))


def _digest(crop: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(repr(crop.shape).encode() + crop.tobytes(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Boxes:
    """Boxes of one camera as they come in, to be made a table of."""

    frame: list[int] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    xyxy: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frame: int, boxes: sv.Detections, names: Sequence[str]) -> None:
        """Takes the boxes of one picture, numbered from 0."""
        self.frame += [frame + 1] * len(boxes)
        self.name += names
        self.xyxy += list(boxes.xyxy)

    def table(self) -> Table:
        """The table, each name a number of its own."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(self.name))}
        return Table.build(
            frame=self.frame, identity=[numbers[n] for n in self.name], xyxy=self.xyxy
        )


class Run:
    """One clip through one detector's boxes at one rate."""

    def __init__(self, clip: Clip, detector: RememberedDetector, network: Network, every: int):
        self.clip, self.detector, self.every = clip, detector, every
        cameras = list(clip.site.enabled_cameras)
        rates = dict.fromkeys(cameras, clip.fps / every)
        self._perception = Perception(
            clip.site, detector._detector, Embedder(network), run="x", fps=rates
        )
        self._found = {camera: Rows() for camera in cameras}
        self._given = {camera: Boxes() for camera in cameras}

    def take(self, frames: Sequence[Frame]) -> None:
        """Takes a moment's pictures, if their turn comes at this rate."""
        if frames[0].index % self.every:
            return
        detections = self.detector.detect(self.clip.name, frames)
        for frame, people in zip(frames, detections, strict=True):
            names = [f"{frame.index}/{i}" for i in range(len(people))]
            self._given[frame.camera].add(frame.index // self.every, people, names)
        observations, sightings = self._perception.follow(frames, detections)
        for seen in observations:
            self._found[seen.frame.camera].observe(seen)
        self._hear(sightings)

    def _hear(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self._found[sighting.camera].hear(sighting)

    def worth(self) -> Worth:
        """What came of it."""
        self._hear(self._perception.close())
        found = {camera: self._tracks(rows) for camera, rows in self._found.items()}
        given = {camera: boxes.table() for camera, boxes in self._given.items()}
        return worth(found, given, self.clip.truth(self.every))

    def _tracks(self, rows: Rows) -> Table:
        numbers = {name: number for number, name in enumerate(dict.fromkeys(rows.tracklets))}
        return thinned(rows.table(numbers), self.every)

    def row(self) -> list[str]:
        """A row of the table."""
        rate = f"{self.clip.fps / self.every:.1f}"
        return [self.clip.name, rate, self.detector.name, *self.worth().row()]


def measure(
    clip: Clip, detectors: Sequence[RememberedDetector], network: Network, rates: Sequence[int]
) -> list[list[str]]:
    """Reads a clip once and follows it with every detector at every rate."""
    runs = [Run(clip, detector, network, every) for detector in detectors for every in rates]
    for frames in clip.pictures():
        for run in runs:
            run.take(frames)
    return [run.row() for run in runs]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the clips and their ground truth.")],
    detector: Annotated[list[str] | None, typer.Option(help="Name or path; repeatable.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Keeps detections and features.")] = None,
    ground_truth: Annotated[
        Path | None, typer.Option(help="MOTChallenge ground truth of the demo site.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Which of its numbers are one person, YAML.")
    ] = None,
    cameras: Annotated[Path, typer.Option(help="The demo site.")] = Path("cams.yaml"),
) -> None:
    """Follows every clip and prints one table."""
    try:
        detectors = [RememberedDetector(name, cache) for name in detector or ["auto"]]
        network = RememberedNetwork(find_weights(DEFAULT_NETWORK), cache)
        rows = [row for clip in clips(data) for row in measure(clip, detectors, network, RATES)]
        if ground_truth is not None:
            rows += measure(_demo(cameras, ground_truth, people), detectors, network, (1,))
    except HandoffError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    network.save()
    for each in detectors:
        each.save()
    print(markdown(("clip", "fps", "detector", *HEADER), rows))
    print(f"\nMachine: {describe_machine()}")


def _demo(cameras: Path, ground_truth: Path, people: Path | None) -> Clip:
    site = load_site(cameras)
    with_truth = {
        name: camera.model_copy(update={"ground_truth": ground_truth.resolve()})
        for name, camera in site.enabled_cameras.items()
    }
    return Clip("demo site", site.model_copy(update={"cameras": with_truth}), people)


if __name__ == "__main__":
    typer.run(main)
