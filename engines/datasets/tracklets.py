"""Labelled tracklets: who, which camera, which pictures; and how a clip is drawn from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engines.datasets.layout import DatasetError
from engines.preprocess import Image

JUNK_PERSON = -1
"""Gallery entries that are neither right nor wrong (MARS, Market-1501): ignored in the ranking."""


@dataclass(frozen=True, slots=True)
class LabelledTracklet:
    """Pictures of one person in one camera, in the order of time.

    Attributes:
        person: number of the person, unique within a set; `JUNK_PERSON` for what is ignored.
        camera: number of the camera; unique within a set.
        paths: at least one picture.
    """

    person: int
    camera: int
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RetrievalProblem:
    """Every query is searched in the gallery.

    The protocol is the same for all sets: what shows the query's person in the query's camera is
    ignored, and so is junk. Sets whose queries and gallery come from different cameras have
    nothing to ignore.

    Attributes:
        name: what the problem is called in tables.
        query, gallery: may hold the same tracklets; the same-camera rule keeps a query from
            finding itself.
    """

    name: str
    query: tuple[LabelledTracklet, ...]
    gallery: tuple[LabelledTracklet, ...]


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
        DatasetError: there is none, or it cannot be decoded.
    """
    crop = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if crop is None:
        raise DatasetError(f"{path}: expected a picture, found nothing that can be decoded")
    return np.asarray(crop, dtype=np.uint8)
