"""People have somebody forgotten; what was said of people who have gone goes, too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from correction_parts import (
    announced,
    decide,
    identities,
    nothing_is_open,
    send,
)
from leftovers import dump
from people import sighting

from pipeline.constraints import CorrectionKind
from pipeline.errors import CorrectionError
from pipeline.matcher import MatchingService
from pipeline.store import Corrected, Store


def test_nothing_is_left_of_somebody_who_was_forgotten(
    store: Store, service: MatchingService
) -> None:
    seen = [sighting("secret-1", end=5.0), sighting("secret-2", "east", 8.0, 9.0)]
    hers = [replace(s, thumbnail=b"her-picture") for s in seen]
    other = sighting("other", "east", 6.0, 9.0, person=2, thumbnail=b"his-picture")
    send(store, service, *hers, other)
    store.corrections.rename(1, "her-name")
    new = store.corrections.split(1, ["secret-2"]).other
    store.corrections.merge(1, new)
    store.send_sighting(replace(hers[1], end=11.0))  # waits
    embedding = hers[0].embedding.tobytes()
    before = dump(store)
    assert all(trace in before for trace in (b"secret-1", b"her-name", b"her-picture"))
    assert repr(embedding).encode()[2:-1] in before

    forgotten = store.corrections.forget(1)
    after = dump(store)
    assert [t for t in (b"secret-", b"her-name", b"her-picture") if t in after] == []
    assert repr(embedding).encode()[2:-1] not in after
    assert b"his-picture" in after
    assert store.gallery.size() == 1
    assert identities(store) == {"other": 2}
    assert (forgotten.kind, forgotten.moved, forgotten.stands) == (CorrectionKind.FORGET, 2, False)


def test_who_was_forgotten_gets_no_second_life(store: Store, service: MatchingService) -> None:
    send(store, service, sighting("a1"))
    store.corrections.forget(1)
    send(store, service, sighting("a1", end=20.0))
    assert identities(store) == {}
    assert nothing_is_open(store)
    with pytest.raises(Corrected):
        decide(store, "a1", 1)


def test_the_page_hears_of_somebody_who_was_forgotten(two: Store) -> None:
    before = two.last_decision()
    two.corrections.forget(1)
    assert announced(two, before) == [("", 1, "forgotten", "person")]


def test_forgetting_twice_is_forgetting_once(two: Store) -> None:
    first = two.corrections.forget(1)
    assert two.corrections.forget(1) == first
    with pytest.raises(CorrectionError, match="expected the number of a known person, found 99"):
        two.corrections.forget(99)


def test_who_was_forgotten_does_not_come_back_by_an_undo(two: Store) -> None:
    split = two.corrections.split(1, ["a2"])
    two.corrections.forget(1)
    with pytest.raises(CorrectionError, match="expected the number of a known person, found 1"):
        two.corrections.undo(split.id)
    with pytest.raises(CorrectionError, match="gone for good"):
        two.corrections.undo(two.corrections.history(1)[0].id)
    assert identities(two) == {"a2": 3, "b1": 2}
    assert two.corrections.constraints().pinned("a2") == 3


# ── for how long ────────────────────────────────────────────────────────────────────────────


def let_expire(store: Store, *tracklets: str) -> None:
    """As if their time had come."""
    for name in tracklets:
        record = store.tracklet(name)
        assert record is not None
        store._redis.delete(store._key("tracklet", name))
        store._redis.hdel(store._key("identity", record.identity), name)


def test_what_was_said_of_people_who_have_gone_goes_too(two: Store) -> None:
    decide(two, "c1", 3, person=3)
    two.corrections.merge(1, 2)
    two.corrections.rename(3, "Ann")
    let_expire(two, "a1")
    two.corrections.prune()
    rename, merge = reversed(two.corrections.constraints().ordered)
    assert (merge.kept, merge.moved, rename.identity) == (("a2",), ("b1",), 3)
    let_expire(two, "a2", "b1", "c1")
    two.corrections.prune()
    said = two.corrections.constraints()
    assert (said.ordered, dict(said.merged)) == ([], {})
    assert two._redis.hlen(two._key("names")) == 0


def test_two_who_were_told_apart_stay_so_when_the_tracklets_have_gone(two: Store) -> None:
    new = two.corrections.split(1, ["a2"]).other
    decide(two, "a3", 1)
    decide(two, "n1", new)
    let_expire(two, "a1", "a2")
    two.corrections.prune()
    assert two.corrections.constraints().apart(1, new)


def test_a_corrected_record_expires_when_it_would_have(two: Store) -> None:
    two._redis.expire(two._key("tracklet", "b1"), 100)
    two._redis.hexpire(two._key("identity", 2), 100, "b1")
    two.corrections.merge(1, 2)
    assert 90 < two._redis.ttl(two._key("tracklet", "b1")) <= 100
    assert 90 < two._redis.httl(two._key("identity", 1), "b1")[0] <= 100
    assert two._redis.ttl(two._key("identity", 1)) > 100
