"""Webhooks: tells addresses outside what happens, in order, at least once.

Each event is one POST with its JSON as the body. That it is ours is proven by the signature:

    Handoff-Signature: v1=hex(HMAC-SHA256(secret, "<Handoff-Timestamp>.<body>"))

What it does not answer with a status from 200 to 299 comes again, after a second, two, four, up to
ten minutes, for a day; then that event is given up, and the next one is tried. The place is kept in
Redis, so that whoever speaks for the site next goes on there.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import threading
import time
from collections.abc import Callable, Mapping

import requests
import structlog
from pydantic import TypeAdapter

from pipeline.errors import StoreError
from pipeline.events import Event, Events, Position, Wanted
from pipeline.ingest.timing import Backoff
from pipeline.webhook_settings import WebhookSettings

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
_WAIT_SECONDS = 0.5
_PATIENCE_SECONDS = 86_400.0
_LONGEST_WAIT_SECONDS = 600.0
_TIMEOUTS = (5.0, 10.0)  # to connect, to answer
_AT_ONCE = 100
_PROBLEMS: Mapping[type[Exception], str] = {  # what is more special comes first
    requests.exceptions.SSLError: "its certificate cannot be trusted, or TLS fails",
    requests.exceptions.ConnectTimeout: f"no connection within {_TIMEOUTS[0]:g} s",
    requests.exceptions.ReadTimeout: f"no answer within {_TIMEOUTS[1]:g} s",
    requests.exceptions.ConnectionError: "nobody can be reached there",
}

log = structlog.get_logger()


class Webhook(threading.Thread):
    """Delivers to one address until it is stopped.

    Args:
        name: as in cams.yaml.
        settings: where and what.
        events: what happens, and where places are kept.
        token: gives the fencing token of whoever speaks for the site.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        events: Events,
        *,
        token: Callable[[], int | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(name=f"webhook-{name}", daemon=True)
        self.settings = settings
        self._name = name
        self._events = events
        self._token = token
        self._clock = clock
        self._wanted = Wanted(settings.events, settings.cameras)
        self._stopped = threading.Event()
        self._session = requests.Session()
        self._backoff = Backoff(random=random.random, longest_seconds=_LONGEST_WAIT_SECONDS)

    def stop(self) -> None:
        """Ends after what is under way; whoever speaks next goes on there."""
        self._stopped.set()

    def run(self) -> None:
        """Delivers what comes, for as long as it may."""
        while not self._stopped.is_set():
            try:
                self._follow()
            except StoreError as error:
                log.warning("a webhook waits for Redis", webhook=self._name, error=str(error))
                self._stopped.wait(1.0)
        self._session.close()

    def _follow(self) -> None:
        noted = self._events.outgoing().get(self._key, {}).get("place")
        place = Position.parse(noted) if noted else self._events.now()
        going_on = self._keep(place)
        while going_on and not self._stopped.is_set():
            for event in self._events.after(place, wait_seconds=_WAIT_SECONDS, count=_AT_ONCE):
                if self._stopped.is_set():
                    return  # whoever speaks next tells it
                if self._wanted.holds(event) and not self._deliver(event, place):
                    return
                place = Position.parse(event.id)
                going_on = self._keep(place)
                if not going_on:
                    return

    @property
    def _key(self) -> str:
        return webhook_key(self._name)

    def _keep(self, place: Position, *, problem: str = "") -> bool:
        """Notes how far it is, and what is wrong; False if somebody else is in charge by now."""
        note = {"place": str(place), "problem": problem, "time": self._clock()}
        kept = self._events.note_outgoing({self._key: note}, token=self._token() or 0)
        if not kept:
            self.stop()  # another process speaks for the site by now
        return kept

    def _deliver(self, event: Event, place: Position) -> bool:
        """Until it has arrived or is given up; False if it was stopped before.

        Args:
            event: what is told.
            place: what lies behind it has arrived.
        """
        body, first = _EVENT.dump_json(event), self._clock()
        while (problem := self._post(event, body)) is not None:
            if self._clock() - first > _PATIENCE_SECONDS:
                log.error("a webhook's event is given up", webhook=self._name, event=event.id)
                break
            wait = self._backoff.next_seconds()
            log.warning("a webhook fails", webhook=self._name, error=problem, again_in=round(wait))
            if not self._keep(place, problem=problem) or self._stopped.wait(wait):
                return False
        self._backoff.reset()
        return True

    def _post(self, event: Event, body: bytes) -> str | None:
        """None if it has arrived, else why not."""
        headers = headers_of(event, body, self.settings.secret, now=self._clock())
        try:
            answer = self._session.post(
                self.settings.url,
                data=body,
                headers=headers,
                timeout=_TIMEOUTS,
                allow_redirects=False,  # another host is not whom the user has named
            )
        except requests.RequestException as error:
            return _why(error)
        return None if 200 <= answer.status_code < 300 else f"HTTP status {answer.status_code}"


def webhook_key(name: str) -> str:
    """What a webhook is called among the ways out of the site; see `Events.outgoing`."""
    return f"webhook:{name}"


def _why(error: requests.RequestException) -> str:
    """What went wrong; the library's own words hold the address, whose path may be a secret."""
    for kind, sentence in _PROBLEMS.items():
        if isinstance(error, kind):
            return sentence
    return f"the request failed ({type(error).__name__})"


def headers_of(event: Event, body: bytes, secret: str | None, *, now: float) -> Mapping[str, str]:
    """What goes with an event."""
    timestamp = str(int(now))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Handoff",
        "Handoff-Event": event.kind,
        "Handoff-Delivery": event.id,
        "Handoff-Timestamp": timestamp,
    }
    if secret is not None:
        headers["Handoff-Signature"] = f"v1={signature(secret, timestamp, body)}"
    return headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the timestamp and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
