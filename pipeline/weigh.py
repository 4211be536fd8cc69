"""Weighs whether two tracklets are one person: looks, time and place, in nats.

Zero says nothing; +2.3 makes "one person" ten times as likely as before. What is learned as people
walk, how they look in this site and how long they take from one camera to the next, is learned
here; who is who is decided in `pipeline.match` and, with hindsight, in `pipeline.second_pass`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Candidate, Sighting
from pipeline.evidence import Calibration, Continuity
from pipeline.gaps import Given
from pipeline.strangers import KEY, Strangers
from pipeline.transit import TransitModel

Point = tuple[float, float]

_PREDICTED_SECONDS = 2.0  # nobody walks straight on for longer
_PARTED = -1.1
"""Nats for going on from a tracklet to what was parted from it: 18 of 24 cuts are right, see
`pipeline.purity`."""


class Stretch(Protocol):
    """What a sighting and a tracklet's record have in common; see `pipeline.data`."""

    @property
    def tracklet(self) -> str: ...
    @property
    def parted_from(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def begin(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def entered(self) -> Point: ...
    @property
    def left(self) -> Point: ...
    @property
    def entering(self) -> Point: ...
    @property
    def leaving(self) -> Point: ...


class Places(Protocol):
    """What is known of a site's topology; see `calibration.topology`."""

    def zone(self, camera: str, point: Point) -> str:
        """The zone a point lies in, "" if none is known."""

    def given(
        self, from_camera: str, from_point: Point, to_camera: str, to_point: Point
    ) -> Given | None:
        """What people said about going from one place to another."""

    def teach(self, model: TransitModel, *, now: float) -> None:
        """Gives a model that has seen nothing yet what was learned before."""


class Nowhere:
    """A site of whose topology nothing is known."""

    def zone(self, camera: str, point: Point) -> str:
        """No zones."""
        return ""

    def given(self, from_camera: str, from_point: Point, to_camera: str, to_point: Point) -> None:
        """Nobody said anything."""

    def teach(self, model: TransitModel, *, now: float) -> None:
        """Nothing was learned before."""


class Weigher:
    """What a site's evidence is worth.

    Args:
        calibration: similarity → likelihood ratio.
        transit: gap in time → likelihood ratio; learns. None: one that knows what `places` knows.
        continuity: gap and distance within one view → likelihood ratio.
        places: zones, and what people said about the ways between them.
        tolerance: seconds by which the cameras' clocks may differ.
    """

    def __init__(
        self,
        calibration: Calibration,
        *,
        transit: TransitModel | None = None,
        continuity: Continuity | None = None,
        places: Places | None = None,
        tolerance: float = 0.5,
    ) -> None:
        self.calibration = calibration
        self._continuity = continuity or Continuity()
        self._places = places or Nowhere()
        self.transit = transit or self._beginner(TransitModel())
        self._tolerance = tolerance
        self.strangers = Strangers(calibration, tolerance=tolerance)

    def forget(self) -> None:
        """Begins to learn anew, with what a calibrated topology knows."""
        self.transit = self._beginner(TransitModel(self.transit.settings))
        self.know_strangers([])

    def forget_ways(self) -> None:
        """Begins to learn anew how people walk, from a recording: all of it is today's traffic."""
        settings = self.transit.settings
        settings = replace(settings, traffic_half_life=settings.half_life)
        self.transit = self._beginner(TransitModel(settings))

    def _beginner(self, model: TransitModel) -> TransitModel:
        self._places.teach(model, now=0.0)
        return model

    def resembles(self, camera: str, candidates: Iterable[Candidate]) -> float:
        """What a tracklet of a camera has in common with some of one person, in nats."""
        line = self.strangers.line
        said = []
        for candidate in candidates:
            slope, offset = line(camera, candidate.record.camera)
            said.append(slope * candidate.similarity + offset)
        return self.together(said)

    def together(self, nats: Sequence[float]) -> float:
        """What the looks of some tracklets of one person say, taken together."""
        return self.calibration.together(nats)

    def together_each(self, nats: NDArray[np.float32]) -> NDArray[np.float32]:
        """`together` of each row: [K, n] → [K]."""
        return self.calibration.together_each(nats)

    def lines(self, cameras: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What looks say between each two of C cameras: nats are slope · similarity + offset.

        Returns:
            slope, offset: float32[C, C].
        """
        lines = [[self.strangers.line(a, b) for b in cameras] for a in cameras]
        slope, offset = np.moveaxis(np.array(lines, np.float32), -1, 0)
        return slope, offset

    def way(self, earlier: Stretch, later: Stretch, *, now: float | None = None) -> float:
        """What time and place say of going from the end of one to the beginning of the other.

        Args:
            earlier, later: the two tracklets.
            now: what was learned until this capture time counts; None: until the later begins.

        Of the two that a track was parted into the later one is where the earlier was, whoever it
        is; what counts is how often such a cut is right.
        """
        if later.parted_from and later.parted_from == earlier.tracklet:
            return _PARTED
        gap = later.begin - earlier.end
        llr = self.transit.llr(
            earlier.camera,
            self._places.zone(earlier.camera, earlier.left),
            later.camera,
            self._places.zone(later.camera, later.entered),
            gap,
            later.begin if now is None else now,
            given=self._places.given(earlier.camera, earlier.left, later.camera, later.entered),
        )
        if earlier.camera != later.camera:
            return llr
        return llr + self._continuity.llr(max(0.0, gap), _deviation(earlier, later, max(0.0, gap)))

    def absence(self, last: Stretch, until: float, *, now: float | None = None) -> float:
        """What it costs to say that whoever left there has not been seen since, in nats.

        Args:
            last: where they were seen last.
            until: capture time until which they have not been.
            now: as of `way`.

        Returns:
            0 or less. Whoever takes a later tracklet for theirs has nothing to explain.
        """
        zone, now = self._places.zone(last.camera, last.left), until if now is None else now
        return math.log(self.transit.away(last.camera, zone, until - last.end, now))

    def exclude(self, one: Stretch, other: Stretch) -> bool:
        """True if nobody can be both: twice in a view, or in two views, at the same time."""
        together = overlap(one, other)
        return together >= 0.0 if one.camera == other.camera else together > self._tolerance

    def know_strangers(self, sightings: Iterable[Sighting]) -> None:
        """Learns anew how alike strangers are, from all tracklets of a recording."""
        self.strangers = Strangers(self.calibration, tolerance=self._tolerance)
        for sighting in sorted(sightings, key=lambda s: (s.end, s.tracklet)):
            self.strangers.meet(sighting)

    def take_ended(self, before: Stretch | None, now: Sighting, weight: float) -> None:
        """A tracklet has ended: learns how people walk, see `learn`, and how alike they are."""
        self.learn(before, now, weight)
        self.strangers.meet(now)

    def learn(self, before: Stretch | None, now: Stretch, weight: float) -> None:
        """A tracklet has ended, and it is known whence its person came.

        Args:
            before: the tracklet its person was seen in before, or None for somebody new.
            now: the tracklet.
            weight: probability that this is right.
        """
        self._arrive(before, now, weight)
        self.transit.observe_exit(now.camera, self._places.zone(now.camera, now.left), now.end)

    def take_learned(self) -> dict[str, dict[str, bytes]]:
        """What was learned since this was asked last, as fields of a hash by key."""
        learned = {key: self.transit.to_fields(key) for key in sorted(self.transit.take_changed())}
        if strangers := self.strangers.take_changed():
            learned[KEY] = strangers
        return learned

    def load(self, key: str, fields: Mapping[str, bytes]) -> None:
        """The reverse of `take_learned`.

        Raises:
            ValueError: these fields are not what it gives.
        """
        if key == KEY:
            self.strangers.load(fields)
        else:
            self.transit.load(key, fields)

    @contextmanager
    def unlearned(self, before: Stretch | None, now: Stretch, weight: float) -> Iterator[None]:
        """As long as the context lasts it is as if this had not been learned."""
        self._arrive(before, now, -weight)
        try:
            yield
        finally:
            self._arrive(before, now, weight)

    def _arrive(self, before: Stretch | None, now: Stretch, weight: float) -> None:
        zone = self._places.zone(now.camera, now.entered)
        if before is None:
            self.transit.observe_new(now.camera, zone, now.begin, weight)
            return
        left = self._places.zone(before.camera, before.left)
        gap = now.begin - before.end
        self.transit.observe(before.camera, left, now.camera, zone, gap, now.begin, weight)


def overlap(one: Stretch, other: Stretch) -> float:
    """Seconds for which both are there; negative: the gap between them."""
    # Asked of everybody who may be somebody: `min` and `max` take longer.
    end = one.end if one.end < other.end else other.end
    return end - (one.begin if one.begin > other.begin else other.begin)


def _deviation(earlier: Stretch, later: Stretch, gap: float) -> float:
    """How far from where one would expect it the later one begins, fractions of the picture.

    Expected is that people stay or walk on, whichever fits better.
    """
    ahead = min(gap, _PREDICTED_SECONDS)
    stays = math.dist(earlier.left, later.entered)
    forward = math.dist(_moved(earlier.left, earlier.leaving, ahead), later.entered)
    backward = math.dist(earlier.left, _moved(later.entered, later.entering, -ahead))
    return min(stays, (forward + backward) / 2)


def _moved(point: Point, velocity: Point, seconds: float) -> Point:
    return point[0] + velocity[0] * seconds, point[1] + velocity[1] * seconds
