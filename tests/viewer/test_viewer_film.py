"""A camera's own video on the page: boxes on their pictures, and pictures where video fails."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import av
import pytest
from canvases import furthest_apart, pixels
from film_parts import FilmWalk
from playwright.sync_api import Browser, Page, expect
from test_viewer_live import dial
from viewer_parts import NOON, SIZE, Walk, make_site, report, see, serving
from websockets.sync.client import ClientConnection

from pipeline.config import CameraSettings
from pipeline.film import FilmMessage
from pipeline.onlookers import Look
from pipeline.store import Store

GREEN = "#00ff00"


@pytest.fixture
def site(store: Store) -> Iterator[tuple[str, Store]]:
    """The address of a page with two cameras, each with a person who is identity 1 in both."""
    see(store, "west", 1, begin=NOON, end=NOON + 5)
    see(store, "east", 1, begin=NOON + 9, end=NOON + 20)
    for camera in ("west", "east"):
        report(store, camera)
    with serving(store) as address:
        yield address, store


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def is_filmed(store: Store, camera: str) -> bool:
    """True if somebody wants a camera's own video."""
    wanted = store.onlookers.wanted() or {}
    return camera in wanted and wanted[camera].video is not None


def tile(page: Page, camera: str, kind: str) -> None:
    """Waits until a camera is shown in this way."""
    chosen = page.locator(f'.tile[data-camera="{camera}"]')
    expect(chosen).to_have_attribute("data-kind", kind, timeout=60_000)
    expect(chosen.locator(".delay")).to_contain_text("ms", timeout=30_000)


# ---------------------------------------------------------------- in the browser


@pytest.mark.parametrize("analysed", [1, 3], ids=["all", "one of three analysed"])
def test_boxes_stay_on_the_people_of_the_video(
    page: Page, site: tuple[str, Store], complaints: list[str], analysed: int
) -> None:
    address, store = site
    with FilmWalk(store, "west", "east", analysed=analysed):
        page.goto(address)
        for camera in ("west", "east"):
            tile(page, camera, "video")
            assert furthest_apart(page, camera) < 0.04, camera
    assert complaints == []


def test_a_browser_that_cannot_decode_is_sent_pictures(
    page: Page, site: tuple[str, Store], complaints: list[str]
) -> None:
    address, store = site
    page.add_init_script("delete window.VideoDecoder")
    with FilmWalk(store, "west"):
        page.goto(address)
        tile(page, "west", "pictures")
        assert furthest_apart(page, "west") < 0.04
    assert complaints == []


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda unit: unit[: len(unit) // 2 - 9] + b"\xff" * 9, id="broken"),
        pytest.param(lambda unit: b"\x00\x00\x00\x01\x09\x10", id="nothing to see"),
    ],
)
def test_video_that_cannot_be_decoded_gives_way_to_pictures(
    page: Page, site: tuple[str, Store], harm: Callable[[bytes], bytes]
) -> None:
    address, store = site
    with FilmWalk(store, "west", harm=harm):
        page.goto(address)
        tile(page, "west", "pictures")
        assert furthest_apart(page, "west") < 0.04


def test_a_codec_the_browser_lacks_gives_way_to_pictures(
    page: Page, site: tuple[str, Store]
) -> None:
    address, store = site
    page.add_init_script(
        "VideoDecoder.prototype.configure = function () {"
        "  throw new DOMException('no such codec', 'NotSupportedError'); }"
    )
    with FilmWalk(store, "west"):
        page.goto(address)
        tile(page, "west", "pictures")


def test_two_browsers_of_which_one_cannot_decode_are_both_served(
    page: Page, chromium: Browser, site: tuple[str, Store]
) -> None:
    address, store = site
    other = chromium.new_page()
    other.add_init_script("delete window.VideoDecoder")
    with FilmWalk(store, "west"):
        page.goto(address)
        other.goto(address)
        tile(page, "west", "video")
        tile(other, "west", "pictures")
        for each in (page, other):
            assert furthest_apart(each, "west") < 0.04
    other.close()


