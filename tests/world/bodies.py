"""Bodies in motion: a person who walks or stands, as rounded parts in space."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .plan import Floats
from .wardrobe import Bag, Colour, Outfit, Pattern

# Heights of joints and lengths of limbs, as shares of a person's height.
_HIP, _SHOULDER, _NECK, _HEAD = 0.52, 0.815, 0.86, 0.925
_THIGH, _SHANK, _UPPER_ARM, _FOREARM = 0.245, 0.235, 0.17, 0.15
_STRIDE = 0.8  # metres for one step at a usual height, two steps to a cycle


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a body: the hull of some balls.

    Attributes:
        balls: float64[n, 4], centre (x, y, z) and radius in metres.
        colour: see `wardrobe.Colour`.
        pattern: drawn on it in `second`; the first balls are then left above, right above, left
            below, right below, seen from behind.
        second: colour of the pattern.
        facing: (x, y), the direction to which the pattern shows; None: to all.
        under: True for what the rest of the body is always in front of: legs in a coat.
    """

    balls: Floats
    colour: Colour
    pattern: Pattern = Pattern.PLAIN
    second: Colour = (0, 0, 0)
    facing: tuple[float, float] | None = None
    under: bool = False


@dataclass(frozen=True, slots=True)
class Pose:
    """Where and how somebody is.

    Attributes:
        place: (x, y) on the plan, metres.
        heading: radians.
        walked: metres so far: tells the legs where they are.
        speed: metres per second; 0 stands.
    """

    place: tuple[float, float]
    heading: float
    walked: float
    speed: float


def parts(outfit: Outfit, pose: Pose) -> list[Part]:
    """All parts of a body, in any order."""
    frame = _Frame(outfit, pose)
    legs = [replace(leg, under=True) for leg in _legs(frame)]
    return [*legs, *_torso(frame), *_arms(frame), *_head(frame), *_bag(frame)]


class _Frame:
    """A body's own directions: forward, to the right, up; lengths as shares of its height."""

    def __init__(self, outfit: Outfit, pose: Pose) -> None:
        self.outfit = outfit
        self._forward = np.array([np.cos(pose.heading), np.sin(pose.heading), 0.0])
        self._right = np.array([self._forward[1], -self._forward[0], 0.0])
        self.facing = float(self._forward[0]), float(self._forward[1])
        self._origin = np.array([*pose.place, 0.0])
        self.phase = np.pi * pose.walked / (_STRIDE * outfit.height / 1.72)
        self.swing = 0.45 * min(1.0, pose.speed / 1.2)
        self.bob = 0.012 * np.abs(np.sin(self.phase)) * min(1.0, pose.speed)

    def ball(self, forward: float, right: float, up: float, radius: float) -> Floats:
        """One ball, lengths as shares of the height, as float64[4] in metres."""
        height = self.outfit.height
        place = forward * self._forward + right * self._right + np.array([0, 0, up + self.bob])
        return np.array([*(self._origin + height * place), height * radius])

    def part(self, *balls: tuple[float, float, float, float], colour: Colour) -> Part:
        """A plain part of some balls."""
        return Part(np.stack([self.ball(*ball) for ball in balls]), colour)


def _legs(frame: _Frame) -> list[Part]:
    outfit = frame.outfit
    made: list[Part] = []
    for side, turn in ((-0.05, 0.0), (0.05, np.pi)):
        angle = frame.swing * np.sin(frame.phase + turn)
        bend = 2.0 * frame.swing * max(0.0, np.cos(frame.phase + turn)) * 0.8 + 0.04
        knee = _THIGH * np.sin(angle), _HIP - _THIGH * np.cos(angle)
        lower = angle - bend
        ankle = knee[0] + _SHANK * np.sin(lower), max(0.035, knee[1] - _SHANK * np.cos(lower))
        thick = outfit.girth
        shin = outfit.skin if outfit.shorts else outfit.bottom
        made += [
            frame.part(
                (0, side, _HIP, 0.055 * thick),
                (knee[0], side, knee[1], 0.036 * thick),
                colour=outfit.bottom,
            ),
            frame.part(
                (knee[0], side, knee[1], 0.035 * thick),
                (*_between(knee, ankle, 0.5, side), 0.031 * thick),
                (ankle[0], side, ankle[1], 0.023),
                colour=shin,
            ),
            frame.part(
                (ankle[0] - 0.012, side, max(0.018, ankle[1] - 0.014), 0.02),
                (ankle[0] + 0.085, side, max(0.014, ankle[1] - 0.02), 0.016),
                colour=outfit.shoes,
            ),
        ]
    return made


def _between(
    one: tuple[float, float], other: tuple[float, float], share: float, side: float
) -> tuple[float, float, float]:
    along, up = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return along, side, up


