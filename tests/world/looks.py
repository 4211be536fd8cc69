"""What a network makes of people: embeddings with the statistics of the shipped one's.

`Looks()` is fitted to drsa_osnet_x1_0 on people nobody has taught it, cosine of whole tracklets
(6 crops); what was measured / what comes out of the simulation (mean over sites):

| pairs of tracklets | mean | spread | 5 % | 95 % |
|---|---|---|---|---|
| one person, two cameras | .650 / .629 | .161 / .150 | .355 / .359 | .849 / .844 |
| two people, two cameras | .124 / .121 | .093 / .089 | -.006 / -.010 | .279 / .271 |
| two people, one camera | .279 / .283 | .142 / .136 | .066 / .082 | .540 / .535 |
| one person, two cameras, 1 crop | .509 / .504 | | | |

The first two and the last are measured on mini_mars test (11 people, 42 and 574 pairs), the third
on tracks of other videos that are in view at the same time (unlabelled_people, 344 pairs; by what
shortening the embeddings changed in 671 pairs of such tracks). On the 100 held-out people of
Market-1501, whom the backbone may know: one person .743, spread .122, .535, .897; two people .152,
.087, .023, .305. Not fitted, but close: one person twice in one camera .758, spread .215 (24 pairs
of mini_mars).

`confusing()` is a site of dark coats, as hard as PETS09: different people reach 0.9 and about a
quarter of the true pairs lies under 0.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .numbers import names as named
from .numbers import normal, scramble, uniform

Vectors = NDArray[np.float32]

CROPS = 6
"""An embedding rests on so many crops at most."""

_PERSON, _STYLE, _CAMERA, _VIEW, _MAP, _ODDITY, _ESTRANGED = range(7)


@dataclass(frozen=True)
class Looks:
    """How alike embeddings are; all shares are squared lengths, a person's own signal being 1.

    Attributes:
        common: what all people have in common.
        camera: what all that one camera sees has in common, on average.
        camera_spread: how much cameras differ in that: standard deviation of its logarithm.
        style: part of a person's signal that is their style's.
        styles: number of styles; style n is worn by a share of people that falls as 1/(n + 3).
        lookalikes: share of people who wear one of `outfits`, such as a dark coat.
        outfits: number of outfits.
        alike: part of such a person's signal that is the outfit's.
        view: noise of a tracklet that more crops do not lessen: light, direction, what is hidden.
        crop: noise of a single crop.
        spread: how much tracklets differ in noise: standard deviation of its logarithm.
        latent: number of independent directions embeddings lie in; fewer make chance likeness.
        dimensions: D of the embeddings.
    """

    common: float = 0.205
    camera: float = 0.33
    camera_spread: float = 0.85
    style: float = 0.4
    styles: int = 30
    lookalikes: float = 0.0
    outfits: int = 3
    alike: float = 0.85
    view: float = 0.115
    crop: float = 0.4
    spread: float = 1.68
    latent: int = 216
    dimensions: int = 256


def confusing(lookalikes: float = 0.6) -> Looks:
    """A site where so many people wear one of three outfits, seen well by similar cameras."""
    return Looks(
        lookalikes=lookalikes,
        alike=0.92,
        camera=0.12,
        common=0.25,
        view=0.09,
        crop=0.24,
        spread=1.5,
    )


class Appearance:
    """Embeddings of the people of one site.

    Args:
        looks: how alike they are.
        seed: who looks how.
        noise: times as much noise as `looks` says.
        estranged: camera → share of a person's signal that is there as in all others.
    """

    def __init__(
        self,
        looks: Looks,
        seed: int,
        *,
        noise: float = 1.0,
        estranged: Mapping[int, float] = MappingProxyType({}),
    ) -> None:
        self.looks = looks
        self._seed = seed
        self._noise = noise
        self._estranged = estranged

    def oddity(self, tracklets: NDArray[np.uint64]) -> NDArray[np.float64]:
        """By how much each tracklet's noise is above the usual: float64[n], as a factor."""
        deviates = normal(named(self._seed, _ODDITY, 0) ^ tracklets, 1)[:, 0]
        return np.exp(self.looks.spread * deviates.astype(np.float64)) * self._noise

    def embed(
        self,
        people: NDArray[np.int64],
        cameras: NDArray[np.int64],
        tracklets: NDArray[np.uint64],
        crops: NDArray[np.int64],
    ) -> Vectors:
        """Embeddings of tracklets, each resting on so many of its (at most `CROPS`) crops.

        A tracklet that has grown keeps the crops it had: its embedding moves, it does not jump.

        Args:
            people, cameras: number of each tracklet's person and camera, [n].
            tracklets: their names, see `world.numbers`.
            crops: from 1 to `CROPS`.

        Returns:
            float32[n, dimensions] of unit length.
        """
        latent = self._seen(people, cameras) + self._common + self._shift(cameras)
        latent += self._disturb(tracklets, crops)
        embeddings = latent @ self._map
        return np.asarray(embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True))

    def _seen(self, people: NDArray[np.int64], cameras: NDArray[np.int64]) -> Vectors:
        """What the cameras see of the people: an estranged one something else in part."""
        signal = self._signal(people)
        for camera, kept in self._estranged.items():
            there = cameras == camera
            other = self._directions(named(self._seed, _ESTRANGED, people[there]))
            signal[there] = np.sqrt(kept) * signal[there] + np.sqrt(1 - kept) * other
        return signal

    def _signal(self, people: NDArray[np.int64]) -> Vectors:
        """What a person looks like, squared length about 1."""
        looks, names = self.looks, named(self._seed, _PERSON, people)
        chance = uniform(names, 2)
        alike = chance[:, 0] < looks.lookalikes
        usual = np.searchsorted(self._popularity, chance[:, 1])
        style = np.where(alike, (chance[:, 1] * looks.outfits).astype(int), looks.outfits + usual)
        share = np.where(alike, looks.alike, looks.style).astype(np.float32)[:, None]
        own = self._directions(scramble(names))
        return np.asarray(np.sqrt(share) * self._clothing[style] + np.sqrt(1 - share) * own)

    def _shift(self, cameras: NDArray[np.int64]) -> Vectors:
        some, which = np.unique(cameras, return_inverse=True)
        names = named(self._seed, _CAMERA, some)
        spread = self.looks.camera_spread
        strength = self.looks.camera * np.exp(spread * normal(scramble(names), 1) - spread**2 / 2)
        return np.asarray((np.sqrt(strength) * self._directions(names))[which], dtype=np.float32)

    def _disturb(self, tracklets: NDArray[np.uint64], crops: NDArray[np.int64]) -> Vectors:
        """Noise that crops share, and the mean of what they do not share."""
        names = named(self._seed, _VIEW, 0) ^ tracklets
        noise = np.sqrt(np.float32(self.looks.view)) * self._directions(names)
        count = crops.astype(np.float32)[:, None]
        first, others = (self._directions(scramble(names + np.uint64(n))) for n in (1, 2))
        mean = (first + np.sqrt(count - 1) * others) / count  # of squared length 1 / count
        noise += np.sqrt(np.float32(self.looks.crop)) * mean
        return np.asarray(noise * np.sqrt(self.oddity(tracklets))[:, None], dtype=np.float32)

    def _directions(self, names: NDArray[np.uint64]) -> Vectors:
        """float32[n, latent] of squared length about 1."""
        return normal(names, self.looks.latent) / np.float32(np.sqrt(self.looks.latent))

    @cached_property
    def _common(self) -> Vectors:
        direction = self._directions(named(self._seed, _STYLE, -1))[0]
        return direction / np.linalg.norm(direction) * np.sqrt(np.float32(self.looks.common))

    @cached_property
    def _clothing(self) -> Vectors:
        count = self.looks.outfits + self.looks.styles
        return self._directions(named(self._seed, _STYLE, np.arange(count)))

    @cached_property
    def _popularity(self) -> NDArray[np.float64]:
        share = 1 / (np.arange(self.looks.styles - 1) + 3.0)
        return np.cumsum(share) / (share.sum() + 1 / (self.looks.styles + 2))

    @cached_property
    def _map(self) -> Vectors:
        """float32[latent, dimensions] with orthonormal rows."""
        rng = np.random.default_rng((self._seed, _MAP))
        wide = rng.standard_normal((self.looks.dimensions, self.looks.latent), dtype=np.float32)
        return np.ascontiguousarray(np.linalg.qr(wide)[0].T)
