"""Tracklets: what one camera's tracker knows about one person, from first to last sight."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.data import Crop, Frame
from pipeline.errors import InvalidArray
from pipeline.feet import Feet, Foot, is_cut
from pipeline.quality import coverage, crop_quality, nearness
from pipeline.recover import track_numbers

_INSTANT = 0.001  # seconds from the end of a tracklet to the beginning of one parted from it


class Nearest(NamedTuple):
    """How near somebody else came (overlap of the boxes, IoU), and when."""

    overlap: float
    time: float


_NOBODY_NEAR = Nearest(0.0, 0.0)

Part = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(slots=True)
class Keepsake:
    """A crop that represents its stretch of time, and what the network made of it.

    Attributes:
        crop: the crop.
        features: float32[K, P] and logits float32[K] of graph A, once it has been through it.
        foot: where the person stood in it; None: it is not known.
        nearest: how near somebody else came in its stretch.
    """

    crop: Crop
    features: NDArray[np.float32] | None = None
    logits: NDArray[np.float32] | None = None
    foot: Foot | None = None
    nearest: Nearest = _NOBODY_NEAR


@dataclass(slots=True)
class Tracklet:
    """One person in one camera, one unbroken stretch of time.

    Attributes:
        id: unique for ever, over restarts and machines.
        camera: name of the camera in cams.yaml.
        begin, end: capture time of the first and last frame, seconds since the epoch (UTC).
        feet: where the person stood at both ends: `entered`, `left`, `entering`, `leaving`.
        kept: the best crop of each stretch of time, in order.
        closed: True once it has ended.
        parted_from: the tracklet whose track this was until it went over to this person, or "".
    """

    id: str
    camera: str
    begin: float
    end: float
    feet: Feet
    kept: list[Keepsake] = field(default_factory=list)
    closed: bool = False
    parted_from: str = ""

    @property
    def duration_seconds(self) -> float:
        """Time between first and last frame."""
        return self.end - self.begin

    @property
    def best(self) -> Keepsake:
        """The keepsake of highest quality."""
        return max(self.kept, key=lambda keepsake: keepsake.crop.quality)

    def chunks(self, count: int) -> list[Keepsake | None]:
        """The best crop of each of `count` equal stretches of the time covered so far.

        This is the test protocol of restricted random sampling (Li et al.), with the best crop of
        a chunk in the place of its first; None where a chunk has no crop.
        """
        chosen: list[Keepsake | None] = [None] * count
        if not self.kept:
            return chosen
        first, last = self.kept[0].crop.time, self.kept[-1].crop.time
        length = max(last - first, 1e-6) / count
        for keepsake in self.kept:
            i = min(count - 1, int((keepsake.crop.time - first) / length))
            rival = chosen[i]
            if rival is None or keepsake.crop.quality > rival.crop.quality:
                chosen[i] = keepsake
        return chosen

    def parted(self, moment: float, name: str) -> tuple[Tracklet, Tracklet]:
        """Two tracklets: of the person until a moment, which has ended, and of the one after it.

        Args:
            moment: with crops on both sides of it.
            name: id of the second one.
        """
        before = [keepsake for keepsake in self.kept if keepsake.crop.time <= moment]
        after = self.kept[len(before) :]
        feet = self.feet.parted(moment, (k.foot for k in self.kept if k.foot is not None))
        first = replace(self, end=moment, feet=feet[0], kept=before, closed=True)
        begin = moment + _INSTANT
        second = replace(self, id=name, begin=begin, feet=feet[1], kept=after, parted_from=self.id)
        return first, second


@dataclass(slots=True)
class _Growing:
    """A tracklet under way: the best crop of the current stretch waits to be kept."""

    tracklet: Tracklet
    interval: float
    window_ends: float
    waiting: Keepsake | None = None
    nearest: Nearest = _NOBODY_NEAR

    def part(self, moment: float, name: str) -> tuple[Tracklet, Tracklet]:
        """See `Tracklet.parted`; the second one goes on growing."""
        first, self.tracklet = self.tracklet.parted(moment, name)
        return first, self.tracklet


class TrackletBuilder:
    """Turns the tracks of one camera into tracklets.

    A tracklet begins when its track is confirmed and ends when it has not been seen for
    `lost_after` seconds. Of each stretch of `interval` seconds the best crop is kept. When
    `capacity` crops are held, the worse of each neighbouring pair goes and the stretches become
    twice as long: a tracklet never holds more, its crops cover all of its time, and the longer it
    lasts the less it costs. Time comes with the frames; the builder never reads a clock.

    Args:
        camera: name of the camera.
        run: makes the ids unique over restarts and machines.
        lost_after: seconds without a box after which a tracklet ends.
        interval: seconds per crop at first.
        capacity: crops held at most; even.
    """

    def __init__(
        self,
        camera: str,
        *,
        run: str,
        lost_after: float = 2.0,
        interval: float = 0.4,
        capacity: int = 24,
    ) -> None:
        self._camera = camera
        self._run = run
        self._lost_after = lost_after
        self._interval = interval
        self._capacity = capacity
        self._count = 0
        self._growing: dict[int, _Growing] = {}

    def update(
        self, frame: Frame, tracks: sv.Detections, people: NDArray[np.float32] | None = None
    ) -> list[Tracklet]:
        """Takes one frame's tracks; returns the tracklets that ended with it.

        Args:
            frame: the picture the tracks were found in; frames come in order of time.
            tracks: boxes in pixels of `frame`, with `tracker_id`.
            people: float32[n, 4], everybody who may be in the picture; None: the tracks.

        Raises:
            InvalidArray: `tracks` has boxes but no tracker_id.
        """
        if len(tracks) and tracks.tracker_id is None:
            raise InvalidArray(
                f"camera {self._camera}: expected tracks with tracker_id, found none"
            )
        ended = self._end_unseen(frame.time)
        everybody = tracks.xyxy.astype(np.float32) if people is None else people
        boxes = tracks.xyxy.astype(np.float32)
        covered, near = coverage(boxes), nearness(boxes)
        for i in range(len(tracks)):
            growing = self._grow(frame, tracks, i)
            growing.nearest = max(growing.nearest, Nearest(float(near[i]), frame.time))
            self._look(growing, frame, tracks, i, float(covered[i]), everybody)
        return ended

    def part(self, tracklet: Tracklet, moment: float) -> tuple[Tracklet, Tracklet]:
        """Makes two tracklets of one whose track has gone over to somebody else.

        Args:
            tracklet: one that grows, or has ended.
            moment: when that was; see `Tracklet.parted`.
        """
        self._count += 1
        name = self._name(self._count)
        for growing in self._growing.values():
            if growing.tracklet is tracklet:
                return growing.part(moment, name)
        return tracklet.parted(moment, name)

    def begin_earlier(self, track: int, foot: Foot) -> None:
        """Moves a tracklet's beginning back to a frame its track was not confirmed in yet.

        One that was parted from another began where that ended.

        Args:
            track: number of the track, growing.
            foot: where the person stood in that frame.
        """
        tracklet = self._growing[track].tracklet
        if tracklet.parted_from:
            return
        tracklet.feet.take_earlier(foot)
        tracklet.begin = min(tracklet.begin, foot.time)

    def close(self) -> list[Tracklet]:
        """Ends every tracklet, as when the stream ends; returns them."""
        return [self._end(track) for track in list(self._growing)]

    def ids(self, tracks: sv.Detections) -> list[str]:
        """The tracklet id of each of the tracks given to the last `update`."""
        return [self._growing[int(track)].tracklet.id for track in track_numbers(tracks)]

    @property
    def growing(self) -> list[Tracklet]:
        """The tracklets under way."""
        return [growing.tracklet for growing in self._growing.values()]

    def _grow(self, frame: Frame, tracks: sv.Detections, i: int) -> _Growing:
        foot = Foot.of(frame.time, frame.size, tracks.xyxy[i])
        track = int(track_numbers(tracks)[i])
        growing = self._growing.get(track) or self._begin(track, foot)
        growing.tracklet.feet.take(foot)
        growing.tracklet.end = frame.time
        return growing

    def _look(
        self,
        growing: _Growing,
        frame: Frame,
        tracks: sv.Detections,
        i: int,
        covered: float,
        people: NDArray[np.float32],
    ) -> None:
        """Keeps the best crop of the current stretch, once the stretch is over."""
        box = tracks.xyxy[i]
        part = _inside(frame, box)
        if part is None:
            return
        confidence = 1.0 if tracks.confidence is None else float(tracks.confidence[i])
        quality = crop_quality(
            frame.image[part],
            confidence=confidence,
            truncated=is_cut(frame.size, box),
            covered=covered,
        )
        if growing.waiting is None or quality > growing.waiting.crop.quality:
            crop = _cut(frame, part, quality, people)
            growing.waiting = Keepsake(crop, foot=Foot.of(frame.time, frame.size, box))
        if frame.time >= growing.window_ends:
            self._keep(growing, growing.waiting)
            self._thin_out(growing)
            growing.window_ends = frame.time + growing.interval

    def _begin(self, track: int, foot: Foot) -> _Growing:
        self._count += 1
        tracklet = Tracklet(
            id=self._name(self._count),
            camera=self._camera,
            begin=foot.time,
            end=foot.time,
            feet=Feet(),
        )
        # The first stretch is over at once: a person is to be recognised without delay.
        self._growing[track] = _Growing(tracklet, self._interval, window_ends=foot.time)
        return self._growing[track]

    def _name(self, count: int) -> str:
        return f"{self._camera}-{self._run}-{count:06d}"

    def _keep(self, growing: _Growing, best: Keepsake) -> None:
        best.nearest, growing.nearest = growing.nearest, _NOBODY_NEAR
        growing.tracklet.kept.append(best)
        growing.waiting = None

    def _thin_out(self, growing: _Growing) -> None:
        kept = growing.tracklet.kept
        if len(kept) < self._capacity:
            return
        pairs = zip(kept[0::2], kept[1::2], strict=False)
        growing.tracklet.kept = [_better(*pair) for pair in pairs]
        growing.interval *= 2

    def _end_unseen(self, now: float) -> list[Tracklet]:
        unseen = [
            track
            for track, growing in self._growing.items()
            if now - growing.tracklet.end > self._lost_after
        ]
        return [self._end(track) for track in unseen]

    def _end(self, track: int) -> Tracklet:
        growing = self._growing.pop(track)
        tracklet = growing.tracklet
        if growing.waiting is not None:
            self._keep(growing, growing.waiting)
        tracklet.closed = True
        return tracklet


def _better(one: Keepsake, other: Keepsake) -> Keepsake:
    """The one of higher quality, for the stretch of both."""
    best = max(one, other, key=lambda keepsake: keepsake.crop.quality)
    best.nearest = max(one.nearest, other.nearest)
    return best


def _inside(frame: Frame, box: NDArray[np.float32]) -> Part | None:
    """The rows and columns of a box, or None if next to nothing of it lies inside the picture."""
    width, height = frame.size
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if right - left < 4 or bottom - top < 8:
        return None
    return slice(top, bottom), slice(left, right)


def _cut(frame: Frame, part: Part, quality: float, people: NDArray[np.float32]) -> Crop:
    """The crop of a part of the picture, and who is in it."""
    rows, columns = part
    window = np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32)
    image = frame.image[part].copy()  # the frame itself is soon gone
    return Crop(time=frame.time, image=image, quality=quality, people=_within(people, window))


def _within(people: NDArray[np.float32], part: NDArray[np.float32]) -> NDArray[np.float32]:
    """The boxes that reach into a part of the picture, in fractions of that part."""
    touching = (people[:, :2] < part[2:]).all(axis=1) & (people[:, 2:] > part[:2]).all(axis=1)
    boxes = (people[touching] - np.tile(part[:2], 2)) / np.tile(part[2:] - part[:2], 2)
    return np.unique(boxes.round(3), axis=0).astype(np.float32)
