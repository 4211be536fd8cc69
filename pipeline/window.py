"""The window's picture: all cameras in a grid, with the people in them, as on the live page.

Nothing here opens a window or asks anybody anything: tiles in, one picture out. See
`pipeline.window_feed` for where tiles come from and `pipeline.window_loop` for the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.annotate import PALETTE

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Blue, green, red."""
Corners = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

_STRIPES: tuple[Colour | None, ...] = (None, (255, 255, 255), (17, 17, 17))
"""Seven people have the hues of the palette alone, the next seven striped: as in colours.js."""
_DASH, _GAP = 7, 5  # pixels; of those who may turn out to be somebody else
_WHITE, _BLACK, _DARK, _GROUND = (255, 255, 255), (0, 0, 0), (40, 40, 40), (20, 20, 20)
_SPACE = 6  # between tiles, pixels
_CAPTION = 26  # height of a camera's name above its picture
_SHORT_BELOW = 340  # narrower pictures have numbers alone on their labels
_LONGEST = 24  # letters of a name on a label
_USUAL_ASPECT = 16 / 9


@dataclass(frozen=True, slots=True)
class Seen:
    """A person in a picture.

    Attributes:
        xywh: left, top, width and height as fractions of the picture.
        identity: their number, or None while nobody has decided.
        name: what they are called, or None.
        confirmed: False while the identity may still be revised.
    """

    xywh: tuple[float, float, float, float]
    identity: int | None = None
    name: str | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A camera as it is to be shown.

    Attributes:
        camera: its name.
        image: its newest picture, uint8[H, W, 3] BGR, or None.
        people: who is in that very picture.
        note: why there is no new picture, one sentence, or "".
    """

    camera: str
    image: Picture | None = None
    people: tuple[Seen, ...] = ()
    note: str = ""


def compose(tiles: Sequence[Tile], size: tuple[int, int]) -> Picture:
    """All tiles in one picture.

    Args:
        tiles: the cameras in their order.
        size: width and height of the picture, pixels.

    Returns:
        uint8[H, W, 3] BGR.
    """
    width, height = max(1, size[0]), max(1, size[1])
    canvas = np.full((height, width, 3), _GROUND, np.uint8)
    for tile, place in zip(tiles, places(tiles, (width, height)), strict=True):
        left, top, right, bottom = place
        if right - left > 8 and bottom - top > _CAPTION + 8:
            _draw_tile(canvas[top:bottom, left:right], tile)
    return canvas


def places(tiles: Sequence[Tile], size: tuple[int, int]) -> list[Corners]:
    """Where each tile goes, captions included: in as many columns as make pictures largest."""
    if not tiles:
        return []
    aspect = _common_aspect(tiles)
    columns = max(
        range(1, len(tiles) + 1), key=lambda n: _picture_width(n, len(tiles), size, aspect)
    )
    rows = math.ceil(len(tiles) / columns)
    width, height = (size[0] - _SPACE) // columns, (size[1] - _SPACE) // rows
    corners = [
        (_SPACE + i % columns * width, _SPACE + i // columns * height) for i in range(len(tiles))
    ]
    return [(x, y, x + width - _SPACE, y + height - _SPACE) for x, y in corners]


def label(person: Seen, *, short: bool = False) -> str:
    """What stands beside a person, "Ann", "Person 7", "7", with ? while it may be revised."""
    called = person.name or f"Person {person.identity}"
    if len(called) > _LONGEST:
        called = f"{called[: _LONGEST - 1]}…"
    text = str(person.identity) if short else called
    return text if person.confirmed else f"{text}?"


def _picture_width(columns: int, count: int, size: tuple[int, int], aspect: float) -> float:
    by_width = (size[0] - _SPACE) / columns - _SPACE
    by_height = ((size[1] - _SPACE) / math.ceil(count / columns) - _SPACE - _CAPTION) * aspect
    return min(by_width, by_height)


def _common_aspect(tiles: Sequence[Tile]) -> float:
    known = sorted(t.image.shape[1] / t.image.shape[0] for t in tiles if t.image is not None)
    return known[len(known) // 2] if known else _USUAL_ASPECT


def _draw_tile(part: Picture, tile: Tile) -> None:
    """Draws a tile into its part of the whole picture."""
    _write(part, tile.camera, (6, 18), 15, _WHITE)
    below = part[_CAPTION:]
    if tile.image is None:
        below[:] = _DARK
        _write_lines(below, tile.note or "waiting for a picture")
        return
    shown = _fitted(below, tile.image)
    if tile.note:  # the picture is an old one
        shown[:] = shown // 3
        _write_lines(shown, tile.note)
        return
    _draw_people(shown, tile.people)


def _fitted(space: Picture, image: Picture) -> Picture:
    """Puts a picture into a space, as large as it fits; returns where it is."""
    scale = min(space.shape[1] / image.shape[1], space.shape[0] / image.shape[0])
    width, height = (max(1, int(length * scale)) for length in (image.shape[1], image.shape[0]))
    left = (space.shape[1] - width) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    shown = space[:height, left : left + width]
    shown[:] = cv2.resize(image, (width, height), interpolation=way)
    return shown


# ── people ──────────────────────────────────────────────────────────────────────────────────


def _draw_people(picture: Picture, people: Sequence[Seen]) -> None:
    height, width = picture.shape[:2]
    boxes = [_corners(person, width, height) for person in people]
    for person, box in zip(people, boxes, strict=True):
        _draw_box(picture, person, box)
    taken: list[Corners] = []
    for person, box in zip(people, boxes, strict=True):
        if person.identity is not None:
            obstacles = [*taken, *(other for other in boxes if other is not box)]
            taken.append(_draw_label(picture, person, box, obstacles))


def _corners(person: Seen, width: int, height: int) -> Corners:
    x, y, w, h = person.xywh
    left, top = round(x * width), round(y * height)
    return left, top, left + round(w * width), top + round(h * height)


def hue(identity: int) -> Colour:
    """An identity's colour, the same everywhere and for ever."""
    number = PALETTE[(identity - 1) % len(PALETTE)]
    red, green, blue = (int(number[at : at + 2], 16) for at in (1, 3, 5))
    return blue, green, red


