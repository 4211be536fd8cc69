"""Tiles: they cover the picture, and nobody comes out of them twice or in two halves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import DetectorSettings
from pipeline.tiles import Found, Tile, auto_columns, cut_grid, merge, suppress

SIZE = (400, 400)
UPPER, LOWER = Tile(0, 0, 400, 230), Tile(0, 170, 400, 230)
LEFT, RIGHT = Tile(0, 0, 230, 400), Tile(170, 0, 230, 400)
Box = tuple[float, float, float, float]


def seen(tile: Tile, *people: Box, score: float = 0.8) -> Found:
    """What a perfect detector finds in a tile: boxes in the picture, clipped to the tile."""
    borders = np.array([tile.x, tile.y, tile.x, tile.y], np.float32)
    far = np.array([*tile.size, *tile.size], np.float32)
    boxes = np.array(people, np.float32).reshape(-1, 4) - borders
    clipped = np.clip(boxes, 0, far)
    inside = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    scores = np.full(inside.sum(), score, np.float32)
    return Found.in_tile(clipped[inside], scores, tile, SIZE)


def boxes_of(found: Found) -> list[list[float]]:
    return sorted(found.boxes.round(3).tolist())


@given(
    width=st.integers(50, 4000),
    height=st.integers(50, 4000),
    columns=st.integers(1, 6),
    rows=st.integers(1, 4),
)
def test_a_grid_covers_every_pixel_and_stays_inside(
    width: int, height: int, columns: int, rows: int
) -> None:
    tiles = cut_grid((width, height), columns, rows)
    assert len(tiles) == columns * rows + (rows > 1)
    grid = tiles[: columns * rows]
    across = sorted({(tile.x, tile.x + tile.width) for tile in grid})
    down = sorted({(tile.y, tile.y + tile.height) for tile in grid})
    assert_covers(across, width)
    assert_covers(down, height)


def assert_covers(spans: list[tuple[int, int]], length: int) -> None:
    assert (spans[0][0], spans[-1][1]) == (0, length)
    assert all(begin < end for (begin, _), (_, end) in zip(spans[1:], spans[:-1], strict=True))


def test_a_tile_is_a_view_of_its_part() -> None:
    picture = np.arange(400 * 400 * 3, dtype=np.uint32).astype(np.uint8).reshape(400, 400, 3)
    part = Tile(10, 20, 30, 40).cut(picture)
    assert np.shares_memory(part, picture)
    np.testing.assert_array_equal(part, picture[20:60, 10:40])


@pytest.mark.parametrize(
    ("size", "columns"),
    [
        pytest.param((330, 576), 1, id="portrait"),
        pytest.param((500, 500), 1, id="square"),
        pytest.param((640, 480), 2, id="4:3"),
        pytest.param((1920, 1080), 2, id="16:9"),
        pytest.param((640, 360), 2, id="16:9, small"),
        pytest.param((1280, 640), 3, id="2:1"),
        pytest.param((8000, 500), 4, id="panorama"),
    ],
)
def test_tiles_of_auto_are_hardly_wider_than_high(size: tuple[int, int], columns: int) -> None:
    assert auto_columns(size) == columns


PEOPLE = [
    pytest.param((100, 180, 140, 220), id="whole in both tiles"),
    pytest.param((100, 30, 140, 130), id="in the upper tile alone"),
    pytest.param((100, 300, 140, 399), id="in the lower tile alone"),
    pytest.param((100, 100, 140, 215), id="whole above, cut below"),
    pytest.param((100, 185, 140, 300), id="cut above, whole below"),
    pytest.param((100, 120, 140, 280), id="whole in neither"),
    pytest.param((100, 0, 140, 400), id="as high as the picture"),
]


@pytest.mark.parametrize("person", PEOPLE)
def test_a_person_seen_in_two_rows_is_one(person: Box) -> None:
    merged = merge(Found.join([seen(UPPER, person), seen(LOWER, person)]))
    assert boxes_of(merged) == [list(person)]


@pytest.mark.parametrize("person", PEOPLE)
def test_a_person_seen_in_two_columns_is_one(person: Box) -> None:
    turned = (person[1], person[0], person[3], person[2])
    merged = merge(Found.join([seen(LEFT, turned), seen(RIGHT, turned)]))
    assert boxes_of(merged) == [list(turned)]


def test_what_the_whole_picture_shows_replaces_the_parts() -> None:
    person, whole = (100.0, 40.0, 200.0, 390.0), Tile(0, 0, *SIZE)
    parts = [seen(UPPER, person, score=0.9), seen(LOWER, person, score=0.9)]
    merged = merge(Found.join([*parts, seen(whole, person, score=0.4)]))
    assert boxes_of(merged) == [list(person)]


def test_two_people_side_by_side_across_a_border_stay_two() -> None:
    people = ((100.0, 120.0, 140.0, 280.0), (150.0, 120.0, 190.0, 280.0))
    merged = merge(Found.join([seen(UPPER, *people), seen(LOWER, *people)]))
    assert boxes_of(merged) == [list(person) for person in people]


def test_a_person_above_and_another_below_the_border_stay_two() -> None:
    people = ((100.0, 60.0, 140.0, 168.0), (100.0, 240.0, 140.0, 390.0))
    merged = merge(Found.join([seen(UPPER, *people), seen(LOWER, *people)]))
    assert boxes_of(merged) == [list(person) for person in people]


def test_joined_parts_have_the_score_of_the_stronger() -> None:
    person = (100.0, 120.0, 140.0, 280.0)
    parts = [seen(UPPER, person, score=0.5), seen(LOWER, person, score=0.9)]
    np.testing.assert_allclose(merge(Found.join(parts)).scores, [0.9])


def test_the_border_of_the_picture_cuts_nobody() -> None:
    assert not seen(UPPER, (0.0, 0.0, 50.0, 100.0)).cuts.any()
    assert seen(UPPER, (0.0, 0.0, 50.0, 300.0)).cuts.tolist() == [[False, False, False, True]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), unique=True, max_size=20))
def test_people_apart_are_all_there_after_merging(cells: list[tuple[int, int]]) -> None:
    people = [(40.0 * x + 5, 40.0 * y + 5, 40.0 * x + 30, 40.0 * y + 35) for x, y in cells]
    merged = merge(Found.join([seen(UPPER, *people), seen(LOWER, *people)]))
    assert boxes_of(merged) == sorted([list(person) for person in people])


def test_suppression_keeps_the_strongest_of_each_person() -> None:
    boxes = np.array([[0, 0, 10, 30], [1, 0, 11, 30], [50, 0, 60, 30]], np.float32)
    scores = np.array([0.5, 0.9, 0.3], np.float32)
    kept = suppress(Found(boxes, scores, np.zeros((3, 4), bool)))
    np.testing.assert_array_equal(kept.boxes, boxes[[1, 2]])


@pytest.mark.parametrize("combine", [merge, suppress])
def test_nobody_is_nobody(combine: object) -> None:
    nobody = seen(UPPER)
    assert callable(combine)
    assert len(combine(nobody)) == 0


@pytest.mark.parametrize("tiles", [[0, 1], [2], [1.5, 2], [9, 1], "some", None, [True, 2]])
def test_settings_that_are_no_grid_are_refused_in_one_sentence(tiles: object) -> None:
    with pytest.raises(ValidationError, match="expected auto, off, or two whole numbers") as caught:
        DetectorSettings.model_validate({"tiles": tiles})
    assert caught.value.error_count() == 1
