"""Recorded files, faster than real time, reproducible: the same input gives the same bytes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from calibration.plane import read_ground
from calibration.positions import positions, write_positions
from pipeline.annotate import annotate
from pipeline.config import CameraSettings, Site
from pipeline.data import Evidence, Frame, IdentityRecord, Sighting, TrackletRecord
from pipeline.detect import Detector
from pipeline.embed import Embedder, Network
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import Stopped
from pipeline.evidence import Calibration
from pipeline.ingest import read_recordings
from pipeline.matcher import MatchingService
from pipeline.mot import Table, write_table
from pipeline.perceive import Observation, Perception
from pipeline.run_record import PICTURES_FOLDER, RunLog
from pipeline.second_pass import second_pass
from pipeline.store import Store
from pipeline.veil import Veil

_RUN = "offline"  # in place of a name that differs from run to run
_EVERYTHING = 1_000_000_000


@dataclass(slots=True)
class Rows:
    """Boxes of one camera, by tracklet until the tracklets have their identities."""

    frames: list[int] = field(default_factory=list)
    tracklets: list[str] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    _times: dict[int, float] = field(default_factory=dict)
    _parted: set[str] = field(default_factory=set)

    def observe(self, observation: Observation) -> None:
        """Takes a frame's boxes, and those of earlier frames it has brought to light."""
        self._times[observation.frame.index + 1] = observation.frame.time
        for earlier in observation.earlier:
            self._add(earlier.index, earlier.tracks, earlier.tracklets)
        self._add(observation.frame.index, observation.tracks, observation.tracklets)

    def hear(self, sighting: Sighting) -> None:
        """Gives a tracklet the boxes that another one had before it was parted from that."""
        if not sighting.parted_from or sighting.tracklet in self._parted:
            return
        self._parted.add(sighting.tracklet)
        for i, (frame, tracklet) in enumerate(zip(self.frames, self.tracklets, strict=True)):
            inside = sighting.begin <= self._times[frame] <= sighting.end
            if tracklet == sighting.parted_from and inside:
                self.tracklets[i] = sighting.tracklet

    def _add(self, index: int, tracks: sv.Detections, tracklets: Sequence[str]) -> None:
        self.frames += [index + 1] * len(tracks)
        self.tracklets += tracklets
        self.boxes += list(tracks.xyxy)
        self.confidences += _confidences(tracks)

    def table(self, owner: Mapping[str, int]) -> Table:
        """The rows by identity; a tracklet too short to have been embedded has none."""
        decided = [i for i, tracklet in enumerate(self.tracklets) if tracklet in owner]
        return Table.build(
            frame=[self.frames[i] for i in decided],
            identity=[owner[self.tracklets[i]] for i in decided],
            xyxy=[self.boxes[i] for i in decided],
            confidence=[self.confidences[i] for i in decided],
        )


