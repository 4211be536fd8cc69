"""Constraints: what people said about who is who. Pure: no clock, no network, no Redis.

A *statement* is a correction of a person that still stands: two identities are one (merge), or some
tracklets of an identity are somebody else (split). The tracklets it speaks of are *pinned*: the
matcher leaves them where the person put them. Of two statements about a tracklet the later counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha1
from itertools import islice, product

from pipeline.data import IdentityRecord

_PAIRS = 1000  # of one statement: a merge of two people who come daily would give millions


class CorrectionKind(StrEnum):
    """What a person did."""

    MERGE = "merge"  # two identities were one person
    SPLIT = "split"  # some tracklets of an identity were somebody else
    RENAME = "rename"  # gave an identity a name, another one or none
    FORGET = "forget"  # erased an identity and all that hangs on it
    UNDO = "undo"  # took a correction back


@dataclass(frozen=True, slots=True)
class Statement:
    """What a correction says, for as long as it stands.

    Attributes:
        id: the correction's; later ones are larger, see `order`.
        kind: merge, split or rename.
        identity: the identity that was corrected; of a merge, the number that was kept.
        other: of a merge the number that went, of a split the new one, else 0.
        kept: tracklets that were the identity's and stayed so.
        moved: tracklets that came to `identity` (merge), or went to `other` (split).
        names: of identity and other before, to be restored when it is undone.
    """

    id: str
    kind: CorrectionKind
    identity: int
    other: int = 0
    kept: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    names: tuple[str | None, str | None] = (None, None)

    @property
    def order(self) -> tuple[int, int]:
        """When it was said, among all statements: milliseconds, and number within them."""
        milliseconds, _, number = self.id.partition("-")
        return int(milliseconds), int(number or 0)

    @property
    def target(self) -> int:
        """Where `moved` belong."""
        return self.identity if self.kind is CorrectionKind.MERGE else self.other


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tracklets a person has told apart, or said to be one."""

    one: str
    other: str
    same: bool


@dataclass(frozen=True)
class Constraints:
    """What people said, as the matcher asks for it.

    Attributes:
        version: changes whenever people correct something.
        statements: those that stand, in any order.
        merged: identity numbers that lead to others since people merged them.
        erased: digests of tracklets that people had forgotten; see `digest`.
    """

    version: str = ""
    statements: Sequence[Statement] = ()
    merged: Mapping[int, int] = field(default_factory=dict)
    erased: Collection[str] = frozenset()

    def resolve(self, identity: int) -> int:
        """The number an identity has by now, if people merged it with another."""
        seen = {identity}
        while (leads := self.merged.get(identity)) is not None and leads not in seen:
            seen.add(leads)
            identity = leads
        return identity

    def pinned(self, tracklet: str) -> int | None:
        """The identity where a person has put the tracklet, or None if nobody has."""
        return self._pins.get(tracklet)

    def forbidden(self, tracklet: str, identity: int) -> bool:
        """True if a person's word keeps the tracklet out of the identity."""
        pin = self._pins.get(tracklet)
        return pin != identity if pin is not None else identity in self._barred.get(tracklet, ())

    def apart(self, one: int, other: int) -> bool:
        """True if a person said that these two identities are two people."""
        return one != other and frozenset((self.resolve(one), self.resolve(other))) in self._apart

    def may_merge(self, keep: IdentityRecord, other: IdentityRecord) -> bool:
        """True if all tracklets of `other` may become those of `keep`.

        Whoever merges identities by rule asks this: a pinned tracklet does not move.
        """
        goes = any(self.forbidden(r.tracklet, keep.identity) for r in other.tracklets)
        stays = any(other.identity in self._barred.get(r.tracklet, ()) for r in keep.tracklets)
        return not (goes or stays or self.apart(keep.identity, other.identity))

    def forgotten(self, tracklet: str) -> bool:
        """True if a person had it erased: nothing about it is to be written any more."""
        return digest(tracklet) in self.erased

    def labelled_pairs(self, *, most: int = _PAIRS) -> Iterator[Pair]:
        """Pairs of tracklets of which people said whether they are one person.

        Args:
            most: pairs of each statement. Of two statements about a pair the later counts.
        """
        said: set[frozenset[str]] = set()
        for statement in reversed(self.ordered):
            for pair in islice(product(statement.kept, statement.moved), most):
                if frozenset(pair) not in said:
                    said.add(frozenset(pair))
                    yield Pair(*pair, same=statement.kind is CorrectionKind.MERGE)

    @cached_property
    def ordered(self) -> list[Statement]:
        """The statements in the order in which they were made."""
        return sorted(self.statements, key=lambda statement: statement.order)

    @cached_property
    def _splits(self) -> list[tuple[Statement, int, int]]:
        """Splits and the numbers of both sides by now, but for sides that were merged again."""
        kind = CorrectionKind.SPLIT
        splits = [
            (s, self.resolve(s.identity), self.resolve(s.other))
            for s in self.ordered
            if s.kind is kind
        ]
        return [(split, one, other) for split, one, other in splits if one != other]

    @cached_property
    def _pins(self) -> dict[str, int]:
        pins: dict[str, int] = {}
        for statement in self.ordered:
            stay = statement.kept if statement.kind is CorrectionKind.MERGE else ()
            pins |= dict.fromkeys((*stay, *statement.moved), self.resolve(statement.target))
        return pins

    @cached_property
    def _apart(self) -> set[frozenset[int]]:
        return {frozenset((one, other)) for _, one, other in self._splits}

    @cached_property
    def _barred(self) -> dict[str, set[int]]:
        """Tracklet → identities it does not belong to: others were split off it."""
        barred: dict[str, set[int]] = {}
        for split, _, other in self._splits:
            for tracklet in split.kept:
                barred.setdefault(tracklet, set()).add(other)
        return barred


def digest(tracklet: str) -> str:
    """What is kept of a tracklet that was forgotten, so that it is known when it comes again."""
    return sha1(tracklet.encode(), usedforsecurity=False).hexdigest()


def remaining(
    statement: Statement, tracklets: Collection[str], identities: Collection[int]
) -> Statement | None:
    """What is left of a statement once some people are gone.

    Args:
        statement: what was said.
        tracklets: those of it that are still there.
        identities: the numbers, of those it names, that still stand for somebody.

    Returns:
        the statement without what is gone, or None if it speaks of nobody any more.
    """
    left = replace(
        statement,
        kept=tuple(t for t in statement.kept if t in tracklets),
        moved=tuple(t for t in statement.moved if t in tracklets),
    )
    numbers = {statement.identity, statement.other} & set(identities)
    told_apart = statement.kind is CorrectionKind.SPLIT and len(numbers) == 2
    named = statement.kind is CorrectionKind.RENAME and bool(numbers)
    return left if left.kept or left.moved or told_apart or named else None
