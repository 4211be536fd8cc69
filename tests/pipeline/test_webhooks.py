"""What is told to the outside: changes of cameras, and webhooks that a real server receives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from people import sighting

from pipeline.config import CameraSettings, Site
from pipeline.data import CameraState, CameraStatus, Decision, DecisionKind
from pipeline.outgoing import Outgoing
from pipeline.store import Settled, Store
from pipeline.webhook_settings import WebhookSettings
from pipeline.webhooks import signature

SECRET = "canary-of-sixteen-characters"


class Receiver(ThreadingHTTPServer):
    """Takes what comes; `statuses` are its next answers, 200 after them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.received: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.received]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.received.append((dict(self.headers), body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url.replace("/hook", "/elsewhere"))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def site(receiver: Receiver | None = None, **more: object) -> Site:
    cameras = {name: CameraSettings(source="rtsp://x") for name in ("west", "east")}
    hooks = {}
    if receiver is not None:
        fields = {"url": receiver.url, "secret": SECRET, **more}
        hooks = {"alarm": WebhookSettings.model_validate(fields)}
    return Site(site="test", cameras=cameras, webhooks=hooks)


@contextmanager
def speaking(store: Store, settings: Site, owner: str = "a/1") -> Iterator[Outgoing]:
    outgoing = Outgoing(store, lambda: settings, owner)
    outgoing.start()
    wait_for(lambda: not settings.webhooks or bool(store.events.outgoing()))
    try:
        yield outgoing
    finally:
        outgoing.stop()


def wait_for(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def decide(store: Store, tracklet: str, camera: str, identity: int) -> None:
    seen = sighting(tracklet, camera)
    decision = Decision(tracklet, camera, identity, DecisionKind.NEW, 0.9, time=seen.end)
    store.record([Settled(seen, decision)])


def test_what_happens_arrives_in_order_and_signed(store: Store, receiver: Receiver) -> None:
    with speaking(store, site(receiver)):
        for number in range(1, 21):
            decide(store, f"w{number}", "west", number)
        wait_for(lambda: len(receiver.received) == 20)
    assert [event["identity"] for event in receiver.events] == list(range(1, 21))
    headers, body = receiver.received[0]
    assert headers["Handoff-Event"] == "decision.new"
    assert headers["Handoff-Delivery"] == receiver.events[0]["id"]
    expected = signature(SECRET, headers["Handoff-Timestamp"], body)
    assert headers["Handoff-Signature"] == f"v1={expected}"


@pytest.mark.parametrize("status", [500, 302, 404])
def test_what_is_not_taken_comes_again(store: Store, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with speaking(store, site(receiver)):
        decide(store, "w1", "west", 1)
        decide(store, "w2", "west", 2)
        wait_for(lambda: not receiver.statuses)
        wait_for(lambda: store.events.outgoing()["webhook:alarm"]["problem"] != "", 3.0)
        wait_for(lambda: len(receiver.received) == 2)
    assert [event["identity"] for event in receiver.events] == [1, 2]


def test_the_next_one_goes_on_where_the_one_before_stopped(
    store: Store, receiver: Receiver
) -> None:
    with speaking(store, site(receiver)):
        decide(store, "w1", "west", 1)
        wait_for(lambda: len(receiver.received) == 1)
    decide(store, "w2", "west", 2)  # nobody speaks
    with speaking(store, site(receiver), "b/1"):
        wait_for(lambda: len(receiver.received) >= 2)
    told = {event["id"]: event["identity"] for event in receiver.events}  # once at least
    assert list(told.values()) == [1, 2]


def test_one_speaks_at_a_time(store: Store, receiver: Receiver) -> None:
    settings = site(receiver)
    with speaking(store, settings), speaking(store, settings, "b/1"):
        decide(store, "w1", "west", 1)
        wait_for(lambda: len(receiver.received) == 1)
        time.sleep(1.5)
    assert len(receiver.received) == 1


def test_only_what_is_wanted_is_told(store: Store, receiver: Receiver) -> None:
    wanted = site(receiver, events=["correction", "decision.merged"], cameras=[])
    with speaking(store, wanted):
        decide(store, "w1", "west", 1)
        store.corrections.rename(1, "Ann")
        wait_for(lambda: len(receiver.received) == 1)
    assert receiver.events[0]["kind"] == "correction.rename"


def test_cameras_that_change_are_told(store: Store) -> None:
    start = store.events.now()

    def report(camera: str, state: CameraState, **more: object) -> None:
        fields = {"since": time.time(), "updated": time.time()} | more
        store.put_statuses([CameraStatus(camera, state, **fields)])  # type: ignore[arg-type]

    with speaking(store, site()):
        report("west", CameraState.RUNNING, node="n1")
        wait_for(lambda: len(store.events.after(start)) == 1)
        report("west", CameraState.WAITING, problem="timeout", error="no answer")
        wait_for(lambda: len(store.events.after(start)) == 2)
        wait_for(lambda: len(store.events.after(start)) == 3)  # nobody reports it any more
    kinds = [event.kind for event in store.events.after(start)]
    assert kinds == ["camera.running", "camera.waiting", "camera.lost"]
    change = store.events.after(start)[1].change
    assert change is not None
    assert (change.before, change.problem, change.error) == ("running", "timeout", "no answer")


def test_the_secret_is_nowhere(
    store: Store, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.statuses = [500]
    settings = site(receiver)
    with speaking(store, settings):
        decide(store, "w1", "west", 1)
        wait_for(lambda: len(receiver.received) == 1)
    texts = [repr(store._redis.dump(key)) for key in store._redis.keys("*")]
    captured = capsys.readouterr()
    assert not [t for t in [*texts, captured.out, captured.err, repr(settings)] if SECRET in t]


def test_a_secret_in_the_address_is_not_told(
    store: Store, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.server_close()
    settings = site(receiver, url=f"http://127.0.0.1:{receiver.server_port}/{SECRET}")
    with speaking(store, settings):
        decide(store, "w1", "west", 1)
        wait_for(lambda: store.events.outgoing()["webhook:alarm"]["problem"] != "")
        assert store.events.outgoing()["webhook:alarm"]["problem"] == "nobody can be reached there"
    captured = capsys.readouterr()
    assert "a webhook fails" in captured.out + captured.err
    assert SECRET not in captured.out + captured.err


def test_a_webhook_that_was_taken_away_begins_anew(store: Store, receiver: Receiver) -> None:
    settings = site(receiver)
    with speaking(store, settings):
        pass
    with speaking(store, site()):
        wait_for(lambda: store.events.outgoing() == {})
    decide(store, "w1", "west", 1)
    with speaking(store, settings):
        decide(store, "w2", "west", 2)
        wait_for(lambda: len(receiver.received) == 1)
    assert receiver.events[0]["identity"] == 2


def test_a_secret_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", SECRET)
    hook = WebhookSettings.model_validate({"url": "http://x", "secret": "env:HOOK"})
    assert hook.secret == SECRET


@pytest.mark.parametrize(
    "fields",
    [{"url": "ftp://x"}, {"url": "http://x", "events": ["decisions"]},
     {"url": "http://x", "secret": "short"}, {"url": "http://x", "secret": "env:NOT_SET_ANYWHERE"}],
)  # fmt: skip
def test_mistakes_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected|String should"):
        WebhookSettings.model_validate(fields)
