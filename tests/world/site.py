"""The synthetic site: true visits, and the sightings a live system would send of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting

from .looks import CROPS, Appearance, Looks
from .numbers import Names, scramble, uniform
from .plan import Floats, Plan, build_plan
from .sight import LOST_AFTER, Faults, Spans, clock_offsets, observe, spans
from .walks import Crowd, SiteSpec, Walks

CROP_SECONDS = 0.4
"""A tracklet keeps a crop of every so many seconds."""

_FIRST_REPORT = 0.3  # seconds after the beginning: confirmed, and its first crop embedded
_STEP = 0.5  # seconds over which a velocity is measured
_AT_ONCE = 1024  # embeddings made in one go

_MOTION = "entered", "left", "entering", "leaving"
_ROW = np.dtype(
    [
        ("sent", "f8"), ("begin", "f8"), ("end", "f8"), ("closed", "?"),
        ("person", "i8"), ("camera", "i8"), ("name", "u8"),
        ("entered", "f8", 2), ("left", "f8", 2), ("entering", "f8", 2), ("leaving", "f8", 2),
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody's way across one camera's view, as it was.

    Attributes:
        person: from 0.
        camera: its name.
        begin, end: seconds since the epoch, by a perfect clock.
        entered, left: foot point at the beginning and the end, as fractions of the picture.
        entering, leaving: its velocity there, fractions of the picture per second.
    """

    person: int
    camera: str
    begin: float
    end: float
    entered: tuple[float, float]
    left: tuple[float, float]
    entering: tuple[float, float]
    leaving: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Report:
    """A sighting on its way to the matcher, and what only the synthetic site knows of it.

    Attributes:
        sent: when it is sent, seconds since the epoch, by a perfect clock.
        sighting: with the times of its camera's clock.
        person: who it is.
    """

    sent: float
    sighting: Sighting
    person: int


@dataclass(frozen=True)
class Truth:
    """Who is who.

    Attributes:
        person: by tracklet.
        visits: everybody's ways through the cameras' views, in order of time.
    """

    person: Mapping[str, int]
    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class Observed:
    """Everything a site's nodes send, in order of sending, and the truth."""

    reports: tuple[Report, ...]
    truth: Truth

    @property
    def sightings(self) -> list[Sighting]:
        """In order of sending."""
        return [report.sighting for report in self.reports]


