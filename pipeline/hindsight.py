"""Hindsight: what was decided a while ago and turns out to be otherwise. Pure: no clock, no Redis.

While a site runs, the second pass (`pipeline.second_pass`) explains the tracklets of the last hour
anew. Where it comes to another answer than the matcher had at the time, this says what is to be
changed: whole identities are merged, and tracklets that have ended go to whom they belong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.constraints import Constraints
from pipeline.data import Sighting
from pipeline.second_pass import Belonging, second_pass
from pipeline.weigh import Weigher

LEAST_NATS = 1.0
"""What a change must gain: labels of the past are to be put right, not to flicker."""


@dataclass(frozen=True, slots=True)
class Change:
    """Tracklets of one identity that belong to another.

    Attributes:
        source: the identity they have.
        target: the one they belong to, or None for somebody new.
        moved: those tracklets, and what speaks for it.
        merges: True if they are all that is known of `source` of late: it is one with `target`.
    """

    source: int
    target: int | None
    moved: Mapping[str, Belonging]
    merges: bool


def look_back(
    sightings: Sequence[Sighting],
    online: Mapping[str, int],
    weigher: Weigher,
    constraints: Constraints,
) -> list[Change]:
    """What is to change of the tracklets of the last hour.

    Args:
        sightings: of each tracklet that has ended, the last one.
        online: tracklet → the identity it has.
        weigher: what evidence is worth; what it has learned is learned anew.
        constraints: what people said.
    """
    found = second_pass(
        sightings, online, weigher, constraints=constraints, learn=1, least=LEAST_NATS, anew=False
    )
    return changes(found, online)


def changes(found: Mapping[str, Belonging], online: Mapping[str, int]) -> list[Change]:
    """The differences between two answers, merges first.

    Args:
        found: tracklet → whom it belongs to.
        online: the same tracklets → the identity they have.
    """
    groups: dict[int, dict[int, dict[str, Belonging]]] = defaultdict(lambda: defaultdict(dict))
    sizes: dict[int, int] = defaultdict(int)
    for tracklet, belonging in found.items():
        groups[belonging.identity][online[tracklet]][tracklet] = belonging
        sizes[online[tracklet]] += 1
    made = [
        change for number, sources in groups.items() for change in _of_group(number, sources, sizes)
    ]
    return sorted(made, key=lambda change: (not change.merges, change.source, change.target or 0))


def _of_group(
    number: int, sources: Mapping[int, Mapping[str, Belonging]], sizes: Mapping[int, int]
) -> list[Change]:
    """The changes that bring a group of tracklets together."""
    whole = {source for source, moved in sources.items() if len(moved) == sizes[source]}
    target = number if number in sizes else None
    if target in whole:
        target = min(whole)  # of numbers that are one person the first stays
    return [
        Change(source, target, moved, merges=source in whole and target is not None)
        for source, moved in sources.items()
        if source != target
    ]
