"""The node: carries its cameras from the stream to the embedding, live."""

from __future__ import annotations

import secrets
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from pipeline.claims import Claims
from pipeline.config import CameraSettings
from pipeline.courier import Courier, Report
from pipeline.data import CameraStatus, Frame
from pipeline.ingest import LiveReaders
from pipeline.metrics import Metrics
from pipeline.perceive import Perception, Search
from pipeline.site_file import SiteFile

_COLLECT_SECONDS = 0.2
_REPORT_SECONDS = 1.0
_STEP_SECONDS = 0.1
"""How long a step may take, and a picture is under way for two of them: with more cameras than
fit, each is served less often, not later."""
_RECENT = 64  # pictures whose delays a status sums up
_SMOOTHING = 0.1
_FAILURE_LOG_SECONDS = 10.0

log = structlog.get_logger()


def new_run() -> str:
    """A name for this start of a node that no other start ever had or will have."""
    return f"{int(time.time()):x}{secrets.token_hex(3)}"


@dataclass(slots=True)
class _Camera:
    """A camera that this node runs.

    Attributes:
        settings: with which it was begun.
        tenure: number of the claim under which it was begun.
        delays: seconds from arrival to tracks, of late.
        received: pictures that had come when the last report was made.
    """

    settings: CameraSettings
    tenure: int
    delays: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    received: int = 0


