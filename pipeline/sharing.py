"""Sharing cameras out among nodes: pure, so that every node comes to the same conclusion.

There is no coordinator. Every node knows, from Redis, who is there, what each camera costs and who
runs what; it computes who should run what nobody runs, and claims its own part. A lease settles
what two nodes want at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.data import ProcessRecord

_CLEARLY_LESS = 0.9
"""A camera moves only to a node that has less than this part of the load of the one that leaves
it, the camera included: what is measured wavers, and cameras must not go to and fro."""


@dataclass(frozen=True, slots=True)
class Share:
    """A node as the others see it.

    Attributes:
        name: its name.
        demand: its cameras → seconds of work per second they would take if no picture were left
            out, measured by this node.
        pace: its mean seconds of work per picture; 0: not known yet.
        allowed: cameras it may run; None: all.
    """

    name: str
    demand: Mapping[str, float]
    pace: float = 0.0
    allowed: frozenset[str] | None = None

    @classmethod
    def of(cls, record: ProcessRecord) -> Share:
        """What a node says of itself."""
        allowed = None if record.allowed is None else frozenset(record.allowed)
        return cls(record.name, record.demand, record.pace, allowed)

    @property
    def load(self) -> float:
        """Seconds of work per second; above 1 it leaves pictures out."""
        return sum(self.demand.values())

    def may_run(self, camera: str) -> bool:
        """True if the node's settings let it run the camera."""
        return self.allowed is None or camera in self.allowed


def share_out(free: Iterable[str], nodes: Sequence[Share]) -> dict[str, list[str]]:
    """Who should take which of the cameras that nobody runs.

    One after the other goes to the node that is least loaded with it.

    Args:
        free: the cameras.
        nodes: the nodes that are there.

    Returns:
        node → cameras; nodes that should take none are left out.
    """
    cost = usual_cost(nodes)
    loads = {node.name: node.load for node in nodes}
    taken: dict[str, list[str]] = {}
    for camera in sorted(free):
        able = [node for node in nodes if node.may_run(camera)]
        if able:
            chosen = min(able, key=lambda n: (loads[n.name] + cost * _slowness(n, nodes), n.name))
            loads[chosen.name] += cost * _slowness(chosen, nodes)
            taken.setdefault(chosen.name, []).append(camera)
    return taken


def to_give_up(name: str, nodes: Sequence[Share]) -> str | None:
    """The camera that a node should leave to another, or None if all is well as it is.

    Only the fullest node gives one up, and only to one that has clearly less to do also with it:
    a camera that moves loses some pictures, and its tracklets break.

    Args:
        name: the node that asks.
        nodes: the nodes that are there, itself among them.
    """
    mine = next((node for node in nodes if node.name == name), None)
    if mine is None or mine != max(nodes, key=lambda n: (n.load, n.name)):
        return None
    moves = []
    for camera, other in ((c, o) for c in sorted(mine.demand) for o in nodes if o != mine):
        there = other.load + mine.demand[camera] * _relative_pace(other, mine)
        if other.may_run(camera) and there < _CLEARLY_LESS * mine.load:
            moves.append((max(mine.load - mine.demand[camera], there), camera))
    return min(moves)[1] if moves else None


def usual_cost(nodes: Iterable[Share]) -> float:
    """What a camera takes on average: a guess at one that has not been measured."""
    known = [cost for node in nodes for cost in node.demand.values() if cost > 0]
    return sum(known) / len(known) if known else 1.0


def _slowness(node: Share, nodes: Sequence[Share]) -> float:
    """How many times as long as others it needs for a picture; 1 if that is not known."""
    paces = [other.pace for other in nodes if other.pace > 0]
    return node.pace * len(paces) / sum(paces) if node.pace > 0 else 1.0


def _relative_pace(node: Share, than: Share) -> float:
    return node.pace / than.pace if node.pace > 0 and than.pace > 0 else 1.0
