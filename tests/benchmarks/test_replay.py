"""Replaying recorded sightings decides as the live service does."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from world import SiteSpec

from benchmarks.matching import duration_idf1, reliability, variants, watch
from benchmarks.replay import one_by_one, replay
from pipeline.config import load_site
from pipeline.embedded import EmbeddedRedis
from pipeline.evidence import Calibration
from pipeline.matcher import MatchingService
from pipeline.store import Store
from pipeline.weigh import Weigher

CALIBRATION = Calibration(slope=26.3, offset=-8.7)
SITE = watch(SiteSpec(cameras=4, people=8, seconds=300.0, seed=3))


def by_the_service() -> dict[str, int]:
    """What the matching service makes of the same sightings, with a real Redis."""
    with EmbeddedRedis() as server:
        store = Store.connect(server.url, site="replay")
        site = load_site(Path(__file__).parents[2] / "cams.yaml")
        service = MatchingService(store, site, CALIBRATION, exact=True)
        store.open_sightings()
        for batch in SITE.batches:
            for sighting in batch:
                store.send_sighting(sighting)
            service.tick(wait_seconds=1.0)
        records = [t for identity in store.identities(10_000) for t in identity.tracklets]
        store.close()
    return {record.tracklet: record.identity for record in records}


def pairs(identities: dict[str, int]) -> set[tuple[str, str]]:
    """Tracklets that are one person."""
    return {
        (a, b) for a, b in combinations(sorted(identities), 2) if identities[a] == identities[b]
    }


def test_a_replay_decides_as_the_service_does() -> None:
    live, again = by_the_service(), replay(SITE.batches, Weigher(CALIBRATION)).identities
    assert live.keys() == again.keys()
    # Redis keeps vectors in 8 bits a number: a close call may go the other way.
    assert len(pairs(live) ^ pairs(again)) <= 0.05 * len(pairs(live) | pairs(again))


def test_each_kind_of_evidence_is_a_row_and_hindsight_is_best() -> None:
    scores = [
        duration_idf1(identities, SITE.person, SITE.last)
        for _, identities, _ in variants(SITE.batches, SITE.last, CALIBRATION)
    ]
    assert len(scores) == 8
    assert scores[-1] == max(scores)
    assert scores[0] < scores[-1]


def test_the_first_decision_stands_if_nothing_is_revised() -> None:
    outcome = replay(SITE.batches, Weigher(CALIBRATION), revise=False, together=one_by_one)
    assert outcome.changes == 0
    assert outcome.identities.keys() == SITE.last.keys()


def test_perfect_numbers_are_perfect_and_one_number_for_all_is_not() -> None:
    person = {name: who + 1 for name, who in SITE.person.items()}
    assert duration_idf1(person, SITE.person, SITE.last) == pytest.approx(1.0)
    assert duration_idf1(dict.fromkeys(person, 1), SITE.person, SITE.last) < 0.5


def test_confidence_is_compared_with_what_was_right() -> None:
    outcome = replay(SITE.batches, Weigher(CALIBRATION))
    rows = reliability([(outcome, SITE.person)])
    assert sum(int(row[1]) for row in rows) == len(SITE.last)
