"""The ground from people alone: how tall their boxes are where they stand, and how they walk.

People's heights differ little and are known in the mean, so the height of a box tells how far away
its lower edge is: that gives the horizon and the camera's height. A person's pace is about the
same whichever way they go, which tells the focal length: with a wrong one the depth of the place
is wrong, and people walk faster towards the camera than across. Heights, paces and what cameras
are usually like enter as one maximum a posteriori estimate, in natural logarithms throughout:

    ln height of person j in box i = ln mean + N(0, between) of person j + N(0, within) of the box

and likewise for paces. Boxes and people that do not fit (cut off, sitting, children, running) lose
their weight step by step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calibration.ground_fit import GroundFit
from calibration.pinhole import Array, Pinhole
from calibration.walking import Strides
from pipeline.errors import ConfigError

MEAN_PACE = 1.3
"""Metres per second at which people walk, in the mean (Weidmann 1993: 1.34, sd 0.26, alone)."""

_FEWEST_PEOPLE, _FEWEST_STRIDES = 6, 20
_STEPS, _FIRST_STEPS, _LATER_STEPS = (
    4,
    2,
    2,
)  # of reweighting: in all, for each start, for each replicate
_STARTS = (0.6, 0.9, 1.35, 2.0, 3.0)  # focal lengths to begin with, of the picture's width
_REPLICATES = 40


@dataclass(frozen=True, slots=True)
class Priors:
    """What is known beforehand: means and standard deviations.

    The order is that of the estimate: ln focal length in pixels, pitch, roll (radians), ln height
    of the camera in metres, ln mean height of people in metres, ln mean pace in metres per second.

    Attributes:
        mean, sd: float64[6].
    """

    mean: Array
    sd: Array

    @classmethod
    def usual(
        cls,
        width: int,
        *,
        people_height: float,
        mount_height: float | None = None,
        focal: float | None = None,
    ) -> Priors:
        """Cameras as they hang in shops and streets, and people as they walk there.

        Args:
            width: of the whole picture in pixels; a lens of 2.8 to 6 mm on a sensor 4.8 mm wide
                has a focal length of 0.6 to 1.25 times that.
            people_height: mean height of people in metres, shoes included.
            mount_height: height of the camera in metres, if somebody has measured it.
            focal: focal length in pixels, if it is known.
        """
        lens = (np.log(focal), 0.01) if focal else (np.log(width), 0.45)
        mount = (np.log(mount_height), 0.01) if mount_height else (np.log(4.0), 0.8)
        people = (np.log(people_height), 0.05 if mount_height else 0.02)
        rows = [lens, (0.3, 0.4), (0.0, 0.05), mount, people, (np.log(MEAN_PACE), 0.12)]
        mean, sd = np.array(rows, np.float64).T
        return cls(mean, sd)

    def drawn(self, random: np.random.Generator) -> Priors:
        """The same with means drawn from it: a replicate must not trust the prior's middle."""
        return replace(self, mean=random.normal(self.mean, self.sd))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What people have told about the camera.

    Attributes:
        camera: the camera.
        replicates: the same from tracks drawn with replacement; their spread is the error.
        people_height: mean height of the people in metres.
        pace: mean pace in metres per second.
        people: tracks it rests on.
        strides: strides it rests on.
        walking: strides whose pace counts.
        outliers: share of the strides whose height has lost more than half of its weight.
    """

    camera: Pinhole
    replicates: tuple[Pinhole, ...]
    people_height: float
    pace: float
    people: int
    strides: int
    walking: int
    outliers: float


def estimate(
    strides: Strides,
    priors: Priors,
    centre: tuple[float, float],
    *,
    replicates: int = _REPLICATES,
    seed: int = 0,
) -> Estimate:
    """Finds the camera's focal length, pitch, roll and height.

    Args:
        strides: what people have shown.
        priors: what is known beforehand.
        centre: middle (x, y) of the lens in pixels of the picture.
        replicates: how often it is done again to find the error.
        seed: of the draws.

    Raises:
        ConfigError: too few people, or no ground that fits what was seen.
    """
    _check(strides)
    starts = _starts(strides, priors, centre)
    if not starts:
        raise ConfigError(
            "ground: expected people whose boxes are higher the further down they stand, found "
            "none: the camera looks straight down, or what was found are no people"
        )

    def fit(strides: Strides, priors: Priors, start: Array, steps: int) -> GroundFit:
        return GroundFit(strides, priors.mean, priors.sd, centre, start, steps=steps)

    first = [fit(strides, priors, start, _FIRST_STEPS) for start in starts]
    best = fit(strides, priors, min(first, key=lambda each: each.cost).x, _STEPS)
    random = np.random.default_rng(seed)
    again = [
        fit(strides.resampled(random), priors.drawn(random), best.x, _LATER_STEPS)
        for _ in range(replicates)
    ]
    return Estimate(
        best.camera,
        tuple(each.camera for each in again),
        people_height=float(np.exp(best.x[4])),
        pace=float(np.exp(best.x[5])),
        people=strides.people,
        strides=len(strides),
        walking=int(best.walking.sum()),
        outliers=best.outliers,
    )


def _check(strides: Strides) -> None:
    if strides.people < _FEWEST_PEOPLE or len(strides) < _FEWEST_STRIDES:
        raise ConfigError(
            f"ground: expected at least {_FEWEST_PEOPLE} people who are seen whole, behind nobody "
            f"and not cut off by the border, for {_FEWEST_STRIDES} seconds together, found "
            f"{strides.people} people and {len(strides)} seconds: watch for longer"
        )


def _starts(strides: Strides, priors: Priors, centre: tuple[float, float]) -> list[Array]:
    """Estimates to begin with, one per focal length, from heights that grow along the picture.

    The plane height = a + b·x + c·y is found by RANSAC; where it is 0, there is the horizon.
    """
    a, b, c = _height_plane(strides)
    if c <= 0:
        return []
    starts = []
    for factor in _STARTS:
        focal = factor * float(np.exp(priors.mean[0]))
        horizon = -(a + b * centre[0]) / c
        pitch = np.arctan((centre[1] - horizon) / focal)
        height = np.exp(priors.mean[4]) / c / max(np.cos(pitch), 0.1)
        roll = np.clip(np.arctan(-b / c), -0.2, 0.2)
        starts.append(np.array([np.log(focal), pitch, roll, np.log(height), *priors.mean[4:]]))
    return starts


def _height_plane(strides: Strides, *, trials: int = 400, seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    boxes = strides.middle
    x, y, tall = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3], boxes[:, 3] - boxes[:, 1]
    design = np.column_stack([np.ones(len(x)), x, y])
    rows = random.integers(len(x), size=(trials, 3))
    usable = np.abs(np.linalg.det(design[rows])) > 1e-6 * np.ptp(x) * np.ptp(y) + 1e-9
    planes = np.linalg.solve(design[rows[usable]], tall[rows[usable]][..., None])[..., 0]
    near = np.abs(planes @ design.T - tall) < 0.1 * tall
    if not len(near):
        return np.zeros(3)
    best = near[near.sum(axis=1).argmax()]
    plane: Array = np.linalg.lstsq(design[best], tall[best], rcond=None)[0]
    return plane