def _draw_box(picture: Picture, person: Seen, box: Corners) -> None:
    """Whole lines for those who are certain; dashes for others, thin and white for nobody yet."""
    if person.identity is None:
        _outline(picture, box, _BLACK, 3)
        _outline(picture, box, _WHITE, 1, dash=(4, 4))
        return
    _outline(picture, box, _BLACK, 5)
    colour, period = hue(person.identity), _DASH + _GAP
    stripe = _STRIPES[(person.identity - 1) // len(PALETTE) % len(_STRIPES)]
    _outline(picture, box, colour, 3, dash=None if person.confirmed else (_DASH, _GAP))
    if stripe is not None:
        dash = (8, 8) if person.confirmed else (_DASH, 2 * period - _DASH)
        _outline(picture, box, stripe, 3, dash=dash)


def _outline(
    picture: Picture,
    box: Corners,
    colour: Colour,
    width: int,
    *,
    dash: tuple[int, int] | None = None,
) -> None:
    left, top, right, bottom = box
    if dash is None:
        cv2.rectangle(picture, (left, top), (right, bottom), colour, width)
        return
    on, off = dash
    for x in range(left, right, on + off):
        end = min(x + on, right)
        cv2.line(picture, (x, top), (end, top), colour, width)
        cv2.line(picture, (x, bottom), (end, bottom), colour, width)
    for y in range(top, bottom, on + off):
        end = min(y + on, bottom)
        cv2.line(picture, (left, y), (left, end), colour, width)
        cv2.line(picture, (right, y), (right, end), colour, width)


def _draw_label(
    picture: Picture, person: Seen, box: Corners, obstacles: Sequence[Corners]
) -> Corners:
    """Writes a name where it hides least; returns where it stands."""
    assert person.identity is not None
    text = label(person, short=picture.shape[1] < _SHORT_BELOW)
    width, height = _text_width(text, 14) + 10, 20
    place = _place(picture, box, (width, height), obstacles)
    colour = hue(person.identity)
    cv2.rectangle(picture, place[:2], place[2:], colour, cv2.FILLED)
    cv2.rectangle(picture, place[:2], place[2:], _BLACK, 1)
    _write(picture, text, (place[0] + 5, place[1] + 15), 14, _ink(colour))
    return place


def _ink(colour: Colour) -> Colour:
    """Black or white, whichever stands out more: as in colours.js."""
    linear = [(value / 255) ** 2.2 for value in colour]
    return _BLACK if 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2] > 0.18 else _WHITE


def _place(
    picture: Picture, box: Corners, size: tuple[int, int], obstacles: Sequence[Corners]
) -> Corners:
    """Above the box if that is as good as anywhere, else below or inside it."""
    left, top, right, bottom = box
    (width, height), (rows, columns) = size, picture.shape[:2]
    wanted = [(left, top - height - 2), (right - width, top - height - 2),
              (left, bottom + 3), (right - width, bottom + 3), (left, top + 2)]  # fmt: skip
    inside = [
        (min(max(x, 0), max(0, columns - width - 1)), min(max(y, 0), max(0, rows - height - 1)))
        for x, y in wanted
    ]
    labels = [(x, y, x + width, y + height) for x, y in inside]
    return min(labels, key=lambda place: sum(_shared(place, other) for other in obstacles))


def _shared(one: Corners, other: Corners) -> int:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


# ── letters ─────────────────────────────────────────────────────────────────────────────────

_FONT = cv2.FontFace("sans")
"""Comes with OpenCV and has letters of most languages."""
_BOLD = 600


def _write(picture: Picture, text: str, at: tuple[int, int], size: int, colour: Colour) -> None:
    cv2.putText(picture, text, at, colour, _FONT, size, weight=_BOLD)


def _text_width(text: str, size: int) -> int:
    return int(cv2.getTextSize((0, 0), text, (0, 0), _FONT, size, weight=_BOLD)[2])


def _write_lines(picture: Picture, text: str) -> None:
    """A sentence in the middle, in as many lines as it takes."""
    lines, room = [""], picture.shape[1] - 24
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _text_width(longer, 15) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    first = max(20, picture.shape[0] // 2 - 10 * (len(lines) - 1))
    for row, line in enumerate(lines):
        _write(picture, line, (12, first + 20 * row), 15, _WHITE)
