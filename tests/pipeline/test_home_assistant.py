"""What is announced to Home Assistant is in its form, whatever sites and cameras are called."""

from __future__ import annotations

import json
import re

import pytest
from paho.mqtt.client import topic_matches_sub

from pipeline.home_assistant import announced, announcements
from pipeline.mqtt_topics import Topics

# Of Home Assistant's documentation: <discovery_prefix>/<component>/[<node_id>/]<object_id>/config
FORM = re.compile(r"homeassistant/(sensor|binary_sensor)/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config")
ODD = ("people", "status", "a-b", "a_b", "a", "b-people", "0", "X" * 64, "camera-a")


def ids(site: str, *cameras: str) -> list[str]:
    topics = Topics("handoff", site)
    found = announcements("homeassistant", topics, site, cameras)
    return [json.loads(text)["unique_id"] for text in found.values()]


def test_every_topic_has_its_form() -> None:
    topics = Topics("home/floor-1/handoff", "shop")
    found = announcements("homeassistant", topics, "shop", ODD)
    assert len(found) == 1 + 2 * len(ODD)
    assert [topic for topic in found if not FORM.fullmatch(topic)] == []
    sub = announced("homeassistant", topics)
    assert [topic for topic in found if not topic_matches_sub(sub, topic)] == []


def test_no_two_things_have_the_same_id_or_topic() -> None:
    everything = [*ids("shop", "yard", *ODD), *ids("shop_yard", "a"), *ids("shop-camera", "yard")]
    assert len(set(everything)) == len(everything)
    held = Topics("handoff", "shop").held(ODD, {}, {})
    assert len(held) == 2 + 3 * len(ODD)


@pytest.mark.parametrize("camera", ODD)
def test_what_is_announced_is_what_is_held(camera: str) -> None:
    topics = Topics("handoff", "shop")
    held = topics.held([camera], {}, {})
    for text in announcements("homeassistant", topics, "shop", [camera]).values():
        config = json.loads(text)
        used = [config["state_topic"], *(each["topic"] for each in config["availability"])]
        assert set(used) <= held.keys()


def test_a_camera_belongs_to_its_site() -> None:
    topics = Topics("handoff", "shop")
    texts = announcements("homeassistant", topics, "shop", ["west"]).values()
    devices = [json.loads(text)["device"] for text in texts]
    assert devices[0]["identifiers"] == ["handoff_shop"]
    assert devices[1] == devices[2]
    assert devices[1]["via_device"] == "handoff_shop"
    assert devices[1]["name"] == "shop west"