def _torso(frame: _Frame) -> list[Part]:
    """Neck, chest down to the waist, and what is below: trousers, a shirt's or a coat's tail."""
    outfit, wide = frame.outfit, frame.outfit.girth
    hem = _HIP - 0.03 - outfit.coat * 0.4
    flare = 0.05 * wide + 0.035 * outfit.coat
    chest = (
        (0.0, -0.093 * wide, _SHOULDER - 0.03, 0.04),
        (0.0, 0.093 * wide, _SHOULDER - 0.03, 0.04),
        (0.0, -0.052 * wide, 0.62, 0.042),
        (0.0, 0.052 * wide, 0.62, 0.042),
        (0.0, 0.0, _NECK - 0.045, 0.045),
        (0.03, 0.0, 0.735, 0.056 * wide),
        (-0.025, 0.0, 0.75, 0.056 * wide),
        (0.012, 0.0, 0.62, 0.058 * wide),
    )
    tail = (
        (0.0, -0.048 * wide, 0.62, 0.043),
        (0.0, 0.048 * wide, 0.62, 0.043),
        (0.0, -flare, hem, 0.052),
        (0.0, flare, hem, 0.052),
        (-0.025, 0.0, 0.54, 0.06 * wide),
    )
    throat = (0, 0, _NECK - 0.03, 0.03), (0.005, 0, _NECK + 0.02, 0.028)
    halves = outfit.pattern is Pattern.HALVES
    upper = Part(
        np.stack([frame.ball(*ball) for ball in chest]),
        outfit.top,
        Pattern.PLAIN if halves else outfit.pattern,
        outfit.second,
        frame.facing if outfit.pattern is Pattern.OPEN else None,
    )
    lower = frame.part(*tail, colour=outfit.second if halves else outfit.top)
    return [lower, upper, frame.part(*throat, colour=outfit.skin)]


def _arms(frame: _Frame) -> list[Part]:
    outfit, wide = frame.outfit, frame.outfit.girth
    made: list[Part] = []
    for side, turn in ((-1, np.pi), (1, 0.0)):
        angle = 0.75 * frame.swing * np.sin(frame.phase + turn)
        out = side * 0.125 * wide
        elbow = _UPPER_ARM * np.sin(angle), _SHOULDER - 0.03 - _UPPER_ARM * np.cos(angle)
        lower = angle + 0.25
        hand = elbow[0] + _FOREARM * np.sin(lower), elbow[1] - _FOREARM * np.cos(lower)
        bare = outfit.skin if outfit.short_sleeves else outfit.top
        made += [
            frame.part(
                (0, out * 0.88, _SHOULDER - 0.035, 0.034 * wide),
                (elbow[0], out + side * 0.012, elbow[1], 0.027 * wide),
                colour=outfit.top,
            ),
            frame.part(
                (elbow[0], out + side * 0.012, elbow[1], 0.026 * wide),
                (hand[0], out + side * 0.008, hand[1], 0.02),
                colour=bare,
            ),
            frame.part(
                (hand[0] + 0.01, out + side * 0.008, hand[1] - 0.03, 0.022), colour=outfit.skin
            ),
        ]
    return made


def _head(frame: _Frame) -> list[Part]:
    outfit = frame.outfit
    hair = outfit.second if outfit.cap else outfit.hair
    made = [
        frame.part(
            (0.018, 0, _HEAD - 0.012, 0.05), (0.02, 0, _HEAD - 0.035, 0.04), colour=outfit.skin
        ),
        frame.part((-0.012, 0, _HEAD + 0.012, 0.056), (0.004, 0, _HEAD + 0.022, 0.05), colour=hair),
    ]
    if outfit.long_hair:
        made.append(
            frame.part(
                (-0.025, 0, _HEAD, 0.052), (-0.045, 0, _SHOULDER - 0.01, 0.045), colour=outfit.hair
            )
        )
    if outfit.cap:
        made.append(
            frame.part((0.04, 0, _HEAD + 0.03, 0.03), (0.085, 0, _HEAD + 0.025, 0.022), colour=hair)
        )
    return made


def _bag(frame: _Frame) -> list[Part]:
    outfit = frame.outfit
    if outfit.bag is Bag.BACKPACK:
        balls = [(-0.1, side, up, 0.045) for side in (-0.045, 0.045) for up in (0.6, 0.76)]
        return [frame.part(*balls, colour=outfit.bag_colour)]
    if outfit.bag is Bag.SHOULDER:
        balls = [(along, 0.17, up, 0.025) for along in (-0.06, 0.06) for up in (0.42, 0.52)]
        return [frame.part(*balls, colour=outfit.bag_colour)]
    return []
