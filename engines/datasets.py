"""Data sets of people: who, which camera, which pictures; and how a clip is drawn from a tracklet.

A set is a list of `LabelledTracklet`. Cameras belong to a tracklet, never to a frame: published
figures were inflated by code that collected them per frame and so kept same-camera matches.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.preprocess import Image, resize_crop

MARKET_NAME = re.compile(r"(?P<person>\d{4})_c(?P<camera>\d)s(?P<sequence>\d)_(?P<frame>\d{6})")
"""Market-1501's `PPPP_cCsS_FFFFFF_DD.jpg`; people 0000 and -1 are distractors and do not match."""


@dataclass(frozen=True, slots=True)
class LabelledTracklet:
    """Pictures of one person in one camera, in the order of time.

    Attributes:
        person: number of the person; unique within a set.
        camera: number of the camera; unique within a set.
        paths: at least one picture.
    """

    person: int
    camera: int
    paths: tuple[Path, ...]


def read_market1501(folder: Path) -> list[LabelledTracklet]:
    """Market-1501's images as pseudo-tracklets: one per person, camera and sequence.

    Args:
        folder: where the JPEG files lie (`bounding_box_train`).

    Raises:
        FileNotFoundError: no file in `folder` has Market-1501's form of name.
    """
    groups: dict[tuple[int, int, int], list[Path]] = defaultdict(list)
    for path in sorted(folder.glob("*.jpg")):
        name = MARKET_NAME.match(path.name)
        if name and name["person"] != "0000":
            groups[int(name["person"]), int(name["camera"]), int(name["sequence"])].append(path)
    if not groups:
        raise FileNotFoundError(
            f"{folder}: expected images named like 0002_c1s1_000451_03.jpg, found none"
        )
    return [
        LabelledTracklet(person, camera, tuple(paths))
        for (person, camera, _), paths in sorted(groups.items())
    ]


def read_tracklet_list(path: Path, *, root: Path) -> list[LabelledTracklet]:
    """Tracklets from a JSON list of objects with `pid`, `camid` and `img_paths`.

    Args:
        path: the JSON file.
        root: what `img_paths` are relative to.

    Raises:
        ValueError: an entry lacks one of the three keys or has no images.
    """
    entries = json.loads(path.read_text())
    for number, entry in enumerate(entries):
        missing = {"pid", "camid", "img_paths"} - set(entry)
        if missing or not entry["img_paths"]:
            raise ValueError(
                f"{path}: entry {number}: expected pid, camid and a list of img_paths, "
                f"found {', '.join(sorted(entry))}"
            )
    return [
        LabelledTracklet(
            int(entry["pid"]),
            int(entry["camid"]),
            tuple(root / name for name in entry["img_paths"]),
        )
        for entry in entries
    ]


def read_loose_crops(folder: Path) -> list[Path]:
    """All JPEG crops under `folder`, nobody knows of whom."""
    return sorted(folder.rglob("*.jpg"))


def hold_out_people(
    tracklets: Sequence[LabelledTracklet], people: int, *, seed: int = 0
) -> tuple[list[LabelledTracklet], list[LabelledTracklet]]:
    """Splits by person, so that nobody is on both sides.

    Args:
        tracklets: the whole set.
        people: how many people to hold out, drawn at random.
        seed: of the draw.

    Returns:
        The tracklets to train on and those held out.
    """
    everybody = sorted({tracklet.person for tracklet in tracklets})
    drawn = np.random.default_rng(seed).permutation(everybody)[:people]
    held_out = {int(person) for person in drawn}
    return (
        [tracklet for tracklet in tracklets if tracklet.person not in held_out],
        [tracklet for tracklet in tracklets if tracklet.person in held_out],
    )


def restricted_random_sampling(
    length: int, frames: int, *, rng: np.random.Generator | None = None
) -> npt.NDArray[np.int64]:
    """Indices of a clip's frames: the tracklet in equal chunks, one frame of each.

    The paper's "restricted random sampling". A tracklet shorter than the clip repeats frames.

    Args:
        length: number of frames of the tracklet, at least 1.
        frames: number N of chunks.
        rng: draws a frame from each chunk (training); None takes each chunk's first (test).

    Returns:
        int64[frames], in rising order.
    """
    begins = np.arange(frames) * length // frames
    if rng is None:
        return begins
    ends = np.maximum(begins + 1, np.arange(1, frames + 1) * length // frames)
    return rng.integers(begins, ends)


def read_crop(path: Path) -> Image:
    """Reads a picture as uint8[h, w, 3] BGR.

    Raises:
        FileNotFoundError: there is none, or it cannot be decoded.
    """
    crop = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if crop is None:
        raise FileNotFoundError(f"{path}: expected a picture, found nothing that can be decoded")
    return np.asarray(crop, dtype=np.uint8)


class CropCache:
    """Decoded crops at one size, kept in memory: 13,000 at 128×64 take 320 MB."""

    def __init__(self, *, height: int, width: int) -> None:
        self._height = height
        self._width = width
        self._crops: dict[Path, Image] = {}

    def __getitem__(self, path: Path) -> Image:
        """uint8[height, width, 3] BGR; read-only."""
        if path not in self._crops:
            crop = resize_crop(read_crop(path), height=self._height, width=self._width)
            crop.setflags(write=False)
            self._crops[path] = crop
        return self._crops[path]
