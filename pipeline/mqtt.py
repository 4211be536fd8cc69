"""MQTT: a broker is told what happens, and holds how the site is doing.

Events are told in order, at least once: the place is kept in Redis, as that of a webhook is. What
could not be told for a day is given up. How the site is doing is retained, so that whoever comes
knows at once; it is told anew with every connection. The broker's own memory says what of the
site it holds that is true no more: that is taken away.

When the one who speaks for the site dies, the broker says that the site is offline (its will).
Whoever speaks next has the same name there, which ends the other's connection, if there is one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from pydantic import TypeAdapter

from pipeline.broker import Broker, Note
from pipeline.config import Site
from pipeline.errors import BrokerError, StoreError
from pipeline.events import Event, Position, Wanted
from pipeline.home_assistant import announced, announcements, birth
from pipeline.in_view import in_view
from pipeline.ingest.timing import Backoff
from pipeline.mqtt_settings import MqttSettings
from pipeline.mqtt_topics import OFFLINE, Topics
from pipeline.store import Store

WAY = "mqtt"
"""What this way out of the site is called; see `Events.outgoing`."""

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_LOOK_SECONDS = 1.0
_WAIT_SECONDS = 0.5
_PATIENCE_SECONDS = 86_400.0
_END_SECONDS = 3.0  # shorter than the lease of whoever waits for it
_AT_ONCE = 100
_BORN = b"online"
_NOT_YET = "it has not been reached yet"

log = structlog.get_logger()


class Mqtt(threading.Thread):
    """Speaks to one broker until it is stopped.

    Args:
        settings: where and what.
        site: gives cams.yaml as it is now.
        store: the site's data.
        token: gives the fencing token of whoever speaks for the site; None: it is not ours.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: MqttSettings,
        site: Callable[[], Site],
        store: Store,
        *,
        token: Callable[[], int | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(name=WAY, daemon=True)
        self.settings = settings
        self._site = site
        self._store = store
        self._token = token
        self._clock = clock
        self._topics = Topics(settings.topic, site().site)
        self._wanted = Wanted(settings.events)
        self._stopped = threading.Event()
        self._for_good = False
        self._backoff = Backoff(random=random.random)
        self._place = Position()
        self._held: dict[str, str] = {}  # topic → what the broker was told through this connection
        self._strange: set[str] = set()  # topics of ours that it holds from before

    def stop(self, *, for_good: bool = False) -> None:
        """Ends, and says so to the broker.

        Args:
            for_good: the broker is to hold nothing of the site any more.
        """
        self._for_good = for_good
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=_END_SECONDS)

    def run(self) -> None:
        """Connects, and tells what there is to tell, for as long as it may."""
        while not self._stopped.is_set():
            try:
                self._begin()
                if not self._stopped.is_set():
                    with self._connected() as broker:
                        self._speak(broker)
            except StoreError as error:
                log.warning("MQTT waits for Redis", error=str(error))
                self._stopped.wait(1.0)
            except BrokerError as error:
                self._fail(str(error))

    def _begin(self) -> None:
        """Finds the place to go on from; what happens from now on is told, whenever it can be."""
        noted = self._store.events.outgoing().get(WAY, {})
        place = noted.get("place")  # nothing is noted before the first time
        self._place = Position.parse(place) if place else self._store.events.now()
        self._keep(problem=noted.get("problem", _NOT_YET))

    def _fail(self, problem: str) -> None:
        wait = self._backoff.next_seconds()
        log.warning("MQTT fails", error=problem, again_in=round(wait))
        try:
            self._keep(problem=problem)
        except StoreError as error:
            log.warning("MQTT waits for Redis", error=str(error))
        self._stopped.wait(wait)

    def _keep(self, *, problem: str = "") -> None:
        """Notes how far it is and what is wrong; ends if somebody else is in charge by now."""
        note = {"place": str(self._place), "problem": problem, "time": self._clock()}
        token = self._token()
        if token is None or not self._store.events.note_outgoing({WAY: note}, token=token):
            self._token = lambda: None
            self._stopped.set()

    @contextmanager
    def _connected(self) -> Iterator[Broker]:
        will = Note(self._topics.status, OFFLINE, retained=True)
        broker = Broker(self.settings, name=self._topics.client, will=will)
        broker.open()
        try:
            yield broker
        finally:
            broker.close(self._last_words())

    def _last_words(self) -> list[Note]:
        if self._token() is None:
            return []  # another speaks for the site by now
        gone = {self._topics.status: OFFLINE}
        if self._for_good:
            gone |= dict.fromkeys([*self._held, self._topics.status], "")
        return [Note(topic, text, retained=True) for topic, text in gone.items()]

    # ── while there is a connection ─────────────────────────────────────────────────────────

    def _speak(self, broker: Broker) -> None:
        self._held, self._strange = {}, set()
        broker.subscribe(self._filters())
        self._tell_state(broker)
        self._backoff.reset()
        self._keep()
        looked = time.monotonic()
        while not self._stopped.is_set():
            self._tell_events(broker)
            self._listen(broker)
            if time.monotonic() - looked >= _LOOK_SECONDS:
                looked = time.monotonic()
                self._tell_state(broker)

    def _filters(self) -> list[str]:
        prefix = self.settings.discovery
        of_home_assistant = [announced(prefix, self._topics), birth(prefix)] if prefix else []
        return [self._topics.cameras, *of_home_assistant]

    def _listen(self, broker: Broker) -> None:
        started = birth(self.settings.discovery) if self.settings.discovery else None
        for note in broker.heard():
            if note.topic == started:
                if note.text == _BORN and not note.retained:
                    self._held.clear()  # it may have forgotten all of it
            elif note.retained and note.text:
                self._strange.add(note.topic)

    def _tell_state(self, broker: Broker) -> None:
        now = self._state()
        untrue = (self._strange | self._held.keys()) - now.keys()
        changes = {topic: text for topic, text in now.items() if self._held.get(topic) != text}
        told = dict.fromkeys(untrue, "") | changes
        broker.tell(Note(topic, text, retained=True) for topic, text in told.items())
        self._held, self._strange = now, set()

    def _state(self) -> dict[str, str]:
        """Topic → what it is to hold; what announces things comes before how they are."""
        site, prefix = self._site(), self.settings.discovery
        cameras = tuple(site.enabled_cameras)
        statuses = {status.camera: status for status in self._store.statuses(cameras)}
        held = self._topics.held(cameras, statuses, in_view(self._store, cameras))
        if prefix is None:
            return held
        return announcements(prefix, self._topics, site.site, cameras) | held

    def _tell_events(self, broker: Broker) -> None:
        events = self._store.events.after(self._place, wait_seconds=_WAIT_SECONDS, count=_AT_ONCE)
        too_old = self._clock() - _PATIENCE_SECONDS
        broker.tell(
            Note(self._topics.event(event.kind), _EVENT.dump_json(event))
            for event in events
            if self._wanted.holds(event) and event.time >= too_old
        )
        if events:
            self._place = Position.parse(events[-1].id)
            self._keep()
