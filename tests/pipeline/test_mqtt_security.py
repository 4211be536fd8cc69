"""MQTT: passwords and certificates."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from brokers import PASSWORD, USER, Listener, Mosquitto, wait_for
from mqtt_parts import ROOT, SiteOfTests, problem, speaking
from tls_front import make_certificate

from pipeline.store import Store


def test_a_password_lets_in_and_stands_nowhere(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MQTT_PASSWORD", "canary-that-is-wrong")
    with Mosquitto(tmp_path, guarded=True) as broker:
        url = f"mqtt://{USER}@127.0.0.1:{broker.port}"
        wrong = SiteOfTests(broker, url=url, password="env:MQTT_PASSWORD")
        with speaking(store, wrong):
            wait_for(lambda: "to let us in" in problem(store))
            said = problem(store)
        right = SiteOfTests(broker, url=url.replace("@", f":{quote(PASSWORD, safe='')}@"))
        with Listener(broker, password=PASSWORD) as listener, speaking(store, right, "b/1"):
            wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
            wait_for(lambda: problem(store) == "")
            dumped = [repr(store._redis.dump(key)) for key in store._redis.keys("*")]
    assert "Not authorized" in said or "Bad user name or password" in said
    printed = capfd.readouterr()
    texts = [said, *dumped, printed.out, printed.err, repr(wrong.now), repr(right.now)]
    assert not [text for text in texts if "canary" in text]
    assert "MQTT fails" in printed.out + printed.err


def test_tls_wants_a_certificate_it_can_trust(store: Store, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with Mosquitto(tmp_path, certificate=certificate) as broker:
        url = f"mqtts://localhost:{broker.port}"
        with speaking(store, SiteOfTests(broker, url=url)):
            wait_for(lambda: "certificate" in problem(store))
        with speaking(store, SiteOfTests(broker, url=url, ca_file=certificate), "b/1"):
            wait_for(lambda: problem(store) == "")
