"""The WebSocket and the process around it: what is sent, to whom, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from viewer_parts import Walk, make_site, preview_of, report, see, serving, tracklet_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pipeline.embedded import EmbeddedRedis
from pipeline.errors import ConfigError
from pipeline.preview import decode_header
from pipeline.store import Store
from pipeline.viewer import serve

ROOT = Path(__file__).parents[2]


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with serving(store) as address:
        yield address


def dial(address: str, **options: object) -> ClientConnection:
    return connect(address.replace("http://", "ws://") + "/live", **options)  # type: ignore[arg-type]


def until(
    socket: ClientConnection, wanted: Callable[[dict[str, object]], bool], seconds: float = 5
) -> dict[str, object]:
    """The first JSON message that is wanted; pictures are acknowledged on the way."""
    deadline = time.monotonic() + seconds
    while True:
        message = socket.recv(timeout=deadline - time.monotonic())
        if isinstance(message, bytes):
            acknowledge(socket, message)
        elif wanted(found := json.loads(message)):
            return found


def acknowledge(socket: ClientConnection, picture: bytes) -> None:
    camera = decode_header(picture)["camera"]
    socket.send(json.dumps({"type": "shown", "cameras": [camera]}))


def pictures(socket: ClientConnection, count: int) -> list[bytes]:
    """The next pictures, each acknowledged."""
    found: list[bytes] = []
    while len(found) < count:
        message = socket.recv(timeout=5)
        if isinstance(message, bytes):
            found.append(message)
            acknowledge(socket, message)
    return found


def eventually(condition: Callable[[], bool], seconds: float = 3) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_type(name: str) -> Callable[[dict[str, object]], bool]:
    return lambda message: message["type"] == name


def test_a_page_begins_with_a_snapshot(address, store):
    report(store, "east")
    see(store, "west", 3)
    with dial(address) as socket:
        snapshot = json.loads(socket.recv(timeout=5))
    assert snapshot["type"] == "snapshot"
    assert snapshot["site"] == "demo"
    assert [camera["name"] for camera in snapshot["cameras"]] == ["west", "east"]
    assert [identity["identity"] for identity in snapshot["identities"]] == [3]


@pytest.mark.timed
def test_a_decision_arrives_at_once(address, store):
    with dial(address) as socket:
        until(socket, is_type("cameras"))
        time.sleep(0.1)
        asked = time.monotonic()
        see(store, "west", 5)
        news = until(socket, lambda m: m["type"] == "news" and bool(m["decisions"]))
        assert time.monotonic() - asked < 0.5
    (decision,) = news["decisions"]
    assert (decision["tracklet"], decision["identity"]) == ("west-1", 5)
    assert news["identities"][0]["tracklets"][0]["tracklet"] == "west-1"


def test_a_tracklet_that_only_grows_is_told_within_two_seconds(address, store):
    see(store, "west", 5, end=1245931210.0)
    with dial(address) as socket:
        until(socket, is_type("cameras"))
        see(store, "west", 5, end=1245931214.0)
        until(
            socket,
            lambda m: m["type"] == "news" and m["identities"][0]["last_seen"] == 1245931214.0,
            seconds=2.5,
        )


def test_pictures_are_passed_on_as_they_are(address, store):
    sent = preview_of("west", 4)
    with dial(address) as socket:
        assert eventually(lambda: store.watched(["west"]) == {"west"})
        store.send_view("west", sent)
        (received,) = pictures(socket, 1)
    assert received == sent


def test_previews_are_asked_for_only_while_somebody_looks(address, store):
    assert store.watched(["west", "east"]) == set()
    with dial(address):
        assert eventually(lambda: store.watched(["west", "east"]) == {"west", "east"})
    assert eventually(lambda: store.watched(["west", "east"]) == set())


@pytest.mark.timed
def test_a_browser_that_stops_reading_holds_up_nobody(address, store):
    with (
        Walk(store, "west", "east"),
        dial(address, max_queue=1, close_timeout=0.1),
        dial(address) as quick,
    ):
        began = time.monotonic()
        headers = [decode_header(message) for message in pictures(quick, 40)]
        assert time.monotonic() - began < 5
    indices = [header["index"] for header in headers if header["camera"] == "west"]
    assert indices == list(range(indices[0], indices[0] + len(indices)))


def test_a_browser_that_shows_nothing_is_sent_two_pictures_and_still_hears_the_news(address, store):
    with Walk(store, "west"), dial(address) as socket:
        messages = [socket.recv(timeout=5)]
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            messages.append(socket.recv(timeout=5))
        see(store, "west", 5)
        until(socket, is_type("news"))
    assert sum(isinstance(message, bytes) for message in messages) == 2


def test_a_ping_is_answered_with_the_servers_time(address):
    with dial(address) as socket:
        before = time.time()
        socket.send('{"type": "ping", "sent": 12.5}')
        pong = until(socket, is_type("pong"))
    assert pong["sent"] == 12.5
    assert before <= pong["server"] <= time.time()


@pytest.mark.parametrize(
    "nonsense", ["hello", "{}", '{"type": "delete"}', '{"type": "ping"}', b"1"]
)
def test_nonsense_ends_the_conversation(address, nonsense):
    with dial(address) as socket:
        socket.send(nonsense)
        assert eventually(lambda: socket.close_code is not None or drained(socket))
    assert socket.close_code == 1008


def drained(socket: ClientConnection) -> bool:
    try:
        socket.recv(timeout=0.02)
    except TimeoutError:
        pass
    except ConnectionClosed:
        return True
    return False


def test_the_page_hears_that_redis_is_gone():
    with EmbeddedRedis() as redis:
        store = Store.connect(redis.url, site="lost")
        with serving(store) as address, dial(address) as socket:
            until(socket, is_type("cameras"))
            redis.close()
            assert "Redis" in str(until(socket, is_type("trouble"))["sentence"])


def test_a_taken_port_is_one_sentence(store):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigError, match=r"^viewer\.port: expected a free port .* \d+"
        ) as error:
            serve(make_site(port=port), store)
    assert str(port) in str(error.value)


def test_an_address_of_another_machine_is_one_sentence(store):
    site = make_site(host="192.0.2.1", token="a-secret-of-some-length")
    with pytest.raises(ConfigError, match=r"^viewer\.host: expected an address of this machine"):
        serve(site, store)


@pytest.mark.timed
def test_stopping_takes_a_second_even_with_browsers_that_do_not_read(store):
    stop, started = threading.Event(), threading.Event()
    addresses: list[str] = []
    options = {"started": lambda a: (addresses.append(a), started.set()), "stop": stop}
    thread = threading.Thread(target=serve, args=(make_site(), store), kwargs=options)
    thread.start()
    started.wait(10)
    with Walk(store, "west"), dial(addresses[0].rstrip("/")), dial(addresses[0].rstrip("/")):
        time.sleep(0.5)
        asked = time.monotonic()
        stop.set()
        thread.join(timeout=5)
        assert time.monotonic() - asked < 1.5
    assert not thread.is_alive()


@pytest.mark.timed
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_process_cleanly(redis_server, number):
    script = (
        "import sys; sys.path.insert(0, 'tests/viewer'); from viewer_parts import make_site; "
        "from pipeline.store import Store; from pipeline.viewer import serve; "
        f"serve(make_site(), Store.connect({redis_server.url!r}, site='signals'), "
        "started=lambda address: print(address, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert httpx.get(address).status_code == 200
    with dial(address.rstrip("/")):
        asked = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (0, "")
    assert time.monotonic() - asked < 2


def test_the_boxes_carry_the_tracklets_of_the_decisions():
    assert decode_header(preview_of("east", 0))["boxes"][0]["tracklet"] == tracklet_of("east")  # type: ignore[index]
