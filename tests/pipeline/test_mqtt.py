"""MQTT: what a real broker is told of a site, through all that may happen to either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Listener, Mosquitto, wait_for
from mqtt_parts import ROOT, SiteOfTests, appear, problem, speaking

from pipeline.broker import Broker, Note
from pipeline.data import CameraState, CameraStatus
from pipeline.embedded import EmbeddedRedis
from pipeline.mqtt_settings import MqttSettings
from pipeline.roles import REDIS_VARIABLE
from pipeline.store import Store

CONFIGS = (
    "homeassistant/sensor/handoff_shop/people/config",
    "homeassistant/sensor/handoff_shop/camera-west-people/config",
    "homeassistant/binary_sensor/handoff_shop/camera-west-connected/config",
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    with Listener(broker) as listener:
        yield listener


def report(
    store: Store, camera: str, state: CameraState = CameraState.RUNNING, **more: Any
) -> None:
    fields = {"since": 1000.0, "updated": time.time()} | more
    store.put_statuses([CameraStatus(camera, state, **fields)])


def test_who_comes_later_learns_how_the_site_is_doing(store: Store, broker: Mosquitto) -> None:
    expected = {
        "status": "online",
        "people": "2",
        "cameras/west/people": "1",
        "cameras/east/people": "2",
        "cameras/west/status": "online",
        "cameras/east/status": "offline",
    }

    def told() -> bool:
        for tracklet, identity in (("west-1", 1), ("east-1", 1), ("east-2", 2)):
            appear(store, tracklet, tracklet.partition("-")[0], identity)
        report(store, "west", node="n1")
        return all(late.held.get(f"{ROOT}/{topic}") == text for topic, text in expected.items())

    with speaking(store, SiteOfTests(broker, "west", "east")), Listener(broker) as early:
        wait_for(lambda: f"{ROOT}/status" in early.held)
        with Listener(broker) as late:
            wait_for(told)
    state = json.loads(late.held[f"{ROOT}/cameras/west/state"])
    assert (state["state"], state["node"], state["since"]) == ("running", "n1", 1000.0)
    assert json.loads(late.held[f"{ROOT}/cameras/east/state"])["state"] == "lost"


def test_people_who_leave_are_counted_no_more(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    def counted(number: str) -> bool:
        appear(store, "w1", "west", 1, closed=number == "0")
        return listener.held.get(f"{ROOT}/cameras/west/people") == number

    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: counted("1"))
        wait_for(lambda: counted("0"))


def test_a_camera_that_fails_says_why(store: Store, broker: Mosquitto, listener: Listener) -> None:
    def said() -> bool:
        report(store, "west", CameraState.WAITING, problem="timeout", error="west: no answer")
        state = json.loads(listener.held.get(f"{ROOT}/cameras/west/state", "{}"))
        return (state.get("state"), state.get("error")) == ("waiting", "west: no answer")

    with speaking(store, SiteOfTests(broker)):
        wait_for(said)
        wait_for(lambda: listener.held.get(f"{ROOT}/cameras/west/status") == "offline")


def test_events_are_told_in_order_as_webhooks_tell_them(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    last = (f"{ROOT}/events/correction/rename", f"{ROOT}/events/decision/renamed")
    with speaking(store, SiteOfTests(broker)):
        for number in range(1, 151):
            appear(store, f"w{number}", "west", number)
        store.corrections.rename(1, "Ann")
        wait_for(lambda: {t for t, _ in listener.told} >= set(last))
    of_decisions = [json.loads(t) for topic, t in listener.told if topic.endswith("decision/new")]
    assert [event["identity"] for event in of_decisions] == list(range(1, 151))
    assert of_decisions[0]["site"] == store._site
    assert of_decisions[0]["picture"] == "/api/v1/crops/w1.jpg"


def test_only_the_events_that_are_wanted_are_told(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker, events=["correction"])):
        appear(store, "w1", "west", 1)
        store.corrections.rename(1, "Ann")
        wait_for(lambda: listener.told)
    assert [topic for topic, _ in listener.told] == [f"{ROOT}/events/correction/rename"]


def test_home_assistant_learns_of_cameras_as_they_come_and_go(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    site = SiteOfTests(broker, "west", "east")
    with speaking(store, site):
        wait_for(lambda: listener.held.keys() >= set(CONFIGS))
        wait_for(lambda: f"{ROOT}/cameras/east/people" in listener.held)
        cameras = dict.fromkeys(("west", "new-one_2"), site.now.cameras["west"])
        site.change(cameras=cameras)
        wait_for(lambda: f"{ROOT}/cameras/new-one_2/people" in listener.held)
        wait_for(lambda: not [topic for topic in listener.held if "east" in topic])
    assert listener.held.keys() >= set(CONFIGS)


def test_a_camera_that_was_taken_away_while_nobody_spoke_goes_too(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker, "west", "east")):
        wait_for(lambda: f"{ROOT}/cameras/east/people" in listener.held)
    store._redis.flushall()  # an embedded Redis forgets everything with a restart
    with speaking(store, SiteOfTests(broker, "west")):
        wait_for(lambda: not [topic for topic in listener.held if "east" in topic])
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
    assert listener.held.keys() >= set(CONFIGS)


def test_what_others_hold_is_left_alone(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    others = (
        "handoff/other/people",
        "homeassistant/sensor/other/people/config",
        "handoff/shopping",
    )
    for topic in others:
        listener.hold(topic, "theirs")
    site = SiteOfTests(broker)
    with speaking(store, site):
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
        site.change(mqtt=None)
        wait_for(lambda: listener.held == dict.fromkeys(others, "theirs"))


def test_home_assistant_is_told_anew_when_it_has_started(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
        listener.history.clear()
        listener.say("homeassistant/status", "online")
        wait_for(lambda: (f"{ROOT}/status", "online") in listener.history)
    topics = [topic for topic, _ in listener.history]
    assert set(CONFIGS) <= set(topics)
    assert topics.index(CONFIGS[0]) < topics.index(f"{ROOT}/people")


def test_without_discovery_home_assistant_is_left_alone(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    site = SiteOfTests(broker)
    with speaking(store, site):
        wait_for(lambda: listener.held.keys() >= set(CONFIGS))
        assert site.now.mqtt is not None
        site.change(mqtt=site.now.mqtt.model_copy(update={"discovery": None}))
        wait_for(lambda: not [topic for topic in listener.held if topic.startswith("home")])
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")


def test_who_stops_says_that_the_site_is_offline(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
    wait_for(lambda: listener.held[f"{ROOT}/status"] == "offline")
    assert f"{ROOT}/people" in listener.held
    assert listener.held.keys() >= set(CONFIGS)


def test_a_broker_that_was_away_is_told_how_things_stand(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: problem(store) == "")
        broker.kill()
        wait_for(lambda: problem(store) != "")
        assert f"127.0.0.1:{broker.port}" in problem(store)
        listener.held.clear()
        broker.start()
        wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online")
        wait_for(lambda: listener.held.keys() >= set(CONFIGS))
        wait_for(lambda: problem(store) == "")


def test_what_happens_while_the_broker_is_away_is_told_later(
    store: Store, broker: Mosquitto
) -> None:
    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: problem(store) == "")
        broker.kill()
        wait_for(lambda: problem(store) != "")
        appear(store, "w1", "west", 1)
        place = store.events.outgoing()["mqtt"]["place"]
        wait_for(lambda: "refused" in problem(store))
        assert store.events.outgoing()["mqtt"]["place"] == place
    broker.start()
    with Listener(broker) as listener, speaking(store, SiteOfTests(broker), "b/1"):
        wait_for(lambda: listener.told)
    assert listener.told[0][0] == f"{ROOT}/events/decision/new"


def test_a_broker_that_says_nothing_any_more_is_noticed(store: Store, broker: Mosquitto) -> None:
    with speaking(store, SiteOfTests(broker)):
        wait_for(lambda: problem(store) == "")
        broker.freeze()
        appear(store, "w1", "west", 1)
        wait_for(lambda: problem(store) != "", 60.0)
        broker.kill()
        broker.start()
        wait_for(lambda: problem(store) == "", 60.0)


def test_the_next_one_goes_on_where_the_one_before_stopped(
    store: Store, broker: Mosquitto, listener: Listener
) -> None:
    with speaking(store, SiteOfTests(broker)):
        appear(store, "w1", "west", 1)
        wait_for(lambda: len(listener.told) == 1)
    appear(store, "w2", "west", 2)  # nobody speaks
    with speaking(store, SiteOfTests(broker), "b/1"):
        wait_for(lambda: len(listener.told) >= 2)
    told = {event["id"]: event["identity"] for event in (json.loads(t) for _, t in listener.told)}
    assert list(told.values()) == [1, 2]  # once at least


def test_one_speaks_at_a_time(store: Store, broker: Mosquitto, listener: Listener) -> None:
    site = SiteOfTests(broker)
    with speaking(store, site), speaking(store, site, "b/1"):
        appear(store, "w1", "west", 1)
        wait_for(lambda: listener.told)
        time.sleep(1.5)
        assert len(listener.told) == 1
    wait_for(lambda: listener.held[f"{ROOT}/status"] == "offline")


@pytest.fixture
def viewer(
    broker: Mosquitto, redis_server: EmbeddedRedis, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A real viewer of the site `shop`, as the command starts it."""
    cams = tmp_path / "cams.yaml"
    cams.write_text(
        f"site: shop\ncameras: {{west: {{source: 'rtsp://127.0.0.1:9/x'}}}}\n"
        f"viewer: {{port: 0}}\nmqtt: {{url: '{broker.url}', discovery: homeassistant}}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "run_pipeline.py", "--cameras", str(cams), "--role", "viewer"],
        env=os.environ | {REDIS_VARIABLE: redis_server.url},
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()  # also while it is frozen
    process.wait()


def test_when_the_one_who_speaks_is_killed_the_broker_says_so_and_another_goes_on(
    viewer: subprocess.Popen[bytes],
    redis_server: EmbeddedRedis,
    broker: Mosquitto,
    listener: Listener,
) -> None:
    wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online", 60.0)
    viewer.kill()
    wait_for(lambda: listener.held[f"{ROOT}/status"] == "offline")
    store = Store.connect(redis_server.url, site="shop")
    with speaking(store, SiteOfTests(broker), "b/1"):
        wait_for(lambda: listener.held[f"{ROOT}/status"] == "online")
    store.close()


def test_one_who_was_frozen_does_not_take_the_word_again(
    viewer: subprocess.Popen[bytes],
    redis_server: EmbeddedRedis,
    broker: Mosquitto,
    listener: Listener,
) -> None:
    wait_for(lambda: listener.held.get(f"{ROOT}/status") == "online", 60.0)
    viewer.send_signal(signal.SIGSTOP)
    store = Store.connect(redis_server.url, site="shop")
    site = SiteOfTests(broker, "west", "only-the-second-knows")
    with speaking(store, site, "b/1"):
        wait_for(lambda: f"{ROOT}/cameras/only-the-second-knows/people" in listener.held)
        listener.history.clear()
        viewer.send_signal(signal.SIGCONT)
        appear(store, "w1", "west", 1)
        wait_for(lambda: listener.told)
        time.sleep(3.0)  # time enough for the first to say something, and for the second to mend it
        wait_for(lambda: listener.held[f"{ROOT}/status"] == "online")
        assert f"{ROOT}/cameras/only-the-second-knows/people" in listener.held
    store.close()


def test_connections_leave_nothing_behind(broker: Mosquitto) -> None:
    def connect() -> int:
        connection = Broker(MqttSettings(url=broker.url), name="t", will=Note("t", "gone"))
        connection.open()
        connection.close([Note("t", "bye")])
        return len(os.listdir("/proc/self/fd"))

    first = connect()
    assert [connect() for _ in range(5)] == [first] * 5
