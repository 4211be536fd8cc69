"""Looks back at the last hour while the site runs, in a process of its own.

The matcher asks `Review.poll` after every tick and gets what is to be changed, when there is
something. The look takes seconds of processor time on a busy site, so it is taken by a child with
low priority; a thread here reads what it needs from the store, feeds it and waits for its answer.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from pipeline.constraints import Constraints
from pipeline.data import Sighting, TrackletRecord
from pipeline.embedded import die_with_parent
from pipeline.errors import HandoffError
from pipeline.evidence import Calibration
from pipeline.hindsight import Change, look_back
from pipeline.store import Store
from pipeline.weigh import Places, Weigher

_NICE = 10
_PATIENCE_SECONDS = 300.0
WINDOW_SECONDS = 3600.0
"""How far back is looked."""
MOST = 1500
"""Tracklets looked at, the newest: the work grows with their square."""
_AT_ONCE = 256
_ROOT = Path(__file__).resolve().parents[1]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look back rests on.

    Attributes:
        calibration, places, tolerance: see `pipeline.weigh.Weigher`.
        sightings: the tracklets that ended within the window.
        identities: tracklet → the identity it has.
        constraints: what people said.
    """

    calibration: Calibration
    places: Places
    tolerance: float
    sightings: tuple[Sighting, ...] = ()
    identities: tuple[tuple[str, int], ...] = ()
    constraints: Constraints = field(default_factory=Constraints)

    def changes(self) -> list[Change]:
        """What is to be changed."""
        weigher = Weigher(self.calibration, places=self.places, tolerance=self.tolerance)
        return look_back(self.sightings, dict(self.identities), weigher, self.constraints)


class Review:
    """Looks back every so often.

    Args:
        store: where tracklets are read.
        look: the site's evidence.
        period: seconds from one look to the next.
        window: seconds of the past that are looked at.
    """

    def __init__(
        self, store: Store, look: Look, *, period: float, window: float = WINDOW_SECONDS
    ) -> None:
        self._store = store
        self._look = look
        self._period = period
        self._window = window
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._found: list[Change] = []
        self._begun = -float("inf")
        self._closed = False
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._seen: tuple[tuple[str, int], ...] = ()

    def poll(self, *, now: float, newest: float) -> list[Change]:
        """What the last look has found, once; begins the next one when it is time.

        Args:
            now: seconds on a clock that only runs forward.
            newest: capture time of the newest sighting, seconds since the epoch.
        """
        if self._thread is not None and self._thread.is_alive():
            return []
        found, self._found = self._found, []
        if not found and now - self._begun >= self._period:
            self._begun = now
            self._thread = threading.Thread(target=self._work, args=(newest,), daemon=True)
            self._thread.start()
        return found

    def close(self) -> None:
        """Ends a look that is under way."""
        self._closed = True
        if self._child is not None:
            self._child.kill()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    # ── in the thread ───────────────────────────────────────────────────────────────────────

    def _work(self, newest: float) -> None:
        try:
            look = self._read(newest)
            if look.identities != self._seen:
                self._found = self._ask(look)
                self._seen = look.identities
        except (HandoffError, OSError, pickle.UnpicklingError, subprocess.TimeoutExpired) as error:
            log.warning("the look back failed, the next one comes", error=str(error))

    def _read(self, newest: float) -> Look:
        said = self._store.corrections.constraints()
        records = list(self._ended(newest))
        self._remember({record.tracklet for record in records})
        known = [record for record in records if record.tracklet in self._vectors]
        return replace(
            self._look,
            sightings=tuple(self._sighting(record) for record in known),
            identities=tuple((record.tracklet, record.identity) for record in known),
            constraints=said,
        )

    def _ended(self, newest: float) -> Iterator[TrackletRecord]:
        names = self._store.gallery.recent(since=newest - self._window, count=MOST)
        for first in range(0, len(names), _AT_ONCE):
            records = self._store.gallery.records(names[first : first + _AT_ONCE])
            yield from (record for record in records.values() if record.closed)

    def _remember(self, names: set[str]) -> None:
        """Embeddings are read once."""
        kept = {name: look for name, look in self._vectors.items() if name in names}
        self._vectors = kept | self._store.looks(sorted(names - kept.keys()))

    def _sighting(self, record: TrackletRecord) -> Sighting:
        return Sighting(
            record.tracklet, record.camera, record.begin, record.end,
            self._vectors[record.tracklet], 0, record.confidence, True, record.entered,
            record.left, entering=record.entering, leaving=record.leaving,
            parted_from=record.parted_from,
        )  # fmt: skip

    def _ask(self, look: Look) -> list[Change]:
        """The child's answer."""
        environment = os.environ | {"PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            [sys.executable, "-m", "pipeline.review"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            preexec_fn=die_with_parent,
        ) as child:
            self._child = child
            try:
                if self._closed:
                    child.kill()
                answer, _ = child.communicate(pickle.dumps(look), timeout=_PATIENCE_SECONDS)
            finally:
                child.kill()
                self._child = None
        found: list[Change] = pickle.loads(answer) if child.returncode == 0 else []
        return found


def main() -> None:
    """The child: a look on standard input, changes on standard output."""
    os.nice(_NICE)
    look: Look = pickle.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(pickle.dumps(look.changes()))


if __name__ == "__main__":
    main()
