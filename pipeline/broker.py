"""One connection to an MQTT broker, from opening to hanging up; whoever wants another makes one.

Nothing outlasts it: what was not taken is told again through the next one, by whoever knows what
holds then.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from pipeline.errors import BrokerError
from pipeline.mqtt_settings import MqttSettings

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_FAREWELL_SECONDS = 2.0
_KEEPALIVE_SECONDS = 15  # a broker that was silent for longer is gone
_STEP_SECONDS = 0.1
_MOST_HEARD = 10_000


@dataclass(frozen=True, slots=True)
class Note:
    """A message.

    Attributes:
        topic: where.
        text: what; empty and retained takes away what the topic holds.
        retained: the topic holds it for whoever comes later; of one that was heard: it held it.
    """

    topic: str
    text: str | bytes
    retained: bool = False


class Broker:
    """A connection to a broker.

    Args:
        settings: where, and who we are there.
        name: ours; whoever connects by the same name ends our connection.
        will: what the broker tells once we are gone without a word.
    """

    def __init__(self, settings: MqttSettings, *, name: str, will: Note) -> None:
        self._settings = settings
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._refusal: ReasonCode | None = None
        self._heard: deque[Note] = deque(maxlen=_MOST_HEARD)
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False
        )
        client.connect_timeout = _CONNECT_SECONDS
        client.will_set(will.topic, will.text, qos=1, retain=will.retained)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    def open(self) -> None:
        """Connects.

        Raises:
            BrokerError: there is no broker, or it does not let us in.
        """
        where, settings = self._settings.shown, self._settings
        try:
            if settings.user is not None:
                self._client.username_pw_set(settings.user, settings.secret)
            if settings.tls:
                self._client.tls_set_context(ssl.create_default_context(cafile=settings.ca_file))
            self._client.connect(settings.host, settings.port, keepalive=_KEEPALIVE_SECONDS)
        except (OSError, ValueError) as error:
            raise BrokerError(f"expected an MQTT broker at {where}, found: {error}") from None
        self._client.loop_start()
        answered = self._answered.wait(_CONNECT_SECONDS)
        if self._refusal is not None or not answered:
            self._cut()
            found = self._refusal or "no answer"
            raise BrokerError(f"expected the MQTT broker at {where} to let us in, found: {found}")

    def subscribe(self, filters: Iterable[str]) -> None:
        """Asks to hear what is told at these topics, and what they hold."""
        self._client.subscribe([(topic, 1) for topic in filters])

    def heard(self) -> list[Note]:
        """What was heard since this was asked last."""
        return [self._heard.popleft() for _ in range(len(self._heard))]

    def tell(self, notes: Iterable[Note], *, seconds: float = _ANSWER_SECONDS) -> None:
        """Tells something, and waits until the broker has taken all of it.

        Raises:
            BrokerError: it has not, or is gone.
        """
        deadline = time.monotonic() + seconds
        sent = [self._client.publish(n.topic, n.text, qos=1, retain=n.retained) for n in notes]
        try:
            for each in sent:
                self._wait(each, deadline)
        except (RuntimeError, ValueError) as error:
            raise BrokerError(f"{self._settings.shown}: {error}") from None
        if self._ended.is_set():
            raise BrokerError(f"the MQTT broker at {self._settings.shown} has ended the connection")

    def close(self, last_words: Iterable[Note]) -> None:
        """Hangs up, and tells something before; if that fails, the broker tells our will."""
        try:
            self.tell(last_words, seconds=_FAREWELL_SECONDS)
        except BrokerError:
            self._cut()
            return
        self._client.disconnect()
        if not self._free():
            self._cut()

    def _wait(self, sent: paho.MQTTMessageInfo, deadline: float) -> None:
        """Until the broker has taken it, or the connection has ended."""
        while not sent.is_published() and not self._ended.is_set():
            if time.monotonic() > deadline:
                raise BrokerError(f"the MQTT broker at {self._settings.shown} does not answer")
            sent.wait_for_publish(_STEP_SECONDS)

    def _cut(self) -> None:
        """Ends the connection without a word: the library's thread finds it closed, and ends."""
        link = self._client.socket()
        if isinstance(link, socket.socket):
            with suppress(OSError):  # it is closed already
                link.shutdown(socket.SHUT_RDWR)
        self._free()

    def _free(self) -> bool:
        """Waits for the end of the library's thread, and lets go of its sockets at once."""
        if not self._ended.wait(_FAREWELL_SECONDS):
            return False
        client = self._client
        client.loop_stop()
        client.on_connect = client.on_disconnect = client.on_message = None  # they lead back to us
        return True

    # ── called by the library, in its thread ────────────────────────────────────────────────

    def _on_connect(
        self, client: paho.Client, data: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._refusal = code if code.is_failure else None
        self._answered.set()

    def _on_disconnect(
        self, client: paho.Client, data: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._ended.set()
        self._answered.set()

    def _on_message(self, client: paho.Client, data: Any, message: paho.MQTTMessage) -> None:
        self._heard.append(Note(message.topic, bytes(message.payload), message.retain))
