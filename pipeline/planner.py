"""Planning a correction: what it has to change, from what Redis holds. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pipeline.constraints import Constraints, CorrectionKind, Statement
from pipeline.correction_plan import Plan
from pipeline.data import DecisionKind
from pipeline.errors import CorrectionError

_NAME_LENGTH = 80


class Planner:
    """Plans the corrections of one site.

    What is planned holds as long as nothing changes: `correct.lua` looks at that. Every method
    gives a plan, or the id of the correction that has done just that before, and raises
    CorrectionError if it cannot be done.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
    """

    def __init__(self, client: Any, *, site: str) -> None:
        self._redis = client
        self._tag = "{" + site + "}"

    def merge(self, said: Constraints, keep: int, other: int, *, by: str) -> Plan | str:
        """Everything of `other` becomes `keep`'s; see `Corrections.merge`."""
        one, two = said.resolve(keep), said.resolve(other)
        if keep == other:
            raise CorrectionError(f"expected two people, found person {keep} twice")
        if one == two:
            if before := _of_kind(said, CorrectionKind.MERGE, {keep, other}):
                return before[-1].id
            raise CorrectionError(f"expected two people, found {keep} and {other}, who are one")
        kept, moved, names = self._texts(one, keep), self._texts(two, other), self._names(one, two)
        plan = Plan(said.version, CorrectionKind.MERGE, by, one, two)
        plan.place(kept, one, one)
        plan.place(moved, two, one, kind=DecisionKind.MERGED)
        plan.lengths = {one: len(kept), two: len(moved)}
        plan.says(kept, moved, names)
        plan.merged = {two: one}
        plan.names = {one: names[0] or names[1], two: None}
        return plan

    def split(
        self,
        said: Constraints,
        identity: int,
        wanted: Sequence[str],
        new_number: Callable[[int], int],
        *,
        by: str,
    ) -> Plan | str:
        """Tracklets get a number of their own; see `Corrections.split`.

        Args:
            new_number: gives the number for all attempts; it is above the number it is given.
        """
        number = said.resolve(identity)
        texts = self._texts(number, identity)
        if before := _same_split(said, number, wanted):
            return before.id
        _check_tracklets(identity, wanted, texts)
        new = new_number(number)
        moved = {name: texts.pop(name) for name in wanted}
        plan = Plan(said.version, CorrectionKind.SPLIT, by, number, new)
        plan.place(moved, number, new, kind=DecisionKind.REVISED)
        plan.lengths = {number: len(texts) + len(moved)}
        plan.says(texts, moved)
        return plan

    def rename(self, said: Constraints, identity: int, name: str | None, *, by: str) -> Plan | str:
        """The identity is called so; see `Corrections.rename`."""
        number = said.resolve(identity)
        self._texts(number, identity)
        before, _ = self._names(number, 0)
        earlier = _of_kind(said, CorrectionKind.RENAME, {number})
        if before == name and earlier:
            return earlier[-1].id
        plan = Plan(said.version, CorrectionKind.RENAME, by, number)
        plan.says((), (), (before, None))
        plan.gone = [statement.id for statement in earlier]  # only the last one can be undone
        plan.names = {number: name}
        plan.announce(DecisionKind.RENAMED)
        return plan

    def undo(self, said: Constraints, statement: Statement, *, by: str) -> Plan:
        """What was said is taken back; see `Corrections.undo`."""
        _check_last(said, statement)
        plan = Plan(said.version, CorrectionKind.UNDO, by, statement.identity, statement.other)
        plan.undoes, plan.gone = statement.id, [statement.id]
        if statement.kind is CorrectionKind.RENAME:
            number = said.resolve(statement.identity)
            self._texts(number, number)
            plan.names = {number: statement.names[0]}
            plan.announce(DecisionKind.RENAMED)
        else:
            self._take_back(plan, said, statement)
        return plan

    def _take_back(self, plan: Plan, said: Constraints, statement: Statement) -> None:
        """Plans to put tracklets back where they were; those that were pinned before stay so."""
        merge = statement.kind is CorrectionKind.MERGE
        target = said.resolve(statement.target)
        back = statement.other if merge else said.resolve(statement.identity)
        texts = self._texts(target, target)
        moved = {name: texts[name] for name in statement.moved if name in texts}
        if not moved:
            gone = f"expected a correction whose people are still known, found {statement.id}"
            raise CorrectionError(gone)
        if not merge:
            self._texts(back, back)  # whoever was forgotten does not come back
        after = _without(said, statement)
        plan.place(moved, target, back, said=after, kind=DecisionKind.REVISED)
        plan.lengths = {target: len(texts)}
        names = self._names(target, back)
        if merge:
            kept = {name: texts[name] for name in statement.kept if name in texts}
            plan.place(kept, target, target, said=after)
            _stand_alone(plan, statement, names[0])
        elif len(moved) == len(texts):  # nobody is left there: its number leads back
            plan.merged = {target: back}
            plan.names = {target: None, back: names[1] or names[0]}

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])

    def _texts(self, number: int, asked: int) -> dict[str, bytes]:
        """An identity's records as they are written, by tracklet."""
        found = self._redis.hgetall(self._key("identity", number))
        if not found:
            raise unknown(asked)
        return {name.decode(): text for name, text in found.items()}

    def _names(self, one: int, other: int) -> tuple[str | None, str | None]:
        first, second = self._redis.hmget(self._key("names"), [one, other])
        return (first.decode() if first else None, second.decode() if second else None)


