"""The window's picture, and what it is made of: real previews and decisions in a real Redis."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from people import sighting

from pipeline.annotate import PALETTE
from pipeline.data import CameraState, CameraStatus, Decision, DecisionKind, Frame
from pipeline.preview import encode_preview
from pipeline.site_file import SiteFile
from pipeline.store import Settled, Store
from pipeline.window import Picture, Seen, Tile, compose, hue, label, places
from pipeline.window_feed import Feed, note_of
from pipeline.window_loop import choose, widest

GREY = 90
SIZE = (800, 500)
BOX = (0.25, 0.3, 0.25, 0.5)


def picture(width: int = 320, height: int = 240) -> Picture:
    return np.full((height, width, 3), GREY, np.uint8)


def shows(image: Picture, colour: tuple[int, int, int]) -> int:
    """How many pixels have exactly this colour."""
    return int((image == np.array(colour, np.uint8)).all(axis=2).sum())


def composed(*people: Seen, note: str = "") -> Picture:
    return compose([Tile("west", picture(), people, note)], SIZE)


@pytest.mark.parametrize("size", [(800, 500), (1, 1), (37, 1200), (3000, 40)])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 16])
def test_any_number_of_cameras_fits_any_window(count: int, size: tuple[int, int]) -> None:
    tiles = [Tile(f"camera-{i}", picture()) for i in range(count)]
    assert compose(tiles, size).shape == (size[1], size[0], 3)


def test_tiles_do_not_overlap_and_stay_in_the_window() -> None:
    corners = places([Tile(str(i), picture()) for i in range(7)], SIZE)
    covered = np.zeros((SIZE[1], SIZE[0]), int)
    for left, top, right, bottom in corners:
        covered[top:bottom, left:right] += 1
    assert min(min(c) for c in corners) >= 0
    assert covered.max() == 1
    assert covered.sum() == sum((r - x) * (b - y) for x, y, r, b in corners)


def test_wide_pictures_stand_above_each_other_and_tall_ones_side_by_side() -> None:
    wide = places([Tile(str(i), picture(400, 100)) for i in range(2)], SIZE)
    tall = places([Tile(str(i), picture(100, 400)) for i in range(2)], SIZE)
    assert wide[0][0] == wide[1][0]
    assert tall[0][1] == tall[1][1]


def test_a_picture_keeps_its_proportions() -> None:
    rows, columns = np.nonzero((composed() == GREY).all(axis=2))
    shown = (np.ptp(columns) + 1) / (np.ptp(rows) + 1)
    assert shown == pytest.approx(320 / 240, rel=0.01)


def test_an_identity_has_the_colour_it_has_on_the_page() -> None:
    assert [f"#{r:02X}{g:02X}{b:02X}" for b, g, r in map(hue, range(1, 8))] == list(PALETTE)
    assert hue(8) == hue(1)


def test_somebody_certain_has_whole_lines_and_others_have_dashes() -> None:
    certain = shows(composed(Seen(BOX, 1, confirmed=True)), hue(1))
    perhaps = shows(composed(Seen(BOX, 1, confirmed=False)), hue(1))
    assert 0 < perhaps < certain


def test_the_eighth_person_is_told_from_the_first_by_stripes() -> None:
    first = shows(composed(Seen(BOX, 1, confirmed=True)), (255, 255, 255))
    eighth = shows(composed(Seen(BOX, 8, confirmed=True)), (255, 255, 255))
    assert eighth > first + 200


def test_somebody_nobody_has_decided_on_has_a_box_and_no_colour() -> None:
    image = composed(Seen(BOX))
    assert shows(image, (255, 255, 255)) > shows(composed(), (255, 255, 255))
    assert sum(shows(image, hue(n)) for n in range(1, 8)) == 0


@pytest.mark.parametrize(
    ("person", "short", "text"),
    [
        (Seen(BOX, 7, None, True), False, "Person 7"),
        (Seen(BOX, 7, None, False), False, "Person 7?"),
        (Seen(BOX, 7, "Zoë", True), False, "Zoë"),
        (Seen(BOX, 7, "Zoë", True), True, "7"),
        (Seen(BOX, 7, "x" * 60, True), False, "x" * 23 + "…"),
    ],
)
def test_what_stands_beside_a_person(person: Seen, short: bool, text: str) -> None:
    assert label(person, short=short) == text


def test_boxes_may_reach_beyond_the_picture() -> None:
    assert composed(Seen((-0.2, -0.3, 0.4, 2.0), 3, "Ann", True)).shape == (500, 800, 3)


def test_an_old_picture_is_dark_and_says_why() -> None:
    old = composed(Seen(BOX, 1, confirmed=True), note="the camera has gone")
    assert shows(old, (GREY, GREY, GREY)) < 50  # edges of letters
    assert shows(old, hue(1)) == 0
    assert shows(old, (255, 255, 255)) > 100


def test_one_camera_can_be_shown_alone() -> None:
    tiles = [Tile("west"), Tile("east")]
    assert [t.camera for t in choose(tiles, 2)] == ["east"]
    assert [t.camera for t in choose(tiles, 0)] == [t.camera for t in choose(tiles, 9)]
    assert widest(choose(tiles, 2), SIZE) > widest(tiles, SIZE)
    assert widest([], SIZE) == 0


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (None, "no node runs this camera at the moment"),
        (CameraStatus("west", CameraState.RUNNING, 0.0), ""),
        (CameraStatus("west", CameraState.CONNECTING, 0.0), "connecting"),
        (CameraStatus("west", CameraState.ENDED, 0.0), "the recording has ended"),
        (CameraStatus("west", CameraState.WAITING, 0.0, error="gone"), "gone"),
        (
            CameraStatus("west", CameraState.WAITING, 0.0, error="gone", next_try=112.0),
            "gone, next try in 12 s",
        ),
    ],
)
def test_a_camera_without_pictures_says_why(status: CameraStatus | None, note: str) -> None:
    assert note_of(status, now=100.0) == note


# ── the feed ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def site(tmp_path: Path) -> SiteFile:
    cams = tmp_path / "cams.yaml"
    cams.write_text("cameras: {west: {source: 'device:0'}, east: {source: 'device:1'}}\n")
    return SiteFile(cams)


def show_west(store: Store, index: int) -> None:
    """What a node does for a camera with one person in it."""
    frame = Frame("west", index, index / 10, picture(), arrival=time.time())
    boxes = sv.Detections(xyxy=np.array([[80, 72, 160, 192]], float))
    store.send_view("west", encode_preview(frame, boxes, ["w1"]))
    store.put_statuses([CameraStatus("west", CameraState.RUNNING, 0.0)])


def west_once(feed: Feed, store: Store, *, known: bool) -> Tile:
    """The tile of the camera, once its person is known, or is seen at all."""
    for index in range(100):
        show_west(store, index)
        tile = feed.tiles()[0]
        if tile.people and not tile.note and (tile.people[0].identity is not None) == known:
            return tile
        time.sleep(0.05)
    raise AssertionError(f"expected a picture with somebody in it, found {tile}")


def decide(store: Store, *, confirmed: bool) -> None:
    decision = Decision("w1", "west", 7, DecisionKind.NEW, 0.9, confirmed=confirmed)
    store.record([Settled(sighting("w1"), decision, store.tracklet("w1"))])


def test_the_feed_tells_who_is_in_the_picture(store: Store, site: SiteFile) -> None:
    with Feed(store, site) as feed:
        assert west_once(feed, store, known=False).people == (Seen(BOX),)
        decide(store, confirmed=True)
        store.corrections.rename(7, "Ann")
        tile = west_once(feed, store, known=True)
        other = feed.tiles()[1]
    assert tile.image is not None
    assert tile.image.shape == (240, 320, 3)
    assert tile.people[0].identity == 7
    assert (other.camera, other.image) == ("east", None)
    assert other.note == "no node runs this camera at the moment"


def test_nodes_send_what_the_window_needs_and_nothing_when_it_has_gone(
    store: Store, site: SiteFile
) -> None:
    with Feed(store, site) as feed:
        feed.look(300)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            wanted = store.onlookers.wanted()
            if wanted and wanted["west"].width == 320:
                break
            time.sleep(0.05)
    assert wanted is not None
    assert {camera: look.width for camera, look in wanted.items()} == {"west": 320, "east": 320}
    assert store.onlookers.wanted() is None
