"""Puts tracklets where they belong with hindsight. A part of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.constraints import Constraints
from pipeline.correction_plan import Plan
from pipeline.data import DecisionKind, IdentityRecord, TrackletRecord
from pipeline.hindsight import Change
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.wire import unpack_record

_FENCED = b"fenced"

Exclude = Callable[[TrackletRecord, TrackletRecord], bool]


class Regrouping:
    """Makes changes of one site by rule; what people said is respected.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
        events: entries kept in each stream.
    """

    def __init__(self, client: Any, scripts: Scripts, *, site: str, events: int) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"
        self._events = events

    @in_our_words
    def make(
        self,
        change: Change,
        said: Constraints,
        *,
        exclude: Exclude,
        new_identity: Callable[[], int],
        token: int | None = None,
    ) -> int | None:
        """Makes a change, as far as it still fits what is known by now.

        A merge takes all of an identity along, also what was not looked at, unless some of it and
        some of the other were in two places at once; then only what was looked at moves. What
        a person has put where it is stays there.

        Args:
            change: what is to be done.
            said: what people said.
            exclude: says that two tracklets cannot be one person.
            new_identity: gives a number never used before.
            token: fencing token of the matcher's lease; None: nobody leases it here.

        Returns:
            how many tracklets have moved, or None if another matcher is in charge by now.
        """
        texts, others = self._texts(change.source), {}
        if change.target is not None:
            others = self._texts(change.target)
            if not others:
                return 0  # they have expired, or were erased
        names, merges = fitting(change, said, _records(texts), _records(others), exclude)
        if not names:
            return 0
        target = new_identity() if change.target is None else change.target
        plan = Plan.by_rule(said.version, change.source, target, token=token)
        kind = DecisionKind.MERGED if merges else DecisionKind.REVISED
        plan.regroup({name: texts[name] for name in names}, change.moved, kind)
        plan.lengths = {change.source: len(texts)}
        if len(names) == len(texts) and change.target is not None:
            self._lead_on(plan, change.source, target)
        made = self._scripts.run(
            "correct", self._keys(), [plan.pack(), self._key(""), self._events]
        )
        if made == _FENCED:
            return None
        return len(names) if made else 0

    def _lead_on(self, plan: Plan, source: int, target: int) -> None:
        """Nobody is left there: the number leads to the other one, and a name goes along."""
        here, there = self._redis.hmget(self._key("names"), [source, target])
        name = there or here
        plan.merged = {source: target}
        plan.names = {source: None, target: name.decode() if name else None}

    def _texts(self, identity: int) -> dict[str, bytes]:
        found = self._redis.hgetall(self._key("identity", identity))
        return {name.decode(): text for name, text in found.items()}

    def _keys(self) -> list[str]:
        names = (
            "constraints:version", "constraints", "corrections", "decisions", "merged", "names",
            "identities",
        )  # fmt: skip
        return [self._key(name) for name in names]

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])


def fitting(
    change: Change,
    said: Constraints,
    records: Mapping[str, TrackletRecord],
    others: Mapping[str, TrackletRecord],
    exclude: Exclude,
) -> tuple[list[str], bool]:
    """The tracklets that can move, and whether all of the identity does.

    Args:
        change: what is to be done.
        said: what people said.
        records, others: the tracklets of the identity they leave, and of the one they go to.
        exclude: says that two tracklets cannot be one person.
    """

    def fits(name: str) -> bool:
        apart = change.target is not None and said.forbidden(name, change.target)
        elsewhere = any(exclude(records[name], other) for other in others.values())
        return said.pinned(name) is None and not apart and not elsewhere

    if change.merges and change.target is not None:
        kept = IdentityRecord(change.target, tuple(others.values()))
        whole = IdentityRecord(change.source, tuple(records.values()))
        if said.may_merge(kept, whole) and all(map(fits, records)):
            return list(records), True
    return [name for name in change.moved if name in records and fits(name)], False


def _records(texts: Mapping[str, bytes]) -> dict[str, TrackletRecord]:
    return {name: unpack_record(text) for name, text in texts.items()}
