"""The collection window: how long pictures that are there wait for those that are about to come."""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST_SECONDS = 0.002
LONGEST_SECONDS = 0.1
_PAUSE_SECONDS = 2.0  # whoever is silent for longer has no rhythm to count on


class Rhythm:
    """When a camera's next picture is due, learnt from the times between its pictures.

    Mean and spread are estimated as TCP does for its round trips (RFC 6298), so that a pause at a
    key frame widens what is expected instead of upsetting it.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._interval: float | None = None
        self._spread = 0.0

    def tick(self, now: float) -> None:
        """A picture came; `now` is in seconds of a monotonic clock."""
        gap = None if self._last is None else now - self._last
        self._last = now
        if gap is None or gap > _PAUSE_SECONDS:
            self._interval = None
        elif self._interval is None:
            self._interval, self._spread = gap, gap / 2
        else:
            error = gap - self._interval
            self._interval += error / 8
            self._spread += (abs(error) - self._spread) / 4

    @property
    def due(self) -> float | None:
        """The moment by which the next picture is expected, or None if nobody can tell."""
        if self._last is None or self._interval is None:
            return None
        return self._last + self._interval + 2 * self._spread


def window_seconds(*, now: float, present: int, due: Iterable[float], busy_seconds: float) -> float:
    """How long to wait for pictures that are due, so that all of them together wait least.

    Waiting makes each picture that is there older. A picture that comes too late, however, waits
    until the consumer is through with this batch. Whatever the answer of that comparison, the
    window stays between 2 ms, in which cameras that tick together meet, and 100 ms.

    Args:
        now: seconds of a monotonic clock.
        present: pictures that are there.
        due: when other cameras' pictures are expected, by the same clock.
        busy_seconds: how long the consumer needs for a batch.

    >>> window_seconds(now=0.0, present=1, due=[0.03], busy_seconds=0.2)
    0.03
    >>> window_seconds(now=0.0, present=1, due=[0.03], busy_seconds=0.01)
    0.002
    """
    best, saved = SHORTEST_SECONDS, 0.0
    for joining, moment in enumerate(sorted(due), start=1):
        wait = moment - now
        gain = joining * (busy_seconds - wait) - present * wait
        if gain > saved and wait <= LONGEST_SECONDS:
            best, saved = wait, gain
    return max(best, SHORTEST_SECONDS)
