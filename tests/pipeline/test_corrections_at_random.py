"""Whatever people correct and the matcher decides, in whatever order: what must always hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from people import looks, sighting

from pipeline.config import load_site
from pipeline.constraints import Constraints, CorrectionKind
from pipeline.data import TrackletRecord
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import CorrectionError
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.store import Store

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)
SITE = load_site(Path(__file__).parents[2] / "cams.yaml")
TRACKLETS = [f"t{i}" for i in range(8)]

anybody = st.integers(1, 12)
some = st.lists(st.sampled_from(TRACKLETS), min_size=1, max_size=3)


class Site(RuleBasedStateMachine):
    """A site where a few tracklets grow, and people correct without knowing what is possible."""

    server: EmbeddedRedis

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.connect(self.server.url, site=f"random-{uuid4().hex[:12]}")
        self.store.open_sightings()
        self.service = MatchingService(self.store, SITE, CALIBRATION)
        self.now = 0.0
        self.begun: dict[str, float] = {}
        self.forgotten: set[str] = set()
        self.gone: set[int] = set()

    def teardown(self) -> None:
        self.store.close()

    # ── what happens ────────────────────────────────────────────────────────────────────────

    @rule(name=st.sampled_from(TRACKLETS), person=st.integers(0, 2))
    def see(self, name: str, person: int) -> None:
        """A tracklet begins or grows; who it looks like may change."""
        self.now += 3.0
        begin = self.begun.setdefault(name, self.now - 2.0)
        look = looks(person, noise=0.2, seed=TRACKLETS.index(name))
        camera = "west" if TRACKLETS.index(name) % 2 else "east"
        self.store.send_sighting(sighting(name, camera, begin, self.now, embedding=look))
        while self.service.tick(wait_seconds=0.001):
            pass

    @rule(keep=anybody, other=anybody)
    def merge(self, keep: int, other: int) -> None:
        self.attempt(lambda: self.store.corrections.merge(keep, other))

    @rule(identity=anybody, tracklets=some)
    def split(self, identity: int, tracklets: list[str]) -> None:
        self.attempt(lambda: self.store.corrections.split(identity, tracklets))

    @rule(identity=anybody, name=st.sampled_from(["Ann", "Bob", None]))
    def rename(self, identity: int, name: str | None) -> None:
        self.attempt(lambda: self.store.corrections.rename(identity, name))

    @rule(identity=anybody)
    def forget(self, identity: int) -> None:
        person = self.store.identity(identity)
        if person:
            self.forgotten |= {t.tracklet for t in person.tracklets}
            self.gone.add(person.identity)
        self.attempt(lambda: self.store.corrections.forget(identity))

    @rule(back=st.integers(0, 3))
    def undo(self, back: int) -> None:
        made = [c for c in self.store.corrections.history() if c.kind is not CorrectionKind.UNDO]
        if len(made) > back:
            self.attempt(lambda: self.store.corrections.undo(made[back].id))

    @rule()
    def correct_and_take_back(self) -> None:
        """An undo right after a correction leaves all as it was."""
        before = self.picture()
        people = self.store.identities()
        if len(people) > 1:
            keep, other = (person.identity for person in people[:2])
            made = self.store.corrections.merge(keep, other)
            self.store.corrections.undo(made.id)
            assert self.picture() == before

    @rule()
    def prune(self) -> None:
        before = self.store.corrections.constraints()
        self.store.corrections.prune()
        said = self.store.corrections.constraints()
        there = self.records()
        assert {t: said.pinned(t) for t in there} == {t: before.pinned(t) for t in there}

    def attempt(self, correct: Callable[[], object]) -> None:
        with suppress(CorrectionError):
            correct()

    # ── what is there ───────────────────────────────────────────────────────────────────────

    def records(self) -> dict[str, TrackletRecord]:
        found = [t for person in self.store.identities(100) for t in person.tracklets]
        assert max(Counter(t.tracklet for t in found).values(), default=1) == 1
        return {t.tracklet: t for t in found}

    def picture(self) -> tuple[object, ...]:
        said = self.store.corrections.constraints()
        people = sorted(self.store.identities(100), key=lambda person: person.identity)
        return people, said.ordered, dict(said.merged)

    # ── what must hold ──────────────────────────────────────────────────────────────────────

    @invariant()
    def all_is_well(self) -> None:
        records, said = self.records(), self.store.corrections.constraints()
        self.nobody_is_lost_or_used_twice(records)
        for record in records.values():
            self.people_have_the_last_word(record, said)
        # A number that leads to another is nobody's.
        assert {record.identity for record in records.values()} & set(said.merged) == set()

    def nobody_is_lost_or_used_twice(self, records: dict[str, TrackletRecord]) -> None:
        assert set(records) == set(self.begun) - self.forgotten
        numbers = {record.identity for record in records.values()}
        assert max(numbers, default=0) <= self.store.last_identity()
        assert numbers & self.gone == set()

    def people_have_the_last_word(self, record: TrackletRecord, said: Constraints) -> None:
        assert self.store.tracklet(record.tracklet) == record
        assert said.pinned(record.tracklet) in (None, record.identity)
        assert record.pinned == (said.pinned(record.tracklet) is not None)
        assert not said.forbidden(record.tracklet, record.identity)

    @rule()
    def ask_the_gallery(self) -> None:
        asked = sighting("query", "north", self.now, self.now + 1, embedding=looks(0))
        (found,) = self.store.gallery.candidates([asked], memory=1e9, exact=True)
        assert {c.record.tracklet: c.record for c in found} == self.records()


def test_people_and_the_matcher_get_along(redis_server: EmbeddedRedis) -> None:
    machine = type("Site", (Site,), {"server": redis_server})
    few = settings(max_examples=20, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(machine, settings=few)
