"""Ways of grouping the tracklets of a recording: whose groups are people's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pipeline.data import Sighting

Group = tuple[int, ...]
"""Tracklets of one person in order of time, as indices."""


class Grouping:
    """Who is with whom, by the number of the group."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = dict(enumerate(groups))
        self.of = [0] * sum(map(len, groups))
        for number, group in self.groups.items():
            for i in group:
                self.of[i] = number
        self._next = len(groups)

    def fresh(self) -> int:
        """A number no group has had."""
        self._next += 1
        return self._next - 1

    def replace(self, changes: Mapping[int, Group]) -> None:
        """Puts groups in the place of those with these numbers; an empty one goes."""
        for number, group in changes.items():
            if not group:
                self.groups.pop(number, None)
                continue
            self.groups[number] = group
            for i in group:
                self.of[i] = number


def recombined(a: Group, b: Group) -> Iterator[tuple[Group, Group]]:
    """Both as one, and each with the later part of the other, cut at every moment."""
    yield tuple(sorted(a + b)), ()
    for cut in sorted({*a, *b})[1:]:
        yield exchanged(a, b, cut)


def exchanged(a: Group, b: Group, cut: int) -> tuple[Group, Group]:
    """Each with what the other has from a tracklet on."""
    early_a, early_b = tuple(i for i in a if i < cut), tuple(i for i in b if i < cut)
    return early_a + b[len(early_b) :], early_b + a[len(early_a) :]


def by_identity(sightings: Sequence[Sighting], online: Mapping[str, int]) -> list[Group]:
    """Tracklets in order of time as groups of one identity each."""
    groups: dict[int, list[int]] = defaultdict(list)
    for i, sighting in enumerate(sightings):
        groups[online[sighting.tracklet]].append(i)
    return [tuple(group) for group in groups.values()]


def numbered(
    sightings: Sequence[Sighting], groups: Sequence[Group], online: Mapping[str, int]
) -> dict[Group, int]:
    """Gives each group a number of its own, the one most of it had if it can."""
    claims = [
        (-sum(online[sightings[i].tracklet] == number for i in group), group[0], number, group)
        for group in groups
        for number in {online[sightings[i].tracklet] for i in group}
    ]
    numbers: dict[Group, int] = {}
    taken: set[int] = set()
    for _, _, number, group in sorted(claims):
        if group not in numbers and number not in taken:
            numbers[group] = number
            taken.add(number)
    highest = max(online.values(), default=0)
    for group in sorted(set(groups) - set(numbers)):
        highest += 1
        numbers[group] = highest
    return numbers
