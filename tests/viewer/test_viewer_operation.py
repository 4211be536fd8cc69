"""What operating a site takes: probes, the site's metrics, and a viewer that does not grow."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from viewer_parts import Walk, beat, make_site, report, serving
from websockets.sync.client import connect

from pipeline.data import CameraState
from pipeline.embedded import EmbeddedRedis
from pipeline.metrics import Metrics
from pipeline.preview import decode_header
from pipeline.store import Store
from pipeline.viewer.readings import Reading, timings
from pipeline.viewer.watch import Watch

TOKEN = "a-secret-of-some-length"


def samples(text: str) -> dict[tuple[str, str, str], float]:
    """(name, process, camera) → value, of a text in Prometheus' format."""
    families = text_string_to_metric_families(text)
    return {
        (s.name, s.labels.get("process", ""), s.labels.get("camera", "")): s.value
        for family in families
        for s in family.samples
    }


def test_the_metrics_of_all_processes_and_cameras_come_in_one_answer(store):
    node = Metrics("node")
    node.count("sightings_sent", 7)
    beat(store, "hall/node", metrics=node)
    beat(store, "till/node")
    report(store, "west", CameraState.RUNNING, received=90, drops={"stale": 3})
    with serving(store) as address:
        text = httpx.get(f"{address}/metrics").text
    found = samples(text)
    assert found["handoff_sightings_sent_total", "hall/node", ""] == 7
    assert found["handoff_sightings_sent_total", "till/node", ""] == 0
    assert found["handoff_camera_received_total", "", "west"] == 90
    assert found["handoff_camera_dropped_total", "", "west"] == 3
    assert (found["handoff_camera_up", "", "west"], found["handoff_camera_up", "", "east"]) == (
        1,
        0,
    )
    described = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(described) == len(set(described))


def test_whoever_is_not_told_shows_in_health_and_metrics(store):
    down = {"place": "0-0.0-0.0-0", "problem": "no answer", "time": 1000.0}
    store.events.note_outgoing({"mqtt": down, "webhook:alarm": down | {"problem": ""}})
    with serving(store) as address:
        text = httpx.get(f"{address}/metrics").text
        health = httpx.get(f"{address}/api/v1/health").json()
    assert 'handoff_outgoing_up{way="mqtt"} 0.0' in text
    assert 'handoff_outgoing_up{way="webhook:alarm"} 1.0' in text
    assert health["outgoing"] == [
        {"name": "mqtt", "problem": "no answer", "updated": 1000.0},
        {"name": "webhook:alarm", "problem": "", "updated": 1000.0},
    ]


def test_probes_need_no_token_and_tell_nothing(store):
    with serving(store, make_site(token=TOKEN)) as address:
        answers = [httpx.get(address + path) for path in ("/healthz", "/readyz")]
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok\n")] * 2


def test_without_redis_the_viewer_lives_but_is_not_ready():
    with EmbeddedRedis() as redis:
        store = Store.connect(redis.url, site="lost")
        with serving(store) as address:
            redis.close()
            alive, ready = (httpx.get(address + path) for path in ("/healthz", "/readyz"))
    assert alive.status_code == 200
    assert (ready.status_code, ready.text) == (503, "Redis cannot be reached or refuses\n")


def test_numbers_of_late_are_those_between_two_looks():
    metrics = Metrics("node")
    for _ in range(100):
        metrics.redis(0.5)
    before = Reading.of(metrics.exposition())
    for _ in range(20):
        metrics.redis(0.0015)
    (timing,) = timings(Reading.of(metrics.exposition()), before, 10.0)
    assert (timing.what, timing.rate) == ("redis", 2.0)
    assert timing.mean == pytest.approx(0.0015)
    assert 0.001 < timing.p95 <= 0.002


def test_metrics_that_cannot_be_read_are_left_out():
    assert Reading.of(b"handoff_threads{ nonsense \xff") == Reading({}, {})


def test_the_watch_tells_rates_and_what_happened(store):
    now = [1000.0]
    watch = Watch(store, clock=lambda: now[0])
    for name in ("a/node", "b/node"):
        beat(store, name)
    report(store, "west", node="a/node", received=100, drops={"stale": 10}, updated=1000.0)
    first = watch.look(["west"])
    now[0] += 10
    store.presence.remove_process("b/node")
    beat(store, "a/node", started=1005.0)
    report(store, "west", node="a/node", received=250, drops={"stale": 30}, updated=1010.0)
    second = watch.look(["west"])
    assert (first.cameras[0].received, first.happenings) == (None, [])
    assert (second.cameras[0].received, second.cameras[0].drops) == (15.0, {"stale": 2.0})
    assert {(h.what, h.process) for h in second.happenings} == {
        ("restarted", "a/node"),
        ("gone", "b/node"),
    }
    assert second.processes[0].cameras == ("west",)


def test_who_asks_often_gets_the_same_answer(store):
    watch = Watch(store, clock=lambda: 1000.0)
    beat(store, "a/node")
    assert watch.look(["west"]) is watch.look(["west"])


def test_a_camera_that_counts_anew_has_no_rate_below_nothing(store):
    now = [1000.0]
    watch = Watch(store, clock=lambda: now[0])
    for received in (500, 10, 40):
        now[0] += 10
        report(store, "west", received=received, updated=now[0])
        health = watch.look(["west"])
    assert health.cameras[0].received == 3.0


def test_the_delay_to_the_page_is_measured_when_the_browser_has_shown_the_picture(store):
    metrics = Metrics("viewer")
    with (
        Walk(store, "west"),
        serving(store, metrics=metrics) as address,
        connect(address.replace("http", "ws") + "/live") as page,
    ):
        while not isinstance(message := page.recv(timeout=5), bytes):
            pass
        time.sleep(0.3)
        page.send(json.dumps({"type": "shown", "cameras": [decode_header(message)["camera"]]}))
        page.send('{"type": "ping", "sent": 1}')
        while '"pong"' not in str(page.recv(timeout=5)):
            pass
        found = Reading.of(metrics.exposition())
    delay = found.histograms["to page"]
    assert delay.count == 1
    assert 0.3 <= delay.total < 1.5
    assert found.values["handoff_browsers"] >= 0


def test_a_browser_that_never_reads_does_not_make_the_viewer_grow(store):
    """Nor one that says it has shown everything; 300 pictures of 100 KB are 30 MB."""
    large = os.urandom(100_000)
    header = json.dumps({"camera": "west", "arrival": time.time(), "boxes": []}).encode()
    picture = struct.pack(">I", len(header)) + header + large
    with serving(store) as address:
        lying = silent_browser(address)
        wait_until(lambda: store.watched(["west"]) == {"west"})
        grown = []
        for number in range(300):
            store.send_view("west", picture)
            lying.sendall(masked(b'{"type": "shown", "cameras": ["west"]}'))
            time.sleep(0.005)  # so that each picture is offered to the browser
            if number % 50 == 49:
                grown.append(resident())
        lying.close()
    assert max(grown[1:]) - grown[0] < 8e6


def silent_browser(address: str) -> socket.socket:
    """A WebSocket whose owner never reads what comes, and whose buffer is small."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    connection.sendall(
        f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return connection


def masked(text: bytes) -> bytes:
    """A WebSocket frame as browsers send it; the mask of zeros leaves the text as it is."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


def resident() -> float:
    """Memory of this process, which the viewer is part of, bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * float(os.sysconf("SC_PAGE_SIZE"))


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Waits for a condition that has to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