def unknown(identity: int) -> CorrectionError:
    """Nobody has this number."""
    return CorrectionError(f"expected the number of a known person, found {identity}")


def clean_name(name: str | None) -> str | None:
    """A name as it is kept.

    Raises:
        CorrectionError: it is empty, too long, or cannot be printed.
    """
    if name is None:
        return None
    clean = name.strip()
    if not (1 <= len(clean) <= _NAME_LENGTH and clean.isprintable()):
        raise CorrectionError(
            f"expected a name of 1 to {_NAME_LENGTH} printable characters, found {name!r}"
        )
    return clean


def _check_tracklets(identity: int, wanted: Sequence[str], texts: Collection[str]) -> None:
    if not wanted:
        raise CorrectionError("expected at least one tracklet to split off, found none")
    for name in wanted:
        if name not in texts:
            raise CorrectionError(f"expected tracklets of person {identity}, found {name!r}")
    if len(wanted) == len(texts):
        raise CorrectionError(
            f"expected a tracklet of person {identity} to stay, found all of them to be split off"
        )


def _of_kind(said: Constraints, kind: CorrectionKind, numbers: set[int]) -> list[Statement]:
    """Statements of a kind that speak of one of these numbers, in order."""
    return [s for s in said.ordered if s.kind is kind and {s.identity, s.other} & numbers]


def _same_split(said: Constraints, number: int, wanted: Collection[str]) -> Statement | None:
    """The standing split that has brought just these tracklets out of an identity, if any."""
    for s in reversed(said.ordered):
        was = s.kind is CorrectionKind.SPLIT and said.resolve(s.identity) == number
        if was and said.resolve(s.other) != number and set(s.moved) == set(wanted):
            return s
    return None


def _check_last(said: Constraints, statement: Statement) -> None:
    """Only the last correction of some people can be undone: others rest on the earlier ones."""
    tracklets = {*statement.kept, *statement.moved}
    for later in reversed(said.ordered):
        if later.order <= statement.order:
            return
        same_people = bool(tracklets & {*later.kept, *later.moved})
        if not tracklets and later.kind is not CorrectionKind.RENAME:  # a name was given
            same_people = statement.identity in (later.identity, later.other)
        if same_people:
            raise CorrectionError(
                f"expected the last correction of these people, found {statement.id}: "
                f"undo {later.id} first"
            )


def _stand_alone(plan: Plan, statement: Statement, name: str | None) -> None:
    """Both numbers of a merge stand for themselves again, with the names they had."""
    one, other = statement.names
    took = name == (one or other)  # else another one was given since
    plan.merged = {statement.other: None}
    plan.names = {statement.identity: one if took else name, statement.other: other}


def _without(said: Constraints, statement: Statement) -> Constraints:
    """What will have been said once a statement is taken back."""
    merge = statement.kind is CorrectionKind.MERGE
    return Constraints(
        statements=[s for s in said.statements if s.id != statement.id],
        merged={n: m for n, m in said.merged.items() if not (merge and n == statement.other)},
    )
