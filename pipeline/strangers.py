"""Strangers: how far looks can be trusted at a site, learned from people who cannot be the same.

Two people who are there at the same time are two people, whatever they look like; nobody need say
so, and there are plenty of them. Where many wear the same, as in uniform or in dark coats, their
looks speak for one person, and looks must count less, also for those who never met. The curve of a
pair of cameras is learned so, and is the site's, and that of the network's card, until it has data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.data import Sighting
from pipeline.evidence import Calibration, over_views

KEY = ":strangers"
"""Under which `pipeline.learned` keeps what was learned; no camera can be called so."""

_MOST_SAID = 0.3
"""Nats by which strangers' looks may speak for one person, in the mean; the trust in looks is
lowered to that. In dark coats they say 1.3 to 1.5 by the network's curve, elsewhere 0.1 to 0.3."""
_TOGETHER_SECONDS = 1.0
"""For which two must have been there at once: less may be one person seen twice."""
_RECENT = 64  # tracklets that have ended with whom another one is compared
_MEMORY = 2_000  # pairs; what is older than so many counts half, again and again
_BEFORE, _OF_A_SITE = 0.1, 10
"""Nats where nothing is known, and after how many pairs a site's own count as much."""
_OF_A_CAMERA = 300
"""Pairs after which a pair of cameras' own count as much as the site's: a few people there make
many pairs."""

Pair = tuple[str, str]


class _Said(NamedTuple):
    """What the looks of so many pairs of strangers have said for their being one: a sum of nats."""

    pairs: float = 0.0
    nats: float = 0.0

    def and_(self, nats: float) -> _Said:
        share = 0.5 if self.pairs >= _MEMORY else 1.0
        return _Said(share * self.pairs + 1.0, share * self.nats + nats)

    def mean(self, before: float, weight: float) -> float:
        """Mean of all pairs, and of `weight` more that said `before`."""
        return (self.nats + weight * before) / (self.pairs + weight)


class Line(NamedTuple):
    """What a similarity of two tracklets of two cameras says: slope · similarity + offset, nats."""

    slope: float
    offset: float


class Strangers:
    """What strangers look like to each other, for each pair of cameras.

    Args:
        calibration: what similarity is worth by the network's card, or the site's own curve.
        tolerance: seconds by which the cameras' clocks may differ.
    """

    def __init__(self, calibration: Calibration, *, tolerance: float = 0.5) -> None:
        self._calibration = calibration
        self._tolerance = tolerance
        self._recent: deque[Sighting] = deque(maxlen=_RECENT)
        self._site = _Said()
        self._said: dict[Pair, _Said] = {}
        self._lines: dict[Pair | bool, Line] = {}
        self._changed: set[Pair] = set()

    def line(self, one: str, other: str) -> Line:
        """What likeness says between two cameras, as far as it is trusted there."""
        pair = _pair(one, other)
        # Of a pair nothing is known of its own as a rule: all of these have the site's line.
        key = pair if pair in self._said else one == other
        line = self._lines.get(key)
        if line is None:
            trust = self.trust(one, other)
            start, end = (self._calibration.nats(over_views(s, one, other)) for s in (0.0, 1.0))
            line = self._lines[key] = Line(trust * (end - start), trust * start)
        return line

    def trust(self, one: str, other: str) -> float:
        """Share of what looks say that counts between two cameras, at most `calibration.trust`."""
        site = self._site.mean(_BEFORE, _OF_A_SITE)
        said = self._said.get(_pair(one, other), _Said()).mean(site, _OF_A_CAMERA)
        return min(self._calibration.trust, _MOST_SAID / max(said, _MOST_SAID))

    def meet(self, ended: Sighting) -> None:
        """Takes a tracklet that has ended: whoever was there with it was somebody else."""
        others = [other for other in self._recent if self._met(ended, other)]
        if others:
            looks = np.array([other.embedding for other in others]) @ ended.embedding
            for other, similarity in zip(others, looks, strict=True):
                self._take(ended.camera, other.camera, float(similarity))
        self._recent.append(replace(ended, thumbnail=None))  # nobody's picture

    def let_go(self) -> None:
        """Keeps nobody's looks in memory; what was learned from them stays."""
        self._recent.clear()

    def _met(self, one: Sighting, other: Sighting) -> bool:
        together = min(one.end, other.end) - max(one.begin, other.begin)
        apart = 0.0 if one.camera == other.camera else self._tolerance
        return together > _TOGETHER_SECONDS + apart

    def _take(self, one: str, other: str, similarity: float) -> None:
        nats = max(0.0, self._calibration.nats(over_views(similarity, one, other)))
        pair = _pair(one, other)
        self._site = self._site.and_(nats)
        self._said[pair] = self._said.get(pair, _Said()).and_(nats)
        self._changed.add(pair)
        self._lines.clear()

    # ── what is kept ────────────────────────────────────────────────────────────────────────

    def take_changed(self) -> dict[str, bytes]:
        """What was learned since this was asked last: two numbers of each pair of cameras."""
        changed, self._changed = self._changed, set()
        return {f"{a}>{b}": b"%.17g %.17g" % self._said[a, b] for a, b in sorted(changed)}

    def load(self, fields: Mapping[str, bytes]) -> None:
        """The reverse of `take_changed`.

        Raises:
            ValueError: these fields are not what `take_changed` gives.
        """
        for name, data in fields.items():
            one, separator, other = name.partition(">")
            try:
                pairs, nats = map(float, data.split())
            except ValueError:
                pairs = nats = np.nan
            said = _Said(pairs, nats)
            if not separator or not np.isfinite(said).all() or min(said) < 0:
                raise ValueError(f"{KEY}: expected pairs of cameras and two numbers, found {name}")
            self._said[_pair(one, other)] = said
        self._lines.clear()
        total = np.sum([*self._said.values(), _Said()], axis=0)
        self._site = _Said(*(total * min(1.0, _MEMORY / max(total[0], 1.0))).tolist())


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one <= other else (other, one)
