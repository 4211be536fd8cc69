"""The smallest real sightings and records, for tests of matching and storing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting, TrackletRecord

DIMENSIONS = 64


def looks(person: int, *, noise: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """A unit vector that is the same for a person but for noise: float32[DIMENSIONS]."""
    base = np.random.default_rng(person).normal(size=DIMENSIONS)
    vector = base + noise * np.random.default_rng((person, seed)).normal(size=DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def sighting(
    tracklet: str,
    camera: str = "west",
    begin: float = 0.0,
    end: float = 5.0,
    *,
    person: int = 1,
    closed: bool = False,
    thumbnail: bytes | None = b"jpeg",
    embedding: NDArray[np.float32] | None = None,
) -> Sighting:
    """A sighting of a person."""
    return Sighting(
        tracklet=tracklet,
        camera=camera,
        begin=begin,
        end=end,
        embedding=looks(person) if embedding is None else embedding,
        crops=3,
        quality=0.5,
        closed=closed,
        entered=(0.1, 0.9),
        left=(0.9, 0.9),
        thumbnail=thumbnail,
    )


def record(
    tracklet: str, camera: str, begin: float, end: float, *, identity: int
) -> TrackletRecord:
    """A record of a closed tracklet."""
    return TrackletRecord(tracklet, camera, begin, end, identity, confidence=1.0, closed=True)
