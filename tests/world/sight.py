"""When cameras see people: ways across the floor they watch, and what can go wrong in between."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .numbers import Names, names, scramble, uniform
from .plan import Floats, Plan
from .walks import SiteSpec, Walks

_VISIT, _CLOCK, _FAULT = 16, 17, 18  # families of random numbers
_SHORTEST = 0.3  # seconds: a person seen for less is no tracklet
LOST_AFTER = 2.0
"""Seconds without a box after which a tracklet is over."""


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What goes wrong between the people and their tracklets.

    Attributes:
        noise: times as much noise in the embeddings as the network has by itself.
        estranged: cameras that see people as the others do not, but alike among each other, as by
            infrared: (camera, share of a person's signal that is as elsewhere).
        missing: share of the time in view in which somebody is not found.
        missing_seconds: how long at a time, on average; after `LOST_AFTER` a tracklet breaks.
        breaks: share of visits whose tracklet breaks somewhere in the middle.
        dead: cameras that see nothing for a while: (camera, from, to), seconds since the beginning.
        clock: seconds by which each camera's clock is wrong at most, either way.
    """

    noise: float = 1.0
    estranged: tuple[tuple[int, float], ...] = field(default=())
    missing: float = 0.0
    missing_seconds: float = 1.0
    breaks: float = 0.0
    dead: tuple[tuple[int, float, float], ...] = field(default=())
    clock: float = 0.0