class OfflineRun:
    """One pass over a site's recordings.

    Args:
        site: settings; every camera must be a file or a sample.
        detector: finds people.
        network: embeds tracklets.
        calibration: what similarity of the network's embeddings is worth.
        fps: frame rate of each camera.
        progress: called with the frames done so far after every batch.
        stopping: asked with every picture whether to stop.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        network: Network,
        calibration: Calibration,
        *,
        fps: Mapping[str, float],
        progress: Callable[[int], None] = lambda frames: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._site = site
        self._detector = detector
        self._network = network
        self._calibration = calibration
        self._fps = fps
        self._progress = progress
        self._stopping = stopping
        self._veil = Veil(site.privacy)
        self._log = RunLog(site, fps)
        self._rows = {camera: Rows() for camera in site.enabled_cameras}
        self._last: dict[str, Sighting] = {}

    def run(self, output: Path, *, video: bool = False) -> list[IdentityRecord]:
        """Processes the recordings and writes the results to a folder.

        Args:
            output: gets `<camera>.txt`, `identities.json`, `embeddings.npy`, `thumbnails/`, for
                cameras with a ground `<camera>.plan.csv`, and with `video` `<camera>.mp4`, all
                with hindsight; in `online/`, `<camera>.txt`, `identities.json` and
                `embeddings.npy` as they were decided while the recordings ran; what `--view`
                needs besides (`pipeline.run_record`), and with `video` `pictures/<camera>.mp4`.

        Returns:
            the identities with hindsight, by number.

        Raises:
            Stopped: it was told to stop; the results are not complete.
        """
        output.mkdir(parents=True, exist_ok=True)
        with EmbeddedRedis() as server:
            store = Store.connect(server.url, site=self._site.site)
            matcher = MatchingService(
                store, self._site, self._calibration, network=self._network.id, exact=True
            )
            self._follow(store, matcher)
            online = sorted(store.identities(_EVERYTHING), key=lambda i: i.identity)
            identities = self._with_hindsight(online, matcher)
            self._write_identities(store, identities, output)
            self._write_identities(store, online, output / "online", thumbnails="../thumbnails")
            store.close()
        self._write_tables(online, output / "online")
        tables = self._write_tables(identities, output)
        self._log.write(output, network=self._network.id)
        if video:
            for camera, table in tables.items():
                annotate(
                    self._frames_of(camera),
                    table,
                    output / f"{camera}.mp4",
                    fps=self._fps[camera],
                    veil=self._veil,
                    people=self._log.people(camera),
                    pictures=output / PICTURES_FOLDER / f"{camera}.mp4",
                )
        return identities

    def _with_hindsight(
        self, online: Sequence[IdentityRecord], matcher: MatchingService
    ) -> list[IdentityRecord]:
        """The identities after the second pass."""
        records = {record.tracklet: record for identity in online for record in identity.tracklets}
        found = second_pass(
            [self._last[tracklet] for tracklet in records],
            {tracklet: record.identity for tracklet, record in records.items()},
            matcher.weigher,
        )
        groups: dict[int, list[TrackletRecord]] = defaultdict(list)
        for tracklet, record in records.items():
            to = found[tracklet]
            groups[to.identity].append(
                replace(
                    record,
                    identity=to.identity,
                    confidence=to.confidence,
                    evidence=to.evidence,
                )
            )
        return [
            IdentityRecord(number, tuple(sorted(members, key=lambda r: (r.begin, r.tracklet))))
            for number, members in sorted(groups.items())
        ]

    def _follow(self, store: Store, matcher: MatchingService) -> None:
        perception = Perception(
            self._site,
            self._detector,
            # Under the veil at once: pictures are kept only to be written into the results.
            Embedder(self._network, refresh=self._site.network.refresh, veil=self._veil),
            run=_RUN,
            fps=self._fps,
        )
        store.open_sightings()
        done = 0
        for frames, detections in self._detected():
            observations, sightings = perception.follow(frames, detections)
            for observation in observations:
                self._rows[observation.frame.camera].observe(observation)
                self._log.observe(observation)
            self._match(sightings, store, matcher)
            done += len(frames)
            self._progress(done)
        self._match(perception.close(), store, matcher)

    def _match(self, sightings: Sequence[Sighting], store: Store, matcher: MatchingService) -> None:
        for sighting in sightings:
            store.send_sighting(sighting)
            self._rows[sighting.camera].hear(sighting)
            self._last[sighting.tracklet] = sighting
        _settle(matcher, len(sightings))

    def _detected(self) -> Iterator[tuple[list[Frame], list[sv.Detections]]]:
        """Frames with their people; the next pictures are searched while these are followed."""
        before: tuple[list[Frame], Callable[[], list[sv.Detections]]] | None = None
        for frames in self._read(self._site.enabled_cameras):
            pending = self._detector.submit(frames)
            if before is not None:
                yield before[0], before[1]()
            before = frames, pending.wait
        if before is not None:
            yield before[0], before[1]()

    def _frames_of(self, camera: str) -> Iterator[Frame]:
        for frames in self._read({camera: self._site.cameras[camera]}):
            yield from frames

    def _read(self, cameras: Mapping[str, CameraSettings]) -> Iterator[list[Frame]]:
        for frames in read_recordings(cameras):
            if self._stopping():
                raise Stopped("stopped before the end: the results are not complete")
            yield frames

    def _write_tables(self, identities: list[IdentityRecord], output: Path) -> dict[str, Table]:
        owner = {t.tracklet: i.identity for i in identities for t in i.tracklets}
        tables = {camera: rows.table(owner) for camera, rows in self._rows.items()}
        for camera, table in tables.items():
            write_table(table, output / f"{camera}.txt")
            if (ground := self._site.cameras[camera].ground) is not None:
                write_positions(
                    positions(table, read_ground(ground)), output / f"{camera}.plan.csv"
                )
        return tables

    def _write_identities(
        self,
        store: Store,
        identities: list[IdentityRecord],
        output: Path,
        *,
        thumbnails: str = "thumbnails",
    ) -> None:
        (output / thumbnails).mkdir(parents=True, exist_ok=True)
        listed = [
            {
                "identity": i.identity,
                "tracklets": [_listed(store, t, output, thumbnails) for t in i.tracklets],
            }
            for i in identities
        ]
        looks = [self._last[t.tracklet].embedding for i in identities for t in i.tracklets]
        np.save(output / "embeddings.npy", np.array(looks, dtype=np.float32))
        facts = {"site": self._site.site, "network": self._network.id, "identities": listed}
        text = json.dumps(facts, indent=2)
        (output / "identities.json").write_text(text + "\n", encoding="utf-8")


def _settle(matcher: MatchingService, expected: int) -> None:
    """Waits until the matcher has decided on everything it was sent."""
    while expected > 0:
        expected -= matcher.tick(wait_seconds=1.0)


def _listed(
    store: Store, record: TrackletRecord, output: Path, thumbnails: str
) -> dict[str, object]:
    picture = store.crop(record.tracklet)
    name = f"{thumbnails}/{record.tracklet}.jpg"
    if picture is not None:
        (output / name).write_bytes(picture)
    return {
        "tracklet": record.tracklet,
        "camera": record.camera,
        "begin": _utc(record.begin),
        "end": _utc(record.end),
        "entered": _point(record.entered),
        "left": _point(record.left),
        "confidence": round(record.confidence, 4),
        "evidence": _evidence(record.evidence or Evidence()),
        "thumbnail": name if picture is not None else None,
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    """What a decision rests on; see `pipeline.data.Evidence`."""
    facts = asdict(evidence)
    return {n: round(v, 4) if isinstance(v, float) else v for n, v in facts.items()}


def _point(foot: tuple[float, float]) -> list[float]:
    return [round(each, 4) for each in foot]


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _confidences(tracks: sv.Detections) -> list[float]:
    return [1.0] * len(tracks) if tracks.confidence is None else list(map(float, tracks.confidence))
