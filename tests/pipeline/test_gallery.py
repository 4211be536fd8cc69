"""The gallery: finds who looks alike, stays bounded, and costs the same however long it has run."""

from __future__ import annotations

import numpy as np
import pytest
from people import looks, record, sighting

from pipeline.data import Decision, DecisionKind, Sighting
from pipeline.embedded import EmbeddedRedis
from pipeline.gallery import MOST_OF_ONE
from pipeline.store import Settled, Store
from pipeline.wire import pack_record


def decide(
    store: Store,
    name: str,
    identity: int,
    begin: float = 0.0,
    end: float = 5.0,
    *,
    person: int = 1,
    closed: bool = True,
) -> Sighting:
    seen = sighting(name, begin=begin, end=end, person=person, closed=closed)
    decision = Decision(name, seen.camera, identity, DecisionKind.NEW, 0.9, time=seen.end)
    assert store.record([Settled(seen, decision, store.tracklet(name))])
    return seen


def found(store: Store, *, person: int = 1, at: float = 100.0, **options: bool) -> list[str]:
    """Names of who looks like a person that comes at a time, most alike first."""
    query = sighting("query", "east", at, at + 1.0, person=person)
    (candidates,) = store.gallery.candidates([query], memory=1000.0, **options)
    return [candidate.record.tracklet for candidate in candidates]


def again(store: Store, server: EmbeddedRedis) -> Store:
    """Another process at the same site."""
    return Store.connect(server.url, site=store._site)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "approximate"])
def test_open_and_ended_tracklets_are_found_alike(store: Store, exact: bool) -> None:
    decide(store, "ended", 1, closed=True)
    decide(store, "open", 2, closed=False)
    decide(store, "other", 3, person=2)
    assert set(found(store, exact=exact)[:2]) == {"ended", "open"}
    assert store.gallery.size() == 3


def test_all_sightings_of_a_moment_are_asked_about_at_once(store: Store) -> None:
    for person in (1, 2, 3):
        decide(store, f"w{person}", person, person=person)
    queries = [sighting(f"e{p}", "east", 8, 9, person=p) for p in (3, 1, 2)]
    answers = store.gallery.candidates(queries, memory=100.0)
    assert [answer[0].record.tracklet for answer in answers] == ["w3", "w1", "w2"]
    assert store.gallery.candidates([], memory=100.0) == []


def test_a_growing_tracklet_is_known_by_its_latest_looks(store: Store) -> None:
    decide(store, "w1", 1, person=7, closed=False)
    decide(store, "w1", 1, person=1, closed=False)
    decide(store, "w7", 7, person=7)
    assert found(store)[0] == "w1"
    decide(store, "w1", 1, person=7, closed=True)
    assert set(found(store, person=7)) == {"w1", "w7"}


def test_looks_that_another_process_wrote_are_known(
    store: Store, redis_server: EmbeddedRedis
) -> None:
    other = again(store, redis_server)
    assert found(other) == []
    decide(store, "w1", 1, closed=False)
    assert found(other) == ["w1"]
    decide(other, "w2", 2, closed=False)
    assert set(found(store)) == {"w1", "w2"}
    decide(store, "w1", 1, person=9, closed=False)
    assert found(other)[0] == "w2"


@pytest.mark.parametrize("closed", [True, False], ids=["ended", "open"])
def test_what_is_forgotten_is_gone_for_every_process(
    store: Store, redis_server: EmbeddedRedis, closed: bool
) -> None:
    decide(store, "w1", 1, closed=closed)
    decide(store, "w2", 2, closed=closed)
    assert set(found(store)) == {"w1", "w2"}
    again(store, redis_server).gallery.forget(["w1"])
    assert found(store) == ["w2"]
    assert store.gallery.size() == 1


def test_a_new_record_is_a_new_label(store: Store, redis_server: EmbeddedRedis) -> None:
    decide(store, "w1", 1)
    assert found(store) == ["w1"]
    decide(again(store, redis_server), "w1", 5)
    (candidates,) = store.gallery.candidates([sighting("e1", "east", 8, 9)], memory=100.0)
    assert [c.record.identity for c in candidates] == [5]


def test_a_tracklet_whose_record_is_gone_is_no_candidate(store: Store) -> None:
    decide(store, "w1", 1)
    decide(store, "w2", 2, closed=False)
    store._redis.delete(store._key("tracklet", "w1"), store._key("tracklet", "w2"))
    assert found(store) == []


def test_open_tracklets_nobody_goes_on_with_count_as_ended(store: Store) -> None:
    decide(store, "left", 1, end=5.0, closed=False)
    decide(store, "here", 2, end=90.0, closed=False, person=2)
    assert store.gallery.close_idle(before=60.0) == 1
    assert store._redis.hkeys(store._key("gallery", "open")) == [b"here"]
    assert found(store)[0] == "left"
    assert store.gallery.size() == 2