@dataclass(frozen=True)
class Spans:
    """Who is in which camera's view from when to when, as parallel arrays of S rows.

    Attributes:
        walk: int64[S], which of a batch's ways.
        person, camera: int64[S].
        begin, end: float64[S], seconds since the site's beginning.
        name: uint64[S], see `world.numbers`.
    """

    walk: NDArray[np.int64]
    person: NDArray[np.int64]
    camera: NDArray[np.int64]
    begin: Floats
    end: Floats
    name: Names

    def __len__(self) -> int:
        return len(self.walk)

    def __getitem__(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Spans:
        return Spans(
            self.walk[rows],
            self.person[rows],
            self.camera[rows],
            self.begin[rows],
            self.end[rows],
            self.name[rows],
        )


def spans(plan: Plan, spec: SiteSpec, walks: Walks) -> Spans:
    """Every stretch of time somebody's feet are on the floor a camera sees."""
    owner = np.repeat(np.arange(len(walks)), np.diff(walks.first))
    start = np.flatnonzero(np.diff(owner, append=-1) == 0)
    segment = np.concatenate([start, start])
    ends = np.concatenate([walks.nodes[start], walks.nodes[start + 1]])
    camera = plan.watched[ends]
    camera[len(start) :][walks.nodes[start] == walks.nodes[start + 1]] = -1  # not twice
    segment, camera = segment[camera >= 0], camera[camera >= 0]
    enters, leaves = _clip(plan, camera, walks.places[segment], walks.places[segment + 1])
    length = walks.times[segment + 1] - walks.times[segment]
    begin, end = (
        np.clip(walks.times[segment] + share * length, 0.0, spec.seconds)
        for share in (enters, leaves)
    )
    seen = (leaves > enters) & (end > begin)
    return _joined(spec, walks, owner[segment[seen]], camera[seen], begin[seen], end[seen])


def _clip(plan: Plan, camera: NDArray[np.int64], a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The shares of the lines from a to b at which they enter and leave what a camera sees."""
    corners = np.stack([each.footprint for each in plan.cameras])
    along = np.roll(corners, -1, axis=1) - corners
    inward = np.stack([-along[..., 1], along[..., 0]], axis=-1)[camera]
    before = np.einsum("sek,sek->se", inward, a[:, None] - corners[camera])
    after = np.einsum("sek,sek->se", inward, b[:, None] - corners[camera])
    rise = after - before
    crossing = np.divide(-before, rise, where=rise != 0, out=np.zeros_like(rise))
    enters = np.where(rise > 0, crossing, np.where((rise == 0) & (before < 0), 2.0, 0.0))
    leaves = np.where(rise < 0, crossing, 1.0)
    return enters.max(axis=1).clip(0), leaves.min(axis=1).clip(max=1)


def _joined(
    spec: SiteSpec,
    walks: Walks,
    walk: NDArray[np.int64],
    camera: NDArray[np.int64],
    begin: Floats,
    end: Floats,
) -> Spans:
    """Puts together what goes on from one leg of a way to the next."""
    order = np.lexsort((begin, camera, walk))
    walk, camera, begin, end = walk[order], camera[order], begin[order], end[order]
    goes_on = (walk[1:] == walk[:-1]) & (camera[1:] == camera[:-1]) & (begin[1:] - end[:-1] < 1e-6)
    first = np.concatenate([[True], ~goes_on])[: len(walk)]
    last = np.concatenate([~goes_on, [True]])[: len(walk)]
    walk, camera, begin, end = walk[first], camera[first], begin[first], end[last]
    moment = np.round(begin * 1000).astype(np.uint64)
    person = walks.person[walk]
    name = scramble(
        names(spec.seed, _VISIT, person) ^ moment * np.uint64(4096) ^ camera.astype("u8")
    )
    return Spans(walk, person, camera, begin, end, name)


def clock_offsets(plan: Plan, spec: SiteSpec, faults: Faults) -> Floats:
    """Seconds by which each camera's clock is ahead: float64[C]."""
    chance = uniform(names(spec.seed, _CLOCK, np.arange(len(plan.cameras))))[:, 0]
    return np.asarray((2 * chance - 1) * faults.clock)


def observe(spec: SiteSpec, seen: Spans, faults: Faults) -> Spans:
    """The stretches of time that become tracklets, by the faults."""
    if faults.missing or faults.breaks or faults.dead:
        parts = [
            (row, *part, number)
            for row in range(len(seen))
            for number, part in enumerate(_parts(spec, seen, row, faults))
        ]
        table = np.array(parts, dtype=np.float64).reshape(-1, 4)
        pieces = seen[table[:, 0].astype(np.int64)]
        again = scramble(pieces.name + table[:, 3].astype(np.uint64))
        name = np.where(table[:, 3] > 0, again, pieces.name)
        seen = Spans(pieces.walk, pieces.person, pieces.camera, table[:, 1], table[:, 2], name)
    return seen[seen.end - seen.begin >= _SHORTEST]


def _parts(spec: SiteSpec, seen: Spans, row: int, faults: Faults) -> list[tuple[float, float]]:
    """What is left of one visit."""
    rng = np.random.default_rng((spec.seed, _FAULT, int(seen.name[row])))
    parts = [(float(seen.begin[row]), float(seen.end[row]))]
    breaks, place, gap = rng.random(3)
    if breaks < faults.breaks:
        parts = _broken(*parts[0], 0.25 + 0.5 * place, 0.3 + 1.7 * gap)
    if faults.missing:
        parts = [rest for part in parts for rest in _found(*part, faults, rng)]
    for camera, begin, end in faults.dead:
        if camera == seen.camera[row]:
            parts = [rest for part in parts for rest in _outside(*part, begin, end)]
    return parts


def _broken(begin: float, end: float, place: float, gap: float) -> list[tuple[float, float]]:
    middle = begin + place * (end - begin)
    return [(begin, middle), (middle + gap, end)] if middle + gap < end else [(begin, middle)]


def _found(
    begin: float, end: float, faults: Faults, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Times somebody is found and not found take turns; short gaps do not break a tracklet."""
    lasts = faults.missing_seconds * (1 - faults.missing) / faults.missing, faults.missing_seconds
    hidden, now = rng.random() < faults.missing, begin
    parts: list[tuple[float, float]] = []
    while now < end:
        until = now + rng.exponential(lasts[hidden])
        if not hidden and parts and now - parts[-1][1] <= LOST_AFTER:
            parts[-1] = parts[-1][0], min(until, end)
        elif not hidden:
            parts.append((now, min(until, end)))
        hidden, now = not hidden, until
    return parts


def _outside(begin: float, end: float, off: float, on: float) -> list[tuple[float, float]]:
    """What of a stretch of time lies outside another one."""
    return [part for part in ((begin, min(end, off)), (max(begin, on), end)) if part[0] < part[1]]
