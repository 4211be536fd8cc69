"""Evidence that two tracklets are one person, as log-likelihood ratios against two people.

All in nats: 0 says nothing, +2.3 makes "the same person" ten times as likely as before. Where a
ratio is learned or measured it says from what; the priors are broad, and give way to data.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WITHIN = 0.15
"""By how much more alike people are in one view than in two: light and background are the same."""
_FEW = 3


def over_views(similarity: float, one: str, other: str) -> float:
    """What the similarity of two tracklets of these cameras would be if it were two views."""
    return similarity - WITHIN if one == other else similarity


@dataclass(frozen=True, slots=True)
class Calibration:
    """From similarity over views to log-likelihood ratio, fitted on people of known identity.

    Attributes:
        slope, offset: llr = slope · similarity + offset, in nats, for a pair drawn at random.
        trust: largest share of that which counts. Rivals are not drawn at random: they are the most
            similar of many, and the tracklets of one identity err together. A site whose people
            look alike gets less of it, see `pipeline.strangers`.
        limit: looks alone never count for more than this, either way: clothes repeat.
    """

    slope: float
    offset: float
    trust: float = 0.75
    limit: float = 8.0

    def nats(self, similarity: float) -> float:
        """What a similarity over views says of a pair drawn at random, in nats."""
        return self.slope * similarity + self.offset

    def together(self, nats: Sequence[float]) -> float:
        """Log-likelihood ratio from what each of somebody's tracklets says.

        The better half of them counts, three if there are so many: people look different from
        behind, but the best of many tracklets of somebody else may well look alike.

        Args:
            nats: what the tracklets of one person say, one at least.
        """
        count = _counting(len(nats))
        # Of most people one or two tracklets look alike: no need to look for the best.
        best = nats if len(nats) <= 2 else heapq.nlargest(count, nats)
        llr = sum(best) / count
        return max(-self.limit, min(self.limit, llr))

    def together_each(self, nats: NDArray[np.float32]) -> NDArray[np.float32]:
        """`together` of each row: [K, n] → [K]."""
        best = np.sort(nats, axis=1)[:, -_counting(nats.shape[1]) :]
        return np.clip(best.mean(axis=1), -self.limit, self.limit)


def _counting(tracklets: int) -> int:
    """How many of somebody's tracklets say whether another looks like them."""
    return max(min(_FEW, tracklets), (tracklets + 1) // 2)


@dataclass(frozen=True, slots=True)
class Continuity:
    """Within one view, people go on where they were lost: a prior over distances.

    After a gap g the distance has, with probability exp(-g / fades), the density of a normal
    distribution in the plane that widens with time, and else tells nothing. Distances are in
    fractions of the picture, and somebody else might be anywhere in it.

    Attributes:
        spread: standard deviation at once: the detector's jitter.
        speed: by how much it widens per second: people walk.
        fades: seconds after which most who return do so from elsewhere.
    """

    spread: float = 0.04
    speed: float = 0.08
    fades: float = 4.0

    def llr(self, gap_seconds: float, distance: float) -> float:
        """Log of the density at a distance over that of somebody else, which is 1."""
        weight = math.exp(-max(0.0, gap_seconds) / self.fades)
        variance = (self.spread + self.speed * max(0.0, gap_seconds)) ** 2
        density = math.exp(-(distance**2) / (2 * variance)) / (2 * math.pi * variance)
        return math.log(weight * density + (1.0 - weight) + 1e-3)
