"""Showing: of a node's pictures those that somebody wants to see, no larger than they need be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.ingest.timing import RateLimit
from pipeline.onlookers import Look
from pipeline.perceive import Observation

_LATELY_SECONDS = 3.0


class Showing:
    """The pictures that wait to be shown: of each camera the newest.

    Whoever calls `put` and `take` from two threads sees to it that they do not meet.
    """

    def __init__(self) -> None:
        self._looks: Mapping[str, Look] = {}
        self._limits: dict[str, tuple[float, RateLimit]] = {}
        self._waiting: dict[str, tuple[Observation, Look]] = {}

    def want(self, looks: Mapping[str, Look]) -> None:
        """Says what is wanted from now on; of other cameras nothing is."""
        self._looks = dict(looks)

    def put(self, observations: Iterable[Observation], now: float) -> None:
        """Takes those pictures that somebody wants to see; a newer one replaces an older one.

        Args:
            observations: pictures that people were followed in.
            now: seconds of a clock that never runs backwards.
        """
        looks = self._looks
        for seen in observations:
            look = looks.get(seen.frame.camera)
            if look is not None and self._limit(seen.frame.camera, look).allows(now):
                self._waiting[seen.frame.camera] = seen, look

    def take(self) -> list[tuple[Observation, Look]]:
        """What waits, and how it is wanted."""
        waiting, self._waiting = self._waiting, {}
        return list(waiting.values())

    def __len__(self) -> int:
        return len(self._waiting)

    def _limit(self, camera: str, look: Look) -> RateLimit:
        fps, limit = self._limits.get(camera, (0.0, None))
        if limit is None or fps != look.fps:
            limit = RateLimit(look.fps)
            self._limits[camera] = look.fps, limit
        return limit


class Shown:
    """What of the cameras has been sent lately, to say so where the site's health is shown."""

    def __init__(self) -> None:
        self._sent: dict[str, dict[str, float]] = {}

    def note(self, camera: str, what: str, now: float) -> None:
        """Something has been sent: `h264`, or `jpeg` and its width."""
        self._sent.setdefault(camera, {})[what] = now

    def lately(self, now: float) -> dict[str, tuple[str, ...]]:
        """What was sent in the last seconds, by camera; of others nothing."""
        self._sent = {
            camera: {what: at for what, at in sent.items() if now - at < _LATELY_SECONDS}
            for camera, sent in self._sent.items()
        }
        return {camera: tuple(sorted(sent)) for camera, sent in self._sent.items() if sent}
