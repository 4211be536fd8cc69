"""The gaps that were seen on each way through a site: histograms, as many as memory may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pipeline.gaps import GapHistogram

_MOST = 20_000  # histograms held at most, some 1.2 kB each

Key = tuple[str, str, str, str]
"""Camera and zone left, camera and zone entered; both zones are "" for all of a pair of cameras."""


class SeenGaps:
    """Histograms of gaps by way; of too many those that weigh least are dropped.

    Args:
        half_life: seconds after which what was seen counts half.
    """

    def __init__(self, *, half_life: float) -> None:
        self._half_life = half_life
        self._pairs: dict[tuple[str, str], dict[tuple[str, str], GapHistogram]] = {}
        self._size = 0

    def find(self, key: Key) -> GapHistogram | None:
        """What was seen on one way."""
        zones = self._pairs.get((key[0], key[2]))
        return None if zones is None else zones.get((key[1], key[3]))

    def between(self, one: str, other: str) -> Mapping[tuple[str, str], GapHistogram]:
        """What was seen from one camera to another, by the zones left and entered."""
        return self._pairs.get((one, other), {})

    def all(self) -> dict[Key, GapHistogram]:
        """What was seen on every way."""
        return {
            (one, left, other, entered): histogram
            for (one, other), zones in self._pairs.items()
            for (left, entered), histogram in zones.items()
        }

    def add(self, key: Key, gap: float, weight: float, now: float) -> set[str]:
        """Takes a gap in, or back; returns the pairs of cameras, `a>b`, that had to lose a way."""
        found, dropped = self.find(key), set[str]()
        if found is None:
            if self._size >= _MOST:
                dropped = self._drop_lightest()
            found = GapHistogram()
            self.put(key, found)
        found.add(gap, weight, now=now, half_life=self._half_life)
        return dropped

    def put(self, key: Key, histogram: GapHistogram) -> None:
        """Takes a histogram as it was kept."""
        zones = self._pairs.setdefault((key[0], key[2]), {})
        self._size += (key[1], key[3]) not in zones
        zones[key[1], key[3]] = histogram

    def _drop_lightest(self) -> set[str]:
        """A tenth of them at once, so that it costs little per observation."""
        rate = math.log(2) / self._half_life
        weight = {k: math.log(h.total + 1e-300) + h.updated * rate for k, h in self.all().items()}
        lightest = sorted(weight, key=weight.__getitem__)[: _MOST // 10]
        for one, left, other, entered in lightest:
            zones = self._pairs[one, other]
            del zones[left, entered]
            if not zones:
                del self._pairs[one, other]
            self._size -= 1
        return {f"{one}>{other}" for one, _, other, _ in lightest}
