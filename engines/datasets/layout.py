"""What a data set's folder must hold: one sentence says which part is missing, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import HandoffError

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})


class DatasetError(HandoffError):
    """A data set is incomplete, or a file of it is not what its format says."""


def require(kind: str, root: Path, parts: Iterable[str]) -> list[Path]:
    """The parts of a set by name, checked to be there.

    Args:
        kind: what the set is called in the sentence.
        root: folder of the set.
        parts: files and folders below `root`.

    Raises:
        DatasetError: names every part that is missing, under which root.
    """
    if not root.is_dir():
        raise DatasetError(f"{kind}: expected the folder of the set at {root}, found none")
    names = list(parts)
    missing = [name for name in names if not (root / name).exists()]
    if missing:
        raise DatasetError(
            f"{kind}: expected {', '.join(names)} under {root}, missing: {', '.join(missing)}"
        )
    return [root / name for name in names]


def first_with(kind: str, roots: Iterable[Path], part: str) -> Path:
    """The first of some possible roots that has a part; sets are unpacked in more ways than one.

    Raises:
        DatasetError: none has it.
    """
    candidates = list(roots)
    for root in candidates:
        if (root / part).exists():
            return root
    places = " or ".join(str(root) for root in candidates)
    raise DatasetError(f"{kind}: expected {part} under {places}, found none")


def pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures that lie in a folder itself, in the order of their names.

    Numbers in names count as numbers, so that frame 10 comes after frame 9.
    """
    found = (path for path in folder.iterdir() if is_picture(path))
    return tuple(sorted(found, key=natural_order))


def is_picture(path: Path) -> bool:
    """Whether this is a picture by its ending; files that begin with a dot are none."""
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def natural_order(path: Path) -> list[tuple[bool, int, str]]:
    """Sorts by name, numbers by value."""
    parts = re.split(r"(\d+)", path.name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def lines(path: Path) -> list[str]:
    """The lines of a list that are not blank."""
    return [line.strip() for line in path.read_text().splitlines() if line.strip()]
