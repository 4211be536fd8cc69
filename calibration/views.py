"""Views: pictures of a board that a lens can be measured by, and why others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.boards import Board, Corners, Grey

SMALLEST_SQUARE = 8.0
"""Pixels between two corners; below, a corner cannot be placed to a tenth of a pixel."""

SMALLEST_SHARE = 0.015
"""Part of the picture that the corners must span."""

BLURRED_PIXELS, BLURRED_SHARE = 5.0, 0.2
"""Widest transition from black to white: so many pixels, or so much of a square if that is more."""

SAME_SHARE = 0.015
"""Mean distance of the corners of two views that differ, as a part of the picture's diagonal."""

PARTS = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)

_LEAST_IN_COMMON = 6
_PART_CORNERS = 3


class Unusable(Exception):
    """A picture that a lens cannot be measured by; the message says why, in a few words."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture with a board in it.

    Attributes:
        name: of the file, or when it was taken.
        size: width and height in pixels.
        corners: those of the board that were found.
        points: where they are on the board, float32[n, 3] metres.
        encoded: the picture as a file.
    """

    name: str
    size: tuple[int, int]
    corners: Corners
    points: NDArray[np.float32]
    encoded: bytes

    def picture(self) -> NDArray[np.uint8]:
        """The picture uint8[H, W, 3] BGR."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.encoded, np.uint8), cv2.IMREAD_COLOR))


def look(name: str, encoded: bytes, board: Board) -> View:
    """Finds the board in a picture and sees that it is large and sharp enough.

    Args:
        name: of the picture.
        encoded: its file.
        board: what to look for.

    Raises:
        Unusable: why not.
    """
    data = np.frombuffer(encoded, np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if encoded else None
    if decoded is None:
        raise Unusable("not a picture that can be read")
    grey = np.asarray(decoded, np.uint8)
    corners = board.find(grey)
    if corners is None:
        raise Unusable("no board found")
    _check_size(grey, board, corners)
    _check_sharpness(grey, board, corners)
    size = (grey.shape[1], grey.shape[0])
    return View(name, size, corners, board.points(corners.ids), encoded)


def check_new(view: View, others: Sequence[View]) -> None:
    """Sees that a view is of the others' size, and not the same as one of them.

    Raises:
        Unusable: why not.
    """
    if others and view.size != others[0].size:
        (width, height), (w, h) = view.size, others[0].size
        raise Unusable(f"{width}×{height} pixels, where the first usable picture has {w}×{h}")
    least = SAME_SHARE * float(np.hypot(*view.size))
    for other in others:
        if (apart := distance(view, other)) < least:
            raise Unusable(f"the same as {other.name} (corners {apart:.1f} pixels apart)")


def distance(one: View, other: View) -> float:
    """Mean distance of the corners that both views have, pixels; infinite if they have too few.

    A chessboard looks the same upside down, so its corners may be counted from either end.
    """
    _, ours, theirs = np.intersect1d(one.corners.ids, other.corners.ids, return_indices=True)
    if len(ours) < _LEAST_IN_COMMON:
        return float("inf")
    here, there = one.corners.xy[ours], other.corners.xy[theirs]
    return min(float(np.linalg.norm(here - t, axis=1).mean()) for t in (there, there[::-1]))


def edge_width(grey: Grey, board: Board, corners: Corners) -> float:
    """How many pixels black takes to become white, median over the corners.

    Contrast divided by the steepest slope, along the rows and along the columns; the worse counts,
    because motion blurs one of them only. A step blurred by a Gaussian of σ pixels has 2.5 σ.
    """
    along_rows, along_columns = board.steps(corners)
    x = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8)
    y = cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    half = int(np.clip(0.3 * board.spacing(corners), 2, 15))
    widths = [
        _width(_patch(grey, at, half), _patch(x, at, half), _patch(y, at, half), (right, down))
        for at, right, down in zip(corners.xy, along_rows, along_columns, strict=True)
        if np.isfinite(right).all() and np.isfinite(down).all()
    ]
    return float(np.median(widths)) if widths else 0.0


def uncovered(views: Sequence[View]) -> list[str]:
    """The ninths of the picture, by name, in which hardly any corner was ever seen."""
    counts = _count(views, 3, 3)
    return [
        PARTS[row][column]
        for row in range(3)
        for column in range(3)
        if counts[row, column] < _PART_CORNERS
    ]


def coverage(views: Sequence[View], columns: int = 12, rows: int = 9) -> float:
    """Part of the picture, in so many fields, that had a corner in it, 0 to 1."""
    return float((_count(views, columns, rows) > 0).mean())


def _count(views: Sequence[View], columns: int, rows: int) -> NDArray[np.float64]:
    width, height = views[0].size
    xy = np.concatenate([view.corners.xy for view in views])
    counts, _, _ = np.histogram2d(
        xy[:, 1], xy[:, 0], bins=(rows, columns), range=((0, height), (0, width))
    )
    return counts


def _check_size(grey: Grey, board: Board, corners: Corners) -> None:
    spacing = board.spacing(corners)
    if not spacing >= SMALLEST_SQUARE:
        raise Unusable(
            f"the board is too small (squares of {spacing:.1f} pixels, at least "
            f"{SMALLEST_SQUARE:g} are needed)"
        )
    share = cv2.contourArea(cv2.convexHull(corners.xy)) / grey.size
    if share < SMALLEST_SHARE:
        raise Unusable(
            f"the board is too small ({share:.1%} of the picture, at least "
            f"{SMALLEST_SHARE:.1%} is needed)"
        )


def _check_sharpness(grey: Grey, board: Board, corners: Corners) -> None:
    width = edge_width(grey, board, corners)
    most = max(BLURRED_PIXELS, BLURRED_SHARE * board.spacing(corners))
    if width > most:
        raise Unusable(
            f"blurred (edges are {width:.1f} pixels wide, {most:.1f} would do: hold the board "
            "still, focus, add light)"
        )


def _patch(image: NDArray[np.generic], at: NDArray[np.float32], half: int) -> NDArray[np.float32]:
    x, y = round(float(at[0])), round(float(at[1]))
    part = image[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1]
    return part.astype(np.float32)


def _width(
    grey: NDArray[np.float32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    steps: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> float:
    if grey.size == 0:
        return 0.0
    contrast = float(np.subtract(*np.percentile(grey, (95, 5))))
    slopes = []
    for step in steps:  # edges along it have their slope across
        across = np.array([-step[1], step[0]]) / max(float(np.linalg.norm(step)), 1e-6)
        slopes.append(float(np.percentile(np.abs(x * across[0] + y * across[1]), 95)))
    return contrast / max(min(slopes), 1e-6)
