"""What waits for a browser: the newest pictures, events in order, never more than it can take."""

from __future__ import annotations

import asyncio

import pytest
from viewer_parts import run

from pipeline.viewer.outbox import Outbox


def taken(outbox: Outbox) -> list[str | bytes]:
    messages = []
    while (message := outbox.take()) is not None:
        messages.append(message)
    return messages


def test_only_the_newest_picture_of_a_camera_waits():
    outbox = Outbox()
    for number in range(100):
        outbox.put_picture("west", b"%d" % number)
    assert taken(outbox) == [b"99"]


def test_no_more_than_the_window_is_under_way_until_something_has_been_shown():
    outbox = Outbox(window=2)
    sent = []
    for number in range(5):
        outbox.put_picture("west", b"%d" % number)
        sent += taken(outbox)
    assert sent == [b"0", b"1"]
    outbox.shown(["west"])
    assert taken(outbox) == [b"4"]


def test_a_camera_whose_pictures_are_not_shown_holds_up_no_other():
    outbox = Outbox(window=1)
    outbox.put_picture("west", b"w")
    taken(outbox)
    outbox.put_picture("west", b"w")
    outbox.put_picture("east", b"e")
    assert taken(outbox) == [b"e"]


def test_receipts_never_open_the_window_wider():
    outbox = Outbox(window=1)
    outbox.shown(["west"] * 10)
    outbox.put_picture("west", b"0")
    sent = taken(outbox)
    outbox.shown(["west"] * 10)
    for number in (1, 2):
        outbox.put_picture("west", b"%d" % number)
        sent += taken(outbox)
    assert sent == [b"0", b"1"]


def test_events_keep_their_order_and_go_before_pictures():
    outbox = Outbox()
    outbox.put_picture("west", b"picture")
    outbox.put_event("first")
    outbox.put_event("second")
    outbox.put_reply("pong")
    assert taken(outbox) == ["pong", "first", "second", b"picture"]


def test_too_many_events_become_one_snapshot():
    outbox = Outbox(events=3)
    outbox.snapshot_due = False
    for number in range(4):
        outbox.put_event(str(number))
    assert outbox.snapshot_due
    assert taken(outbox) == []


def test_a_newer_status_replaces_an_older_one():
    outbox = Outbox()
    outbox.put_latest("cameras", "old")
    outbox.put_latest("cameras", "new")
    assert taken(outbox) == ["new"]


@pytest.mark.parametrize(
    "put",
    [
        lambda outbox: outbox.put_reply("pong"),
        lambda outbox: outbox.put_event("event"),
        lambda outbox: outbox.put_latest("kind", "text"),
        lambda outbox: outbox.put_picture("west", b"picture"),
        lambda outbox: outbox.shown(["west"]),
        lambda outbox: outbox.renew(),
    ],
    ids=["reply", "event", "latest", "picture", "receipt", "renewal"],
)
def test_whatever_happens_wakes_the_sender(put):
    async def woken() -> bool:
        outbox = Outbox()
        await outbox.wait()
        put(outbox)
        await asyncio.wait_for(outbox.wait(), timeout=1)
        return True

    assert run(woken())
