"""Section `mqtt` of cams.yaml, and where secrets may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.check import explain, make_plan
from pipeline.config import load_site
from pipeline.errors import ConfigError
from pipeline.mqtt_settings import MqttSettings
from pipeline.site_file import SiteFile

CANARY = "canary/of:a@pass#word"


def write(folder: Path, mqtt: str) -> Path:
    path = folder / "cams.yaml"
    path.write_text(
        f"site: shop\ncameras: {{west: {{source: 'rtsp://10.0.0.7/x'}}}}\nmqtt: {mqtt}\n"
    )
    return path


def read(folder: Path, mqtt: str) -> MqttSettings:
    settings = load_site(write(folder, mqtt)).mqtt
    assert settings is not None
    return settings


def test_an_address_alone_is_enough(tmp_path: Path) -> None:
    mqtt = read(tmp_path, "{url: 'mqtt://10.0.0.5'}")
    assert (mqtt.host, mqtt.port, mqtt.tls, mqtt.user, mqtt.secret) == (
        "10.0.0.5", 1883, False, None, None,
    )  # fmt: skip
    assert (mqtt.topic, mqtt.discovery) == ("handoff", None)


def test_an_address_may_say_everything(tmp_path: Path) -> None:
    mqtt = read(tmp_path, "{url: 'mqtts://ann:canary%2Fof%3Aa%40pass%23word@[::1]:8884'}")
    assert (mqtt.host, mqtt.port, mqtt.tls, mqtt.user) == ("::1", 8884, True, "ann")
    assert mqtt.secret == CANARY
    assert mqtt.shown == "mqtts://[::1]:8884"


def test_the_password_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER", CANARY)
    assert read(tmp_path, "{url: 'mqtt://ann@h', password: 'env:BROKER'}").secret == CANARY


def test_the_password_may_come_from_a_file_beside_cams_yaml(tmp_path: Path) -> None:
    (tmp_path / "broker.secret").write_text(f"{CANARY}\n")
    assert read(tmp_path, "{url: 'mqtt://ann@h', password: 'file:broker.secret'}").secret == CANARY


@pytest.mark.parametrize(
    ("mqtt", "sentence"),
    [
        ("{url: 'http://h'}", "mqtt.url: expected mqtt://HOST:PORT, or mqtts://"),
        ("{url: 'mqtt://h/topic'}", "mqtt.url: expected mqtt://"),
        ("{url: 'mqtt://h:99999'}", "mqtt.url: expected mqtt://"),
        ("{url: 'mqtt://ann:canary#1@h'}", "mqtt.url: expected mqtt://"),
        ("{url: 'ann:canary@h'}", "mqtt.url: expected mqtt://"),
        ("{url: 'mqtt:/ann:canary@h'}", "mqtt.url: expected mqtt://"),
        ("{url: 'mqtt:/ann: canary@h'}", "mqtt.url: expected mqtt://"),
        ("{url: 'mqtt://a:my canary@h', ca_file: cams.yaml}", "mqtt: expected mqtts://…"),
        ("{url: 'mqtt://:canary@h'}", "mqtt: expected a user before the host"),
        ("{url: 'mqtt://h', password: canary}", "mqtt: expected a user before the host"),
        (
            "{url: 'mqtt://a:canary@h', password: canary}",
            "in `url` or in `password`, not in both",
        ),
        ("{url: 'mqtt://a@h', password: 'env:NOT_SET_ANYWHERE'}", "mqtt.password: expected env:"),
        ("{url: 'mqtt://a@h', password: 'file:nowhere'}", "mqtt.password: expected a file that"),
        ("{url: 'mqtt://h', topic: 'a/+/b'}", "mqtt.topic: expected letters, digits"),
        ("{url: 'mqtt://h', discovery: ''}", "mqtt.discovery: expected letters, digits"),
        ("{url: 'mqtt://h', events: [decisions]}", "mqtt.events.0: expected one of decision,"),
        ("{url: 'mqtts://h', ca_file: nowhere.pem}", "mqtt.ca_file: expected an existing file"),
        ("{url: 'mqtt://h', ca_file: cams.yaml}", "mqtt: expected mqtts://… in `url`"),
        ("{url: 'mqtt://h', topics: x}", "mqtt.topics: unknown key; did you mean 'topic'?"),
    ],
)
def test_a_mistake_is_a_sentence_that_tells_no_password(
    tmp_path: Path, mqtt: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, mqtt))
    assert sentence in str(caught.value)
    assert "canary" not in str(caught.value)


def test_check_says_what_is_told_to_whom(tmp_path: Path) -> None:
    text = "{url: 'mqtt://ann:canary@h', discovery: homeassistant, events: [camera]}"
    told = dict(explain(make_plan(write(tmp_path, text))))["mqtt"]
    assert told == (
        "mqtt://h:1883, topics handoff/shop/…, events camera, "
        "announced to Home Assistant under homeassistant"
    )


def test_it_may_change_while_the_site_runs(tmp_path: Path) -> None:
    site = SiteFile(write(tmp_path, "{url: 'mqtt://ann:canary@h'}"))
    write(tmp_path, "{url: 'mqtt://ann:canary2@h'}")
    assert site.reload() == ["mqtt has changed"]
    assert site.site.mqtt is not None
    assert site.site.mqtt.secret == "canary2"


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"url": "mqtt://ann:other@h"}, True),
        ({"events": []}, True),
        ({"url": "mqtt://elsewhere"}, False),
        ({"url": "mqtt://h:1884"}, False),
        ({"topic": "people"}, False),
        ({"discovery": "homeassistant"}, False),
    ],
)
def test_what_changes_where_things_are_told(change: dict[str, Any], same: bool) -> None:
    before = MqttSettings(url="mqtt://h")
    assert before.same_place(MqttSettings.model_validate({"url": "mqtt://h"} | change)) is same
