"""Time in ingest: when to try again, when a picture is due, which pictures to hand out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

DAY_SECONDS = 86400.0


class Backoff:
    """Waiting times between attempts: 1 s, then twice as long each time, 30 s at most.

    Up to a quarter is taken off at random, so that cameras that failed together do not come back
    together.
    """

    def __init__(
        self,
        *,
        random: Callable[[], float],
        first_seconds: float = 1.0,
        longest_seconds: float = 30.0,
        jitter: float = 0.25,
    ) -> None:
        """`random` gives numbers from 0 to 1."""
        self._random = random
        self._first = first_seconds
        self._longest = longest_seconds
        self._jitter = jitter
        self._failures = 0

    def next_seconds(self) -> float:
        """How long to wait after one more failure."""
        doublings = min(self._failures, 30)  # keeps the power finite, whatever the limit
        self._failures += 1
        seconds = min(self._first * 2.0**doublings, self._longest)
        return seconds * (1.0 - self._jitter * self._random())

    def reset(self) -> None:
        """It worked: the next failure starts at the beginning."""
        self._failures = 0


class RateLimit:
    """Lets through at most so many pictures a second, spread evenly over those that come."""

    def __init__(self, fps: float | None) -> None:
        """`fps` None: all of them."""
        self._interval = 0.0 if fps is None else 1.0 / fps
        self._due = -math.inf

    def allows(self, seconds: float) -> bool:
        """True if the picture of this moment is to be handed out; moments never run backwards."""
        if seconds < self._due - 1e-6:
            return False
        # Counting from when the picture was due, not from when it came, keeps the mean rate right
        # where the limit is no divisor of the stream's rate.
        self._due = max(self._due, seconds - self._interval) + self._interval
        return True


class Effort:
    """Whether more is decoded than anybody looks at, judged every few seconds.

    It is too much when less than half of the pictures wanted are taken, and until nearly all are.
    """

    def __init__(self, *, every_seconds: float = 2.0) -> None:
        self._every = every_seconds
        self._looked: tuple[float, int, int] | None = None
        self._too_much = False

    def too_much(self, now: float, wanted: int, taken: int) -> bool:
        """True if decoding should be left out where it can be.

        Args:
            now: seconds of a monotonic clock.
            wanted, taken: pictures so far that could have been analysed, and that were.
        """
        if self._looked is None:
            self._looked = (now, wanted, taken)
        since, wanted_before, taken_before = self._looked
        if now - since >= self._every:
            self._looked = (now, wanted, taken)
            share = (taken - taken_before) / max(1, wanted - wanted_before)
            self._too_much = share < (0.9 if self._too_much else 0.5)
        return self._too_much


class Pacer:
    """Plays a recording in real time: waits until each picture is due.

    Whoever falls more than `patience_seconds` behind goes on from where it is, as if the
    recording had been paused, so that a lag never stays.
    """

    def __init__(
        self,
        *,
        wait: Callable[[float], object],
        monotonic: Callable[[], float] = time.monotonic,
        patience_seconds: float = 1.0,
    ) -> None:
        """`wait` sleeps for some seconds, or less if everything is to end."""
        self._wait = wait
        self._monotonic = monotonic
        self._patience = patience_seconds
        self._origin: float | None = None

    def until_due(self, seconds: float) -> float:
        """Waits for the picture at `seconds` of the recording; returns by how much it is late."""
        now = self._monotonic()
        if self._origin is None or now - self._origin - seconds > self._patience:
            self._origin = now - seconds
        if (early := self._origin + seconds - now) > 0:
            self._wait(early)
        return max(0.0, self._monotonic() - self._origin - seconds)


class RecordingClock:
    """Where in a recording a picture lies, in seconds from its beginning; never runs backwards.

    A frame rate from cams.yaml overrides the file's own times (vtest says 10 and was filmed at
    7). Without one the presentation times count, which also holds for variable frame rates.
    """

    def __init__(self, *, fps: float | None, nominal_fps: float) -> None:
        """`fps`: from cams.yaml, or None; `nominal_fps`: what the file says."""
        self._fps = fps
        self._interval = 1.0 / (fps or nominal_fps)
        self._origin: float | None = None
        self._last = -self._interval

    @property
    def duration_seconds(self) -> float:
        """Length of what has been read so far, the last picture's own duration included."""
        return self._last + self._interval

    def seconds(self, index: int, presentation_seconds: float | None) -> float:
        """The place of picture `index`; pictures come in order.

        Args:
            index: number of the picture, from 0.
            presentation_seconds: its time in the file, or None.
        """
        self._last = self._place(index, presentation_seconds)
        return self._last

    def _place(self, index: int, presentation: float | None) -> float:
        if self._fps is not None:
            return index / self._fps
        if presentation is None:
            return self._last + self._interval
        if self._origin is None:
            self._origin = presentation - index * self._interval
        place = presentation - self._origin
        return place if place > self._last else self._last + self._interval


def whole_days(seconds: float) -> float:
    """As many whole days as are needed to hold `seconds`, at least one, in seconds.

    >>> whole_days(79.5), whole_days(90_000.0)
    (86400.0, 172800.0)
    """
    return max(1, math.ceil(seconds / DAY_SECONDS)) * DAY_SECONDS
