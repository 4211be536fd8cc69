"""What the tests of MQTT share: a site with a broker, and what happens there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from brokers import Mosquitto, wait_for
from people import sighting

from pipeline.config import CameraSettings, Site
from pipeline.data import Decision, DecisionKind
from pipeline.mqtt_settings import MqttSettings
from pipeline.outgoing import Outgoing
from pipeline.store import Settled, Store

ROOT = "handoff/shop"


class SiteOfTests:
    """cams.yaml, as it is now; tests change it."""

    def __init__(self, broker: Mosquitto, *cameras: str, **mqtt: object) -> None:
        fields = {"url": broker.url, "discovery": "homeassistant"} | mqtt
        self.now = Site(
            site="shop",
            cameras={name: CameraSettings(source="rtsp://x") for name in cameras or ("west",)},
            mqtt=MqttSettings.model_validate(fields),
        )

    def change(self, **changes: object) -> None:
        self.now = self.now.model_copy(update=changes)


@contextmanager
def speaking(store: Store, site: SiteOfTests, owner: str = "a/1") -> Iterator[Outgoing]:
    outgoing = Outgoing(store, lambda: site.now, owner)
    outgoing.start()
    wait_for(lambda: "mqtt" in store.events.outgoing())
    try:
        yield outgoing
    finally:
        outgoing.stop()


def appear(store: Store, tracklet: str, camera: str, identity: int, **more: Any) -> None:
    now = time.time()
    seen = sighting(tracklet, camera, begin=now - 2, end=now, **more)
    decision = Decision(tracklet, camera, identity, DecisionKind.NEW, 0.9, time=seen.end)
    store.record([Settled(seen, decision, store.tracklet(tracklet))])


def problem(store: Store) -> str:
    return str(store.events.outgoing()["mqtt"]["problem"])
