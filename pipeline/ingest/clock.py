"""When a live picture was taken: three clocks, none of which can be trusted alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.data import Clock

TOLERANCE_SECONDS = 10.0
"""A camera's clock that differs by more from ours is not believed."""
SLEW = 0.1
"""Corrections of the time change its pace by no more than this share."""
SLOWEST_PACE = 0.5
"""Pace of a time that is too far ahead to be slewed: an hour takes two to come right."""

_JUMP_SECONDS = 1.0  # time stamps this far ahead of the time that has passed have jumped
_BUCKET_SECONDS = 5.0
_PACE_ERROR = 0.2
_SMALLEST_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Capture:
    """When a picture was taken.

    Attributes:
        time: seconds since the epoch, later than that of the picture before.
        clock: where it comes from.
        offset: seconds by which the camera's own clock is ahead of ours; None if it does not tell.
        believed: False if the camera tells, and is too far off.
    """

    time: float
    clock: Clock
    offset: float | None
    believed: bool


class StreamTime:
    """Puts the sender's time stamps on our monotonic clock, free of the network's jitter.

    A picture can come late, never early: the least difference of arrival and time stamp within
    the last 5 to 10 s is the one that holds. Following it, the drift of the camera's clock goes
    out by itself. Time stamps that jump, or that run at a wrong pace, are noticed.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._begin()

    def place(self, stamp: float | None, now: float) -> float:
        """The moment of the picture on our monotonic clock.

        Args:
            stamp: its time in the stream, seconds, or None.
            now: when it came, by our monotonic clock.
        """
        if stamp is None or not self._usable:
            return now
        if self._jumped(stamp, now):
            self._begin()
        self._last = (stamp, now)
        self._note(stamp, now)
        return stamp + min(self._least, self._least_before)

    def _begin(self) -> None:
        self._least = self._least_before = math.inf
        self._bucket: tuple[float, float] | None = None
        self._odd = 0
        self._usable = True

    def _jumped(self, stamp: float, now: float) -> bool:
        if self._last is None:
            return False
        step, passed = stamp - self._last[0], now - self._last[1]
        return step < 0 or step > passed + _JUMP_SECONDS

    def _note(self, stamp: float, now: float) -> None:
        if self._bucket is None:
            self._bucket = (stamp, now)
        elif now - self._bucket[1] > _BUCKET_SECONDS:
            self._judge(stamp - self._bucket[0], now - self._bucket[1])
            self._bucket = (stamp, now)
            self._least_before, self._least = self._least, math.inf
        self._least = min(self._least, now - stamp)

    def _judge(self, stamped: float, passed: float) -> None:
        """Stamps that miss the pace twice in a row are no clock (once: the network paused)."""
        self._odd = self._odd + 1 if abs(stamped / passed - 1) > _PACE_ERROR else 0
        self._usable = self._odd < 2


class CaptureClock:
    """When the pictures of one camera were taken; strictly increasing, whatever the clocks do.

    Elapsed time is measured by the stream's time stamps on our monotonic clock. Our wall clock
    says what time that is; the camera's own clock (RTCP) refines it, as long as it agrees to
    within 10 s. A camera whose clock is off by more serves as a stopwatch only.

    The result follows by running up to 10 % faster or slower, so that speeds stay right and tracks
    whole. If it lags by more than 10 s (our clock was set forward), it leaps, which tracks see as
    a pause. If it is ahead by more than 10 s (our clock was set back) it runs at half pace until
    it is right again: it never stands still or goes back.
    """

    def __init__(self) -> None:
        self._stream = StreamTime()
        self._last: tuple[float, float] | None = None

    def reconnect(self) -> None:
        """The stream begins anew: its time stamps have nothing to do with those before."""
        self._stream = StreamTime()

    def capture(
        self,
        arrival: float,
        *,
        monotonic: float,
        presentation_seconds: float | None,
        origin: float | None,
    ) -> Capture:
        """When a picture was taken.

        Args:
            arrival: when it reached us by our wall clock, seconds since the epoch.
            monotonic: the same moment by our monotonic clock.
            presentation_seconds: its time in the stream, or None.
            origin: when the stream's time 0 was by the sender's clock, or None.
        """
        place = self._stream.place(presentation_seconds, monotonic)
        wanted, offset, clock = place + (arrival - monotonic), None, Clock.ARRIVAL
        if presentation_seconds is not None and origin is not None:
            offset = origin + presentation_seconds - wanted
            if abs(offset) <= TOLERANCE_SECONDS:
                wanted, clock = wanted + offset, Clock.RTCP
        believed = offset is None or clock is Clock.RTCP
        return Capture(self._follow(wanted, place), clock, offset, believed)

    def _follow(self, wanted: float, place: float) -> float:
        taken = wanted
        if self._last is not None:
            before, placed = self._last
            elapsed = max(place - placed, _SMALLEST_STEP)
            ahead = before + elapsed - wanted
            taken = max(before + _pace(ahead, elapsed) * elapsed, before + _SMALLEST_STEP)
        self._last = (taken, max(place, self._last[1]) if self._last else place)
        return taken


def _pace(ahead: float, elapsed: float) -> float:
    """How fast to go on, 1 being real time, when so many seconds ahead of what is wanted."""
    if ahead < -TOLERANCE_SECONDS:
        return 1 - ahead / elapsed
    slowest = SLOWEST_PACE if ahead > TOLERANCE_SECONDS else 1 - SLEW
    return min(max(1 - ahead / elapsed, slowest), 1 + SLEW)
