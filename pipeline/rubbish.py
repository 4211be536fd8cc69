"""Python's search for cyclic garbage, kept short in a process that must not pause."""

from __future__ import annotations

import gc
import time

_ALL_SECONDS = 600.0  # a pause of 0.3 s so often concerns one decision in 2,000


class Rubbish:
    """Searches what is new often, and everything now and then.

    Python looks through all that lives whenever a quarter more has come: 0.3 s with the records of
    100,000 tracklets, and decisions wait. What is freed as usual still is; a cycle that dies when
    it has been settled stays until all is searched.
    """

    def __init__(self) -> None:
        self._searched = -float("inf")

    def settle(self, now: float | None = None) -> None:
        """Takes everything that is there by now out of the searches to come.

        Args:
            now: seconds of a clock that runs on; None: those of this machine.
        """
        now = time.monotonic() if now is None else now
        if now - self._searched > _ALL_SECONDS:
            gc.unfreeze()
            self._searched = now
        gc.collect()  # what has come since the last time: milliseconds
        gc.freeze()
