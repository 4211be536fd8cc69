"""What a camera looks at when nobody is there, and what its lens and sensor make of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .plan import Camera, Floats

Image = NDArray[np.uint8]

WALL = 0.6
"""Metres from the farthest feet a camera sees to the wall behind them."""

_BACKDROP, _LIGHT = 33, 34  # families of random numbers
_NOISES = 7  # pictures of noise that take turns


@dataclass(frozen=True, slots=True)
class Light:
    """How one camera shows colours.

    Attributes:
        gain: times as bright.
        gamma: above 1: darker in the middle.
        balance: factors of blue, green and red.
        saturation: 1 leaves colours as they are, 0 makes them grey.
        noise: standard deviation in grey levels.
        quality: x264's constant rate factor: higher is worse.
    """

    gain: float
    gamma: float
    balance: tuple[float, float, float]
    saturation: float
    noise: float
    quality: int


def light(number: int, seed: int) -> Light:
    """The light of one camera of a site."""
    rng = np.random.default_rng((seed, _LIGHT, number))
    warm = rng.uniform(-0.1, 0.1)
    return Light(
        gain=float(rng.uniform(0.8, 1.15)),
        gamma=float(rng.uniform(0.8, 1.2)),
        balance=(1 - warm, float(rng.uniform(0.96, 1.04)), 1 + warm),
        saturation=float(rng.uniform(0.6, 1.1)),
        noise=float(rng.uniform(1.0, 5.0)),
        quality=int(rng.integers(20, 30)),
    )


class Sensor:
    """Turns a drawn picture into that of a camera; its noise takes turns, so nothing is slow."""

    def __init__(self, light: Light, size: tuple[int, int], seed: int) -> None:
        rng = np.random.default_rng((seed, _LIGHT))
        levels = np.arange(256)[:, None] / 255
        curve = (levels**light.gamma) * light.gain * np.array(light.balance)
        self._curve = np.clip(255 * curve, 0, 255).astype(np.uint8)[None]
        self._saturation = light.saturation
        shape = (_NOISES, size[1], size[0], 3)
        self._noise = np.clip(rng.normal(64, light.noise, shape), 0, 255).astype(np.uint8)

    def take(self, image: Image, number: int) -> Image:
        """The picture of this number."""
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        toned = cv2.addWeighted(image, self._saturation, grey, 1 - self._saturation, 0)
        lit = cv2.LUT(toned, self._curve)
        return np.asarray(cv2.addWeighted(lit, 1, self._noise[number % _NOISES], 1, -64), np.uint8)


def backdrop(camera: Camera, number: int, size: tuple[int, int], seed: int) -> Image:
    """Floor with a texture and the wall behind it, doors in the wall.

    Args:
        camera: who looks.
        number: of the camera: each place has a floor and a wall of its own.
        size: width and height in pixels.
        seed: of the site.
    """
    rng = np.random.default_rng((seed, _BACKDROP, number))
    across, ahead, up, floor = _surfaces(camera, size)
    image = np.where(
        floor[..., None], _floor(across, ahead, rng), _wall(across, up, camera.height, rng)
    )
    fade = np.clip(1.05 - 0.02 * ahead, 0.7, 1.05)[..., None]
    grain = rng.normal(0, 4, (size[1] * 2, size[0] * 2, 1))
    fine = np.clip(image * fade + grain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), np.uint8)


def _surfaces(
    camera: Camera, size: tuple[int, int]
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """What each pixel, of a picture twice as large, shows.

    Returns:
        metres to the right, ahead and above the floor; True on the floor, False on the wall.
    """
    half = np.tan(camera.opening / 2)
    u = (np.arange(size[0] * 2) + 0.5) / (size[0] * 2) * 2 - 1
    v = (np.arange(size[1] * 2) + 0.5) / (size[1] * 2) * 2 - 1
    right, down = np.meshgrid(u * half * camera.aspect, v * half)
    forward = np.cos(camera.tilt) - np.sin(camera.tilt) * down
    rise = -np.sin(camera.tilt) - np.cos(camera.tilt) * down
    wall = (camera.far + WALL) / forward
    ground = np.where(rise < 0, camera.height / np.maximum(-rise, 1e-9), np.inf)
    reach = np.minimum(wall, ground)
    return right * reach, forward * reach, camera.height + rise * reach, ground <= wall


def _floor(across: Floats, ahead: Floats, rng: np.random.Generator) -> Floats:
    """Tiles, planks or a carpet: float64[..., 3]."""
    colour = rng.uniform(120, 190) + rng.uniform(-12, 12, 3)
    length, width = ((1.0, 1.0), (1.8, 0.4), (0.06, 0.06))[int(rng.integers(3))]
    row, column = np.floor(ahead / width).astype(int), np.floor(across / length).astype(int)
    tone = _speckle(row, column, rng) * rng.uniform(6, 16)
    joint = (ahead / width % 1 < 0.03 / width) | (across / length % 1 < 0.03 / length)
    dark = np.where(joint & (width > 0.1), -26.0, 0.0)
    return np.asarray(colour + (tone + dark)[..., None])


def _wall(across: Floats, up: Floats, height: float, rng: np.random.Generator) -> Floats:
    """Paint, a skirting board, doors, notices: float64[..., 3]."""
    colour = rng.uniform(150, 225) + rng.uniform(-20, 20, 3)
    image = np.broadcast_to(colour, (*across.shape, 3)).copy()
    image[up < 0.12] *= 0.55
    pitch, shift = rng.uniform(2.6, 4.2), rng.uniform(0, 3)
    along = (across + shift) % pitch
    door = (along < 1.1) & (up < 2.1)
    image[door] = colour * 0.5 + rng.uniform(0, 70, 3)
    image[door & ((along < 0.06) | (along > 1.04) | (up > 2.04))] *= 0.6
    notice = (along > 1.6) & (along < 2.1) & (up > 1.3) & (up < 1.95)
    image[notice] = rng.uniform(60, 235, 3)
    return np.asarray(image * (0.85 + 0.05 * np.clip(up, 0, height))[..., None])


def _speckle(row: NDArray[np.int64], column: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """A shade for each tile, from -1 to 1."""
    shades = rng.uniform(-1, 1, 997)
    return np.asarray(shades[(row * 131 + column * 57) % 997])
