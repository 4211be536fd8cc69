"""Detect, track, gather, embed: from pictures of several cameras to sightings, in one place.

The live node and the offline run differ in where pictures come from and where results go; what
happens to a picture in between is the same and stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import supervision as sv

from pipeline.config import Site
from pipeline.data import Frame, Sighting
from pipeline.detect import Detector
from pipeline.embed import Embedder
from pipeline.track import Recovered, Tracker, track_numbers
from pipeline.tracklets import Tracklet, TrackletBuilder, foot_point
from pipeline.vet import Vetting


@dataclass(frozen=True, slots=True)
class Observation:
    """A frame and who was found in it.

    Attributes:
        frame: the picture.
        tracks: the confirmed tracks' boxes in pixels of the picture.
        tracklets: the tracklet id of each box.
        earlier: boxes of earlier frames whose tracks were only confirmed now: too late to be
            shown live, but part of the results.
    """

    frame: Frame
    tracks: sv.Detections
    tracklets: list[str]
    earlier: list[Earlier]


@dataclass(frozen=True, slots=True)
class Earlier:
    """Boxes found out about later: of frame number `index`, with their tracklet ids."""

    index: int
    tracks: sv.Detections
    tracklets: list[str]


class Perception:
    """Turns the frames of all of a node's cameras into observations and sightings.

    Args:
        site: settings.
        detector: finds people; shared by all cameras.
        embedder: embeds tracklets; shared by all cameras.
        run: makes tracklet ids unique over restarts and machines.
        fps: expected frame rate per camera.
    """

    def __init__(
        self,
        site: Site,
        detector: Detector,
        embedder: Embedder,
        *,
        run: str,
        fps: Mapping[str, float],
    ) -> None:
        self._detector = detector
        self._embedder = embedder
        self._trackers = {camera: Tracker(camera, site.tracker, fps=fps[camera]) for camera in fps}
        self._vettings = {camera: Vetting(certain=site.tracker.certain) for camera in fps}
        self._builders = {
            camera: TrackletBuilder(camera, run=run, lost_after=site.tracker.lost_after)
            for camera in fps
        }

    def update(self, frames: Sequence[Frame]) -> tuple[list[Observation], list[Sighting]]:
        """Takes one frame of each of some cameras, all at about the same time."""
        return self.follow(frames, self._detector.detect(frames))

    def follow(
        self, frames: Sequence[Frame], detections: Sequence[sv.Detections]
    ) -> tuple[list[Observation], list[Sighting]]:
        """The rest of `update`, for people that have been detected already."""
        observations: list[Observation] = []
        changed: list[Tracklet] = []
        for frame, people in zip(frames, detections, strict=True):
            builder, tracker = self._builders[frame.camera], self._trackers[frame.camera]
            confirmed = tracker.update(frame, people)
            vetting = self._vettings[frame.camera]
            tracks, recovered = vetting.update(frame, confirmed, tracker.recovered)
            changed += builder.update(frame, tracks)
            earlier = [self._earlier(frame, builder, past) for past in recovered]
            changed += builder.growing
            observations.append(Observation(frame, tracks, builder.ids(tracks), earlier))
        return observations, self._embedder.update(changed)

    def _earlier(self, frame: Frame, builder: TrackletBuilder, past: Recovered) -> Earlier:
        for box, track in zip(past.tracks.xyxy, track_numbers(past.tracks), strict=True):
            builder.begin_earlier(int(track), past.time, foot_point(frame.size, box))
        return Earlier(past.index, past.tracks, builder.ids(past.tracks))

    def close(self) -> list[Sighting]:
        """Ends all tracklets; returns their last sightings."""
        ended = [tracklet for builder in self._builders.values() for tracklet in builder.close()]
        return self._embedder.update(ended)
