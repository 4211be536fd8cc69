"""MOTChallenge text files: what a camera's people did, one row per box, as parallel arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigError, InvalidArray

UNCATEGORISED = -1
"""Category of rows in files that know only people: MOT15 ground truth, and all results."""

_Number = TypeVar("_Number", bound=np.generic)
_DECIMALS = 2
_CATEGORY_COLUMNS = 9  # MOT16 and later: frame,id,x,y,w,h,confidence,category,visibility
_COLUMNS = (7, 10)  # fewest and most columns of a row


@dataclass(frozen=True, slots=True)
class Table:
    """The boxes of one camera over time, as parallel arrays of N rows.

    Rows are sorted by frame, then identity; an identity has one box in a frame at most.

    Attributes:
        frame: int64[N], number of the picture, from 1.
        identity: int64[N], who it is.
        xyxy: float64[N, 4], left, top, right, bottom in pixels of the camera's picture.
        confidence: float64[N]; in ground truth 0 marks rows that do not count.
        category: int64[N], MOTChallenge class (1 is a pedestrian), or `UNCATEGORISED`.
    """

    frame: NDArray[np.int64]
    identity: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    confidence: NDArray[np.float64]
    category: NDArray[np.int64]

    def __post_init__(self) -> None:
        _check_shapes(self.frame, self.identity, self.xyxy, self.confidence, self.category)
        _check_order(self.frame, self.identity)

    @classmethod
    def build(
        cls,
        *,
        frame: Iterable[int] | NDArray[np.integer],
        identity: Iterable[int] | NDArray[np.integer],
        xyxy: Iterable[Iterable[float]] | NDArray[np.floating],
        confidence: Iterable[float] | NDArray[np.floating] | float = 1.0,
        category: Iterable[int] | NDArray[np.integer] | int = UNCATEGORISED,
    ) -> Table:
        """Makes a table of rows in any order; a single confidence or category holds for all."""
        frames, identities = np.asarray(frame, np.int64), np.asarray(identity, np.int64)
        boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
        confidences = _spread(np.asarray(confidence, np.float64), len(frames))
        categories = _spread(np.asarray(category, np.int64), len(frames))
        _check_shapes(frames, identities, boxes, confidences, categories)
        order = np.lexsort((identities, frames))
        return cls(
            frames[order], identities[order], boxes[order], confidences[order], categories[order]
        )

    @classmethod
    def empty(cls) -> Table:
        """A table without rows."""
        return cls.build(frame=[], identity=[], xyxy=[])

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        people = len(np.unique(self.identity))
        return f"Table(rows={len(self)}, identities={people}, last_frame={self.last_frame})"

    def __getitem__(self, index: slice | NDArray[np.bool_]) -> Table:
        """The rows of a slice or a mask bool[N]."""
        return Table(
            self.frame[index],
            self.identity[index],
            self.xyxy[index],
            self.confidence[index],
            self.category[index],
        )

    @property
    def last_frame(self) -> int:
        """Number of the last picture with a row, 0 if there are none."""
        return int(self.frame[-1]) if len(self) else 0

    def at(self, frame: int) -> Table:
        """The rows of one picture, found by binary search."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return self[first:last]


