"""Courier: carries what a node has to tell to Redis, in a thread, so that the node never waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from pipeline.claims import Claims
from pipeline.data import CameraStatus, Sighting
from pipeline.errors import StoreError
from pipeline.film import FilmMessage
from pipeline.metrics import Metrics
from pipeline.onlookers import Look
from pipeline.outbox import Outbox, Waiting
from pipeline.passing import Passing, may_pass_on
from pipeline.perceive import Observation
from pipeline.preview import encode_preview, header_of
from pipeline.showing import Showing, Shown
from pipeline.site_file import SiteFile
from pipeline.store import Sent, Store
from pipeline.veil import Veil

_HOUSEKEEPING_SECONDS = 1.0
_LOOK_SECONDS = 0.3  # between two looks at what somebody wants to see
_RETRY_SECONDS = 0.5
_FLUSH_SECONDS = 2.0
_STUCK_SECONDS = 60.0
_SLICE = 200  # sightings sent before leases are looked after again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Report:
    """How a node is doing, as it says about once a second.

    Attributes:
        statuses: its cameras.
        demand: its cameras → seconds of work per second they would take.
        pace: its mean seconds of work per picture; 0: none yet.
    """

    statuses: Sequence[CameraStatus]
    demand: dict[str, float]
    pace: float = 0.0


class Courier(threading.Thread):
    """Sends sightings, previews and statuses, and looks after the leases of the cameras.

    While Redis is away the node goes on with the cameras it has, and sightings wait; whatever
    waits is bounded. A node that has not reported for a minute is stuck: its leases are let go.

    Args:
        store: where everything goes.
        claims: the cameras of the node.
        site: the settings.
        name: of the node.
        owner: the node's name in leases.
        metrics: where what happens is counted.
        clock: gives seconds that never run backwards.
    """

    def __init__(
        self,
        store: Store,
        claims: Claims,
        site: SiteFile,
        *,
        name: str,
        owner: str,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="courier", daemon=True)
        self._store = store
        self._claims = claims
        self._site = site
        self._veil = Veil(site.site.privacy)
        self._passing = Passing(allowed=may_pass_on(site.site))
        self._shown = Shown()
        self._node = name
        self._owner = owner
        self._metrics = metrics
        self._clock = clock
        self._outbox = Outbox()
        self._dropped = 0
        self._numbers = 0
        self._changed = threading.Condition()
        self._showing = Showing()
        self._left: dict[str, int] = {}
        self._report = Report((), {})
        self._reported: float | None = None
        self._stopping = False
        self._housekeeping_at = self._looked_at = self._retry_at = -float("inf")
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why Redis cannot be reached, one sentence, or ""."""
        return self._trouble

    @property
    def waiting(self) -> int:
        """Sightings that have not been sent yet."""
        return len(self._outbox)

    @property
    def stuck(self) -> bool:
        """True if the node has not reported for a minute, though it once had."""
        return self._reported is not None and self._clock() - self._reported > _STUCK_SECONDS

    # ── for the node ────────────────────────────────────────────────────────────────────────

    def send(self, sightings: Iterable[Sighting], tenures: dict[str, int]) -> None:
        """Takes sightings; those of a camera that is no longer the node's are not sent.

        Args:
            sightings: what has been seen.
            tenures: in which tenure of each camera.
        """
        for sighting in sightings:
            self._outbox.put(sighting, tenures[sighting.camera])
        self._wake()

    def show(self, observations: Iterable[Observation]) -> None:
        """Takes pictures for those who are looking; of each camera only the newest is shown."""
        with self._changed:
            self._showing.put(observations, self._clock())
            self._changed.notify()

    def report(self, report: Report) -> None:
        """Says how the node is doing."""
        self._report = report
        self._reported = self._clock()

    def left(self, camera: str, tenure: int) -> None:
        """The node has stopped a camera; it is given back once all of it has been sent."""
        with self._changed:
            self._left[camera] = tenure
            self._changed.notify()

    def stop(self) -> None:
        """Sends what waits, if it can be sent soon, gives all cameras back and ends."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self.join(_FLUSH_SECONDS + 1.0)

    # ── the thread ──────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(self._is_work, self._pause())
            self._attempt(self._step)
        self._flush()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _is_work(self) -> bool:
        ready = self._clock() >= self._retry_at
        return self._stopping or (ready and (len(self._showing) + len(self._outbox) > 0))

    def _pause(self) -> float:
        due = min(self._housekeeping_at, self._looked_at + _LOOK_SECONDS)
        return max(0.0, max(due, self._retry_at) - self._clock())

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
            if self._trouble:
                log.warning("Redis is back", waiting=len(self._outbox))
            self._trouble = ""
        except StoreError as error:
            if not self._trouble:
                log.warning("Redis is away, sightings are kept", error=str(error))
            self._trouble = str(error)
            self._showing.want({})
            self._retry_at = self._clock() + _RETRY_SECONDS
        except Exception:  # a courier that dies would leave the node mute
            log.exception("the courier failed, goes on")
            self._retry_at = self._clock() + _RETRY_SECONDS

    def _step(self) -> None:
        now = self._clock()
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + _HOUSEKEEPING_SECONDS
            self._housekeep()
        if now >= self._looked_at + _LOOK_SECONDS:
            self._looked_at = now
            self._showing.want(self._store.looked_at(list(self._claims.to_run)))
        self._send_waiting()
        self._send_views()

    def _housekeep(self) -> None:
        if self.stuck:
            log.error("the node has not moved for a minute; its cameras are let go")
            return
        report, cameras = self._report, self._site.cameras
        self._claims.renew()
        self._claims.share(
            list(cameras),
            self._store.presence.processes(),
            demand=report.demand,
            pace=report.pace,
            allowed=self.allowed,
        )
        self._give_back()
        sent = self._shown.lately(self._clock())
        statuses = [
            replace(s, node=self._node, sent=sent.get(s.camera, ())) for s in report.statuses
        ]
        self._store.put_statuses(statuses, self._claims.tokens)
        self._metrics.gauge("sightings_waiting", len(self._outbox))
        self._metrics.gauge("cameras", len(self._claims.to_run))
        self._metrics.count("sightings_dropped", self._outbox.dropped - self._dropped)
        self._dropped = self._outbox.dropped

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """The cameras the settings let this node run; None: all."""
        nodes = self._site.site.nodes
        return None if nodes == "auto" else tuple(nodes.get(self._node, ()))

    def _give_back(self) -> None:
        for camera, tenure in self._claims.leaving.items():
            if self._left.get(camera) == tenure and not self._outbox.holds(camera):
                del self._left[camera]
                self._claims.release(camera)

    def _send_waiting(self) -> None:
        for _ in range(_SLICE):
            waiting = self._outbox.first()
            if waiting is None:
                return
            self._send(waiting)

    def _send(self, waiting: Waiting) -> None:
        camera = waiting.sighting.camera
        token = self._claims.token(camera, waiting.tenure)
        if token is None:
            self._metrics.count("sightings_fenced")
            self._outbox.done(waiting)
            return
        if waiting.number is None:
            self._numbers += 1
            waiting.number = self._numbers
        started = time.perf_counter()
        sent = self._store.send_sighting(
            waiting.sighting, token=token, owner=self._owner, number=waiting.number
        )
        self._metrics.redis(time.perf_counter() - started)
        if sent is Sent.FENCED:
            # Either the camera is another's, and this is over; or Redis has lost its data.
            self._claims.renew([camera])
        else:
            self._metrics.count("sightings_sent")
            self._outbox.done(waiting)

    def _send_views(self) -> None:
        with self._changed:
            views = self._showing.take()
        for seen, look in views:
            filmed = self._send_film(seen, look)
            if not filmed or look.width is not None:
                self._send_picture(seen, look if filmed else look.without_video, filmed=filmed)

    def _send_film(self, seen: Observation, look: Look) -> bool:
        """Sends the camera's own video up to this picture; False: it is to be a picture."""
        film = self._passing.film(seen, look)
        if film is None:
            return False
        with self._metrics.stage("preview"):
            header = header_of(seen.frame, seen.tracks, seen.tracklets)
            message = FilmMessage(header, film).data
        self._store.send_film(seen.frame.camera, message)
        self._shown.note(seen.frame.camera, "h264", self._clock())
        return True

    def _send_picture(self, seen: Observation, look: Look, *, filmed: bool) -> None:
        with self._metrics.stage("preview"):
            message = encode_preview(
                seen.frame,
                seen.tracks,
                seen.tracklets,
                width=look.step,
                veil=self._veil,
                people=seen.people,
                filmed=filmed,
            )
        self._store.send_view(seen.frame.camera, message)
        self._shown.note(seen.frame.camera, f"jpeg {look.step}", self._clock())

    def _flush(self) -> None:
        deadline = self._clock() + _FLUSH_SECONDS
        while len(self._outbox) and self._clock() < deadline:
            self._attempt(self._send_waiting)
            if self._trouble:
                time.sleep(0.1)
        for camera in list(self._claims.tokens):
            self._attempt(lambda camera=camera: self._claims.release(camera))  # type: ignore[misc]
