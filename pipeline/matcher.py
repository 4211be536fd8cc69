"""The matching service: reads sightings, decides, writes decisions. One works, others stand by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import cycle

import structlog

from pipeline.config import Site
from pipeline.constraints import Constraints
from pipeline.data import Decision, Sighting, TrackletRecord
from pipeline.errors import StoreError
from pipeline.evidence import Calibration
from pipeline.hindsight import Change
from pipeline.intake import Intake
from pipeline.lease import Lease
from pipeline.match import Matcher, came_from
from pipeline.metrics import Metrics
from pipeline.query import Query, moments, shortlist
from pipeline.review import Look, Review
from pipeline.rubbish import Rubbish
from pipeline.store import Corrected, Settled, Store
from pipeline.topology import load_topology
from pipeline.weigh import Weigher

_CHORE_SECONDS = 0.3  # one at a time, often and little, so that no decision waits long for it
_TIDY_SECONDS = 10.0
_REREAD_SECONDS = 2.0
_RETRY_SECONDS = 0.5
_IDLE_SECONDS = 60.0  # after which an open tracklet counts as ended
_CANDIDATES = 128

log = structlog.get_logger()


class Fenced(StoreError):
    """Another matcher is in charge by now."""


class MatchingService:
    """Takes sightings from the store and settles them, a tick at a time.

    Several may run for a site: one holds the site's lease and decides, the others stand by. What
    is written carries the lease's token, so that one that was frozen and wakes up late changes
    nothing; what it had read and not settled is read again by whoever is in charge.

    Args:
        store: where sightings come from and decisions go to.
        site: its `matching` section is used.
        calibration: what similarity of the site's embeddings is worth.
        network: which network's embeddings it compares; see `pipeline.embed.network_id`.
        exact: search the gallery exhaustively, so that the same input gives the same answer.
        lease: the site's lease; None: nobody else can be there.
        metrics: where what happens is counted.
        rubbish: how garbage is searched for, in a process that does nothing else; None: as ever.
    """

    def __init__(
        self,
        store: Store,
        site: Site,
        calibration: Calibration,
        *,
        network: str = "",
        exact: bool = False,
        lease: Lease | None = None,
        metrics: Metrics | None = None,
        rubbish: Rubbish | None = None,
    ) -> None:
        self._store = store
        self._memory = site.matching.memory
        self._network = network
        self._exact = exact
        self._lease = lease
        self._metrics = metrics or Metrics("matcher")
        self._intake = Intake(store, network, self._metrics, ahead=not exact)
        topology, tolerance = load_topology(site), site.matching.clock_tolerance
        self._weigher = Weigher(calibration, places=topology, tolerance=tolerance)
        self._matcher = Matcher(self._weigher, memory=site.matching.memory)
        self._review: Review | None = None
        if site.matching.hindsight != "off":
            look = Look(calibration, topology, tolerance)
            self._review = Review(store, look, period=site.matching.hindsight)
        chores = [self._prune, self._keep_learned]
        self._chores = cycle(chores if rubbish is None else [*chores, rubbish.settle])
        self._said = ""  # version of what people had said when looks were let go last
        self._newest = 0.0
        self._highest = 0
        self._in_charge = False
        self._trouble = ""
        self._chored = self._tidied = self._reread = -float("inf")

    @property
    def weigher(self) -> Weigher:
        """What evidence is worth, with all that was learned."""
        return self._weigher

    @property
    def in_charge(self) -> bool:
        """True while it decides, False while it stands by."""
        return self._in_charge

    @property
    def trouble(self) -> str:
        """What keeps it from working, one sentence, or ""."""
        return self._trouble

    def run(self, stopping: Callable[[], bool], *, tick_seconds: float = 0.2) -> None:
        """Works until told to stop; a Redis that goes away is waited for."""
        while not stopping():
            try:
                if self._takes_charge():
                    self._work(tick_seconds)
                else:
                    time.sleep(_RETRY_SECONDS)
                self._trouble = ""
            except Fenced:
                self._stand_by("another matcher has taken over")
            except StoreError as error:
                self._trouble = str(error)
                self._stand_by(f"waits for Redis: {error}")
                time.sleep(_RETRY_SECONDS)
        self._resign()
        if self._review is not None:
            self._review.close()

    def tick(self, *, wait_seconds: float, pending: bool = False) -> int:
        """Settles what has come; returns the number of messages.

        Args:
            wait_seconds: how long to wait for the first one.
            pending: take what was read before but never settled.

        Raises:
            Fenced: another matcher is in charge.
        """
        batch = self._intake.take(wait_seconds=wait_seconds, pending=pending)
        sightings = list(batch.newest.values())
        for group in moments(sightings):
            self._keep_lease()
            with self._metrics.stage("match"):
                self._settle([sightings[i] for i in group], batch.ids)
        return batch.messages

    # ── being in charge ─────────────────────────────────────────────────────────────────────

    def _takes_charge(self) -> bool:
        """True if it is in charge, or is from now on."""
        if self._lease is not None and not self._lease.keep():
            self._stand_by("another matcher works")
            self._remember_highest()
            return False
        if not self._in_charge:
            self._store.open_sightings()
            if given_up := self._store.gallery.begin(self._network):
                log.warning("the gallery is begun anew", before=given_up, now=self._network)
            self._remember_highest()
            self._remember_learned()
            self._in_charge = True
            self._reread = -float("inf")
            log.info("matcher is in charge")
        return True

    def _stand_by(self, why: str) -> None:
        if self._in_charge:
            log.warning("matcher stands by", why=why)
        self._in_charge = False
        if self._lease is not None:
            self._lease.lost()

    def _resign(self) -> None:
        with suppress(StoreError):
            if self._in_charge:
                self._keep_learned()
        self._in_charge = False
        with suppress(StoreError):
            if self._lease is not None:
                self._lease.release()

    def _keep_lease(self) -> None:
        if self._lease is not None and not self._lease.keep():
            raise Fenced("the matcher's lease is somebody else's")

    def _remember_learned(self) -> None:
        """Goes on with what the one before us has learned."""
        self._weigher.forget()
        unreadable: dict[str, dict[str, bytes]] = {}
        for key, fields in self._store.learned.get().items():
            try:
                self._weigher.load(key, fields)
            except ValueError as error:
                log.warning("something learned cannot be read, it is learned anew", why=str(error))
                unreadable[key] = {}
        self._keep(unreadable)

    def _keep_learned(self) -> None:
        self._keep(self._weigher.take_learned())

    def _keep(self, learned: Mapping[str, Mapping[str, bytes]]) -> None:
        token = None if self._lease is None else self._lease.token or 0
        if learned and not self._store.learned.put(learned, token=token):
            raise Fenced("another matcher is in charge")

    def _remember_highest(self) -> None:
        self._highest = max(self._highest, self._store.last_identity())

    def _work(self, tick_seconds: float) -> None:
        """One tick; now and then also what was read but not settled, and what is too old."""
        now = time.monotonic()
        if now - self._reread > _REREAD_SECONDS:
            # After a start what the one before us left; later what one that was frozen has read.
            while self.tick(wait_seconds=tick_seconds, pending=True):
                pass
            self._reread = now
        self.tick(wait_seconds=tick_seconds)
        if self._review is not None and self._newest:
            self._regroup(self._review.poll(now=now, newest=self._newest))
        if now - self._chored > _CHORE_SECONDS:
            next(self._chores)()
            self._chored = now
        if now - self._tidied > _TIDY_SECONDS:
            self._store.corrections.prune()
            self._remember_highest()
            self._tidied = now

    def _regroup(self, changes: Sequence[Change]) -> None:
        """Puts right what turned out to be otherwise with hindsight."""
        for change in changes:
            self._keep_lease()
            moved = self._store.regrouping.make(
                change,
                self._store.corrections.constraints(),
                exclude=self._weigher.exclude,
                new_identity=self._new_identity,
                token=None if self._lease is None else self._lease.token or 0,
            )
            if moved is None:
                raise Fenced("another matcher is in charge")
            self._metrics.count("hindsight", moved, kind="merged" if change.merges else "revised")

    def _prune(self) -> None:
        self._heed(self._store.corrections.constraints())
        gallery = self._store.gallery
        gallery.prune(before=self._newest - self._memory)
        gallery.prune_expired()
        gallery.close_idle(before=self._newest - _IDLE_SECONDS)
        self._store.tidy()
        self._metrics.gauge("gallery_size", gallery.size())

    def _heed(self, constraints: Constraints) -> None:
        """Lets go of all looks in memory if people have said something: somebody may be erased."""
        if constraints.version != self._said:
            self._said = constraints.version
            self._store.gallery.let_go()
            self._weigher.strangers.let_go()

    # ── deciding ────────────────────────────────────────────────────────────────────────────

    def _settle(self, sightings: Sequence[Sighting], ids: dict[str, list[str]]) -> None:
        """Decides on the sightings of a moment, and anew if people correct meanwhile."""
        while True:
            try:
                return self._decide(sightings, ids)
            except Corrected:
                log.info("people have corrected something, it is decided anew")

    def _decide(self, sightings: Sequence[Sighting], ids: dict[str, list[str]]) -> None:
        """Decides on the sightings of a moment, and writes it down."""
        # First of all: whatever is read after it is no older than what people said.
        constraints = self._store.corrections.constraints()
        self._heed(constraints)
        wanted = [s for s in sightings if not self._forgotten(s, constraints, ids)]
        queries = shortlist(self._queries(wanted, constraints))
        members = _members(queries, self._store.gallery.members.around(_when(queries)))
        decisions = self._matcher.decide(queries, members, self._new_identity, constraints)
        started = time.perf_counter()
        written = self._store.record(
            [
                Settled(q.sighting, decision, q.current, ids.get(q.sighting.tracklet, ()))
                for q, decision in zip(queries, decisions, strict=True)
            ],
            token=None if self._lease is None else self._lease.token or 0,
            constraints=constraints.version,
        )
        self._metrics.redis(time.perf_counter() - started)
        if not written:
            raise Fenced("another matcher is in charge")
        for query, decision in zip(queries, decisions, strict=True):
            self._newest = max(self._newest, query.sighting.end)
            self._report(query, decision)
            if query.sighting.closed:
                before = came_from(query.sighting, members.get(decision.identity, ()))
                self._weigher.take_ended(before, query.sighting, decision.confidence)

    def _forgotten(
        self, sighting: Sighting, constraints: Constraints, ids: Mapping[str, Sequence[str]]
    ) -> bool:
        """Sets a sighting aside whose tracklet people have had erased."""
        if not constraints.forgotten(sighting.tracklet):
            return False
        for message in ids.get(sighting.tracklet, ()):
            self._store.reject(message, "forgotten")
        self._metrics.count("rejected", reason="forgotten")
        return True

    def _new_identity(self) -> int:
        self._highest = self._store.new_identity(above=self._highest)
        return self._highest

    def _queries(self, sightings: Sequence[Sighting], constraints: Constraints) -> list[Query]:
        gallery = self._store.gallery
        current = gallery.records(sighting.tracklet for sighting in sightings)
        given = self._standing(sightings, current, constraints)
        asked = [sighting for sighting in sightings if sighting.tracklet not in given]
        answers = gallery.candidates(
            asked, memory=self._memory, count=_CANDIDATES, exact=self._exact
        )
        found = {s.tracklet: tuple(answer) for s, answer in zip(asked, answers, strict=True)}
        return [
            Query(s, found.get(s.tracklet, ()), current.get(s.tracklet), s.tracklet in given)
            for s in sightings
        ]

    def _standing(
        self,
        sightings: Iterable[Sighting],
        current: Mapping[str, TrackletRecord],
        constraints: Constraints,
    ) -> set[str]:
        """The tracklets that go on and whose identity is given: the gallery need not be asked."""
        known = {s.tracklet: s for s in sightings if s.tracklet in current and not s.closed}
        pinned = {name for name in known if constraints.pinned(name) is not None}
        likely = [name for name in known.keys() - pinned if current[name].confirmed]
        when: dict[int, set[float]] = {}
        for name in likely:
            when.setdefault(current[name].identity, set()).add(known[name].begin)
        around = self._store.gallery.members.around(when)
        return pinned | {
            name
            for name in likely
            if not constraints.forbidden(name, current[name].identity)
            and self._matcher.stands(
                known[name], current[name], around.get(current[name].identity, ())
            )
        }

    def _report(self, query: Query, decision: Decision) -> None:
        if query.sighting.arrival is not None:
            self._metrics.delay("decision", time.time() - query.sighting.arrival)
        if query.current is not None and query.current.identity == decision.identity:
            return
        self._metrics.count("decisions", kind=decision.kind.value)
        log.info(
            "decided",
            tracklet=decision.tracklet,
            identity=decision.identity,
            kind=decision.kind.value,
            confidence=round(decision.confidence, 3),
            similarity=round(decision.evidence.similarity, 3),
        )


def _when(queries: Sequence[Query]) -> dict[int, set[float]]:
    """Every identity a sighting may belong to, and when that would be."""
    when: dict[int, set[float]] = {}
    for query in (query for query in queries if not query.stands):
        records = [candidate.record for candidate in query.candidates]
        for record in [*records, query.current] if query.current else records:
            when.setdefault(record.identity, set()).add(query.sighting.begin)
    return when


def _members(
    queries: Sequence[Query], around: Mapping[int, Sequence[TrackletRecord]]
) -> dict[int, list[TrackletRecord]]:
    """What counts of each identity: who is around at the time, and who looks like a sighting."""
    members = {n: {r.tracklet: r for r in records} for n, records in around.items()}
    for query in queries:
        for record in (candidate.record for candidate in query.candidates):
            if record.identity in members:
                members[record.identity].setdefault(record.tracklet, record)
    return {n: list(records.values()) for n, records in members.items()}