def test_a_node_that_sends_pictures_only_is_shown_all_the_same(
    page: Page, site: tuple[str, Store]
) -> None:
    address, store = site
    with Walk(store, "west"):
        page.goto(address)
        tile(page, "west", "pictures")
        assert pixels(page, "west", GREEN) > 100


def test_pictures_much_larger_than_their_tile_are_not_worth_decoding(
    page: Page, site: tuple[str, Store]
) -> None:
    address, store = site
    report(store, "west", size=(7680, 4320))
    with dial(address):
        page.goto(address)
        # The tiles of the page ask for it in one message, so west has had its chance by then.
        assert eventually(lambda: is_filmed(store, "east"))
        assert not is_filmed(store, "west")


HARDWARE = "VideoDecoder.isConfigSupported = async () => ({ supported: true })"


@pytest.mark.parametrize(
    ("script", "filmed"), [("", 4), (HARDWARE, 6)], ids=["software", "hardware"]
)
def test_without_hardware_four_cameras_are_decoded(
    page: Page, store: Store, script: str, filmed: int
) -> None:
    names = [f"camera-{number}" for number in range(6)]
    cameras = {name: CameraSettings(source="rtsp://x") for name in names}
    page.add_init_script(script)
    with (
        FilmWalk(store, *names),
        serving(store, make_site().model_copy(update={"cameras": cameras})) as address,
    ):
        page.goto(address)

        def wanted() -> int:
            looks = store.onlookers.wanted() or {}
            return sum(look.video is not None for look in looks.values())

        assert eventually(lambda: wanted() == filmed, seconds=60)


def test_what_nobody_sees_is_not_decoded_and_comes_back(
    page: Page, site: tuple[str, Store], complaints: list[str]
) -> None:
    address, store = site
    with FilmWalk(store, "west", "east"):
        page.goto(address)
        tile(page, "west", "video")
        page.locator('nav [data-screen="health"]').click()
        assert eventually(lambda: store.onlookers.wanted() == {})
        page.wait_for_timeout(500)
        page.locator('nav [data-screen="live"]').click()
        tile(page, "west", "video")
        page.wait_for_timeout(1000)
        assert furthest_apart(page, "west") < 0.04
    assert complaints == []


# ---------------------------------------------------------------- over the line


def look(socket: ClientConnection, *cameras: str, video: bool = True) -> None:
    wanted = {camera: {"width": SIZE[0], "video": video} for camera in cameras}
    socket.send(json.dumps({"type": "look", "cameras": wanted}))


def shown(socket: ClientConnection, camera: str) -> None:
    socket.send(json.dumps({"type": "shown", "cameras": [camera]}))


def films(socket: ClientConnection, count: int) -> list[FilmMessage]:
    """The next messages with video, each confirmed."""
    found: list[FilmMessage] = []
    deadline = time.monotonic() + 60
    while len(found) < count and time.monotonic() < deadline:
        message = socket.recv(timeout=10)
        if isinstance(message, bytes):
            found += film_in(message)
            shown(socket, "west")
    assert len(found) == count
    return found


def unconfirmed(socket: ClientConnection, seconds: float) -> list[FilmMessage]:
    """What comes in so long if nothing is confirmed."""
    found: list[FilmMessage] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = socket.recv(timeout=10)
        if isinstance(message, bytes):
            found += film_in(message)
    return found


def film_in(message: bytes) -> list[FilmMessage]:
    """The message, unless it is a picture."""
    with suppress(KeyError):
        return [FilmMessage.parse(message)]
    return []


def person_in(frame: av.VideoFrame) -> float:
    """Where the green person begins, as a fraction of the picture."""
    image = frame.to_ndarray(format="bgr24").astype(int)
    green = (image[140, :, 1] > 180) & (image[140, :, 0] < 90)
    return float(green.argmax()) / image.shape[1]


