"""How many heads `privacy: faces` covers on the demo site, by its published ground truth.

    python -m benchmarks.privacy --ground-truth pets09_s2l1.gt.txt --detector ssdlite

A head is taken to be the middle of the top seventh of a person's box, as wide as it is high. It
counts as covered if 95 % of it lies in parts that are pixelated. The columns tell what covers it:
the boxes of people who are followed; whatever the detector takes for a person as well; and in
addition what the tracker presumes and what was there a moment ago, which is what the system does.
Then what of all boxes' area `privacy: persons` covers, how much of the pictures is pixelated, and
how long that takes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.machine import describe_machine, markdown
from engines.zoo import resolve_detector
from pipeline.config import DetectorSettings, Site, load_site
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.errors import HandoffError
from pipeline.ingest import read_recordings
from pipeline.mot import Table
from pipeline.privacy_settings import PrivacySettings
from pipeline.track import Tracker
from pipeline.truth import load_truth
from pipeline.veil import Veil, head_parts
from pipeline.vet import Vetting
from pipeline.whereabouts import Whereabouts

DEMO = Path(__file__).parents[1] / "cams.yaml"
HEADER = (
    "detector", "heads", "tracks alone", "+ all detections", "+ presumed and past", "persons",
    "pixelated", "ms per picture",
)  # fmt: skip
_HEAD = 1 / 7  # of a person's height
_COVERED = 0.95

Boxes = NDArray[np.float32]


@dataclass(slots=True)
class Count:
    """What was found.

    Attributes:
        heads: whether each head was covered, by what covered it.
        persons: share of each person's box that `persons` covers.
        pixelated: share of each picture that `faces` pixelates.
        seconds: what that took.
    """

    heads: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    persons: list[float] = field(default_factory=list)
    pixelated: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def take(self, frame: Frame, truth: Boxes, known: Mapping[str, Boxes]) -> None:
        """Compares a picture's people with what is known of them; the last is what is built."""
        for how, boxes in known.items():
            covered = painted(head_parts(boxes), frame.size)
            self.heads[how] += [share(covered, head) >= _COVERED for head in heads(truth)]
        everybody = painted(boxes, frame.size)
        self.persons += [share(everybody, box) for box in truth]
        self.pixelated.append(float(covered.mean()))
        image, veil = frame.image.copy(), Veil(PrivacySettings(people="faces"))
        began = time.perf_counter()
        veil.cover(image, boxes)
        self.seconds.append(time.perf_counter() - began)

    def row(self, detector: str) -> list[str]:
        """The figures as text."""
        shares = [f"{100 * np.mean(covered):.1f} %" for covered in self.heads.values()]
        number = len(next(iter(self.heads.values())))
        rest = [f"{100 * np.mean(each):.1f} %" for each in (self.persons, self.pixelated)]
        return [detector, str(number), *shares, *rest, f"{1000 * np.median(self.seconds):.2f}"]


def heads(people: Boxes) -> Boxes:
    """Where the heads of standing people are, float32[n, 4]."""
    size = _HEAD * (people[:, 3] - people[:, 1])
    left, top = (people[:, 0] + people[:, 2] - size) / 2, people[:, 1]
    return np.column_stack([left, top, left + size, top + size]).astype(np.float32)


def painted(boxes: Boxes, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels of a picture lie in boxes, bool[H, W]."""
    mask = np.zeros((size[1], size[0]), bool)
    for left, top, right, bottom in boxes.clip(0).round().astype(int):
        mask[top:bottom, left:right] = True
    return mask


def share(mask: NDArray[np.bool_], box: Boxes) -> float:
    """Part of a box's pixels inside the picture that are painted; of no pixels, all."""
    left, top, right, bottom = box.clip(0).round().astype(int)
    part = mask[top:bottom, left:right]
    return float(part.mean()) if part.size else 1.0


class Watcher:
    """One camera's tracker, and what it and the detector know of a picture."""

    def __init__(self, site: Site, camera: str) -> None:
        fps = site.cameras[camera].fps or 25.0
        self._tracker = Tracker(camera, site.tracker, fps=fps)
        self._vetting = Vetting(certain=site.tracker.certain)
        self._whereabouts = Whereabouts()

    def look(self, frame: Frame, detector: Detector) -> dict[str, Boxes]:
        """Boxes of people by how much is taken for one, in the order of the columns."""
        (found,) = detector.detect([frame])
        confirmed = self._tracker.update(frame, found)
        tracks, _ = self._vetting.update(frame, confirmed, self._tracker.recovered)
        boxes = found.xyxy.astype(np.float32)
        everybody = self._whereabouts.update(frame.time, boxes, self._tracker.presumed)
        return {
            "tracks": tracks.xyxy.astype(np.float32),
            "detections": boxes,
            "everybody": everybody,
        }


def measure(site: Site, detector: Detector, truth: Mapping[str, Table]) -> Count:
    """Goes through the site's recordings."""
    count = Count()
    watchers = {camera: Watcher(site, camera) for camera in site.enabled_cameras}
    for frames in read_recordings(site.enabled_cameras):
        for frame in frames:
            people = truth[frame.camera].at(frame.index + 1).xyxy.astype(np.float32)
            count.take(frame, people, watchers[frame.camera].look(frame, detector))
    return count


def main(
    ground_truth: Annotated[Path, typer.Option(help="The published ground truth.")],
    detector: Annotated[list[str], typer.Option(help="Name or file; may be repeated.")],
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = DEMO,
) -> None:
    """Measures and prints one row per detector."""
    try:
        site = load_site(cameras)
        truth = load_truth(site, [str(ground_truth)])
        rows = []
        for name in detector:
            settings = DetectorSettings(**{**site.detector.model_dump(), "model": name})
            model = Detector(resolve_detector(name).path, settings=settings)
            rows.append(measure(site, model, truth).row(Path(name).stem))
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    print(markdown(HEADER, rows))
    print(f"\nMachine: {describe_machine()}")


if __name__ == "__main__":
    typer.run(main)
