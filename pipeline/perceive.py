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
from pipeline.track import Tracker
from pipeline.tracklets import Tracklet, TrackletBuilder


@dataclass(frozen=True, slots=True)
class Observation:
    """A frame and who was found in it.

    Attributes:
        frame: the picture.
        tracks: the confirmed tracks' boxes in pixels of the picture.
        tracklets: the tracklet id of each box.
    """

    frame: Frame
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
            builder = self._builders[frame.camera]
            tracks = self._trackers[frame.camera].update(frame, people)
            changed += builder.update(frame, tracks) + builder.growing
            observations.append(Observation(frame, tracks, builder.ids(tracks)))
        return observations, self._embedder.update(changed)

    def close(self) -> list[Sighting]:
        """Ends all tracklets; returns their last sightings."""
        ended = [tracklet for builder in self._builders.values() for tracklet in builder.close()]
        return self._embedder.update(ended)
