"""How likely somebody who left one camera shows up in another just now: learned as people walk.

`TransitModel.llr` compares two explanations of a tracklet that begins in camera b: the person who
left camera a so many seconds ago has come, or somebody new has.

    llr = log( density of arriving from a after this gap / rate at which new people come into b )

Density: of all who left a, the share that shows up in b, per second of the gap. It is the posterior
mean under a Dirichlet prior: a broad prior (`pipeline.gaps.BroadPrior`), of which every camera has
the same share, or what people said (`Given`), weighs as much as `STRENGTH` exits; the gaps that
were seen, weighted by the probability that the decision was right and fading with a half life, do
the rest. Those who left a and were not seen in b are counted too (`observe_exit`), so pairs that
nobody takes become unlikely, and nothing ever becomes impossible: the ratio is finite whatever the
gap. Of long gaps the prior lasts longer, up to `LONG_STRENGTH` exits: nearly all who left have been
seen again by then, so few of them tell where somebody comes in who has been away.

That whoever left a has not been seen since needs explaining, too: `TransitModel.away` is the share
that stays away for so long. `llr` less its logarithm compares the hazard of coming with the rate of
new people (in min-cost flow tracking: the cost of an exit).

Where zones are known, exit and entry zone have histograms of their own, whose prior is what is
known of the two cameras; without data of its own a pair of zones says what the cameras say.

    model = TransitModel()
    model.llr("west", "", "east", "", gap=8.0, now=now)           # nats; "" where zones are unknown
    model.away("west", "", seconds=8.0, now=now)                  # share that stays away so long
    model.observe("west", "", "east", "", gap=8.0, now=now, weight=0.9)   # taken back by -0.9
    model.observe_new("west", "", now=now, weight=0.95)           # somebody new came in
    model.observe_exit("west", "", now=now)                       # a tracklet was closed
    for key in model.take_changed():                              # "west>east", or "west"
        write(key, model.to_fields(key))                          # {field: bytes}, replaces the key
    model.load(key, fields)                                       # at the start, for each key

All times are capture times. `now` may go back by some seconds. Half lives are of time in which the
site was watched: of a silence of all its cameras ten minutes count, for it may have been switched
off, or the shop closed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pipeline.arrivals import Fading, Traffic, WatchedTime, count, read_traffic
from pipeline.departures import Departures
from pipeline.gaps import (
    BroadPrior,
    GapHistogram,
    Given,
    bin_of,
    clock_offset,
    spread_in_bin,
)
from pipeline.seen_gaps import Key, SeenGaps

STRENGTH = 3.0
"""Exits that the prior weighs as much as, at each level. Two is best if all decisions are right."""
LONG_STRENGTH = 30.0
"""The same, of gaps of `_LONG` seconds and more."""
_LONG = 300.0
GIVEN_STRENGTH = 20.0
"""Exits that people's word weighs as much as."""
EXCLUDED = -30.0
"""What `llr` says of a gap that people have ruled out: more than looks can make up for."""
_LEAST_AWAY = 0.05
"""Share of people who stay away for ever at least: they may have been overlooked."""
_FEWEST = 2  # cameras that people may show up in, before any is known


@dataclass(frozen=True, slots=True)
class TransitSettings:
    """What the model learns with.

    Attributes:
        prior: what is expected of a pair of cameras before anybody was seen.
        arrivals: new people per second in a camera, likewise.
        half_life: seconds after which what was seen counts half.
        traffic_half_life: the same for how busy it is: it changes within the day.
    """

    prior: BroadPrior = field(default_factory=BroadPrior)
    arrivals: float = 0.05
    half_life: float = 7 * 86400.0
    traffic_half_life: float = 3600.0