def test_what_is_decoded_last_is_the_picture_with_the_boxes(site: tuple[str, Store]) -> None:
    address, store = site
    decoder = av.CodecContext.create("h264", "r")
    with FilmWalk(store, "west", analysed=2), dial(address) as socket:
        look(socket, "west")
        for message in films(socket, 25):
            frames = [f for unit in message.film.units for f in decoder.decode(av.Packet(unit))]  # type: ignore[attr-defined]
            (box,) = message.header["boxes"]
            assert person_in(frames[-1]) == pytest.approx(box["xywh"][0], abs=0.01)


def test_who_comes_later_begins_with_the_last_key_frame_at_once(site: tuple[str, Store]) -> None:
    address, store = site
    with FilmWalk(store, "west"), dial(address) as first, dial(address) as second:
        look(first, "west")
        films(first, 8)
        look(second, "west")
        (message,) = films(second, 1)
    assert message.film.first == 0
    assert len(message.film.units) > 1


def test_a_slow_browser_gets_everything_since_the_key_frame_in_one(
    site: tuple[str, Store],
) -> None:
    address, store = site
    with FilmWalk(store, "west"), dial(address) as socket:
        look(socket, "west")
        films(socket, 1)
        came = unconfirmed(socket, 6)  # for two key frames and more
        shown(socket, "west")
        (message,) = films(socket, 1)
        assert len(came) <= 8
        assert message.film.first == 0
        assert 1 <= len(message.film.units) <= 20
        assert time.time() - message.header["arrival"] < 3


def test_a_node_that_begins_anew_is_followed(site: tuple[str, Store]) -> None:
    address, store = site
    with dial(address) as socket:
        look(socket, "west")
        for _ in range(2):
            with FilmWalk(store, "west"):
                (message,) = films(socket, 1)
                assert message.film.first == 0


def test_with_a_second_viewer_both_have_the_beginning(site: tuple[str, Store]) -> None:
    address, store = site
    with FilmWalk(store, "west"), serving(store) as other, dial(address) as first:
        look(first, "west")
        films(first, 6)
        with dial(other) as second:
            look(second, "west")
            (message,) = films(second, 1)
            assert message.film.first == 0
        assert without_gap(films(first, 6))


def without_gap(messages: Sequence[FilmMessage]) -> bool:
    """True if each goes on where the one before has ended, or begins a group."""
    return all(b.film.first in (a.film.end, 0) for a, b in pairwise(messages))


def test_what_the_viewer_has_missed_it_asks_for_and_the_browser_misses_nothing(
    site: tuple[str, Store],
) -> None:
    address, store = site
    with FilmWalk(store, "west"), dial(address) as socket:
        look(socket, "west")
        films(socket, 2)
        (before,) = films(socket, 1)
        wanted = store.onlookers.wanted() or {}
        lost = replace(before.film, first=before.film.first + 500)
        store.send_film("west", FilmMessage(before.header, lost).data)
        found = films(socket, 12)
        again = store.onlookers.wanted() or {}
    assert again["west"].since > wanted["west"].since
    assert without_gap([before, *found])


def test_who_wants_no_video_is_sent_none(site: tuple[str, Store]) -> None:
    address, store = site
    with FilmWalk(store, "west"), dial(address) as video, dial(address) as socket:
        look(video, "west")
        films(video, 2)
        look(socket, "west", video=False)
        messages = []
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            message = socket.recv(timeout=5)
            if isinstance(message, bytes):
                messages.append(message)
                shown(socket, "west")
    assert messages
    assert not any(b'"film":' in message for message in messages)


def test_the_status_says_what_is_sent(site: tuple[str, Store], page: Page) -> None:
    address, store = site
    report(store, "west", sent=("h264", "jpeg 640"))
    report(store, "east")
    page.goto(f"{address}/#/health")
    row = page.locator("tr", has_text="west").last
    expect(row).to_contain_text("H.264, JPEG 640 px")
    expect(page.locator("tr", has_text="east").last).to_contain_text("nobody looks")


def test_a_look_says_whether_it_is_video() -> None:
    assert Look(None, 30.0, 320).without_video == Look(320, 30.0)
    assert (Look(640, 5.0) | Look(None, 30.0, 320, 2.0)) == Look(640, 30.0, 320, 2.0)