def test_another_network_finds_an_empty_gallery(store: Store) -> None:
    store.gallery.begin("first@1")
    decide(store, "w1", 1, closed=True)
    decide(store, "w2", 2, closed=False)
    assert len(found(store)) == 2
    assert store.gallery.begin("second@2") == "first@1"
    assert found(store) == []
    assert store.gallery.size() == 0


def test_what_should_have_left_hides_nobody(store: Store) -> None:
    for number in range(90):
        decide(store, f"old{number}", 1, end=5.0, person=1)
    decide(store, "new", 2, begin=5000.0, end=5010.0, person=2)
    assert found(store, at=5050.0) == ["new"]


def test_pruning_takes_open_and_ended_ones(store: Store) -> None:
    decide(store, "w1", 1, end=5.0, closed=False)
    decide(store, "w2", 2, end=6.0, closed=True)
    decide(store, "w3", 3, end=50.0, closed=True)
    assert store.gallery.prune(before=20.0) == 2
    assert found(store) == ["w3"]


def test_somebody_who_keeps_coming_does_not_fill_the_gallery(store: Store) -> None:
    for number in range(MOST_OF_ONE + 8):
        decide(store, f"w{number:02}", 1, 10.0 * number, 10.0 * number + 5)
    assert store.gallery.size() == MOST_OF_ONE
    assert "w00" not in found(store)
    person = store.identity(1)
    assert person is not None
    assert len(person.tracklets) == MOST_OF_ONE + 8  # the page still shows them


# ── an identity's tracklets around a moment ─────────────────────────────────────────────────


def come_often(store: Store, times: int, identity: int = 1) -> None:
    """Somebody who is seen for five of every ten seconds."""
    for number in range(times):
        decide(store, f"{identity}-{number:03}", identity, 10.0 * number, 10.0 * number + 5)


def names_around(store: Store, moment: float, *, count: int = 2) -> list[str]:
    records = store.gallery.members.around({1: [moment]}, count=count)
    return [record.tracklet for record in records.get(1, ())]


def test_who_is_there_at_a_moment_is_known_and_who_came_last_before(store: Store) -> None:
    come_often(store, 20)
    assert names_around(store, 103.0) == ["1-008", "1-009", "1-010", "1-011"]
    assert names_around(store, 1000.0) == ["1-018", "1-019"]
    assert names_around(store, -5.0) == ["1-000", "1-001"]


def test_several_moments_and_identities_are_asked_about_at_once(store: Store) -> None:
    come_often(store, 20, identity=1)
    come_often(store, 3, identity=2)
    records = store.gallery.members.around({1: [3.0, 193.0], 2: [3.0], 77: [3.0]}, count=2)
    assert [r.tracklet for r in records[1]] == ["1-000", "1-001", "1-017", "1-018", "1-019"]
    assert [r.tracklet for r in records[2]] == ["2-000", "2-001", "2-002"]
    assert 77 not in records


def test_a_tracklet_that_left_an_identity_is_not_around(store: Store) -> None:
    come_often(store, 20)
    decide(store, "1-010", 2, 100.0, 105.0)
    assert names_around(store, 103.0) == ["1-008", "1-009", "1-011", "1-012"]


def test_what_others_moved_or_deleted_without_telling_is_found_out(store: Store) -> None:
    come_often(store, 20)
    store._redis.hdel(store._key("identity", 1), "1-010")
    assert "1-010" not in names_around(store, 103.0)
    store._redis.delete(store._key("ends", 1))  # as an older version left it
    assert names_around(store, 103.0)[:2] == ["1-008", "1-009"]


def test_a_decision_costs_the_same_however_often_somebody_has_come(store: Store) -> None:
    come_often(store, 20)
    few = _microseconds(store, 196.0)
    old = [record(f"o{n}", "west", n - 9e6, n - 9e6 + 0.5, identity=1) for n in range(1000)]
    texts = {past.tracklet: pack_record(past) for past in old}
    store._redis.hset(store._key("identity", 1), mapping=texts)
    assert names_around(store, 196.0) == ["1-018", "1-019"]
    assert _microseconds(store, 196.0) < 3 * few + 200.0


def _microseconds(store: Store, moment: float) -> int:
    """What Redis works for one such question, the least of several."""
    client, took = store._redis, []
    for _ in range(10):
        client.config_resetstat()
        store.gallery.members.around({1: [moment]})
        took.append(int(client.info("commandstats")["cmdstat_evalsha"]["usec"]))
    return min(took)


def test_similarity_is_what_the_embeddings_say(store: Store) -> None:
    decide(store, "open", 1, closed=False)
    decide(store, "ended", 2, closed=True)
    query = sighting("e1", "east", 8, 9, embedding=looks(1, noise=0.5, seed=3))
    (candidates,) = store.gallery.candidates([query], memory=100.0)
    of = {c.record.tracklet: c.similarity for c in candidates}
    truth = float(np.dot(looks(1), query.embedding))
    assert of["open"] == pytest.approx(truth, abs=1e-5)
    assert of["ended"] == pytest.approx(truth, abs=0.02)
