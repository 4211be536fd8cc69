"""What Home Assistant is told, so that a site and its cameras appear there by themselves. Pure.

Its form: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery. Ids hold dots between
names, which hold none: no two things can have the same one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pipeline.mqtt_topics import OFFLINE, ONLINE, Topics


def announcements(prefix: str, topics: Topics, site: str, cameras: Iterable[str]) -> dict[str, str]:
    """Topic → what is announced there.

    Args:
        prefix: what the topics begin with.
        topics: those of the site.
        site: its name.
        cameras: their names.
    """
    found = {_topic(prefix, "sensor", topics, "people"): _people_on_site(topics, site)}
    for camera in cameras:
        device = _camera_device(topics, site, camera)
        people = _topic(prefix, "sensor", topics, f"camera-{camera}-people")
        connected = _topic(prefix, "binary_sensor", topics, f"camera-{camera}-connected")
        found[people] = _people_in_view(topics, camera, device)
        found[connected] = _connected(topics, camera, device)
    return {topic: json.dumps(config) for topic, config in found.items()}


def announced(prefix: str, topics: Topics) -> str:
    """A filter for all that was ever announced of the site."""
    return f"{prefix}/+/{topics.id}/+/config"


def birth(prefix: str) -> str:
    """Where Home Assistant says `online` when it has started."""
    return f"{prefix}/status"


def _topic(prefix: str, component: str, topics: Topics, thing: str) -> str:
    return f"{prefix}/{component}/{topics.id}/{thing}/config"


def _people_on_site(topics: Topics, site: str) -> dict[str, Any]:
    device = {"identifiers": [topics.id], "name": site, "manufacturer": "Handoff", "model": "Site"}
    return {
        "unique_id": f"{topics.id}.people",
        "state_topic": topics.people,
        "availability": [_available(topics.status)],
        **_number_of_people(device),
    }


def _people_in_view(topics: Topics, camera: str, device: dict[str, Any]) -> dict[str, Any]:
    conditions = (topics.status, topics.camera(camera, "status"))
    return {
        "unique_id": f"{topics.id}.{camera}.people",
        "state_topic": topics.camera(camera, "people"),
        "availability": [_available(topic) for topic in conditions],
        "availability_mode": "all",
        **_number_of_people(device),
    }


def _number_of_people(device: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "People",
        "state_class": "measurement",
        "unit_of_measurement": "people",
        "icon": "mdi:account-group",
        "device": device,
        "origin": {"name": "Handoff"},
    }


def _connected(topics: Topics, camera: str, device: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "Connected",
        "unique_id": f"{topics.id}.{camera}.connected",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
        "state_topic": topics.camera(camera, "status"),
        "payload_on": ONLINE,
        "payload_off": OFFLINE,
        "json_attributes_topic": topics.camera(camera, "state"),
        "availability": [_available(topics.status)],
        "device": device,
        "origin": {"name": "Handoff"},
    }


def _camera_device(topics: Topics, site: str, camera: str) -> dict[str, Any]:
    return {
        "identifiers": [f"{topics.id}.{camera}"],
        "name": f"{site} {camera}",
        "manufacturer": "Handoff",
        "model": "Camera",
        "via_device": topics.id,
    }


def _available(topic: str) -> dict[str, str]:
    return {"topic": topic, "payload_available": ONLINE, "payload_not_available": OFFLINE}
