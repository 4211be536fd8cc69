"""What simpler systems make of the same people, for scale.

    python -m benchmarks.peers --ground-truth FILE --detector yolox_nano.onnx --reid 0277.xml

All of them get this project's detections and tracks, so only who is who differs:

- one identity per track: what a tracking library gives without matching,
- naive chain: a re-identification network averaged over each track, the nearest known identity
  if it is similar enough, else a new one; at the threshold that suits it best,
- perfect identities: every box gets the number of the person it lies on; the most that matching
  could reach on these boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import openvino
import supervision as sv
import typer
from numpy.typing import NDArray

from benchmarks.machine import markdown
from engines.zoo import resolve_detector
from pipeline.config import DetectorSettings, Site, load_site
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.errors import HandoffError
from pipeline.evaluate import Evaluation, box_iou, evaluate, match_boxes
from pipeline.ingest import read_recordings
from pipeline.mot import Table
from pipeline.track import Tracker
from pipeline.truth import load_truth
from pipeline.vet import Vetting

Moment = tuple[int, sv.Detections]
"""A frame's index and people in it, with `tracker_id`."""

_EVERY = 3  # the naive chain looks at every third box of a track
_THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(slots=True)
class Track:
    """One track of one camera: frames[N] from 1, boxes[N, 4], and embeddings of some of them."""

    camera: str
    frames: list[int] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    embeddings: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def wants_embedding(self) -> bool:
        """True for every third box."""
        return len(self.embeddings) * _EVERY <= len(self.frames)

    def meets(self, other: Track) -> bool:
        """True if both are seen by one camera at the same time, so are two people."""
        return self.camera == other.camera and not set(self.frames).isdisjoint(other.frames)