def write_table(table: Table, path: Path) -> None:
    """Writes rows `frame,identity,x,y,w,h,confidence,-1,-1,-1`, the same bytes for the same table.

    Raises:
        InvalidArray: a box has no width or no height, or a number is not finite.
    """
    corner, size = table.xyxy[:, :2], table.xyxy[:, 2:] - table.xyxy[:, :2]
    numbers = np.column_stack([corner, size, table.confidence])
    numbers = np.round(numbers, _DECIMALS) + 0.0  # adding 0 turns -0.00 into 0.00
    wrong = np.flatnonzero(~np.isfinite(numbers).all(axis=1) | (numbers[:, 2:4] <= 0).any(axis=1))
    if len(wrong):
        raise InvalidArray(
            f"table: frame {table.frame[wrong[0]]}: expected a box with width and height of at "
            f"least 0.01 pixels, found {table.xyxy[wrong[0]].tolist()}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = map(_row, table.frame, table.identity, numbers)
    path.write_text("".join(lines), encoding="ascii", newline="\n")


def read_table(path: Path) -> Table:
    """Reads MOTChallenge results or ground truth.

    A row of nine columns has its class in column 8 (MOT16 and later); in rows of ten columns 8 to
    10 are coordinates in the world or -1 (MOT15 and all results), which are not kept.

    Raises:
        ConfigError: the file cannot be read, or a row is wrong; the message names the line.
    """
    rows = [_parse(path, number, text) for number, text in _lines(path)]
    _refuse_repeats(path, rows)
    numbers = np.array([row.numbers for row in rows], np.float64).reshape(-1, 8)
    corner, size = numbers[:, 2:4], numbers[:, 4:6]
    return Table.build(
        frame=numbers[:, 0].astype(np.int64),
        identity=numbers[:, 1].astype(np.int64),
        xyxy=np.hstack([corner, corner + size]),
        confidence=numbers[:, 6],
        category=numbers[:, 7].astype(np.int64),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A line's number in the file; frame, identity, x, y, w, h, confidence, category."""

    line: int
    numbers: tuple[float, ...]


def _spread(values: NDArray[_Number], rows: int) -> NDArray[_Number]:
    """One value per row; a single value is repeated."""
    return np.full(rows, values) if values.ndim == 0 else values


def _check_shapes(
    frame: NDArray[np.int64],
    identity: NDArray[np.int64],
    xyxy: NDArray[np.float64],
    confidence: NDArray[np.float64],
    category: NDArray[np.int64],
) -> None:
    rows = len(frame)
    for name, array, shape in (
        ("frame", frame, (rows,)),
        ("identity", identity, (rows,)),
        ("xyxy", xyxy, (rows, 4)),
        ("confidence", confidence, (rows,)),
        ("category", category, (rows,)),
    ):
        if array.shape != shape:
            expected, found = list(shape), list(array.shape)
            raise InvalidArray(f"table: {name}: expected shape {expected}, found {found}")


def _check_order(frame: NDArray[np.int64], identity: NDArray[np.int64]) -> None:
    if len(frame) and frame[0] < 1:
        raise InvalidArray(f"table: expected frames from 1, found frame {frame[0]}")
    steps, turns = np.diff(frame), np.diff(identity)
    wrong = np.flatnonzero((steps < 0) | ((steps == 0) & (turns <= 0)))
    if len(wrong):
        before, row = wrong[0], wrong[0] + 1
        raise InvalidArray(
            "table: expected rows sorted by frame and identity, each identity once per frame, "
            f"found frame {frame[row]}, identity {identity[row]} after frame {frame[before]}, "
            f"identity {identity[before]}"
        )


def _row(frame: np.int64, identity: np.int64, numbers: NDArray[np.float64]) -> str:
    measured = ",".join(f"{number:.{_DECIMALS}f}" for number in numbers)
    return f"{frame},{identity},{measured},-1,-1,-1\n"


def _lines(path: Path) -> list[tuple[int, str]]:
    """Number (from 1) and text of every line that is not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a file, found none") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a readable text file, found: {error}") from None
    return [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _parse(path: Path, line: int, text: str) -> _Row:
    fields = text.split(",")
    if not _COLUMNS[0] <= len(fields) <= _COLUMNS[1]:
        raise _wrong(
            path,
            line,
            "{} to {} numbers frame,identity,x,y,w,h,confidence,…".format(*_COLUMNS),
            f"{len(fields)} columns in {text.strip()[:60]!r}",
        )
    frame = _whole(path, line, "frame", fields[0], least=1)
    identity = _whole(path, line, "identity", fields[1], least=0)
    box = [_number(path, line, name, text) for name, text in zip("xywh", fields[2:6], strict=True)]
    if min(box[2:]) <= 0:
        raise _wrong(path, line, "width and height above 0", f"{box[2]:g} and {box[3]:g}")
    confidence = _number(path, line, "confidence", fields[6])
    categorised = len(fields) == _CATEGORY_COLUMNS
    category = _whole(path, line, "class", fields[7], least=1) if categorised else UNCATEGORISED
    return _Row(line, (frame, identity, *box, confidence, category))


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise _wrong(path, line, f"a number as {name}", repr(text.strip()))
    return value


def _whole(path: Path, line: int, name: str, text: str, *, least: int) -> int:
    value = _number(path, line, name, text)
    if value != int(value) or value < least:
        raise _wrong(path, line, f"a whole number from {least} as {name}", repr(text.strip()))
    return int(value)


def _refuse_repeats(path: Path, rows: list[_Row]) -> None:
    seen: dict[tuple[float, ...], int] = {}
    for row in rows:
        key = row.numbers[:2]
        if key in seen:
            found = f"frame {key[0]:g}, identity {key[1]:g} on line {seen[key]} too"
            raise _wrong(path, row.line, "each identity once per frame", found)
        seen[key] = row.line


def _wrong(path: Path, line: int, expected: str, found: str) -> ConfigError:
    return ConfigError(f"{path}: line {line}: expected {expected}, found {found}")
