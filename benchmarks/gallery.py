"""How the gallery and the matcher do as the site grows: 256 dimensions, the embedded Redis.

    python -m benchmarks.gallery --tracklets 1000,10000,100000

A gallery is filled with ended tracklets of a synthetic site (`benchmarks.gallery_people`), five of
each person. Then people of the gallery come back: each is reported once a second for ten seconds
through the stream, and `MatchingService` settles it all, without hindsight. Columns:

- *query*: candidates of one sighting, asked alone; *recall*: share of the ten most similar
  tracklets, by exact search, that are among the candidates of a tracklet's reports.
- *insert/s*: ended tracklets written one after the other.
- *decision*: from a sighting's arrival in the stream to its decision's being written, at `--rate`
  sightings a second.
- *sightings/s*: how many are settled a second if there are always more (64 wait at any time);
  *work*: processor time of the matcher and of Redis for each of these, which tells more than
  seconds on a machine that is shared: two cores do at most so many.
- *bytes*: memory of Redis per tracklet, with its records and without pictures.

Filling takes longest: a graph of 100,000 tracklets is some minutes of work for Redis, one of
300,000 a quarter of an hour, one of a million most of an hour. With `--keep` it is written to a
folder, and read from there the next time.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import redis
import structlog
import typer
from rich.console import Console

from benchmarks.gallery_people import PER_PERSON, People
from benchmarks.machine import describe_machine, markdown
from pipeline.config import Site
from pipeline.data import Decision, DecisionKind, TrackletRecord
from pipeline.embedded import EmbeddedRedis
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.rubbish import Rubbish
from pipeline.store import Settled, Store
from pipeline.wire import pack_record

HEADER = (
    "tracklets", "query ms: median, 99 %", "recall", "insert/s", "decision ms: median, 99 %",
    "sightings/s", "work ms: matcher, Redis", "bytes",
)  # fmt: skip
_SITE = "gallery"
_TAG = "{" + _SITE + "}"
_AGES = 10  # sightings of each tracklet, a second apart
_CANDIDATES = 128  # as the matcher asks for
_BACKLOG = 64  # sightings that wait, at least, when there are always more
_BATCH = 512
_WARM = 4000  # sightings until all is as ever: records are known, and who is in view
_PACE = 200.0  # sightings a second of capture time

# Python starts these with nothing loaded; native libraries do not survive a fork.
_processes = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Took:
    """What was decided in some seconds.

    Attributes:
        milliseconds: from each sighting's arrival in the stream until its decision was written.
        sightings: how many were settled; of two of a tracklet that wait, the later is decided on.
        seconds: how long it took in all.
        matcher, redis: seconds of processor time.
    """

    milliseconds: Sequence[float]
    sightings: int
    seconds: float
    matcher: float
    redis: float

    @property
    def per_second(self) -> float:
        """Sightings settled a second."""
        return self.sightings / self.seconds

    @property
    def work(self) -> str:
        """Milliseconds of processor time for each sighting."""
        number = max(1, self.sightings)
        return f"{self.matcher / number * 1e3:.2f}, {self.redis / number * 1e3:.2f}"


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table; milliseconds of each query, and of each decision at a given rate."""

    tracklets: int
    queries: Sequence[float]
    recall: float
    inserts: float
    decisions: Sequence[float]
    sustained: Took
    bytes_each: float

    def row(self) -> list[str]:
        """As text."""
        return [
            f"{self.tracklets:,}",
            _spread(self.queries),
            f"{self.recall:.3f}",
            f"{self.inserts:.0f}",
            _spread(self.decisions),
            f"{self.sustained.per_second:.0f}",
            self.sustained.work,
            f"{self.bytes_each:,.0f}",
        ]


