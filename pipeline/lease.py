"""A lease that one process keeps for as long as it can."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.presence import Presence


class Lease:
    """What only one process may do at a time, held by renewing it.

    Args:
        presence: where leases are kept.
        what: what is leased.
        owner: a name no other process has, and no earlier start of this one had.
        seconds: after which it ends unless it is renewed; it is renewed after a third of that.
        clock: gives seconds that never run backwards.
    """

    def __init__(
        self,
        presence: Presence,
        what: str,
        owner: str,
        *,
        seconds: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._presence = presence
        self._what = what
        self._owner = owner
        self._seconds = seconds
        self._clock = clock
        self._renewed = -float("inf")
        self._token: int | None = None

    @property
    def token(self) -> int | None:
        """The fencing token of the lease, or None if it is not ours as far as we know."""
        return self._token

    def keep(self) -> bool:
        """Takes the lease if it is free, renews it if it is time; True if it is ours.

        Raises:
            StoreError: Redis cannot be reached; whether it is ours is not known.
        """
        now = self._clock()
        if self._token is None or now - self._renewed >= self._seconds / 3:
            hold = self._presence.hold(self._what, self._owner, seconds=self._seconds)
            self._token = None if hold is None else hold.token
            self._renewed = now
        return self._token is not None

    def lost(self) -> None:
        """Redis has refused the token: the lease is somebody else's."""
        self._token = None

    def release(self) -> None:
        """Gives it back, so that another can take it at once."""
        if self._token is not None:
            self._token = None
            self._presence.release(self._what, self._owner)