class TransitModel:
    """Learned transit times of a site; see the module.

    Args:
        settings: what it learns with.
    """

    def __init__(self, settings: TransitSettings | None = None) -> None:
        self.settings = settings or TransitSettings()
        self._seen = SeenGaps(half_life=self.settings.half_life)
        self._departures: Departures | None = None
        self._traffic: dict[str, Traffic] = {}
        self._clock = WatchedTime()
        self._changed: set[str] = set()
        self._backgrounds: dict[tuple[str, str], _Background] = {}
        self._lefts: dict[tuple[str, str], tuple[float, float]] = {}

    # ── asking ──────────────────────────────────────────────────────────────────────────────

    def llr(
        self,
        from_camera: str,
        from_zone: str,
        to_camera: str,
        to_zone: str,
        gap: float,
        now: float,
        *,
        given: Given | None = None,
    ) -> float:
        """Log-likelihood ratio, "came from there" against "somebody new", in nats.

        Args:
            from_camera, from_zone: where the earlier tracklet ended; zone "" if it is not known.
            to_camera, to_zone: where the later one begins, likewise.
            gap: seconds between them; below zero if clocks differ.
            now: capture time of the later tracklet.
            given: what people said of this transit.

        Returns:
            a finite number; `EXCLUDED` if people have ruled it out.
        """
        if given is not None and not given.allows(gap, tolerance=self.settings.prior.tolerance):
            return EXCLUDED
        key = from_camera, from_zone, to_camera, to_zone
        now = self._clock.at(now)
        background = self._background(to_camera, to_zone, now)
        if from_zone and to_zone:
            density = self._zone_density(key, gap, now, given, background.zone_share)
            return math.log(density / (background.arrivals * background.zone_share_of_new))
        return math.log(self._camera_density(key, gap, now, given) / background.arrivals)

    def away(self, camera: str, zone: str, seconds: float, now: float) -> float:
        """Of those who left a camera, the share that is not seen anywhere within so long.

        Args:
            camera, zone: where they left; zone "" if it is not known.
            seconds: since they left.
            now: capture time.

        Returns:
            1 at once, and less the longer it is; never 0.
        """
        if seconds <= 0:
            return 1.0
        now = self._clock.at(now)
        back = self.settings.prior.within(seconds)
        for place in ("", zone) if zone else ("",):
            seen = self._departed().back_within(camera, place, seconds, now)
            back = (STRENGTH * back + seen) / (STRENGTH + self._left(camera, place, now))
        return max(_LEAST_AWAY, 1.0 - back)

    def density(
        self,
        from_camera: str,
        to_camera: str,
        gap: float,
        now: float,
        *,
        given: Given | None = None,
    ) -> float:
        """Of those who left a camera, the share that shows up in another, per second of the gap."""
        key = from_camera, "", to_camera, ""
        return self._camera_density(key, gap, self._clock.at(now), given)

    def arrivals(self, camera: str, now: float) -> float:
        """New people per second in a camera."""
        return self._arrivals(camera, self._clock.at(now))

    def exits(self, camera: str, zone: str, now: float) -> float:
        """How many left a camera by a zone ("" for any), old ones counting less."""
        return self._left(camera, zone, self._clock.at(now))

    def clock_offset(self, one: str, other: str) -> float:
        """Seconds by which another camera's clock is ahead of one camera's, as transits show.

        See `pipeline.gaps.clock_offset`.
        """
        there, back = (one, "", other, ""), (other, "", one, "")
        return clock_offset(self._seen.find(there), self._seen.find(back))

    def transits(self) -> dict[Key, GapHistogram]:
        """What was seen, by cameras and zones; both zones are "" for all of a pair of cameras."""
        return self._seen.all()

    # ── learning ────────────────────────────────────────────────────────────────────────────

    def observe(
        self,
        from_camera: str,
        from_zone: str,
        to_camera: str,
        to_zone: str,
        gap: float,
        now: float,
        weight: float = 1.0,
    ) -> None:
        """Somebody went from one camera to another, or back into the same one.

        Args:
            from_camera, from_zone, to_camera, to_zone, gap, now: as of `llr`.
            weight: probability that it was one person; negative to take it back.
        """
        now = self._clock.advance(now)
        self._departed().observe(from_camera, {"", from_zone}, gap, weight, now)
        keys = {(from_camera, "", to_camera, "")}
        if from_zone and to_zone:
            keys.add((from_camera, from_zone, to_camera, to_zone))
        for key in keys:
            self._changed |= self._seen.add(key, gap, weight, now)
        left, entered = self._watched(from_camera, now), self._watched(to_camera, now)
        for zone in {"", from_zone}:
            self._count(left.returned, zone, weight, now)
        self._count(entered.entries, to_zone, weight, now)
        self._changed |= {f"{from_camera}>{to_camera}", from_camera, to_camera}

    def observe_new(self, camera: str, zone: str, now: float, weight: float = 1.0) -> None:
        """Somebody new came into a camera; the weight is the probability of it."""
        now = self._clock.advance(now)
        traffic, settings = self._watched(camera, now), self.settings
        traffic.recent.add(weight, now=now, half_life=settings.traffic_half_life)
        traffic.usual.add(weight, now=now, half_life=settings.half_life)
        self._count(traffic.new, zone, weight, now)
        self._count(traffic.entries, zone, weight, now)
        self._changed.add(camera)

    def observe_exit(self, camera: str, zone: str, now: float, weight: float = 1.0) -> None:
        """A tracklet has ended, whether its person is seen again or not."""
        now = self._clock.advance(now)
        traffic = self._watched(camera, now)
        for each in {"", zone}:
            self._count(traffic.exits, each, weight, now)
        self._changed.add(camera)

    # ── keeping ─────────────────────────────────────────────────────────────────────────────

    def take_changed(self) -> set[str]:
        """The keys that have changed since this was asked last: `a>b` for a pair, `a` for one."""
        changed, self._changed = self._changed, set()
        return changed

    def to_fields(self, key: str) -> dict[str, bytes]:
        """What is known of a pair of cameras or of a camera, as fields of a hash."""
        if ">" not in key:
            traffic, clock = asdict(self._traffic[key]), asdict(self._clock)
            return {"traffic": _json(traffic), "clock": _json(clock)}
        one, other = key.split(">")
        zones = self._seen.between(one, other)
        return {f"{left}>{entered}": h.to_bytes() for (left, entered), h in zones.items()}

    def load(self, key: str, fields: Mapping[str, bytes]) -> None:
        """The reverse of `to_fields`.

        Raises:
            ValueError: these fields are not what `to_fields` writes.
        """
        if ">" not in key:
            self._traffic[key], clock = read_traffic(key, fields)
            self._clock = max(self._clock, clock, key=lambda each: each.newest)
            self._backgrounds.clear()
            self._lefts.clear()
            return
        self._departures = None
        one, other = key.split(">")
        for name, data in fields.items():
            left, separator, entered = name.partition(">")
            if not separator:
                raise ValueError(f"{key}: expected two zones in the name of a field, found {name}")
            self._seen.put((one, left, other, entered), GapHistogram.from_bytes(data))

    # ── densities ───────────────────────────────────────────────────────────────────────────

    def _camera_density(self, key: Key, gap: float, now: float, given: Given | None) -> float:
        pair = key[0], "", key[2], ""
        if given is not None:
            return self._posterior(pair, gap, now, GIVEN_STRENGTH, given.density(gap))
        share = 1.0 / max(_FEWEST, len(self._traffic))
        return self._posterior(pair, gap, now, STRENGTH, share * self.settings.prior.density(gap))

    def _zone_density(
        self, key: Key, gap: float, now: float, given: Given | None, share: float
    ) -> float:
        """As of the cameras, of which a share comes in by this zone, until the zones have data."""
        known = self._camera_density(key, gap, now, None) if given is None else given.density(gap)
        strength = STRENGTH if given is None else GIVEN_STRENGTH
        return self._posterior(key, gap, now, strength, known * share)

    def _posterior(
        self, key: Key, gap: float, now: float, strength: float, expected: float
    ) -> float:
        seen, histogram, half_life = 0.0, self._seen.find(key), self.settings.half_life
        if histogram is not None:
            place = bin_of(gap)
            fade = 0.5 ** (max(0.0, now - histogram.updated) / half_life)
            seen = fade * histogram.smoothed()[place] * spread_in_bin(place, gap)
        lasting = max(strength, LONG_STRENGTH * min(1.0, gap / _LONG))
        left = self._left(key[0], key[1], now)
        return expected * lasting / (lasting + left) + seen / (strength + left)

    def _background(self, camera: str, zone: str, now: float) -> _Background:
        """Asked again and again for the candidates of one tracklet: the last answer is kept."""
        known = self._backgrounds.get((camera, zone))
        if known is None or known.time != now:
            traffic, half_life = self._traffic.get(camera), self.settings.half_life
            shares = (1.0, 1.0) if traffic is None else traffic.newcomers(zone, now, half_life)
            known = _Background(now, self._arrivals(camera, now), *shares)
            self._backgrounds[camera, zone] = known
        return known

    def _arrivals(self, camera: str, now: float) -> float:
        settings, traffic = self.settings, self._traffic.get(camera)
        if traffic is None:
            return settings.arrivals
        return traffic.rate(
            now,
            first_guess=settings.arrivals,
            short=settings.traffic_half_life,
            long=settings.half_life,
        )

    def _left(self, camera: str, zone: str, now: float) -> float:
        """How many left; as of the background, the last answer is kept."""
        time, number = self._lefts.get((camera, zone), (math.nan, 0.0))
        if time != now:
            traffic = self._traffic.get(camera)
            number = traffic.left(zone, now, self.settings.half_life) if traffic else 0.0
            self._lefts[camera, zone] = now, number
        return number

    # ── counts ──────────────────────────────────────────────────────────────────────────────

    def _watched(self, camera: str, now: float) -> Traffic:
        traffic = self._traffic.setdefault(camera, Traffic(since=now))
        traffic.since = min(traffic.since, now)
        self._backgrounds.clear()
        self._lefts.clear()
        return traffic

    def _departed(self) -> Departures:
        if self._departures is None:
            self._departures = Departures(self.transits(), half_life=self.settings.half_life)
        return self._departures

    def _count(self, counts: dict[str, Fading], zone: str, weight: float, now: float) -> None:
        count(counts, zone, weight, now=now, half_life=self.settings.half_life)


@dataclass(frozen=True, slots=True)
class _Background:
    """New people per second in a camera at a time, and a zone's share of arrivals."""

    time: float
    arrivals: float
    zone_share: float
    zone_share_of_new: float


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