class World:
    """People who walk through a site with cameras; the same `spec`, the same world.

    Args:
        spec: the site.
        plan: where everything is; None: built from `spec`.
    """

    def __init__(self, spec: SiteSpec, plan: Plan | None = None) -> None:
        rng = np.random.default_rng((spec.seed, 0))
        self.spec = spec
        self.plan = plan or build_plan(spec.cameras, rng, spacing=spec.spacing)
        self._homographies = np.stack([camera.homography for camera in self.plan.cameras])

    def visits(self) -> list[Visit]:
        """Every true visit, in order of time."""
        rows = np.concatenate(
            [self._rows(walks, seen) for walks, _, seen in self._batches()] or [np.empty(0, _ROW)]
        )
        rows = rows[np.argsort(rows["begin"], kind="stable")]
        return [self._visit(row) for row in rows]

    def ways(self) -> Iterator[tuple[int, Floats, Floats]]:
        """Everybody's ways: person; seconds since the beginning [k]; metres on the plan [k, 2]."""
        for walks, _, _ in self._batches():
            for walk, person in enumerate(walks.person.tolist()):
                knots = slice(walks.first[walk], walks.first[walk + 1])
                yield person, walks.times[knots], walks.places[knots]

    def position(self, person: int, time: float) -> tuple[float, float] | None:
        """Where somebody is, metres on the plan, or None while they are not on the site.

        Args:
            person: from 0.
            time: seconds since the epoch.
        """
        moment = time - self.spec.start
        for walks, walk in self._ways.get(person, ()):
            if walks.times[walks.first[walk]] <= moment <= walks.lasts[walk]:
                x, y = walks.at(np.array([walk]), np.array([moment]))[0]
                return float(x), float(y)
        return None

    def observed(
        self,
        *,
        looks: Looks | None = None,
        faults: Faults | None = None,
        growing: bool = True,
    ) -> Observed:
        """All that the nodes send, at once; see `stream`."""
        reports = tuple(self.stream(looks=looks, faults=faults, growing=growing))
        person = {report.sighting.tracklet: report.person for report in reports}
        return Observed(reports, Truth(person, tuple(self.visits())))

    def stream(
        self,
        *,
        looks: Looks | None = None,
        faults: Faults | None = None,
        growing: bool = True,
    ) -> Iterator[Report]:
        """What the nodes send, in order of sending; holds only the people who are there.

        Args:
            looks: how alike embeddings are; None: as the shipped network makes them.
            faults: what goes wrong; None: nothing.
            growing: a first sighting soon after a tracklet has begun, and one every second while
                it lasts; if not, only the last one, when it has ended.
        """
        faults = faults or Faults()
        appearance = Appearance(
            looks or Looks(), self.spec.seed, noise=faults.noise, estranged=dict(faults.estranged)
        )
        waiting = np.empty(0, _ROW)
        for walks, until, seen in self._batches():
            rows = self._rows(walks, observe(self.spec, seen, faults), growing=growing)
            waiting = np.concatenate([waiting, rows])
            ready = waiting["sent"] < until
            yield from self._reports(waiting[ready], appearance, faults)
            waiting = waiting[~ready]

    def _batches(self) -> Iterator[tuple[Walks, float, Spans]]:
        for walks, until in Crowd(self.plan, self.spec).batches():
            yield walks, until, spans(self.plan, self.spec, walks)

    @cached_property
    def _ways(self) -> dict[int, list[tuple[Walks, int]]]:
        """Everybody's ways, for sites that fit into memory."""
        ways: dict[int, list[tuple[Walks, int]]] = {}
        for walks, _, _ in self._batches():
            for walk, person in enumerate(walks.person.tolist()):
                ways.setdefault(person, []).append((walks, walk))
        return ways

    def _rows(self, walks: Walks, seen: Spans, *, growing: bool = False) -> NDArray[np.void]:
        """What is sent of tracklets, without the embeddings."""
        ends = [seen.end]
        if growing:
            ends = [self._beats(seen, row) for row in range(len(seen))]
        count = [len(each) for each in ends] if growing else np.ones(len(seen), int)
        source = np.repeat(np.arange(len(seen)), count)
        rows = np.zeros(len(source), _ROW)
        rows["end"] = np.concatenate([np.empty(0), *ends])
        for name in ("person", "camera", "begin", "name"):
            rows[name] = getattr(seen, name)[source]
        rows["closed"] = rows["end"] == seen.end[source]
        rows["sent"] = rows["end"] + np.where(rows["closed"], LOST_AFTER, 0.0)
        later = np.minimum(rows["begin"] + _STEP, seen.end[source])
        walk, camera = seen.walk[source], rows["camera"]
        rows["entered"], rows["entering"] = self._foot(walks, walk, camera, rows["begin"], later)
        earlier = np.maximum(rows["end"] - _STEP, rows["begin"])
        rows["left"], rows["leaving"] = self._foot(walks, walk, camera, rows["end"], earlier)
        return rows

    def _beats(self, seen: Spans, row: int) -> Floats:
        """The ends of a tracklet's sightings: one early, one with each beat of its camera."""
        first, end = seen.begin[row] + _FIRST_REPORT, seen.end[row]
        beats = (
            np.arange(np.ceil(first - self._phases[seen.camera[row]]), end)
            + (self._phases[seen.camera[row]])
        )
        early = first[None] if first < end else beats[:0]
        return np.concatenate([early, beats[(beats > first) & (beats < end)], end[None]])

    @cached_property
    def _phases(self) -> Floats:
        """The moment of each second at which each camera reports."""
        return uniform(scramble(np.arange(len(self.plan.cameras), dtype=np.uint64)))[:, 0]

    def _foot(
        self,
        walks: Walks,
        walk: NDArray[np.int64],
        camera: NDArray[np.int64],
        when: Floats,
        other: Floats,
    ) -> tuple[Floats, Floats]:
        """Foot points in the picture, and their velocity between this time and another."""
        here, there = (self._see(camera, walks.at(walk, time)) for time in (when, other))
        apart = (other - when)[:, None]
        return here, np.divide(there - here, apart, where=apart != 0, out=np.zeros_like(here))

    def _see(self, camera: NDArray[np.int64], floor: Floats) -> Floats:
        homogeneous = np.hstack([floor, np.ones((len(floor), 1))])
        seen = np.einsum("nij,nj->ni", self._homographies[camera], homogeneous)
        return np.asarray(seen[:, :2] / seen[:, 2:])

    def _visit(self, row: np.void) -> Visit:
        start = self.spec.start
        return Visit(
            person=int(row["person"]),
            camera=self.plan.cameras[row["camera"]].name,
            begin=start + float(row["begin"]),
            end=start + float(row["end"]),
            **_motion(row),
        )

    def _reports(
        self, rows: NDArray[np.void], appearance: Appearance, faults: Faults
    ) -> Iterator[Report]:
        rows = rows[np.lexsort((rows["name"], rows["sent"]))]
        offsets = clock_offsets(self.plan, self.spec, faults)
        for place in range(0, len(rows), _AT_ONCE):
            yield from self._embedded(rows[place : place + _AT_ONCE], appearance, offsets)

    def _embedded(
        self, rows: NDArray[np.void], appearance: Appearance, offsets: Floats
    ) -> Iterator[Report]:
        crops = np.clip(1 + (rows["end"] - rows["begin"]) // CROP_SECONDS, 1, CROPS).astype(int)
        embeddings = appearance.embed(rows["person"], rows["camera"], rows["name"], crops)
        qualities = _quality(appearance, rows["name"])
        shifts = self.spec.start + offsets[rows["camera"]]
        begins, ends = ((rows[name] + shifts).tolist() for name in ("begin", "end"))
        names = [f"{camera.name}-" for camera in self.plan.cameras]
        motions = (map(tuple, rows[name].tolist()) for name in _MOTION)
        columns = (rows[name].tolist() for name in ("sent", "camera", "person", "name", "closed"))
        listed = zip(
            *columns, *motions, embeddings, begins, ends, crops.tolist(), qualities, strict=True
        )
        for row in listed:
            sent, camera, person, name, closed, entered, left, entering, leaving, *summary = row
            embedding, begin, end, rests_on, quality = summary
            sighting = Sighting(
                tracklet=f"{names[camera]}{name:016x}",
                camera=names[camera][:-1],
                begin=begin,
                end=end,
                embedding=embedding,
                crops=rests_on,
                quality=quality,
                closed=closed,
                entered=entered,
                left=left,
                entering=entering,
                leaving=leaving,
            )
            yield Report(self.spec.start + sent, sighting, person)


def _motion(row: np.void) -> dict[str, tuple[float, float]]:
    return {name: tuple(row[name].tolist()) for name in _MOTION}


def _quality(appearance: Appearance, tracklets: Names) -> list[float]:
    """Mean quality of a tracklet's crops: noisy embeddings come from crops that look bad."""
    guess = 1 / (1 + 0.4 * appearance.oddity(tracklets))
    blur = uniform(scramble(tracklets))[:, 0] - 0.5
    qualities: list[float] = np.clip(guess + 0.2 * blur, 0.05, 0.98).tolist()
    return qualities