class Failures:
    """Counts the pictures that were given up, and logs one per camera and ten seconds."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._logged: dict[str, float] = {}

    def __call__(self, frame: Frame, error: Exception) -> None:
        """Notes a picture that was given up, and why."""
        self._metrics.count("frames_failed", camera=frame.camera)
        now = time.monotonic()
        if now - self._logged.get(frame.camera, -float("inf")) >= _FAILURE_LOG_SECONDS:
            self._logged[frame.camera] = now
            log.error(
                "a picture was given up", camera=frame.camera, index=frame.index, exc_info=error
            )


class Node:
    """Runs the cameras that are claimed for it.

    People are looked for in the next pictures while those found in the last ones are followed. A
    picture never waits for the next one: if there is none yet, it is followed at once.

    Args:
        courier: takes what there is to tell; started and stopped by whoever made it.
        claims: which cameras are to be run.
        site: their settings.
        readers: their streams; closed by whoever opened them.
        perception: what happens to a picture.
        frame_rate: gives the frames per second to expect of a camera.
        metrics: where what happens is counted.
    """

    def __init__(
        self,
        courier: Courier,
        claims: Claims,
        site: SiteFile,
        readers: LiveReaders,
        perception: Perception,
        *,
        frame_rate: Callable[[str], float],
        metrics: Metrics,
    ) -> None:
        self._courier = courier
        self._claims = claims
        self._site = site
        self._readers = readers
        self._perception = perception
        self._frame_rate = frame_rate
        self._metrics = metrics
        self._cameras: dict[str, _Camera] = {}
        self._search: Search | None = None
        self._search_began = self._search_ended = 0.0
        self._pace = 0.0
        self._warm = False  # the first step compiles networks, which says nothing of the others
        self._reported = -float("inf")

    @property
    def pace(self) -> float:
        """Mean seconds of work per picture, lately; 0: none yet."""
        return self._pace

    def run(self, stopping: Callable[[], bool]) -> None:
        """Works until told to stop, then ends all tracklets."""
        while not stopping():
            self._follow_claims()
            with self._metrics.stage("collect"):
                frames = self._readers.collect(self._patience(), most=self._most())
            self.step(frames)
            if time.monotonic() - self._reported >= _REPORT_SECONDS:
                self._report()
        self.step([])
        self._courier.send(self._perception.close(), self._tenures())
        self._report()

    def step(self, frames: Sequence[Frame]) -> None:
        """Takes the newest frames, at most one per camera, and passes on what came of the last."""
        frames = [frame for frame in frames if frame.camera in self._cameras]
        before, began = self._search, self._search_began
        self._search, self._search_began = None, time.perf_counter()
        if frames:
            self._note_age(frames)
            self._search = self._perception.submit(frames)
        if before is not None:
            self._finish(before, began)

    def _finish(self, search: Search, began: float) -> None:
        """Follows the people of a search that began at this moment, and passes on what is new."""
        observations, sightings = self._perception.finish(search)
        self._courier.show(observations)
        arrivals = {frame.camera: frame.arrival for frame in search.frames}
        self._courier.send(
            [replace(s, arrival=arrivals.get(s.camera)) for s in sightings], self._tenures()
        )
        ended = time.perf_counter()
        self._measure(search.frames, ended - max(began, self._search_ended))
        self._search_ended = ended

    # ── cameras that come and go ────────────────────────────────────────────────────────────

    def _follow_claims(self) -> None:
        """Begins and ends cameras, as claims and settings have it by now."""
        for name, tenure in self._claims.leaving.items():
            if name not in self._cameras:  # claimed and left before it was begun here
                self._courier.left(name, tenure)
        settings, to_run = self._site.cameras, self._claims.to_run
        wanted = {c: (settings[c], tenure) for c, tenure in to_run.items() if c in settings}
        running = {c: (camera.settings, camera.tenure) for c, camera in self._cameras.items()}
        if wanted == running:
            return
        for name in [c for c in running if wanted.get(c) != running[c]]:
            self._end(name)
        self._readers.change({name: settings for name, (settings, _) in wanted.items()})
        for name in [c for c in wanted if c not in self._cameras]:
            self._cameras[name] = _Camera(*wanted[name])
            self._perception.add(name, fps=self._fps(name))
        log.info("node runs", cameras=list(self._cameras))

    def _end(self, name: str) -> None:
        self._courier.send(self._perception.remove(name), self._tenures())
        self._courier.left(name, self._cameras.pop(name).tenure)

    def _tenures(self) -> dict[str, int]:
        return {name: camera.tenure for name, camera in self._cameras.items()}

    # ── how it is doing ─────────────────────────────────────────────────────────────────────

    def _patience(self) -> float:
        """Seconds to wait for pictures: none while others are to be followed."""
        return _COLLECT_SECONDS if self._search is None else 0.0

    def _most(self) -> int:
        """How many pictures a step can deal with in time."""
        return max(1, int(_STEP_SECONDS / self._pace) if self._pace > 0 else len(self._cameras))

    def _note_age(self, frames: Sequence[Frame]) -> None:
        now = time.time()
        for frame in frames:
            self._metrics.delay("analysis", now - frame.arrival)

    def _measure(self, frames: Sequence[Frame], seconds: float) -> None:
        now, pace = time.time(), seconds / len(frames)
        if self._warm:
            self._pace = self._pace + _SMOOTHING * (pace - self._pace) if self._pace else pace
        self._warm = True
        self._metrics.gauge("batch", len(frames))
        for frame in frames:
            delay = max(0.0, now - frame.arrival)
            if frame.camera in self._cameras:
                self._cameras[frame.camera].delays.append(delay)
            self._metrics.delay("tracks", delay, frame.camera)

    def _report(self) -> None:
        now = time.monotonic()
        statuses = [s for s in self._readers.statuses().values() if s.camera in self._cameras]
        elapsed = now - self._reported
        demand = {s.camera: self._demand(s, elapsed) for s in statuses}
        self._courier.report(Report([self._measured(s) for s in statuses], demand, self._pace))
        self._reported = now

    def _demand(self, status: CameraStatus, elapsed: float) -> float:
        """Seconds of work per second that a camera would take if nothing of it were left out."""
        camera = self._cameras[status.camera]
        rate = (status.received - camera.received) / elapsed
        camera.received = status.received
        if camera.settings.fps is not None:
            rate = min(rate, camera.settings.fps)
        return (rate if rate > 0 else self._fps(status.camera)) * self._pace

    def _fps(self, name: str) -> float:
        return self._cameras[name].settings.fps or self._frame_rate(name)

    def _measured(self, status: CameraStatus) -> CameraStatus:
        delays = self._cameras[status.camera].delays
        return replace(
            status, delay=statistics.median(delays) if delays else 0.0, updated=time.time()
        )
