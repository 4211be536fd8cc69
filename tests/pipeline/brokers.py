"""A real MQTT broker that tests may kill, freeze and start again, and somebody who listens."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.embedded import die_with_parent

USER, PASSWORD = "handoff", "canary/of@a:password"
_PATHS = "/usr/sbin:/usr/local/sbin"


def require_mosquitto() -> str:
    """Skips the test where Mosquitto is missing; fails where that must not be."""
    path = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_PATHS}")
    if path is None:
        reason = "Mosquitto is not installed (on Debian: apt install mosquitto)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path


class Mosquitto:
    """A broker on a fixed port of 127.0.0.1; it forgets everything when it is killed.

    Args:
        folder: for its files.
        guarded: `USER` and `PASSWORD` are needed.
        certificate: it speaks TLS with it; its key is `key.pem` beside it.
    """

    def __init__(
        self, folder: Path, *, guarded: bool = False, certificate: Path | None = None
    ) -> None:
        self._program = require_mosquitto()
        self.port = _free_port()
        lines = [f"listener {self.port} 127.0.0.1", "user root", "log_dest none"]
        if guarded:
            passwords = folder / "passwords"
            command = ["mosquitto_passwd", "-b", "-c", str(passwords), USER, PASSWORD]
            subprocess.run(command, check=True, capture_output=True)
            lines.append(f"password_file {passwords}")
        lines.append(f"allow_anonymous {'false' if guarded else 'true'}")
        if certificate is not None:
            lines += [f"certfile {certificate}", f"keyfile {certificate.parent / 'key.pem'}"]
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, on the same port as before, and waits until it listens."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        wait_for(self._listens)

    def kill(self) -> None:
        """Ends it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It does nothing any more, but its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Listener:
    """Somebody who hears everything a broker is told, such as Home Assistant.

    Attributes:
        held: topic → what it holds.
        told: (topic, text) of what was told and is not held, in order.
        history: (topic, text) of all of it, in order.
    """

    def __init__(self, broker: Mosquitto, *, password: str | None = None) -> None:
        self.held: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        self.history: list[tuple[str, str]] = []
        self._subscribed = False
        # By version 5, a broker says of what it passes on whether it was retained.
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if password is not None:
            self._client.username_pw_set(USER, password)
        self._client.on_message = self._hear
        self._client.on_subscribe = self._on_subscribe
        self._client.on_connect = lambda client, *_: client.subscribe(
            "#", options=paho.SubscribeOptions(qos=1, retainAsPublished=True)
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)

    def say(self, topic: str, text: str) -> None:
        """Tells the others something."""
        self._client.publish(topic, text, qos=1)

    def hold(self, topic: str, text: str) -> None:
        """Has the broker hold something."""
        self._client.publish(topic, text, qos=1, retain=True).wait_for_publish(5)

    def __enter__(self) -> Listener:
        self._client.loop_start()
        wait_for(lambda: self._subscribed)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: Any) -> None:
        self._subscribed = True

    def _hear(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        text = message.payload.decode()
        self.history.append((message.topic, text))
        if not message.retain:
            self.told.append((message.topic, text))
        elif text:
            self.held[message.topic] = text
        else:
            self.held.pop(message.topic, None)


def wait_for(holds: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
