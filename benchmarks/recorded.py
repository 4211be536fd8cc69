"""Recordings with ground truth, gone through once: what the nodes sent, and who was where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import supervision as sv

from engines.zoo import resolve_detector
from pipeline.config import Site, load_site
from pipeline.data import Frame, Sighting
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network, find_weights
from pipeline.evaluate import Evaluation, box_iou, counted, evaluate, match_boxes
from pipeline.ingest import read_recordings
from pipeline.mot import Table
from pipeline.offline import Rows
from pipeline.perceive import Perception
from pipeline.truth import load_truth

PEOPLE = Path(__file__).with_name("pets09_people.yaml")
_MOT16_VIEWS = {
    "left": [0, 0, 500, 1080],
    "middle": [710, 0, 500, 1080],
    "right": [1420, 0, 500, 1080],
}
"""People are up to 200 pixels wide there: nobody is in two views at once."""
_NOBODY = 1_000_000  # numbers from here on are tracklets that lie on nobody
_SURE = 0.9

Detect = Callable[[Sequence[Frame]], list[sv.Detections]]


@dataclass(frozen=True, slots=True)
class Where:
    """A site of recordings and its ground truth, by camera."""

    name: str
    site: Site
    truth: dict[str, Table]


@dataclass(slots=True)
class Recording:
    """What came of a site's recordings before anybody was matched.

    Attributes:
        truth: ground truth by camera.
        batches: the sightings of each moment.
        rows: all boxes by camera.
    """

    truth: dict[str, Table]
    batches: list[list[Sighting]] = field(default_factory=list)
    rows: dict[str, Rows] = field(default_factory=lambda: defaultdict(Rows))

    @property
    def last(self) -> dict[str, Sighting]:
        """The last sighting of each tracklet."""
        return {sighting.tracklet: sighting for batch in self.batches for sighting in batch}

    def take(self, sightings: list[Sighting]) -> None:
        """Takes the sightings of a moment, after its boxes."""
        self.batches.append(sightings)
        for sighting in sightings:
            self.rows[sighting.camera].hear(sighting)

    def evaluate(self, identities: Mapping[str, int]) -> Evaluation:
        """Scores of tracklets under these identities.

        Of two boxes in one frame with the same identity the second belongs to nobody.
        """
        return evaluate({c: _table(self.rows[c], identities) for c in self.truth}, self.truth)

    def perfect(self) -> dict[str, int]:
        """Each tracklet under the number of the person most of its boxes lie on.

        The later of two tracklets of a person in one frame lies on nobody.
        """
        found = dict(_owners(self))
        return {name: found.get(name, _NOBODY + i) for i, name in enumerate(sorted(self.last))}


def sites(data: Path, names: Iterable[str]) -> Iterator[Where]:
    """The sites that can be measured, from a folder of clips with ground truth."""
    for name in names:
        if name == "pets09":
            site = load_site(Path(__file__).parents[1] / "cams.yaml")
            truth = load_truth(site, [str(data / "pets09_s2l1.gt.txt")], people=PEOPLE)
        else:
            video = str(data / f"{name}.mp4")
            views = {
                view: {"source": video, "region": region, "fps": 30}
                for view, region in _MOT16_VIEWS.items()
            }
            site = Site.model_validate({"site": name, "cameras": views})
            truth = load_truth(site, [str(data / f"{name}.gt.txt")])
        yield Where(name, site, truth)


def record(where: Where, model: str) -> Recording:
    """Goes through a site's recordings.

    Args:
        where: the site.
        model: detector by name or path; `truth` for perfect boxes.
    """
    recording = Recording(where.truth)
    network = Network(find_weights(where.site.network.weights))
    cameras = where.site.enabled_cameras
    detect = _perfect_boxes(where.truth) if model == "truth" else _detector(where.site, model)
    perception = Perception(
        where.site,
        Detector(resolve_detector("ssdlite").path, settings=where.site.detector),
        Embedder(network, refresh=where.site.network.refresh),
        run="recorded",
        fps={name: camera.fps or 25.0 for name, camera in cameras.items()},
    )
    for frames in read_recordings(cameras):
        observations, sightings = perception.follow(frames, detect(frames))
        for observation in observations:
            recording.rows[observation.frame.camera].observe(observation)
        recording.take(sightings)
    recording.take(perception.close())
    return recording


def _table(rows: Rows, identities: Mapping[str, int]) -> Table:
    decided = [i for i, tracklet in enumerate(rows.tracklets) if tracklet in identities]
    frame = np.array([rows.frames[i] for i in decided], np.int64)
    identity = np.array([identities[rows.tracklets[i]] for i in decided], np.int64)
    _, first = np.unique(np.column_stack([frame, identity]), axis=0, return_index=True)
    again = np.setdiff1d(np.arange(len(frame)), first)
    identity[again] = 2 * _NOBODY + again
    return Table.build(frame=frame, identity=identity, xyxy=[rows.boxes[i] for i in decided])


def _detector(site: Site, model: str) -> Detect:
    return Detector(resolve_detector(model).path, settings=site.detector).detect


def _perfect_boxes(truth: Mapping[str, Table]) -> Detect:
    people = {camera: table[counted(table)] for camera, table in truth.items()}
    return lambda frames: [_found(people[frame.camera].at(frame.index + 1)) for frame in frames]


def _found(table: Table) -> sv.Detections:
    return sv.Detections(
        xyxy=table.xyxy.astype(np.float32),
        confidence=np.full(len(table), _SURE, np.float32),
        class_id=np.zeros(len(table), int),
    )


def _owners(recording: Recording) -> Iterator[tuple[str, int]]:
    for camera, truth in recording.truth.items():
        rows, people = recording.rows[camera], truth[counted(truth)]
        votes: dict[str, Counter[int]] = defaultdict(Counter)
        frames = np.array(rows.frames)
        for frame in np.unique(frames):
            here, true = np.flatnonzero(frames == frame), people.at(int(frame))
            boxes = np.array([rows.boxes[i] for i in here], np.float64)
            for i, j in zip(*match_boxes(box_iou(true.xyxy, boxes)), strict=True):
                votes[rows.tracklets[here[j]]][int(true.identity[i])] += 1
        yield from _without_doubles(votes, rows)


def _without_doubles(votes: Mapping[str, Counter[int]], rows: Rows) -> Iterator[tuple[str, int]]:
    """Of several tracklets of a person that share a frame, the one that lies on them most."""
    frames: dict[str, set[int]] = defaultdict(set)
    for frame, tracklet in zip(rows.frames, rows.tracklets, strict=True):
        frames[tracklet].add(frame)
    taken: dict[int, set[int]] = defaultdict(set)
    ranked = sorted(votes.items(), key=lambda item: -item[1].most_common(1)[0][1])
    for tracklet, counts in ranked:
        ((person, _),) = counts.most_common(1)
        if taken[person].isdisjoint(frames[tracklet]):
            taken[person] |= frames[tracklet]
            yield tracklet, person
