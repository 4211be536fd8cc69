"""Boards: the patterns that a lens is measured by, printed and found again in pictures.

    python -m calibration.boards board.png --board charuco --corners 9x6

writes one to be printed or shown on a flat screen; every side must stay flat and unscaled.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.errors import ConfigError, HandoffError

SEARCH_PIXELS = 1280
"""A board is searched for in a picture shrunk to this length, then measured in the whole one."""

LEAST_SHARE = 0.3
"""Part of a ChArUco board's corners that must be seen."""

_REFINE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 0.001)
_SMALLEST_WINDOW, _LARGEST_WINDOW = 2, 15

Grey = NDArray[np.uint8]


class Kind(StrEnum):
    """What is printed on a board."""

    CHESSBOARD = "chessboard"
    CHARUCO = "charuco"


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """The inner corners of a board that were found in a picture.

    Attributes:
        ids: int64[n], numbers of the corners, row by row.
        xy: float32[n, 2], where they are, pixels.
    """

    ids: NDArray[np.int64]
    xy: NDArray[np.float32]


class Board(ABC):
    """A board of black and white squares.

    Attributes:
        columns, rows: inner corners, where four squares meet.
        square: side of a square in metres. A lens does not depend on it.
    """

    def __init__(self, corners: tuple[int, int], square: float) -> None:
        self.columns, self.rows = corners
        self.square = square

    @abstractmethod
    def find(self, grey: Grey) -> Corners | None:
        """The board's corners in a picture uint8[H, W], or None if it is not (enough) in it."""

    @abstractmethod
    def draw(self, pixels: int) -> Grey:
        """The board with squares of so many pixels and a white margin of one square around."""

    def points(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Corners on the board float32[n, 3], metres; z is 0."""
        x, y = ids % self.columns, ids // self.columns
        return (np.stack([x, y, np.zeros_like(x)], axis=1) * self.square).astype(np.float32)

    def steps(self, corners: Corners) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """From each corner to the next along its row, and along its column.

        Returns:
            two float32[n, 2] in pixels; NaN where the next corner was not found.
        """
        grid = np.full((self.rows + 1, self.columns + 1, 2), np.nan, np.float32)
        row, column = corners.ids // self.columns, corners.ids % self.columns
        grid[row, column] = corners.xy
        return grid[row, column + 1] - corners.xy, grid[row + 1, column] - corners.xy

    def spacing(self, corners: Corners) -> float:
        """The smallest distance between neighbours, pixels; NaN if there are none."""
        steps = np.concatenate(self.steps(corners))
        lengths = np.linalg.norm(steps, axis=1)
        return float(np.nanmin(lengths)) if np.isfinite(lengths).any() else float("nan")

    def _refined(self, grey: Grey, corners: Corners, share: float) -> Corners:
        """The corners to a fraction of a pixel.

        Args:
            grey: the picture they were found in.
            corners: roughly.
            share: half the side of the window looked at, as a part of the smallest square.
        """
        spacing = self.spacing(corners)
        if not np.isfinite(spacing):
            return corners
        half = int(np.clip(spacing * share, _SMALLEST_WINDOW, _LARGEST_WINDOW))
        xy = cv2.cornerSubPix(
            grey, corners.xy.reshape(-1, 1, 2).copy(), (half, half), (-1, -1), _REFINE
        )
        return Corners(corners.ids, np.asarray(xy, np.float32).reshape(-1, 2))


class Chessboard(Board):
    """A plain chessboard; it counts only if all of it is in the picture."""

    def find(self, grey: Grey) -> Corners | None:
        """See `Board.find`."""
        scale = min(1.0, SEARCH_PIXELS / max(grey.shape))
        small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shape = (self.columns, self.rows)
        flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
        found, xy = cv2.findChessboardCorners(small, shape, flags=flags)
        if not found:  # slower, and finds boards in poor light or strong distortion
            found, xy = cv2.findChessboardCornersSB(
                small, shape, flags=cv2.CALIB_CB_NORMALIZE_IMAGE
            )
        if not found or xy is None:
            return None
        rough = ((np.asarray(xy, np.float32).reshape(-1, 2) + 0.5) / scale - 0.5).astype(np.float32)
        corners = Corners(np.arange(self.columns * self.rows), rough)
        return self._refined(grey, corners, share=0.3)

    def draw(self, pixels: int) -> Grey:
        """See `Board.draw`."""
        row, column = np.indices((self.rows + 1, self.columns + 1))
        squares = np.where((row + column) % 2 == 0, 0, 255).astype(np.uint8)
        board = squares.repeat(pixels, axis=0).repeat(pixels, axis=1)
        return np.pad(board, pixels, constant_values=255)


class Charuco(Board):
    """A chessboard with a marker in every white square; a part of it is enough.

    Args:
        corners: columns and rows of inner corners.
        square: side of a square in metres.
        marker: side of a marker in the same unit.
        dictionary: of the markers, such as `4X4_50`.

    Raises:
        ConfigError: an unknown dictionary, one with too few markers, or a marker that does not fit.
    """

    def __init__(
        self, corners: tuple[int, int], square: float, *, marker: float, dictionary: str
    ) -> None:
        super().__init__(corners, square)
        markers = _dictionary(dictionary)
        squares = (self.columns + 1, self.rows + 1)
        needed = squares[0] * squares[1] // 2
        if not 0 < marker < square:
            raise ConfigError(
                f"--marker: expected less than the square's {square:g}, found {marker:g}"
            )
        if needed > len(markers.bytesList):
            raise ConfigError(
                f"--dictionary: expected at least {needed} markers for this board, "
                f"found {len(markers.bytesList)} in {dictionary}"
            )
        self._clear = (square - marker) / 2 / square  # from a corner to the next marker
        self._boards = [cv2.aruco.CharucoBoard(squares, square, marker, markers) for _ in range(2)]
        # Before OpenCV 4.6 boards with an even number of rows began with the other colour, and
        # many that are printed still do.
        self._boards[1].setLegacyPattern(True)
        self._detectors = [cv2.aruco.CharucoDetector(board) for board in self._boards]

    def find(self, grey: Grey) -> Corners | None:
        """See `Board.find`."""
        for detector in self._detectors:
            xy, ids, _, _ = detector.detectBoard(grey)
            if ids is not None and len(ids) >= LEAST_SHARE * self.columns * self.rows:
                found = Corners(
                    np.asarray(ids, np.int64).ravel(), np.asarray(xy, np.float32).reshape(-1, 2)
                )
                # OpenCV places corners by the markers around; this looks at the corner itself.
                return self._refined(grey, found, share=min(0.3, self._clear))
        return None

    def draw(self, pixels: int) -> Grey:
        """See `Board.draw`."""
        size = ((self.columns + 1) * pixels, (self.rows + 1) * pixels)
        board = self._boards[0].generateImage(size, marginSize=0, borderBits=1)
        return np.pad(np.asarray(board, np.uint8), pixels, constant_values=255)


def make_board(
    kind: Kind, corners: str, *, square: float, dictionary: str, marker: float | None
) -> Board:
    """A board as the command line describes it.

    Args:
        kind: what is printed on it.
        corners: inner corners, such as `9x6`.
        square: side of a square in metres.
        dictionary, marker: of ChArUco; see there. None: 0.75 of the square.

    Raises:
        ConfigError: one sentence about what cannot be.
    """
    match = re.fullmatch(r"(\d+)[x×](\d+)", corners)
    if not match or min(int(match[1]), int(match[2])) < 3:
        raise ConfigError(
            "--corners: expected columns x rows of inner corners, at least 3x3, such as 9x6, "
            f"found {corners}"
        )
    if not square > 0:
        raise ConfigError(f"--square: expected more than 0 metres, found {square:g}")
    size = (int(match[1]), int(match[2]))
    if kind is Kind.CHESSBOARD:
        return Chessboard(size, square)
    return Charuco(size, square, marker=marker or 0.75 * square, dictionary=dictionary)


def _dictionary(name: str) -> cv2.aruco.Dictionary:
    known = {n.removeprefix("DICT_"): n for n in dir(cv2.aruco) if n.startswith("DICT_")}
    found = known.get(name.upper().removeprefix("DICT_"))
    if found is None:
        raise ConfigError(f"--dictionary: expected one of {', '.join(sorted(known))}, found {name}")
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, found))


def main(
    output: Annotated[Path, typer.Argument(help="The picture to write.")],
    board: Annotated[Kind, typer.Option(help="What is printed on it.")] = Kind.CHESSBOARD,
    corners: Annotated[str, typer.Option(help="Inner corners, columns x rows.")] = "9x6",
    dictionary: Annotated[str, typer.Option(help="ChArUco: the markers'.")] = "5X5_100",
    marker: Annotated[
        float, typer.Option(help="ChArUco: a marker's side as a part of the square's.")
    ] = 0.75,
    pixels: Annotated[int, typer.Option(min=16, help="Side of a square in pixels.")] = 120,
) -> None:
    """Writes a board to print."""
    try:
        made = make_board(board, corners, square=1.0, dictionary=dictionary, marker=marker)
    except HandoffError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    output.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(output), made.draw(pixels)):
        typer.echo(f"{output}: cannot be written", err=True)
        raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
