"""Detect, track, gather, embed: from pictures of several cameras to sightings, in one place.

The live node and the offline run differ in where pictures come from and where results go; what
happens to a picture in between is the same and stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.config import Site
from pipeline.data import Frame, Sighting
from pipeline.detect import Detector, PendingDetections
from pipeline.embed import Embedder
from pipeline.feet import Foot
from pipeline.metrics import Metrics
from pipeline.recover import Recovered, track_numbers
from pipeline.track import Tracker
from pipeline.tracklets import Tracklet, TrackletBuilder
from pipeline.vet import Vetting
from pipeline.whereabouts import Whereabouts


@dataclass(frozen=True, slots=True)
class Observation:
    """A frame and who was found in it.

    Attributes:
        frame: the picture.
        tracks: the confirmed tracks' boxes in pixels of the picture.
        tracklets: the tracklet id of each box.
        earlier: boxes of earlier frames whose tracks were only confirmed now: too late to be
            shown live, but part of the results.
        people: float32[n, 4], boxes of everybody who may be in the picture, for those who hide
            people: tracks, and whatever else the detector or the tracker thinks of.
    """

    frame: Frame
    tracks: sv.Detections
    tracklets: list[str]
    earlier: list[Earlier]
    people: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Earlier:
    """Boxes found out about later: of frame number `index`, with their tracklet ids."""

    index: int
    tracks: sv.Detections
    tracklets: list[str]


OnFailure = Callable[[Frame, Exception], None]
"""Is told of a frame that had to be given up, and why."""

_FAILURES_IN_A_ROW = 5


@dataclass(slots=True)
class _View:
    """What belongs to one camera: everything in here ends with it."""

    tracker: Tracker
    vetting: Vetting
    builder: TrackletBuilder
    whereabouts: Whereabouts
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """Frames in which people are being looked for.

    Attributes:
        frames: the pictures.
        views: what each frame's camera was when the search began; a camera may have gone since.
        pending: the detector's work; None: it could not even begin.
    """

    frames: Sequence[Frame]
    views: Sequence[_View]
    pending: PendingDetections | None


class Perception:
    """Turns the frames of all of a node's cameras into observations and sightings.

    Args:
        site: settings.
        detector: finds people; shared by all cameras.
        embedder: embeds tracklets; shared by all cameras.
        run: makes tracklet ids unique over restarts and machines.
        fps: expected frame rate per camera; cameras may be added and removed later.
        metrics: where the time of each stage is noted.
        on_failure: a frame that cannot be dealt with costs itself alone, and this is told of it;
            None: its error goes to the caller.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        embedder: Embedder,
        *,
        run: str,
        fps: Mapping[str, float],
        metrics: Metrics | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        self._settings = site.tracker
        self._detector = detector
        self._embedder = embedder
        self._run = run
        self._metrics = metrics or Metrics("perception")
        self._on_failure = on_failure
        self._generations: dict[str, int] = {}
        self._views: dict[str, _View] = {}
        for camera, rate in fps.items():
            self.add(camera, fps=rate)

    def add(self, camera: str, *, fps: float) -> None:
        """Begins with a camera; one that was removed begins anew, with new tracklets."""
        generation = self._generations[camera] = self._generations.get(camera, 0) + 1
        run = self._run if generation == 1 else f"{self._run}.{generation}"
        self._views[camera] = _View(
            Tracker(camera, self._settings, fps=fps),
            Vetting(certain=self._settings.certain),
            TrackletBuilder(camera, run=run, lost_after=self._settings.lost_after),
            Whereabouts(),
        )

    def remove(self, camera: str) -> list[Sighting]:
        """Ends a camera's tracklets and forgets it; returns their last sightings."""
        view = self._views.get(camera)
        sightings = [] if view is None else self._embed(None, view.builder.close())
        self._views.pop(camera, None)
        self._embedder.forget(camera)
        return sightings

    def update(self, frames: Sequence[Frame]) -> tuple[list[Observation], list[Sighting]]:
        """Takes one frame of each of some cameras, all at about the same time."""
        return self.finish(self.submit(frames))

    def submit(self, frames: Sequence[Frame]) -> Search:
        """Starts to look for people in what `update` takes and returns at once.

        Others may be followed meanwhile; searches are to be finished in the order of their begin.
        """
        views = [self._views[frame.camera] for frame in frames]
        try:
            return Search(frames, views, self._detector.submit(frames))
        except Exception:
            if self._on_failure is None:
                raise
            return Search(frames, views, None)  # `finish` tells which of the frames it was

    def finish(self, search: Search) -> tuple[list[Observation], list[Sighting]]:
        """Waits for a search and does the rest; frames of cameras that have gone are left out."""
        with self._metrics.stage("detect"):
            found = self._found(search)
        usable = [
            (frame, people[0])
            for frame, view, people in zip(search.frames, search.views, found, strict=True)
            if people and self._views.get(frame.camera) is view
        ]
        return self.follow([frame for frame, _ in usable], [people for _, people in usable])

    def follow(
        self, frames: Sequence[Frame], detections: Sequence[sv.Detections]
    ) -> tuple[list[Observation], list[Sighting]]:
        """The rest of `update`, for people that have been detected already."""
        observations: list[Observation] = []
        sightings: list[Sighting] = []
        changed: list[Tracklet] = []
        with self._metrics.stage("track"):
            for frame, people in zip(frames, detections, strict=True):
                try:
                    observation, ended = self._follow(frame, people)
                except Exception as error:
                    sightings += self._give_up(frame, error)
                    continue
                view = self._views[frame.camera]
                view.failures = 0
                observations.append(observation)
                changed += [*ended, *view.builder.growing]
        with self._metrics.stage("embed"):
            return observations, sightings + self._embed(frames[-1] if frames else None, changed)

    def close(self) -> list[Sighting]:
        """Ends all tracklets; returns their last sightings."""
        ended = [t for view in self._views.values() for t in view.builder.close()]
        return self._embed(None, ended)

    def _part(self, tracklet: Tracklet, moment: float) -> tuple[Tracklet, Tracklet]:
        return self._views[tracklet.camera].builder.part(tracklet, moment)

    def _found(self, search: Search) -> list[tuple[sv.Detections, ...]]:
        """The people in each frame, or nothing for a frame that fails."""
        try:
            if search.pending is not None:
                return [(people,) for people in search.pending.wait()]
        except Exception:
            if self._on_failure is None:
                raise
        return [self._detect(frame) for frame in search.frames]  # one failed: save the others

    def _detect(self, frame: Frame) -> tuple[sv.Detections, ...]:
        try:
            return tuple(self._detector.detect([frame]))
        except Exception as error:
            if self._on_failure is None:
                raise
            self._on_failure(frame, error)
            return ()

    def _follow(self, frame: Frame, people: sv.Detections) -> tuple[Observation, list[Tracklet]]:
        """One camera's frame; returns the tracklets that ended with it, too."""
        view = self._views[frame.camera]
        confirmed = view.tracker.update(frame, people)
        tracks, recovered = view.vetting.update(frame, confirmed, view.tracker.recovered)
        found = people.xyxy.astype(np.float32)
        everybody = view.whereabouts.update(frame.time, found, view.tracker.presumed)
        ended = view.builder.update(frame, tracks, everybody)
        earlier = [self._earlier(frame, view.builder, past) for past in recovered]
        ids = view.builder.ids(tracks)
        return Observation(frame, tracks, ids, earlier, everybody), ended

    def _embed(self, frame: Frame | None, changed: Sequence[Tracklet]) -> list[Sighting]:
        """The sightings that are due; a tracklet that cannot be embedded costs itself alone."""
        try:
            return self._embedder.update(changed, self._part)
        except Exception as error:
            if self._on_failure is None:
                raise
            if len(changed) > 1:
                return [s for tracklet in changed for s in self._embed(frame, [tracklet])]
            if frame is not None:
                self._on_failure(frame, error)
            return []

    def _give_up(self, frame: Frame, error: Exception) -> list[Sighting]:
        """Leaves a frame out; a tracker that fails again and again is made anew."""
        if self._on_failure is None:
            raise error
        self._on_failure(frame, error)
        view = self._views[frame.camera]
        view.failures += 1
        if view.failures < _FAILURES_IN_A_ROW:
            return []
        fps = view.tracker.fps
        sightings = self.remove(frame.camera)
        self.add(frame.camera, fps=fps)
        return sightings

    def _earlier(self, frame: Frame, builder: TrackletBuilder, past: Recovered) -> Earlier:
        for box, track in zip(past.tracks.xyxy, track_numbers(past.tracks), strict=True):
            builder.begin_earlier(int(track), Foot.of(past.time, frame.size, box))
        return Earlier(past.index, past.tracks, builder.ids(past.tracks))
