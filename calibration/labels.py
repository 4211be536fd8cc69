"""Where texts go in a picture so that none lies over another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

Pair = tuple[float, float]

_RINGS, _DIRECTIONS = 14, 16


def place_labels(
    wanted: Sequence[Pair], sizes: Sequence[Pair], *, within: Pair, taken: Sequence[Box] = ()
) -> list[Pair | None]:
    """Centres of texts, each as near as can be to where it is wanted.

    Args:
        wanted: centres (x, y), the most important first; any unit.
        sizes: width and height of each.
        within: width and height of the area, which begins at (0, 0).
        taken: boxes that must stay free.

    Returns:
        a centre for each, or None where there was no room near enough.
    """
    boxes, placed = list(taken), list[Pair | None]()
    for centre, size in zip(wanted, sizes, strict=True):
        found = next(
            (c for c in _around(centre, size, within) if _free(_box(c, size), boxes)), None
        )
        placed.append(found)
        if found is not None:
            boxes.append(_box(found, size))
    return placed


Box = tuple[float, float, float, float]
"""Left, lower, right and upper bound."""


def _around(centre: Pair, size: Pair, within: Pair) -> Iterator[Pair]:
    """The place itself, then rings around it, all moved into the area."""
    yield _inside(centre, size, within)
    for ring in range(1, _RINGS + 1):
        for direction in range(_DIRECTIONS):
            angle = 2 * math.pi * direction / _DIRECTIONS
            x = centre[0] + 0.5 * ring * size[1] * math.cos(angle)
            y = centre[1] + 0.5 * ring * size[1] * math.sin(angle)
            yield _inside((x, y), size, within)


def _inside(centre: Pair, size: Pair, within: Pair) -> Pair:
    x, y = (
        min(max(c, s / 2), max(w - s / 2, s / 2))
        for c, s, w in zip(centre, size, within, strict=True)
    )
    return x, y


def _box(centre: Pair, size: Pair) -> Box:
    (x, y), (w, h) = centre, size
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _free(box: Box, boxes: Sequence[Box]) -> bool:
    return not any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in boxes
    )