class TimedStore(Store):
    """A store that notes when each decision has been written, and how old its sighting was then.

    Attributes:
        milliseconds: how old each was.
        settled: messages that have been settled by these.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.milliseconds: list[float] = []
        self.settled = 0

    def record(self, settled: Sequence[Settled], **options: Any) -> bool:
        """See `Store.record`."""
        written = super().record(settled, **options)
        now = time.time()
        for each in settled:
            self.settled += len(each.messages)
            if each.sighting.arrival is not None:
                self.milliseconds.append((now - each.sighting.arrival) * 1e3)
        return written


# ── filling ─────────────────────────────────────────────────────────────────────────────────


def fill(client: redis.Redis, people: People, keep: Path | None) -> None:
    """Writes all that a matcher would have written about the people, and reads it back."""
    saved = None if keep is None else keep / f"{people.tracklets}.dump"
    batches = range(0, people.tracklets, _BATCH)
    if saved is not None and saved.exists():
        client.restore(f"{_TAG}:gallery", 0, saved.read_bytes())
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(lambda first: _write_looks(client, people, first), batches))
    for first in batches:
        _write_records(client, people, first)
    if saved is not None and not saved.exists():
        saved.parent.mkdir(parents=True, exist_ok=True)
        saved.write_bytes(client.dump(f"{_TAG}:gallery") or b"")
    client.set(f"{_TAG}:identity", people.tracklets)


def _write_looks(client: redis.Redis, people: People, first: int) -> None:
    looks = people.embeddings(first, min(_BATCH, people.tracklets - first))
    for number, look in enumerate(looks, first):
        name = f"t{number:07}"
        # CAS: on all cores at once. No site may do so: Redis cannot read it back from its file.
        client.execute_command("VADD", f"{_TAG}:gallery", "FP32", look.tobytes(), name, "CAS")


def _write_records(client: redis.Redis, people: People, first: int) -> None:
    persons = people.persons(first, min(_BATCH, people.tracklets - first))
    with client.pipeline(transaction=False) as pipe:
        for number, person in enumerate(persons, first):
            _write_record(pipe, people.record(number, int(person)))
        pipe.execute()


def _write_record(pipe: Any, record: TrackletRecord) -> None:
    text, name, identity = pack_record(record), record.tracklet, record.identity
    pipe.set(f"{_TAG}:tracklet:{name}", text)
    pipe.hset(f"{_TAG}:identity:{identity}", name, text)
    pipe.zadd(f"{_TAG}:ends:{identity}", {name: record.end})
    pipe.zadd(f"{_TAG}:gallery:ends", {name: record.end})
    pipe.zadd(f"{_TAG}:identities", {str(identity): record.end})


# ── measuring ───────────────────────────────────────────────────────────────────────────────


def measure(people: People, *, seconds: float, rate: float, keep: Path | None) -> Result:
    """Fills a gallery, and measures all the table says."""
    with EmbeddedRedis() as server:
        client = redis.Redis.from_url(server.url, socket_timeout=None)  # a dump takes its time
        empty = client.info("memory")["used_memory"]
        fill(client, people, keep)
        full = client.info("memory")["used_memory"]
        store = _open(server.url)
        queries, recall = _ask(store, people)
        paced = _settle(server, store, people, seconds, rate=rate, first=people.tracklets)
        later = people.tracklets + 1_000_000
        sustained = _settle(server, store, people, seconds, rate=None, first=later)
        inserts = _insert(store, people, 300)
        store.close()
    bytes_each = (full - empty) / people.tracklets
    return Result(
        people.tracklets, queries, recall, inserts, paced.milliseconds, sustained, bytes_each
    )


def _open(url: str) -> TimedStore:
    client = redis.Redis.from_url(url, protocol=3)
    return TimedStore(client, site=_SITE)


def _ask(store: Store, people: People, count: int = 200) -> tuple[list[float], float]:
    """Milliseconds of the first queries, and the share of the ten nearest that are found."""
    first, times, found = people.tracklets, [], []
    for number in range(first, first + count):
        began = time.perf_counter()
        names = _found(store, people, number, age=1)
        times.append((time.perf_counter() - began) * 1e3)
        found.append(names)
        if number < first + count // _AGES:
            found += [_found(store, people, number, age=age) for age in range(2, _AGES + 1)]
    asked = [people.reports(first + i) for i in range(count)]
    walked = count // _AGES
    exact = _nearest(people, np.concatenate([*asked[:walked], *(a[:1] for a in asked[walked:])]))
    hits = sum(len(some & nearest) for some, nearest in zip(found, exact, strict=True))
    return times, hits / (10 * len(exact))


def _found(store: Store, people: People, number: int, *, age: int) -> set[str]:
    """The candidates of one report."""
    query = people.sighting(number, people.reports(number)[age - 1], age=age, ages=_AGES)
    (found,) = store.gallery.candidates([query], memory=2 * people.span, count=_CANDIDATES)
    return {candidate.record.tracklet for candidate in found}


def _nearest(people: People, asked: np.ndarray) -> list[set[str]]:
    """Names of the ten most similar tracklets of each, by exact search."""
    best = np.full((len(asked), 0), 0.0)
    names = np.empty((len(asked), 0), np.int64)
    for first in range(0, people.tracklets, 4096):
        some = people.embeddings(first, min(4096, people.tracklets - first))
        best = np.concatenate([best, asked @ some.T], axis=1)
        new = np.broadcast_to(np.arange(first, first + len(some)), (len(asked), len(some)))
        names = np.concatenate([names, new], axis=1)
        order = np.argsort(-best, axis=1)[:, :10]
        best, names = (np.take_along_axis(a, order, axis=1) for a in (best, names))
    return [{f"t{n:07}" for n in row} for row in names]


def _insert(store: Store, people: People, count: int) -> float:
    """Ended tracklets written a second, one after the other."""
    first = people.tracklets + 2_000_000
    embeddings = people.embeddings(first, count)
    began = time.perf_counter()
    for number, embedding in enumerate(embeddings, first):
        seen = people.sighting(number, embedding, age=_AGES, ages=_AGES)
        decision = Decision(seen.tracklet, seen.camera, number, DecisionKind.NEW, 0.9)
        store.record([Settled(seen, decision)])
    return count / (time.perf_counter() - began)


def _settle(
    server: EmbeddedRedis,
    store: TimedStore,
    people: People,
    seconds: float,
    *,
    rate: float | None,
    first: int,
) -> Took:
    """Lets people come back for so long, at a rate or as fast as can be."""
    site = Site.model_validate(
        {
            "site": _SITE,
            "cameras": {"a": {"source": "none.mp4"}},
            "matching": {"hindsight": "off"},
        }
    )
    calibration = Calibration(slope=26.22, offset=-9.18)
    service = MatchingService(store, site, calibration, rubbish=Rubbish())
    before, began = (0.0, 0.0), 0.0
    store.settled = 0

    def over() -> bool:
        nonlocal before, began
        if not began and store.settled >= _WARM:
            store.milliseconds.clear()
            store.settled, before, began = 0, _work(server), time.perf_counter()
        return began > 0 and time.perf_counter() - began >= seconds

    with _walking(server.url, people, rate, first):
        service.run(over)
        took, after = time.perf_counter() - began, _work(server)
    work = (now - then for then, now in zip(before, after, strict=True))
    return Took(list(store.milliseconds), store.settled, took, *work)


def _work(server: EmbeddedRedis) -> tuple[float, float]:
    """Seconds of processor time of this process and of Redis until now."""
    redis_times = psutil.Process(server.pid).cpu_times()
    return time.process_time(), redis_times.user + redis_times.system


@contextmanager
def _walking(url: str, people: People, rate: float | None, first: int) -> Iterator[None]:
    """People who come back, reported by a process of its own for as long as the context lasts."""
    process = _processes.Process(target=_walk, args=(url, people, rate, first), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _walk(url: str, people: People, rate: float | None, first: int) -> None:
    """Sends sightings: so many a second, or as many as are settled."""
    store = _open(url)
    began = time.time()
    for sent, (number, age) in enumerate(_reports(first)):
        if rate is not None:
            time.sleep(max(0.0, began + sent / rate - time.time()))
        elif sent % 16 == 0:
            while store._redis.xlen(f"{_TAG}:sightings") > _BACKLOG:
                time.sleep(0.002)
        embedding = people.reports(number)[age - 1]
        seen = people.sighting(number, embedding, age=age, ages=_AGES)
        store.send_sighting(replace(seen, arrival=time.time()))


def _reports(first: int) -> Iterator[tuple[int, int]]:
    """Tracklet and its age, in order of time: in each second as many begin as end."""
    at_once = round(_PACE / _AGES)
    for newest in count(first + at_once * (_AGES - 1)):
        for age in range(1, _AGES + 1):
            yield newest - at_once * (age - 1), age


def _spread(milliseconds: Sequence[float]) -> str:
    if not milliseconds:
        return "–"
    median, high = np.quantile(milliseconds, [0.5, 0.99])
    return f"{median:.1f}, {high:.1f}"


def main(
    tracklets: Annotated[str, typer.Option(help="Sizes, with commas.")] = "1000,10000,100000",
    seconds: Annotated[float, typer.Option(help="How long decisions are measured.")] = 20.0,
    rate: Annotated[
        float, typer.Option(help="Sightings a second for the delay; 200 is real time.")
    ] = 200.0,
    keep: Annotated[Path | None, typer.Option(help="Folder to keep filled galleries in.")] = None,
) -> None:
    """Measures galleries of several sizes and prints one table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console, results = Console(stderr=True), []
    for size in (int(text) for text in tracklets.split(",")):
        with console.status(f"{size:,} tracklets"):
            results.append(measure(People(size), seconds=seconds, rate=rate, keep=keep))
    typer.echo(f"{describe_machine()}; Redis with {PER_PERSON} tracklets a person\n")
    typer.echo(markdown(HEADER, [result.row() for result in results]))


if __name__ == "__main__":
    typer.run(main)
