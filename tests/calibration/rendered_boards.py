"""Boards as a known camera sees them: drawn ray by ray, with blur and noise."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from calibration.boards import Board
from pipeline.ingest.straighten import Straightening
from pipeline.lens import Lens

OVERSAMPLING = 2
SQUARE_PIXELS = 60
GREY = 110
"""Brightness of what is not board."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a board is held.

    Attributes:
        turn: rotation about x, y and z, radians.
        place: where its middle is from the camera, in widths of the board: right, down, away.
    """

    turn: tuple[float, float, float]
    place: tuple[float, float, float]


def lens(
    size: tuple[int, int] = (640, 480),
    focal: float = 520.0,
    centre: tuple[float, float] = (331.0, 229.0),
    distortion: tuple[float, ...] = (-0.30, 0.10, 0.001, -0.0005),
    model: str = "standard",
) -> Lens:
    """A camera that exists only here."""
    return Lens(
        model=model,
        size=size,
        focal_length=(focal, focal * 1.005),
        centre=centre,
        distortion=distortion,
        rms=0.0,
    )


def poses(count: int, *, reach: float = 0.42, away: float = 1.5, seed: int = 0) -> list[Pose]:
    """Ways to hold a board: all over the picture, tilted to all sides."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radii = reach * np.sqrt(rng.uniform(0.05, 1.0, count))
    tilts = rng.uniform(-0.5, 0.5, (count, 3)) * (1, 1, 0.6)
    depth = away * rng.uniform(0.8, 1.25, count)
    return [
        Pose(
            (float(t[0]), float(t[1]), float(t[2])),
            (float(r * np.cos(a) * z), float(0.75 * r * np.sin(a) * z), float(z)),
        )
        for a, r, t, z in zip(angles, radii, tilts, depth, strict=True)
    ]


def render(
    board: Board, camera: Lens, pose: Pose, *, blur: float = 0.6, noise: float = 2.0, seed: int = 0
) -> NDArray[np.uint8]:
    """What the camera sees of the board, uint8[H, W].

    Args:
        blur: standard deviation in pixels.
        noise: standard deviation in grey levels.
    """
    picture = np.full((camera.size[1], camera.size[0]), GREY, np.float32)
    left, top, right, bottom = _extent(board, camera, pose)
    picture[top:bottom, left:right] = _board_seen(board, camera, pose, (left, top, right, bottom))
    picture = 0.75 * picture + 30
    picture = cv2.GaussianBlur(picture, (0, 0), blur) if blur > 0 else picture
    return _noisy(picture, noise, seed)


def true_corners(board: Board, camera: Lens, pose: Pose) -> NDArray[np.float64]:
    """Where all the board's corners really are, float64[n, 2] pixels."""
    column, row = np.meshgrid(np.arange(board.columns), np.arange(board.rows))
    steps = np.stack([column, row], axis=-1).reshape(-1, 2) + 1.0
    return _project(steps / (board.columns + 1) - _half(board), camera, pose)


def _half(board: Board) -> NDArray[np.float64]:
    """Half the board's width and height, in widths of it."""
    return np.array([0.5, 0.5 * (board.rows + 1) / (board.columns + 1)])


def _project(points: NDArray[np.float64], camera: Lens, pose: Pose) -> NDArray[np.float64]:
    """Pixels of points on the board, float64[n, 2] in widths from its middle."""
    rotation, _ = cv2.Rodrigues(np.array(pose.turn, np.float64))
    seen = points @ rotation[:, :2].T + pose.place
    return Straightening(camera, camera.size).bend(seen[:, :2] / seen[:, 2:])


def _extent(board: Board, camera: Lens, pose: Pose) -> tuple[int, int, int, int]:
    """The part of the picture that has the board in it: left, top, right, bottom."""
    reach = _half(board) + 1 / (board.columns + 1)
    edge = np.linspace(-1, 1, 30)
    outline = [np.stack(np.meshgrid(edge, [-1, 1]), -1), np.stack(np.meshgrid([-1, 1], edge), -1)]
    pixels = _project(np.concatenate([o.reshape(-1, 2) for o in outline]) * reach, camera, pose)
    low = np.clip(pixels.min(axis=0) - 3, 0, camera.size).astype(int)
    high = np.clip(pixels.max(axis=0) + 4, 0, camera.size).astype(int)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _board_seen(
    board: Board, camera: Lens, pose: Pose, part: tuple[int, int, int, int]
) -> NDArray[np.float32]:
    """The board in a part of the picture, each pixel the mean of several rays."""
    texture = board.draw(SQUARE_PIXELS)
    left, top, right, bottom = (n * OVERSAMPLING for n in part)
    rays = _rays(camera)[top:bottom, left:right]
    rotation, _ = cv2.Rodrigues(np.array(pose.turn, np.float64))
    # The ray z·(x, y, 1) meets the board where its third coordinate on the board is 0.
    origin = rotation.T @ -np.array(pose.place)
    direction = rays @ rotation[:2] + rotation[2]
    hit = origin[:2] - direction[..., :2] * (origin[2] / direction[..., 2:])
    around = 2 * (_half(board) + 1 / (board.columns + 1))  # the white margin is in the texture
    pixels = (hit / around + 0.5) * (texture.shape[1], texture.shape[0]) - 0.5
    seen = cv2.remap(texture, pixels.astype(np.float32), None, cv2.INTER_LINEAR, borderValue=GREY)
    size = (part[2] - part[0], part[3] - part[1])
    return cv2.resize(seen, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _noisy(picture: NDArray[np.float32], noise: float, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


@functools.cache
def _rays(camera: Lens) -> NDArray[np.float64]:
    """The rays of all pixels of the oversampled picture, float64[H, W, 2]."""
    # They bend so smoothly that one in twelve pixels and a spline give all of them.
    nodes = [np.linspace(-0.5, n - 0.5, n // 12 + 1) for n in camera.size]
    pixels = np.stack(np.meshgrid(*nodes), axis=-1).reshape(-1, 2)
    rays = Straightening(camera, camera.size).rays(pixels)
    places = [(np.arange(n * OVERSAMPLING) + 0.5) / OVERSAMPLING - 0.5 for n in camera.size]
    grids = rays.reshape(len(nodes[1]), len(nodes[0]), 2)
    splines = [RectBivariateSpline(nodes[1], nodes[0], grids[..., axis]) for axis in (0, 1)]
    return np.stack([spline(places[1], places[0]) for spline in splines], axis=-1)
