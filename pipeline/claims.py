"""Claims: the cameras a node runs, held by leases and shared out with the other nodes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from pipeline.data import ProcessRecord
from pipeline.presence import Presence
from pipeline.sharing import Share, share_out, to_give_up, usual_cost

LEASE_SECONDS = 5.0
"""A node that dies holds its cameras for so long; then others take them."""

_SETTLE_SECONDS = 5.0  # a camera stays with a node for at least so long
_MOVE_SECONDS = 2.0  # between two cameras that a node leaves to others

log = structlog.get_logger()


@dataclass(slots=True)
class Tenure:
    """A stretch of time in which a camera was this node's without interruption.

    Attributes:
        number: tells it from other tenures of the node.
        token: fencing token of the lease; a lease that lapsed while Redis was away, and that
            nobody took meanwhile, goes on with another token and the same number.
        since: when it began, by the clock given.
    """

    number: int
    token: int
    since: float


class Claims:
    """The cameras of a node. `renew` and `share` are called by one thread, the rest by any.

    Args:
        presence: where leases are kept.
        name: of the node.
        owner: the node's name in leases; no earlier start of it had the same.
        clock: gives seconds that never run backwards.
    """

    def __init__(
        self,
        presence: Presence,
        *,
        name: str,
        owner: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._presence = presence
        self._name = name
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._tenures: dict[str, Tenure] = {}
        self._leaving: set[str] = set()
        self._demand: dict[str, float] = {}
        self._numbers = 0
        self._moved = -float("inf")

    @property
    def to_run(self) -> dict[str, int]:
        """The cameras this node is to run → number of their tenure."""
        with self._lock:
            return {c: t.number for c, t in self._tenures.items() if c not in self._leaving}

    @property
    def tokens(self) -> dict[str, int]:
        """The fencing tokens of all cameras that are still this node's."""
        with self._lock:
            return {camera: tenure.token for camera, tenure in self._tenures.items()}

    @property
    def leaving(self) -> dict[str, int]:
        """The cameras that are to be given back once nothing of them is under way → tenure."""
        with self._lock:
            return {c: self._tenures[c].number for c in self._leaving if c in self._tenures}

    @property
    def demand(self) -> dict[str, float]:
        """The cost of each of this node's cameras, as in `Share`; guessed until it is measured."""
        return dict(self._demand)

    def token(self, camera: str, number: int) -> int | None:
        """The token to write with in a tenure, or None if that is over."""
        with self._lock:
            tenure = self._tenures.get(camera)
            return tenure.token if tenure is not None and tenure.number == number else None

    def renew(self, cameras: Collection[str] | None = None) -> None:
        """Keeps the leases; what is somebody else's by now is no longer ours.

        Args:
            cameras: those to renew; None: all.

        Raises:
            StoreError: Redis cannot be reached; everything stays as it was.
        """
        for camera in list(self.tokens) if cameras is None else cameras:
            hold = self._presence.hold(camera, self._owner, seconds=LEASE_SECONDS)
            with self._lock:
                tenure = self._tenures.get(camera)
                if tenure is None:
                    continue
                if hold is None:
                    self._end(camera, "another node runs it by now")
                elif hold.token != tenure.token and hold.before not in (0, tenure.token):
                    self._end(camera, "another node ran it meanwhile")
                    self._begin(camera, hold.token)
                else:
                    tenure.token = hold.token

    def share(
        self,
        cameras: Collection[str],
        records: Sequence[ProcessRecord],
        *,
        demand: Mapping[str, float],
        pace: float,
        allowed: Collection[str] | None,
    ) -> None:
        """Takes what nobody runs and is ours to take, leaves what others are better off with.

        Args:
            cameras: all cameras of the site.
            records: the processes of the site.
            demand, pace, allowed: as in `Share`, of this node, as of now.
        """
        others = [Share.of(r) for r in records if r.role == "node" and r.name != self._name]
        guess = usual_cost([*others, Share(self._name, demand)])
        self._demand = {camera: demand.get(camera) or guess for camera in self.tokens}
        permitted = None if allowed is None else frozenset(allowed)
        mine = Share(self._name, self._demand, pace, permitted)
        nodes = [*others, mine]
        unwanted = [c for c in self.to_run if c not in cameras or not mine.may_run(c)]
        for camera in unwanted:
            self._leave(camera, "it is no longer this node's")
        owners = self._presence.owners(list(cameras))
        free = [c for c in cameras if c not in owners and c not in self.tokens]
        for camera in share_out(free, nodes).get(self._name, ()):
            self._take(camera)
        if not free and not unwanted:
            self._balance(nodes)

    def release(self, camera: str) -> None:
        """Gives a camera back, so that another node can take it at once."""
        with self._lock:
            self._tenures.pop(camera, None)
            self._leaving.discard(camera)
        self._presence.release(camera, self._owner)

    def _balance(self, nodes: Sequence[Share]) -> None:
        now = self._clock()
        camera = to_give_up(self._name, nodes)
        tenure = self._tenures.get(camera) if camera else None
        if camera is None or tenure is None or now - self._moved < _MOVE_SECONDS:
            return
        if now - tenure.since >= _SETTLE_SECONDS and not self._leaving:
            self._moved = now
            self._leave(camera, "another node has more time for it")

    def _take(self, camera: str) -> None:
        hold = self._presence.hold(camera, self._owner, seconds=LEASE_SECONDS)
        if hold is not None:
            with self._lock:
                self._begin(camera, hold.token)

    def _leave(self, camera: str, why: str) -> None:
        log.info("node leaves a camera", camera=camera, why=why)
        with self._lock:
            self._leaving.add(camera)

    def _begin(self, camera: str, token: int) -> None:
        log.info("node takes a camera", camera=camera)
        self._numbers += 1
        self._tenures[camera] = Tenure(self._numbers, token, self._clock())

    def _end(self, camera: str, why: str) -> None:
        log.warning("node has lost a camera", camera=camera, why=why)
        del self._tenures[camera]
        self._leaving.discard(camera)
