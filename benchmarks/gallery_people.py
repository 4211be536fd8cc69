"""Tracklets of a synthetic site, for `benchmarks.gallery`: embeddings like those of the network.

A person's looks lie in `LATENT` directions: partly a style that others wear, too, partly their own.
(The variances of drsa_osnet_x1_0's principal directions, of 4,574 tracklets and crops, count as
119 of equal size: the square of their sum by the sum of their squares.)
A tracklet adds what all people have in common, what its camera adds, and noise of its own. The
shares are those that fit the shipped network's similarities: the same person in two cameras 0.6 to
0.7, two people 0.1 to 0.3, with a long tail.

A tracklet that goes on looks different with every report, since its looks are the mean of ever
other crops. How far they move, cosine distance from one report to the next, was measured on
PETS09-S2L1 (perfect boxes, drsa_osnet_x1_0, 53 tracklets, reported once a second), and is a little
more here:

    measured  median 0.060 0.031 0.015 0.010 0.013 0.015 0.016 0.018 0.018, 90 % 0.12 ... 0.05
    here      median 0.060 0.037 0.028 0.023 0.018 0.018 0.018 0.016 0.025, 90 % 0.10 ... 0.05
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting, TrackletRecord

DIMENSIONS = 256
LATENT = 128
CAMERAS = 500
PER_PERSON = 5
"""Tracklets of each person, on average."""

_COMMON, _CAMERA, _STYLE, _OWN, _NOISE = 0.229, 0.297, 0.2, 0.8, 0.45
_STYLES = 30
_SPREAD = 0.9  # tracklets differ in noise: standard deviation of its logarithm
_CHUNK = 512
_WANDERING = (0.30, 0.16, 0.115, 0.1, 0.07, 0.062, 0.07, 0.064, 0.05, 0.0)
"""Squared length of what a report has beside the tracklet's own looks, second by second."""
_RESTLESS = 0.55  # tracklets differ in that: standard deviation of its logarithm
_KEPT = 0.72  # correlation of that with what the next report has

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class People:
    """The people of a site that has so many tracklets.

    Args:
        tracklets: how many are in the gallery.
        span: seconds over which they are spread.
    """

    tracklets: int
    span: float = 6 * 3600.0

    def persons(self, first: int, count: int) -> NDArray[np.int64]:
        """Who the tracklets from number `first` are: int64[count]."""
        numbers = np.arange(first, first + count, dtype=np.uint64)
        return (_scramble(numbers) % np.uint64(max(1, self.tracklets // PER_PERSON))).astype(int)

    def embeddings(self, first: int, count: int) -> Vectors:
        """Embeddings of the tracklets from number `first`: float32[count, 256], unit length."""
        begin = first // _CHUNK
        parts = [self._chunk(c) for c in range(begin, (first + count - 1) // _CHUNK + 1)]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole[first - begin * _CHUNK : first - begin * _CHUNK + count]

    @lru_cache(maxsize=512)  # noqa: B019
    def reports(self, number: int) -> Vectors:
        """What a tracklet looks like, second by second, at last as ever: float32[10, 256]."""
        rng = np.random.default_rng((7, number))
        shares = np.exp(_RESTLESS * rng.normal()) * np.array(_WANDERING) / LATENT
        beside = rng.normal(size=(len(shares), LATENT))
        for second in range(1, len(shares)):
            new = np.sqrt(1 - _KEPT**2) * beside[second]
            beside[second] = _KEPT * beside[second - 1] + new
        wandering = np.sqrt(shares)[:, None] * beside
        return _normal(self.embeddings(number, 1) + wandering @ _basis())

    def record(self, number: int, person: int) -> TrackletRecord:
        """What was decided about a tracklet of the gallery: the truth."""
        begin = self.span * number / self.tracklets
        return TrackletRecord(
            tracklet=f"t{number:07}",
            camera=f"camera-{number % CAMERAS}",
            begin=begin,
            end=begin + 8.0,
            identity=person + 1,
            confidence=0.98,
            closed=True,
            entered=(0.1234, 0.9),
            left=(0.9, 0.8765),
        )

    def sighting(self, number: int, embedding: Vectors, *, age: int, ages: int) -> Sighting:
        """A tracklet as it is reported after `age` of the `ages` seconds that it lasts."""
        begin = self.span + 0.05 * ((number - self.tracklets) % 100_000)
        return Sighting(
            tracklet=f"t{number:07}",
            camera=f"camera-{number % CAMERAS}",
            begin=begin,
            end=begin + age,
            embedding=embedding,
            crops=min(6, age),
            quality=0.8,
            closed=age == ages,
            entered=(0.1234, 0.9),
            left=(0.9, 0.8765),
        )

    @lru_cache(maxsize=4)  # noqa: B019
    def _chunk(self, chunk: int) -> Vectors:
        """The embeddings of `_CHUNK` tracklets."""
        first = chunk * _CHUNK
        persons = self.persons(first, _CHUNK)
        cameras = np.arange(first, first + _CHUNK) % CAMERAS
        latent = np.sqrt(_COMMON) * _unit(1, 0)[None]
        latent = latent + np.sqrt(_CAMERA) * _units(2, CAMERAS)[cameras]
        latent = latent + np.sqrt(_STYLE) * _units(3, _STYLES)[persons % _STYLES]
        latent = latent + np.sqrt(_OWN) * np.stack([_unit(4, person) for person in persons])
        rng = np.random.default_rng((5, chunk))
        noise = np.exp(0.5 * _SPREAD * rng.normal(size=(_CHUNK, 1)) - 0.25 * _SPREAD**2)
        noise = noise * np.sqrt(_NOISE / LATENT) * rng.normal(size=(_CHUNK, LATENT))
        vectors = (latent + noise) @ _basis()
        return _normal(vectors)


def _normal(vectors: NDArray[np.floating]) -> Vectors:
    """The same at unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _scramble(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers that look drawn by lot, always the same."""
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(mixed ^ (mixed >> np.uint64(32)))


def _unit(kind: int, number: int) -> NDArray[np.float64]:
    """One direction among the latent ones."""
    vector = np.random.default_rng((kind, int(number))).normal(size=LATENT)
    return np.asarray(vector / np.linalg.norm(vector))


@lru_cache(maxsize=8)
def _units(kind: int, count: int, length: int = LATENT) -> NDArray[np.float64]:
    """So many directions: float64[count, length]."""
    vectors = np.random.default_rng((kind, count)).normal(size=(count, length))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@lru_cache(maxsize=1)
def _basis() -> NDArray[np.float64]:
    """Where the latent directions lie among those of an embedding: float64[LATENT, DIMENSIONS]."""
    directions = np.random.default_rng(6).normal(size=(DIMENSIONS, LATENT))
    return np.asarray(np.linalg.qr(directions)[0].T)
