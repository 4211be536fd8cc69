"""What people of the drawn world look like: build, skin, hair, clothes, bags."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

Colour = tuple[int, int, int]
"""Blue, green and red, 0 to 255."""

_WARDROBE = 32  # a family of random numbers

SKINS: tuple[Colour, ...] = ((170, 195, 232), (130, 165, 210), (95, 130, 185), (55, 80, 125))
HAIRS: tuple[Colour, ...] = ((25, 25, 28), (35, 50, 75), (60, 95, 140), (120, 170, 205), (150,) * 3)
TOPS: tuple[Colour, ...] = (
    (40, 40, 190), (170, 90, 30), (60, 140, 50), (200, 200, 205), (35, 170, 215), (150, 60, 130),
    (190, 160, 70), (60, 60, 62), (90, 120, 160), (60, 50, 100), (180, 140, 200), (70, 110, 60),
)  # fmt: skip
BOTTOMS: tuple[Colour, ...] = (
    (45, 42, 40), (120, 80, 45), (90, 60, 35), (110, 145, 170), (70, 75, 78), (60, 85, 70),
    (165, 165, 160), (60, 45, 90),
)  # fmt: skip
SHOES: tuple[Colour, ...] = ((30, 30, 32), (210, 210, 212), (40, 60, 90), (60, 60, 150))
DARK: tuple[Colour, ...] = ((52, 50, 49), (80, 60, 50), (62, 66, 68))


class Pattern(StrEnum):
    """How the upper body is clothed."""

    PLAIN = "plain"
    STRIPES = "stripes"  # across
    HALVES = "halves"  # another colour below the chest
    OPEN = "open"  # a jacket that shows a shirt


class Bag(StrEnum):
    """What somebody carries."""

    NONE = "none"
    BACKPACK = "backpack"
    SHOULDER = "shoulder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """One person, as they are drawn.

    Attributes:
        height: metres.
        girth: times as wide as usual.
        skin, hair, top, second, bottom, shoes, bag_colour: colours; `second` is the pattern's.
        pattern, bag: see there.
        long_hair, short_sleeves, shorts: as they say.
        coat: how far the upper part reaches down, as a share of the way from hip to ankle.
        cap: wears one, in the colour `second`.
    """

    height: float
    girth: float
    skin: Colour
    hair: Colour
    top: Colour
    second: Colour
    bottom: Colour
    shoes: Colour
    bag_colour: Colour
    pattern: Pattern
    bag: Bag
    long_hair: bool
    short_sleeves: bool
    shorts: bool
    coat: float
    cap: bool


def outfit(person: int, seed: int, *, lookalikes: float = 0.3) -> Outfit:
    """What a person wears; so many of them, by `lookalikes`, a dark coat over dark trousers."""
    rng = np.random.default_rng((seed, _WARDROBE, person))
    alike = bool(rng.random() < lookalikes)
    plain = _plain(rng)
    if not alike:
        return plain
    coat = DARK[int(rng.integers(len(DARK)))]
    return Outfit(
        height=plain.height,
        girth=plain.girth * 1.08,
        skin=plain.skin,
        hair=plain.hair,
        top=_shade(coat, rng, 6),
        second=plain.second,
        bottom=_shade(DARK[0], rng, 8),
        shoes=SHOES[0],
        bag_colour=plain.bag_colour,
        pattern=Pattern.PLAIN,
        bag=Bag.NONE if rng.random() < 0.7 else plain.bag,
        long_hair=plain.long_hair,
        short_sleeves=False,
        shorts=False,
        coat=0.3,
        cap=False,
    )


def _plain(rng: np.random.Generator) -> Outfit:
    """Clothes drawn at random."""
    patterns, bags = list(Pattern), list(Bag)
    return Outfit(
        height=float(np.clip(rng.normal(1.72, 0.09), 1.5, 1.96)),
        girth=float(rng.uniform(0.92, 1.15)),
        skin=SKINS[int(rng.integers(len(SKINS)))],
        hair=HAIRS[int(rng.integers(len(HAIRS)))],
        top=_shade(TOPS[int(rng.integers(len(TOPS)))], rng, 20),
        second=_shade(TOPS[int(rng.integers(len(TOPS)))], rng, 20),
        bottom=_shade(BOTTOMS[int(rng.integers(len(BOTTOMS)))], rng, 15),
        shoes=SHOES[int(rng.integers(len(SHOES)))],
        bag_colour=_shade(TOPS[int(rng.integers(len(TOPS)))], rng, 30),
        pattern=patterns[int(rng.choice(4, p=(0.4, 0.2, 0.15, 0.25)))],
        bag=bags[int(rng.choice(3, p=(0.55, 0.25, 0.2)))],
        long_hair=bool(rng.random() < 0.4),
        short_sleeves=bool(rng.random() < 0.35),
        shorts=bool(rng.random() < 0.15),
        coat=float(rng.choice((0.0, 0.05, 0.3), p=(0.4, 0.4, 0.2))),
        cap=bool(rng.random() < 0.12),
    )


def _shade(colour: Colour, rng: np.random.Generator, most: int) -> Colour:
    """Nearly the same colour."""
    blue, green, red = np.clip(np.array(colour) + rng.integers(-most, most + 1, 3), 12, 243)
    return int(blue), int(green), int(red)
