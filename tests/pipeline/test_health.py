"""The health endpoints of a process, over real sockets."""

from __future__ import annotations

import socket
import threading
import time

import httpx
import pytest

from pipeline.errors import ConfigError
from pipeline.health import serve_health
from pipeline.metrics import Metrics


def fine() -> str | None:
    return None


def test_a_process_that_is_well_says_ok():
    with serve_health(0, Metrics("node"), fine, fine) as address:
        for path in ("/healthz", "/readyz"):
            answer = httpx.get(address + path)
            assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_reason_is_told_with_503_and_the_other_question_stays_apart(path):
    checks = {"/healthz": fine, "/readyz": fine, path: lambda: "Redis has been away for 12 s"}
    with serve_health(0, Metrics("node"), checks["/healthz"], checks["/readyz"]) as address:
        answers = {p: httpx.get(address + p) for p in ("/healthz", "/readyz")}
    assert (answers[path].status_code, answers[path].text) == (
        503,
        "Redis has been away for 12 s\n",
    )
    (other,) = answers.keys() - {path}
    assert answers[other].status_code == 200


def test_the_answer_changes_as_the_process_does():
    reasons = [None, "starting"]
    with serve_health(0, Metrics("node"), fine, lambda: reasons.pop()) as address:
        assert httpx.get(f"{address}/readyz").status_code == 503
        assert httpx.get(f"{address}/readyz").status_code == 200


def test_a_check_that_fails_is_not_taken_for_health():
    def broken() -> str | None:
        raise RuntimeError("cannot reach redis://:canary@10.0.0.5:6379/0")

    with serve_health(0, Metrics("node"), broken, fine) as address:
        answer = httpx.get(f"{address}/healthz")
    assert answer.status_code == 503
    assert "RuntimeError" in answer.text
    assert "canary" not in answer.text


def test_metrics_are_shown_in_prometheus_format():
    metrics = Metrics("node")
    metrics.count("sightings_sent", 3)
    with serve_health(0, metrics, fine, fine) as address:
        answer = httpx.get(f"{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "handoff_sightings_sent_total 3.0\n" in answer.text


def test_anything_else_is_not_found():
    with serve_health(0, Metrics("node"), fine, fine) as address:
        assert httpx.get(f"{address}/../etc/passwd").status_code == 404
        assert httpx.post(f"{address}/healthz").status_code == 501


def test_without_a_port_nothing_listens():
    with serve_health(None, Metrics("node"), fine, fine) as address:
        assert address == ""


def test_a_taken_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        expected = rf"^health port: expected a free port of this machine, found 127\.0\.0\.1:{port}"
        with (
            pytest.raises(ConfigError, match=expected),
            serve_health(port, Metrics("node"), fine, fine),
        ):
            pass


@pytest.mark.timed
def test_clients_that_say_nothing_neither_hold_up_others_nor_pile_up():
    before = threading.active_count()  # other tests' threads may be there
    with serve_health(0, Metrics("node"), fine, fine) as address:
        host, port = address.removeprefix("http://").split(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(8)]
        began = time.monotonic()
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert time.monotonic() - began < 1
        more = [socket.create_connection((host, int(port))) for _ in range(40)]
        time.sleep(0.3)
        assert threading.active_count() <= before + 17, "16 connections and the server"
        for connection in silent + more:
            connection.close()


def test_nothing_is_left_when_it_ends():
    before = threading.active_count()
    with serve_health(0, Metrics("node"), fine, fine) as address:
        port = int(address.rsplit(":", 1)[1])
    assert threading.active_count() <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
