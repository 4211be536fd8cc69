"""Watches over the site's processes and cameras: how they are doing, lately, in numbers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pipeline.data import CameraStatus, ProcessRecord
from pipeline.store import Store
from pipeline.viewer.messages import CameraHealth, Happening, Health, ProcessView, WayOut
from pipeline.viewer.readings import Reading, timings

_LATELY_SECONDS = 30.0  # numbers "of late" are those of this long
_FRESH_SECONDS = 1.0  # who asks again within this time gets the same answer
_REMEMBERED_SECONDS = 3600.0  # a process that comes back later than that is a new one
_HAPPENINGS = 50

_Answer = tuple[float, tuple[str, ...], Health]  # when it was given, for which cameras


class Watch:
    """Looks at the store when asked, and compares with what it saw before. Any thread may ask.

    Args:
        store: what the processes and cameras report to.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._processes: dict[str, _History[Reading]] = {}
        self._cameras: dict[str, _History[CameraStatus]] = {}
        self._roll = _Roll()
        self._answer: _Answer | None = None

    def look(self, cameras: Sequence[str]) -> Health:
        """How everything is doing.

        Args:
            cameras: the site's cameras, in the order in which they are shown.

        Raises:
            StoreError: Redis cannot be reached.
        """
        with self._lock:  # who comes second gets the first one's answer
            now = self._clock()
            if self._answer and self._fresh(self._answer, cameras, now):
                return self._answer[2]
            health = self._look(cameras, now)
            self._answer = now, tuple(cameras), health
            return health

    @staticmethod
    def _fresh(answer: _Answer, cameras: Sequence[str], now: float) -> bool:
        return answer[1] == tuple(cameras) and 0 <= now - answer[0] < _FRESH_SECONDS

    def _look(self, cameras: Sequence[str], now: float) -> Health:
        records = self._store.presence.processes(metrics=True)
        statuses = self._store.statuses(cameras)
        self._roll.call(records, now)
        _keep_only(self._processes, (record.name for record in records))
        _keep_only(self._cameras, cameras)
        return Health(
            processes=[self._process(record, statuses) for record in records],
            cameras=[self._camera(status) for status in statuses],
            happenings=list(self._roll.happenings),
            outgoing=_ways_out(self._store.events.outgoing()),
        )

    def _process(self, record: ProcessRecord, statuses: Iterable[CameraStatus]) -> ProcessView:
        reading = Reading.of(record.metrics)
        values = reading.values
        # By its own clock: metrics are written less often than records.
        uptime = values.get("handoff_uptime_seconds", 0.0)
        history = self._processes.setdefault(record.name, _History())
        before = history.before(reading, start=record.started, at=uptime)
        # Seen for the first time, it is measured over its whole life.
        earlier, seconds = before or (Reading({}, {}), uptime)
        cpu = values.get("process_cpu_seconds_total")
        working = values.get("handoff_working") if record.role == "matcher" else None
        return ProcessView(
            name=record.name,
            role=record.role,
            host=record.host,
            pid=record.pid,
            started=record.started,
            updated=record.updated,
            ready=record.ready,
            note=record.note,
            working=None if working is None else bool(working),
            memory=values.get("process_resident_memory_bytes"),
            cpu=None
            if cpu is None
            else _rate(cpu, earlier.values.get("process_cpu_seconds_total", 0.0), seconds),
            threads=int(values["handoff_threads"]) if "handoff_threads" in values else None,
            cameras=tuple(status.camera for status in statuses if status.node == record.name),
            timings=timings(reading, earlier, seconds),
        )

    def _camera(self, status: CameraStatus) -> CameraHealth:
        history = self._cameras.setdefault(status.camera, _History())
        if history.newest and history.newest.received > status.received:
            history.forget()  # another node counts from the beginning, or the same one again
        before = history.before(status, start=status.node, at=status.updated)
        return CameraHealth(
            name=status.camera,
            node=status.node,
            received=_rate(status.received, before[0].received, before[1]) if before else None,
            analysed=status.fps,
            drops=_drop_rates(status, *before) if before else {},
            dropped=dict(status.drops),
            delay=status.delay,
            clock_offset=status.clock_offset,
        )


T = TypeVar("T")


class _History(Generic[T]):
    """What was seen of something within the last while, as long as it counts on."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, T]] = deque()
        self._start: object = None

    def forget(self) -> None:
        """Begins anew."""
        self._seen.clear()

    @property
    def newest(self) -> T | None:
        """What was seen last."""
        return self._seen[-1][1] if self._seen else None

    def before(self, value: T, *, start: object, at: float) -> tuple[T, float] | None:
        """Adds what is seen now; returns what was seen a while ago, and how many seconds ago.

        Args:
            value: what is seen.
            start: changes when counting has begun anew; what was before is forgotten then.
            at: when it was written, seconds.
        """
        if start != self._start:
            self._seen.clear()
            self._start = start
        if not self._seen or at > self._seen[-1][0]:
            self._seen.append((at, value))
        while self._seen[0][0] < at - _LATELY_SECONDS:
            self._seen.popleft()
        then, earlier = self._seen[0]
        return (earlier, at - then) if at > then else None


class _Roll:
    """Calls the roll of the processes, and writes down who came, came again and went."""

    def __init__(self) -> None:
        self.happenings: deque[Happening] = deque(maxlen=_HAPPENINGS)
        self._known: dict[str, _Known] = {}
        self._first = True

    def call(self, records: Iterable[ProcessRecord], now: float) -> None:
        """Takes who is there now; whoever is there the first time is no news."""
        present = {record.name: record for record in records}
        for name, record in present.items():
            known = self._known.get(name)
            if (known is None or known.started != record.started) and not self._first:
                self._note("started" if known is None else "restarted", name, record.started)
            self._known[name] = _Known(record.started, now)
        for name in self._known.keys() - present.keys():
            self._miss(name, now)
        self._first = False

    def _miss(self, name: str, now: float) -> None:
        known = self._known[name]
        if not known.gone:
            known.gone = True
            self._note("gone", name, known.seen)
        if now - known.seen > _REMEMBERED_SECONDS:
            del self._known[name]

    def _note(self, what: Literal["started", "restarted", "gone"], name: str, at: float) -> None:
        self.happenings.appendleft(Happening(time=at, what=what, process=name))


@dataclass(slots=True)
class _Known:
    """A process: when it was started, when it was seen last, whether it has gone."""

    started: float
    seen: float
    gone: bool = False


def _ways_out(noted: Mapping[str, Mapping[str, Any]]) -> list[WayOut]:
    return [
        WayOut(name=name, problem=note["problem"], updated=note["time"])
        for name, note in sorted(noted.items())
    ]


def _keep_only(histories: dict[str, Any], names: Iterable[str]) -> None:
    for name in histories.keys() - set(names):
        del histories[name]


def _rate(now: float, before: float, seconds: float) -> float:
    return max(0.0, now - before) / max(seconds, 1e-3)


def _drop_rates(now: CameraStatus, before: CameraStatus, seconds: float) -> dict[str, float]:
    rates = {
        reason: _rate(count, before.drops.get(reason, 0), seconds)
        for reason, count in now.drops.items()
    }
    return {reason: rate for reason, rate in rates.items() if rate > 0}
