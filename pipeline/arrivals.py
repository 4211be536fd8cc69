"""How often somebody new shows up in a camera, and where: the background of every transit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_PRIOR_ARRIVALS = 5.0
"""Arrivals that a first guess at their rate weighs as much as."""
_PRIOR_ZONE = 5.0
"""Arrivals of new people that the zones of everybody's arrivals weigh as much as."""
_SILENCE = 600.0
"""Seconds of a silence that count."""
_SET_BACK = 3600.0
"""Capture times that go back so far begin anew."""
_ZONES = 64
"""Zones of a camera that are counted, at most."""


@dataclass(slots=True)
class Fading:
    """A sum of weights that halves every half life.

    Attributes:
        value: the sum as of `updated`.
        updated: watched time, seconds.
    """

    value: float = 0.0
    updated: float = 0.0

    def add(self, weight: float, *, now: float, half_life: float) -> None:
        """Adds to it; with a negative weight, takes back."""
        self.value = max(0.0, self.at(now, half_life) + weight)
        self.updated = max(now, self.updated)

    def at(self, now: float, half_life: float) -> float:
        """The sum at a time."""
        return self.value * 0.5 ** (max(0.0, now - self.updated) / half_life)


@dataclass(slots=True)
class WatchedTime:
    """A clock that stands still while the whole site is silent: it may be switched off.

    Attributes:
        newest: capture time of the newest event, seconds since the epoch.
        shown: what the clock showed then.
    """

    newest: float = 0.0
    shown: float = 0.0

    def at(self, now: float) -> float:
        """What it shows at a capture time."""
        return self.shown + max(min(now - self.newest, _SILENCE), -_SILENCE)

    def advance(self, now: float) -> float:
        """Something happened; returns what it shows."""
        shown = self.at(now)
        if now < self.newest - _SET_BACK:  # such as a recording played after a model was taught
            self.newest, shown = now, self.shown
        if now > self.newest:
            self.newest, self.shown = now, shown
        return shown


@dataclass(slots=True)
class Traffic:
    """Who came into one camera and who left it, old counts fading.

    The rate of new people follows two half lives: today's traffic, on top of what is usual.

    Attributes:
        since: watched time from which it was watched, seconds.
        recent, usual: new people, with a short and a long half life.
        new: new people by the zone they came in by.
        entries: everybody who came in, by zone.
        exits: tracklets that ended, by the zone they left by; "" counts them all.
        returned: tracklets that ended and whose person was seen again, likewise.
    """

    since: float
    recent: Fading = field(default_factory=Fading)
    usual: Fading = field(default_factory=Fading)
    new: dict[str, Fading] = field(default_factory=dict)
    entries: dict[str, Fading] = field(default_factory=dict)
    exits: dict[str, Fading] = field(default_factory=dict)
    returned: dict[str, Fading] = field(default_factory=dict)

    def rate(self, now: float, *, first_guess: float, short: float, long: float) -> float:
        """New people per second.

        Args:
            now: watched time.
            first_guess: the rate before anybody came.
            short, long: half lives in seconds.
        """
        usual = self._rate(self.usual, now, long, first_guess)
        return self._rate(self.recent, now, short, usual)

    def _rate(self, count: Fading, now: float, half_life: float, guess: float) -> float:
        """Posterior mean of a Poisson rate, old times counting less."""
        life = half_life / math.log(2)
        watched = life * -math.expm1(-max(0.0, now - self.since) / life)
        return (count.at(now, half_life) + _PRIOR_ARRIVALS) / (watched + _PRIOR_ARRIVALS / guess)

    def left(self, zone: str, now: float, half_life: float) -> float:
        """How many left by a zone ("" for any), but no fewer than were seen again after it."""
        return max(
            counts[zone].at(now, half_life) if zone in counts else 0.0
            for counts in (self.exits, self.returned)
        )

    def newcomers(self, zone: str, now: float, half_life: float) -> tuple[float, float]:
        """Share of a zone in everybody's arrivals, and in those of new people."""
        entries = _at(self.entries, now, half_life)
        new = _at(self.new, now, half_life)
        known = len(entries.keys() | {zone})
        share = (entries.get(zone, 0.0) + 1.0) / (sum(entries.values()) + known)
        of_new = (new.get(zone, 0.0) + _PRIOR_ZONE * share) / (sum(new.values()) + _PRIOR_ZONE)
        return share, of_new


def count(
    counts: dict[str, Fading], zone: str, weight: float, *, now: float, half_life: float
) -> None:
    """Counts somebody at a zone; of too many zones the least used is forgotten."""
    if zone not in counts and len(counts) >= _ZONES:
        del counts[min(counts, key=lambda name: counts[name].at(now, half_life))]
    counts.setdefault(zone, Fading()).add(weight, now=now, half_life=half_life)


def read_traffic(key: str, fields: Mapping[str, bytes]) -> tuple[Traffic, WatchedTime]:
    """Traffic and clock as `pipeline.transit` writes them.

    Raises:
        ValueError: these fields are something else.
    """
    try:
        values = json.loads(fields["traffic"])
        traffic = Traffic(
            since=float(values["since"]),
            recent=Fading(**values["recent"]),
            usual=Fading(**values["usual"]),
            new=_fadings(values["new"]),
            entries=_fadings(values["entries"]),
            exits=_fadings(values["exits"]),
            returned=_fadings(values["returned"]),
        )
        return traffic, WatchedTime(**json.loads(fields["clock"]))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{key}: expected what `to_fields` writes, found {error!r}") from error


def _fadings(values: Mapping[str, Mapping[str, float]]) -> dict[str, Fading]:
    return {zone: Fading(**value) for zone, value in values.items()}


def _at(counts: dict[str, Fading], now: float, half_life: float) -> dict[str, float]:
    return {zone: fading.at(now, half_life) for zone, fading in counts.items()}
