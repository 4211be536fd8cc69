"""How long people stay away who have left a camera, wherever they are seen again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pipeline.gaps import GapHistogram

Place = tuple[str, str]
"""A camera, and a zone of it that people left by; "" for any."""


class Departures:
    """Gaps until those who left a camera were seen again, by the zone they left by.

    They are sums of what is known of pairs of cameras: nothing of it need be kept.

    Args:
        transits: gaps by camera and zone left, camera and zone entered; both zones "" for all of a
            pair of cameras.
        half_life: seconds after which what was seen counts half.
    """

    def __init__(
        self, transits: Mapping[tuple[str, str, str, str], GapHistogram], *, half_life: float
    ) -> None:
        by_place: dict[Place, list[GapHistogram]] = defaultdict(list)
        for (camera, zone, _, _), histogram in transits.items():
            by_place[camera, zone].append(histogram)
        self._half_life = half_life
        self._gaps = {
            place: GapHistogram.sum(histograms, half_life=half_life)
            for place, histograms in by_place.items()
        }

    def observe(
        self, camera: str, zones: Iterable[str], gap: float, weight: float, now: float
    ) -> None:
        """Somebody who left was seen again; with a negative weight, that is taken back."""
        for zone in zones:
            histogram = self._gaps.setdefault((camera, zone), GapHistogram())
            histogram.add(gap, weight, now=now, half_life=self._half_life)

    def back_within(self, camera: str, zone: str, gap: float, now: float) -> float:
        """How many who left were seen again within so many seconds, old ones counting less."""
        histogram = self._gaps.get((camera, zone))
        if histogram is None:
            return 0.0
        fade = 0.5 ** (max(0.0, now - histogram.updated) / self._half_life)
        return fade * histogram.within(gap)
