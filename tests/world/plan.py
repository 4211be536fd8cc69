"""The floor plan: cameras that see parts of it, doors, and the graph people walk on. Metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

Floats = NDArray[np.float64]

ROUTINGS = 4
"""Different ways of weighing the edges: not everybody takes the same way between two places."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks down at the floor.

    It sees the people whose feet are between `near` and `far` metres in front of it; the near
    edge is the bottom of its picture. Picture coordinates are fractions (x to the right, y down).

    Attributes:
        name: such as `camera007`.
        place: where it hangs, (x, y) on the plan.
        heading: where it looks, radians, 0 along x.
        height: metres above the floor.
        near, far: how far away, on the floor, the nearest and the farthest feet are.
        opening: vertical opening angle, radians.
        aspect: width of the picture by its height.
    """

    name: str
    place: tuple[float, float]
    heading: float
    height: float = 3.0
    near: float = 3.2
    far: float = 10.0
    opening: float = math.radians(38)
    aspect: float = 16 / 9

    @property
    def tilt(self) -> float:
        """Angle of the optical axis under the horizon, radians."""
        return math.atan2(self.height, self.near) - self.opening / 2

    @cached_property
    def projection(self) -> Floats:
        """float64[3, 4]: (x, y, z, 1) in metres on the plan → picture, homogeneous; the third
        coordinate is the distance along the optical axis."""
        forward = np.array([math.cos(self.heading), math.sin(self.heading), 0.0])
        right = np.array([forward[1], -forward[0], 0.0])
        up = np.array([0.0, 0.0, 1.0])
        axis = math.cos(self.tilt) * forward - math.sin(self.tilt) * up
        down = -math.sin(self.tilt) * forward - math.cos(self.tilt) * up
        turned = np.stack([right, down, axis])
        moved = np.hstack([turned, -turned @ np.array([[*self.place, self.height]]).T])
        half = math.tan(self.opening / 2)
        lens = np.array([[0.5 / (half * self.aspect), 0, 0.5], [0, 0.5 / half, 0.5], [0, 0, 1]])
        return np.asarray(lens @ moved)

    @cached_property
    def homography(self) -> Floats:
        """float64[3, 3]: (x, y, 1) on the floor → picture, homogeneous."""
        return self.projection[:, [0, 1, 3]]

    @cached_property
    def footprint(self) -> Floats:
        """float64[4, 2]: corners of the floor it sees, counter-clockwise."""
        top = float(self._along(self.far)[1])
        corners = np.array([[0, 1, 1], [1, 1, 1], [1, top, 1], [0, top, 1]])
        floor = corners @ np.linalg.inv(self.homography).T
        return np.asarray(floor[:, :2] / floor[:, 2:])

    def see(self, floor: Floats) -> Floats:
        """Where points of the floor float64[..., 2] appear in the picture, as fractions."""
        seen = np.concatenate([floor, np.ones((*floor.shape[:-1], 1))], axis=-1) @ self.homography.T
        return np.asarray(seen[..., :2] / seen[..., 2:])

    def _along(self, distance: float) -> Floats:
        """Where the point of the floor straight ahead at a distance appears."""
        ahead = np.array([math.cos(self.heading), math.sin(self.heading)])
        return self.see(np.array(self.place) + distance * ahead)


@dataclass(frozen=True)
class Plan:
    """A floor plan.

    Attributes:
        nodes: float64[N, 2], places that people walk between in straight lines.
        edges: int64[E, 2], which of them are joined.
        doors: int64[D], the nodes that lead outside.
        cameras: each sees the surroundings of one node; no two see the same floor.
        watched: int64[N], index of the camera at each node, or -1.
        onward: int32[ROUTINGS, N, N]: on the way from a to b, the node before b; by weighing.
    """

    nodes: Floats
    edges: NDArray[np.int64]
    doors: NDArray[np.int64]
    cameras: tuple[Camera, ...]
    watched: NDArray[np.int64]
    onward: NDArray[np.int32]

    def way(self, start: int, goal: int, routing: int) -> list[int]:
        """The nodes from one to another, both included."""
        row, way = self.onward[routing, start], [goal]
        while way[-1] != start:
            way.append(int(row[way[-1]]))
        return way[::-1]

    @cached_property
    def index(self) -> dict[str, int]:
        """Number of each camera by its name."""
        return {camera.name: number for number, camera in enumerate(self.cameras)}


def build_plan(
    cameras: int, rng: np.random.Generator, *, spacing: float = 20.0, aspect: float = 16 / 9
) -> Plan:
    """A plan of crossings about `spacing` metres apart, some of them watched by a camera.

    Args:
        cameras: how many; a fifth more crossings are watched by nobody.
        rng: everything random comes from here.
        spacing: metres; less than 17 would let views overlap.
        aspect: of the cameras' pictures.
    """
    if spacing < 17:
        raise ValueError(f"expected a spacing of at least 17 m, found {spacing}")
    crossings = cameras + max(1, cameras // 5)
    columns = math.ceil(math.sqrt(crossings))
    grid = np.stack([np.arange(crossings) % columns, np.arange(crossings) // columns], axis=1)
    places = grid * spacing + rng.uniform(-0.04, 0.04, (crossings, 2)) * spacing
    edges = _corridors(grid, rng)
    doors, outside = _doors(grid, places, rng, count=max(2, round(cameras / 4)))
    nodes = np.vstack([places, outside])
    edges = np.vstack([edges, np.stack([doors, crossings + np.arange(len(doors))], axis=1)])
    watched = np.full(len(nodes), -1)
    chosen = np.sort(rng.permutation(crossings)[:cameras])
    watched[chosen] = np.arange(cameras)
    views = tuple(_hang(number, nodes[node], rng, aspect) for number, node in enumerate(chosen))
    return Plan(
        nodes=nodes,
        edges=edges,
        doors=np.arange(crossings, len(nodes)),
        cameras=views,
        watched=watched,
        onward=_routes(nodes, edges, rng),
    )


def _hang(number: int, node: Floats, rng: np.random.Generator, aspect: float) -> Camera:
    """A camera whose view has a crossing in its middle."""
    heading = rng.uniform(-math.pi, math.pi)
    away = (Camera.near + Camera.far) / 2
    place = node[0] - away * math.cos(heading), node[1] - away * math.sin(heading)
    return Camera(f"camera{number:03d}", (float(place[0]), float(place[1])), heading, aspect=aspect)


def _corridors(grid: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Joins neighbours on the grid; leaves out a fifth where everything stays joined."""
    steps = np.abs(grid[:, None] - grid[None]).sum(axis=2) if len(grid) < 2000 else None
    assert steps is not None, "a plan of so many crossings takes another search for neighbours"
    edges = np.argwhere(np.triu(steps == 1))
    for edge in rng.permutation(edges)[: len(edges) // 5]:
        rest = edges[(edges != edge).any(axis=1)]
        links = csr_matrix((np.ones(len(rest)), rest.T), shape=(len(grid), len(grid)))
        if connected_components(links, directed=False)[0] == 1:
            edges = rest
    return edges


def _doors(
    grid: NDArray[np.int64], places: Floats, rng: np.random.Generator, *, count: int
) -> tuple[NDArray[np.int64], Floats]:
    """Crossings on the rim with a door each, and the doors' own places outside."""
    rim = np.flatnonzero((grid == 0).any(axis=1) | (grid == grid.max(axis=0)).any(axis=1))
    chosen = np.sort(rng.permutation(rim)[:count])
    outward = np.where(grid[chosen] == 0, -1.0, 0.0) + (grid[chosen] == grid.max(axis=0))
    outward[~outward.any(axis=1)] = 1.0
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    return chosen, places[chosen] + outward * rng.uniform(10, 16, (len(chosen), 1))


def _routes(nodes: Floats, edges: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int32]:
    length = np.linalg.norm(nodes[edges[:, 0]] - nodes[edges[:, 1]], axis=1)
    tables = []
    for _ in range(ROUTINGS):
        weight = length * rng.uniform(1.0, 1.6, len(length))
        links = csr_matrix((weight, edges.T), shape=(len(nodes), len(nodes)))
        tables.append(dijkstra(links, directed=False, return_predecessors=True)[1])
    return np.stack(tables).astype(np.int32)
