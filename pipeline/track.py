"""Track: one camera's detections, frame after frame → the same number for the same person."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import BoTSORTTracker, ByteTrackTracker, OCSORTTracker

from pipeline.config import TrackerSettings
from pipeline.data import Frame
from pipeline.recover import Recovered, Recovery, select, track_numbers

_Any = BoTSORTTracker | ByteTrackTracker | OCSORTTracker

_BUFFER_FPS = 30.0
"""The library counts its buffer of lost tracks in frames at this rate."""

# Chosen on MOT16-09, TUD-Campus and TUD-Stadtmitte, each at its full rate and at a quarter of it
# (6 to 7.5 frames a second), with people large and small, for YOLOX-nano and SSDLite; means of
# HOTA, IDF1 and MOTA over these 20 runs, in percent. The library's own thresholds (0.6 and 0.7)
# are made for large detectors, whose scores are higher, and lose people here.
_STRONG = 0.4
"""Boxes from this score on are associated first; weaker ones can only carry on a track."""

_BEGIN = 0.5
"""Score a box needs to begin a track; 0.4 to 0.6 make a difference of less than 1."""

_LONGEST_GAP = 1.0
"""Seconds a track may be lost to get boxes for that time."""


class Tracker:
    """Follows the people in one camera.

    A person gets a number once seen in `confirm_after` frames in a row, and keeps it until not
    seen for `lost_after` seconds. Numbers are never used again, not even after `reset`.

    Attributes:
        recovered: what the last `update` found out about earlier frames, oldest first: the boxes
            with which the tracks began that it confirmed, and those of tracks it found again from
            when they were lost. They count for whoever writes results (every box missed is an
            error); live they come too late to be shown.
    """

    def __init__(self, camera: str, settings: TrackerSettings, *, fps: float) -> None:
        """Makes the tracker of one camera.

        Args:
            camera: its name.
            settings: from cams.yaml.
            fps: the frame rate to expect; frames may come unevenly, their times count.
        """
        self.camera = camera
        self.fps = fps
        self.recovered: list[Recovered] = []
        self._settings = settings
        self._tracker = _BUILDERS[settings.name](settings, fps)
        self._first_number = 0
        self._next_number = 0
        self._last_time: float | None = None
        self._recovery = Recovery(young=settings.confirm_after, longest_gap=_LONGEST_GAP)

    def update(self, frame: Frame, detections: sv.Detections) -> sv.Detections:
        """Takes one frame's people; returns those that belong to a confirmed track.

        Args:
            frame: the picture they were found in; frames come in order of time.
            detections: boxes in pixels of `frame`, with `confidence`.

        Returns:
            Some of the detections, as they are, with `tracker_id` ≥ 0.
        """
        self._forget_after_gap(frame.time)
        numbered = self._tracker.update(detections, timestamp=frame.time)
        confirmed = track_numbers(numbered) >= 0
        tracks, rest = select(numbered, confirmed), select(numbered, ~confirmed)
        tracks.tracker_id = track_numbers(tracks) + self._first_number
        self._next_number = max([self._next_number, *(tracks.tracker_id + 1).tolist()])
        self.recovered = self._recovery.update(frame, tracks, rest)
        return tracks

    @property
    def presumed(self) -> NDArray[np.float32]:
        """Where everybody is thought to be whom it knows of, float32[n, 4] in pixels.

        Those who are not confirmed yet, and those who have no box at the moment, are among them.
        """
        boxes = [track.get_state_bbox() for track in self._tracker.tracks]
        return np.array(boxes, np.float32).reshape(-1, 4)

    def reset(self) -> None:
        """Gives up all tracks, as when a recording begins anew."""
        self._tracker.reset()
        self._first_number = self._next_number
        self._last_time = None
        self._recovery.clear()
        self.recovered = []

    def _forget_after_gap(self, time: float) -> None:
        if self._last_time is not None:
            gap = time - self._last_time
            if not 0 < gap <= self._settings.lost_after:
                self.reset()
        self._last_time = time


def _botsort(settings: TrackerSettings, fps: float) -> _Any:
    """Scores 55.4 (see above)."""
    return BoTSORTTracker(
        lost_track_buffer=_buffer(settings),
        frame_rate=fps,
        track_activation_threshold=_BEGIN,
        high_conf_det_threshold=_STRONG,
        minimum_consecutive_frames=settings.confirm_after,
        # Overlap times score. Young tracks have no speed yet, and at a low frame rate people
        # move half their width from one frame to the next.
        minimum_iou_threshold_first_assoc=0.25,
        minimum_iou_threshold_unconfirmed_assoc=0.1,
        enable_cmc=False,  # our cameras do not move, and it costs more than all the rest
        instant_first_frame_activation=False,
    )


def _bytetrack(settings: TrackerSettings, fps: float) -> _Any:
    """Scores 50.0."""
    return ByteTrackTracker(
        lost_track_buffer=_buffer(settings),
        frame_rate=fps,
        track_activation_threshold=_BEGIN,
        high_conf_det_threshold=_STRONG,
        minimum_consecutive_frames=settings.confirm_after,
        minimum_iou_threshold=0.3,
    )


def _ocsort(settings: TrackerSettings, fps: float) -> _Any:
    """Scores 51.5."""
    return OCSORTTracker(
        lost_track_buffer=_buffer(settings),
        frame_rate=fps,
        high_conf_det_threshold=_STRONG,
        minimum_consecutive_frames=settings.confirm_after,
        minimum_iou_threshold=0.2,
    )


def _buffer(settings: TrackerSettings) -> int:
    return math.ceil(settings.lost_after * _BUFFER_FPS)


_BUILDERS: dict[str, Callable[[TrackerSettings, float], _Any]] = {
    "botsort": _botsort,
    "bytetrack": _bytetrack,
    "ocsort": _ocsort,
}
