"""The time between two tracklets of one person: what is expected of it, and a histogram of it.

A *gap* is the begin of the later tracklet minus the end of the earlier, in seconds; below zero if
the clocks of two cameras differ. Bins are equally wide in asinh(gap / 0.5 s): an eighth of a second
around zero, and a factor of 1.28 from there to half a day, with an open bin at either end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Array = npt.NDArray[np.float64]

_UNIT = 0.5
_STEP = 0.25
_BELOW, _ABOVE = -19, 49  # from -29 s to 14.5 h
_INNER = np.arange(_BELOW, _ABOVE + 1) * _STEP
_EDGES_BENT: Array = np.concatenate([[-np.inf], _INNER, [np.inf]])

EDGES: Array = np.concatenate([[-np.inf], _UNIT * np.sinh(_INNER), [np.inf]])
"""Bounds of the bins in seconds: bin k is from EDGES[k] to EDGES[k + 1]."""
BINS = len(EDGES) - 1
"""How many there are, the open ones included."""

_SPREAD = 0.35
"""A first guess at the spread of the logarithm of transit times along one way."""
_LEAST_DENSITY = 1e-15  # per second: nothing is impossible
_CLOCK_WEIGHT = 8.0  # transits in a direction before clocks are compared
_CLOCK_SHARE = 0.1  # who is faster than this share of people walks briskly, either way
_CLOCK_LEAST = 0.3  # seconds


def bin_of(gap: float) -> int:
    """Number of the bin a gap falls into."""
    return min(max(math.floor(_bent(gap) / _STEP) - _BELOW + 1, 0), BINS - 1)


def spread_in_bin(place: int, gap: float) -> float:
    """Density per second at a gap, of what is known to lie in its bin."""
    if place == 0:
        return math.exp(max(-700.0, (gap - EDGES[1]) / 10)) / 10
    if place == BINS - 1:
        return float(EDGES[-2]) / gap**2
    return 1 / (_STEP * math.hypot(gap, _UNIT))


def _bent(gap: float) -> float:
    return math.asinh(gap / _UNIT)


class Prior(Protocol):
    """What is expected before anything was seen: somebody leaves; when do they show up there?"""

    def density(self, gap: float) -> float:
        """Probability per second to show up after a gap, never 0."""


@dataclass(frozen=True, slots=True)
class BroadPrior:
    """Sooner is likelier: density returns · scale / (scale + gap)², of `pipeline.evidence`.

    Attributes:
        returns: probability that somebody who left shows up at all.
        scale: half of those who do so within this many seconds.
        tolerance: seconds by which clocks differ: how fast the density falls off below zero.
    """

    returns: float = 0.7
    scale: float = 20.0
    tolerance: float = 0.5

    def density(self, gap: float) -> float:
        """See `Prior`."""
        if gap < 0:
            early = self.returns / self.scale * math.exp(max(-700.0, gap / self.tolerance))
            return max(early, _LEAST_DENSITY)
        return max(self.returns * self.scale / (self.scale + gap) ** 2, _LEAST_DENSITY)

    def within(self, gap: float) -> float:
        """Probability to show up within so many seconds."""
        return self.returns * max(0.0, gap) / (self.scale + max(0.0, gap))


@dataclass(frozen=True, slots=True)
class Given:
    """What people said of a transit: a window of time, a typical time, or that nobody takes it.

    As a prior it is spread evenly over the logarithm of the window, or around the typical time,
    with a small share left to chance.

    Attributes:
        shortest, longest: seconds that a transit takes, at least and at most; None: not said.
        typical: seconds that it takes as a rule; None: not said.
        never: nobody goes there directly.
        returns: share of those who leave that way who show up there.
    """

    shortest: float | None = None
    longest: float | None = None
    typical: float | None = None
    never: bool = False
    returns: float = 0.7

    def allows(self, gap: float, *, tolerance: float = 0.0) -> bool:
        """False if this gap cannot be, as clocks differ by no more than the tolerance."""
        if self.never:
            return False
        early = self.shortest is not None and gap < self.shortest - tolerance
        late = self.longest is not None and gap > self.longest + tolerance
        return not (early or late)

    def density(self, gap: float) -> float:
        """See `Prior`."""
        inside = self._bent_density(_bent(gap)) / math.hypot(gap, _UNIT)
        chance = self._chance * BroadPrior(self.returns).density(gap)
        return max((1 - self._chance) * self.returns * inside + chance, _LEAST_DENSITY)

    @property
    def _chance(self) -> float:
        """A window is a limit; a typical time is not."""
        if self._window is not None:
            return 0.02
        return 1.0 if self.typical is None else 0.15

    @property
    def _window(self) -> tuple[float, float] | None:
        if self.shortest is None and self.longest is None:
            return None
        low, high = self.shortest or 0.0, EDGES[-2] if self.longest is None else self.longest
        return _bent(low), max(_bent(high), _bent(low) + 0.1)

    def _bent_density(self, bent: float) -> float:
        if (window := self._window) is not None:
            return float(window[0] <= bent < window[1]) / (window[1] - window[0])
        if self.typical is None:
            return 0.0
        deviation = (bent - _bent(self.typical)) / (2 * _SPREAD)
        return math.exp(-(deviation**2) / 2) / (math.sqrt(2 * math.pi) * 2 * _SPREAD)


@dataclass(slots=True)
class GapHistogram:
    """Gaps that were seen, each with a weight, old ones fading.

    Attributes:
        weights: float64[BINS], as of `updated`.
        sums: float64[BINS], of weight · gap: gives the mean gap in each bin.
        updated: capture time of the newest observation, seconds since the epoch.
    """

    weights: Array = field(default_factory=lambda: np.zeros(BINS))
    sums: Array = field(default_factory=lambda: np.zeros(BINS))
    updated: float = 0.0
    _smooth: list[float] | None = None
    _below: list[float] | None = None

    @classmethod
    def sum(cls, histograms: Sequence[GapHistogram], *, half_life: float) -> GapHistogram:
        """All gaps of several histograms, as of the newest of them."""
        total = cls(updated=max(histogram.updated for histogram in histograms))
        for histogram in histograms:
            fade = 0.5 ** ((total.updated - histogram.updated) / half_life)
            total.weights += fade * histogram.weights
            total.sums += fade * histogram.sums
        return total

    def add(self, gap: float, weight: float, *, now: float, half_life: float) -> None:
        """Takes a gap in; with a negative weight, takes one back."""
        fade = 0.5 ** (max(0.0, now - self.updated) / half_life)
        self.weights *= fade
        self.sums *= fade
        self.updated = max(now, self.updated)
        place = bin_of(gap)
        if weight < 0:
            before = float(self.weights[place])
            weight = -min(before, -weight)
            gap = float(self.sums[place]) / before if before else 0.0
        self.weights[place] += weight
        self.sums[place] += weight * gap
        self._smooth = self._below = None

    @property
    def total(self) -> float:
        """Sum of the weights as of `updated`."""
        return float(self.weights.sum())

    def smoothed(self) -> Sequence[float]:
        """The weights, each spread over its neighbours: the less so the more there are.

        By Silverman's rule for times whose logarithms spread by a third. The sum stays the same.
        """
        if self._smooth is None:
            filled = np.flatnonzero(self.weights > 0)
            weights = self.weights[filled]
            places = np.arcsinh(self.sums[filled] / weights / _UNIT)
            width = _SPREAD * max(1.0, float(weights.sum())) ** -0.2
            shares = np.diff(ndtr((_EDGES_BENT[None, :] - places[:, None]) / width), axis=1)
            self._smooth = (weights @ shares).tolist() if len(filled) else [0.0] * BINS
        return self._smooth

    def within(self, gap: float) -> float:
        """Weight of the gaps up to one, smoothed; within a bin they are taken to lie evenly."""
        if self._below is None:
            self._below = [0.0, *np.cumsum(self.smoothed()).tolist()]
        place = bin_of(gap)
        low, high = EDGES[place], EDGES[place + 1]
        # Of the open bins, where there is no middle, all that lies in them counts.
        share = (gap - low) / (high - low) if math.isfinite(high - low) else 1.0
        return float(self._below[place] + share * (self._below[place + 1] - self._below[place]))

    def quantile(self, share: float) -> float:
        """The gap below which a share of the weight lies, NaN if nothing was seen.

        Within a bin gaps are taken to lie evenly around their mean.
        """
        filled = np.flatnonzero(self.weights > 0)
        if not len(filled):
            return math.nan
        weights = self.weights[filled]
        mean, after = self.sums[filled] / weights, np.cumsum(weights)
        reach = np.minimum(mean - EDGES[filled], EDGES[filled + 1] - mean).clip(0.0)
        reach[~np.isfinite(reach)] = 0.0
        bounds = np.stack([mean - reach, mean + reach], axis=1).ravel()
        below = np.stack([after - weights, after], axis=1).ravel()
        return float(np.interp(share * after[-1], below, bounds))

    def to_bytes(self) -> bytes:
        """The bins in use, some 20 bytes each."""
        filled = np.flatnonzero(self.weights > 0)
        head = np.array([self.updated, len(filled)], dtype="<f8").tobytes()
        body = np.stack([filled, self.weights[filled], self.sums[filled]]).astype("<f8")
        return head + body.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> GapHistogram:
        """The reverse of `to_bytes`.

        Raises:
            ValueError: these bytes are no histogram.
        """
        numbers = np.frombuffer(data, dtype="<f8")
        if len(numbers) < 2 or len(numbers) != 2 + 3 * numbers[1] or not np.isfinite(numbers).all():
            raise ValueError(f"expected a histogram of gaps, found {len(data)} other bytes")
        filled, weights, sums = numbers[2:].reshape(3, -1)
        places = filled.astype(np.int64)
        if ((places < 0) | (places >= BINS) | (weights < 0)).any():
            raise ValueError("expected a histogram of gaps, found bins it does not have")
        histogram = cls(updated=float(numbers[0]))
        histogram.weights[places], histogram.sums[places] = weights, sums
        return histogram


@dataclass(frozen=True, slots=True)
class _Quick:
    """The brisk walkers of one direction: their gap in seconds, and how sure that is."""

    gap: float
    error: float


def _quick(histogram: GapHistogram) -> _Quick | None:
    if histogram.total < _CLOCK_WEIGHT:
        return None
    low, middle = histogram.quantile(_CLOCK_SHARE), histogram.quantile(0.5)
    return _Quick(low, (middle - low) / math.sqrt(histogram.total))


def clock_offset(from_one: GapHistogram | None, to_one: GapHistogram | None) -> float:
    """Seconds by which another camera's clock is ahead of one camera's, as transits show.

    Brisk walkers take as long one way as the other: by how much the quickest tenths differ, halved,
    the clocks differ. Without transits back, by how far that tenth lies below zero. It matters only
    where transits are so quick that gaps come out below zero; elsewhere the histograms have it in
    them, and 0 is returned.

    Args:
        from_one: gaps from the one camera to the other.
        to_one: gaps of those who came back.
    """
    there, back = (_quick(h) if h is not None else None for h in (from_one, to_one))
    if there is not None and back is not None:
        offset, error = (there.gap - back.gap) / 2, math.hypot(there.error, back.error)
        quick = min(there.gap, back.gap) < 1.0
        return offset if quick and abs(offset) > max(_CLOCK_LEAST, 2 * error) else 0.0
    only, sign = (there, 1.0) if there is not None else (back, -1.0)
    return sign * only.gap if only is not None and only.gap < -_CLOCK_LEAST else 0.0