class ReidNetwork:
    """A re-identification network of the Open Model Zoo: 256×128 BGR, 0 to 255, in."""

    def __init__(self, path: Path) -> None:
        self._model = openvino.Core().compile_model(str(path), "CPU")

    def embed(self, frame: Frame, box: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embedding float32[D] of the person in a box."""
        left, top = np.maximum(box[:2], 0).astype(int)
        right, bottom = np.ceil(box[2:]).astype(int)
        person = cv2.resize(frame.image[top:bottom, left:right], (128, 256)).astype(np.float32)
        (output,) = self._model(person.transpose(2, 0, 1)[None]).values()
        return np.asarray(output, np.float32).ravel()


def follow(site: Site, detector: Detector, reid: ReidNetwork | None) -> list[Track]:
    """All tracks of all cameras, in the order in which they are confirmed."""
    tracks: dict[tuple[str, int], Track] = {}
    for frame, moments in _tracked(site, detector):
        for index, found in moments:
            numbers = np.asarray(found.tracker_id, int)
            for number, box in zip(numbers, found.xyxy, strict=True):
                track = tracks.setdefault((frame.camera, int(number)), Track(frame.camera))
                if reid and index == frame.index and track.wants_embedding:
                    track.embeddings.append(reid.embed(frame, box))
                track.frames.append(index + 1)
                track.boxes.append(box)
    return list(tracks.values())


def chain(tracks: list[Track], similarity: NDArray[np.float32], threshold: float) -> list[int]:
    """The naive chain's identity of each track, from 1.

    Args:
        tracks: N tracks in order of time.
        similarity: float32[N, N], cosine of the tracks' mean embeddings.
        threshold: similarity from which two tracks are the same person.
    """
    identities: list[int] = []
    for number, track in enumerate(tracks):
        others = [known for known in range(number) if track.meets(tracks[known])]
        taken = {identities[known] for known in others}
        free = [known for known in range(number) if identities[known] not in taken]
        nearest = max(free, key=lambda known: similarity[number, known], default=None)
        if nearest is None or similarity[number, nearest] < threshold:
            identities.append(max(identities, default=0) + 1)
        else:
            identities.append(identities[nearest])
    return identities


def similarities(tracks: list[Track]) -> NDArray[np.float32]:
    """Cosine similarity of the mean embeddings of all pairs of N tracks: float32[N, N]."""
    means = np.array([np.mean(track.embeddings, axis=0) for track in tracks])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means @ means.T, np.float32)


def tables(tracks: list[Track], identities: list[int], cameras: list[str]) -> dict[str, Table]:
    """The tracks' boxes per camera, under the identities they were given."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for track, identity in zip(tracks, identities, strict=True):
        rows[track.camera] += [
            (f, identity, *b) for f, b in zip(track.frames, track.boxes, strict=True)
        ]
    return {camera: _table(np.array(rows[camera]).reshape(-1, 6)) for camera in cameras}


def perfect(found: Table, truth: Table) -> Table:
    """The same boxes, each under the number of the person it lies on; on nobody, under its own."""
    identity = found.identity + 10_000
    for frame in np.unique(found.frame):
        here = np.flatnonzero(found.frame == frame)
        true = truth.at(int(frame))
        rows, columns = match_boxes(box_iou(true.xyxy, found.xyxy[here]))
        identity[here[columns]] = true.identity[rows]
    return Table.build(frame=found.frame, identity=identity, xyxy=found.xyxy)


def compare(tracks: list[Track], truth: Mapping[str, Table]) -> Iterator[tuple[str, Evaluation]]:
    """Every system with what it reached."""
    cameras = list(truth)
    alone = tables(tracks, list(range(1, len(tracks) + 1)), cameras)
    yield "one identity per track", evaluate(alone, truth)
    if all(track.embeddings for track in tracks):
        yield _best_chain(tracks, truth)
    yield "perfect identities", evaluate({c: perfect(alone[c], truth[c]) for c in truth}, truth)


def _best_chain(tracks: list[Track], truth: Mapping[str, Table]) -> tuple[str, Evaluation]:
    similarity = similarities(tracks)
    outcomes = {}
    for threshold in _THRESHOLDS:
        identities = chain(tracks, similarity, threshold)
        outcomes[threshold] = evaluate(tables(tracks, identities, list(truth)), truth)
    best = max(outcomes, key=lambda threshold: outcomes[threshold].across.idf1)
    return f"naive chain, threshold {best}", outcomes[best]


def _tracked(site: Site, detector: Detector) -> Iterator[tuple[Frame, list[Moment]]]:
    """Every frame with what is known since: of the frame itself, and of frames before it."""
    cameras = site.enabled_cameras
    trackers = {n: Tracker(n, site.tracker, fps=c.fps or 25.0) for n, c in cameras.items()}
    vettings = {name: Vetting(certain=site.tracker.certain) for name in cameras}
    for frames in read_recordings(cameras):
        for frame, people in zip(frames, detector.detect(frames), strict=True):
            tracker = trackers[frame.camera]
            confirmed = tracker.update(frame, people)
            vetted, earlier = vettings[frame.camera].update(frame, confirmed, tracker.recovered)
            yield frame, [(frame.index, vetted), *((e.index, e.tracks) for e in earlier)]


def _table(rows: NDArray[np.float64]) -> Table:
    return Table.build(
        frame=rows[:, 0].astype(np.int64), identity=rows[:, 1].astype(np.int64), xyxy=rows[:, 2:]
    )


def main(
    ground_truth: Annotated[
        list[str], typer.Option(help="MOTChallenge ground truth, CAMERA=FILE or FILE for all.")
    ],
    detector: Annotated[str, typer.Option(help="Name or path of a model.")] = "auto",
    reid: Annotated[
        Path | None, typer.Option(help="Re-identification network (OpenVINO .xml) of the chain.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Which numbers of the ground truth are one person.")
    ] = None,
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
) -> None:
    """Evaluates simpler systems on the same detections and prints one table, across cameras."""
    try:
        site = load_site(cameras)
        choice = resolve_detector(detector)
        settings = DetectorSettings(**{**site.detector.model_dump(), "model": detector})
        network = ReidNetwork(reid) if reid else None
        tracks = follow(site, Detector(choice.path, settings=settings), network)
        outcomes = list(compare(tracks, load_truth(site, ground_truth, people=people)))
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    rows = [
        [name, *(f"{v:.3f}" for v in (o.across.idf1, o.across.hota, o.across.assa, o.across.mota))]
        for name, o in outcomes
    ]
    print(markdown([Path(detector).stem, "IDF1", "HOTA", "AssA", "MOTA"], rows))


if __name__ == "__main__":
    typer.run(main)
