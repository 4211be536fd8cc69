"""What waits for a browser: the newest pictures, events in order, never more than it can take."""

from __future__ import annotations

import asyncio

import pytest
from viewer_parts import run

from pipeline.film import Coding, Film, FilmMessage
from pipeline.onlookers import Look
from pipeline.viewer.outbox import Outbox

VIDEO = {"west": Look(None, 30.0, 640)}


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


# ---------------------------------------------------------------- a camera's own video


def film(first: int, count: int = 1, group: str = "a") -> FilmMessage:
    """Units of one byte, their numbers."""
    units = tuple(bytes([number]) for number in range(first, first + count))
    return FilmMessage({"camera": "west"}, Film(group, first, units, Coding("avc1.42C01E")))


def watching(**options: int) -> Outbox:
    outbox = Outbox(**options)
    outbox.look(VIDEO)
    return outbox


def places(messages: list[str | bytes]) -> list[tuple[str, int, int]]:
    """Group, first and one after the last unit of each message."""
    films = [FilmMessage.parse(m).film for m in messages if isinstance(m, bytes)]
    return [(each.group, each.first, each.end) for each in films]


def test_video_begins_with_a_key_frame_and_goes_on_without_a_gap():
    outbox = watching(films=9)
    for message in (film(3), film(0, 2), film(2), film(4), film(3, 3)):
        outbox.put_film("west", message)
    assert places(taken(outbox)) == [("a", 0, 6)]


def test_what_gathers_is_sent_as_one_and_a_key_frame_takes_its_place():
    outbox = watching(films=1)
    outbox.put_film("west", film(0))
    sent = taken(outbox)
    for number in range(1, 50):
        outbox.put_film("west", film(number))
    assert taken(outbox) == []
    outbox.shown(["west"])
    assert places(sent + taken(outbox)) == [("a", 0, 1), ("a", 1, 50)]
    outbox.put_film("west", film(50))
    outbox.put_film("west", film(0, group="b"))
    outbox.put_film("west", film(1, group="b"))
    outbox.shown(["west"])
    assert places(taken(outbox)) == [("b", 0, 2)]


def test_a_picture_in_place_of_video_ends_it_until_the_next_key_frame():
    outbox = watching(films=9)
    outbox.put_film("west", film(0))
    outbox.put_picture("west", b"jpeg")
    outbox.put_film("west", film(1))
    assert taken(outbox) == [b"jpeg"]
    outbox.put_film("west", film(0, group="b"))
    assert places(taken(outbox)) == [("b", 0, 1)]


def test_of_a_picture_that_comes_as_video_too_the_video_is_sent():
    outbox = watching()
    outbox.put_film("west", film(0))
    outbox.put_picture("west", b"jpeg", filmed=True)
    assert places(taken(outbox)) == [("a", 0, 1)]


def test_who_wants_pictures_or_nothing_is_sent_no_video():
    outbox = watching()
    outbox.put_film("west", film(0))
    outbox.look({"west": Look(640, 30.0)})
    outbox.put_film("west", film(1))
    outbox.put_film("east", film(0))
    assert taken(outbox) == []
    assert outbox.to_begin == set()
    outbox.look(VIDEO)
    assert outbox.to_begin == {"west"}
