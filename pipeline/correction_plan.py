"""What a correction changes in Redis, planned before it is made. Pure.

What the matcher puts right with hindsight is planned and made in the same way, by nobody's word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.constraints import Constraints, CorrectionKind, Statement
from pipeline.data import Decision, DecisionKind, Evidence, TrackletRecord
from pipeline.second_pass import Belonging
from pipeline.wire import pack_decision, pack_record, pack_statement, unpack_record


@dataclass(slots=True)
class Plan:
    """Everything that `pipeline/lua/correct.lua` is to do at once, and what it relies on.

    Attributes:
        version: of the constraints it was planned on.
        kind, by, identity, other: see `Correction`; no kind: it is no person's correction.
        undoes: the correction that it takes back, or "".
        lengths: identity → how many tracklets it must still have.
        gone: statements that do not stand any more.
        merged: identity → the one it leads to, or None if it stands for itself again.
        names: identity → its name, or None.
        token: fencing token of the matcher that makes it, or None.
    """

    version: str
    kind: CorrectionKind | None
    by: str
    identity: int
    other: int = 0
    undoes: str = ""
    lengths: Mapping[int, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    merged: Mapping[int, int | None] = field(default_factory=dict)
    names: Mapping[int, str | None] = field(default_factory=dict)
    token: int | None = None
    _moves: list[dict[str, Any]] = field(default_factory=list)
    _events: list[str] = field(default_factory=list)
    _statement: str | None = None

    @classmethod
    def by_rule(cls, version: str, source: int, target: int, *, token: int | None) -> Plan:
        """A plan of the matcher's own."""
        return cls(version, None, "", target, source, token=token)

    def regroup(
        self, texts: Mapping[str, bytes], why: Mapping[str, Belonging], kind: DecisionKind
    ) -> None:
        """Puts tracklets of `other` into `identity`, where they belong with hindsight.

        Args:
            texts: their records as they are written, by tracklet.
            why: what speaks for it, of those that were looked at; the others go along.
            kind: what is announced of each.
        """
        for tracklet, text in texts.items():
            record = replace(unpack_record(text), identity=self.identity)
            if (found := why.get(tracklet)) is not None:
                record = replace(
                    record, confidence=found.confidence, evidence=found.evidence, confirmed=True
                )
            self._move(text, record, self.other)
            decision = Decision(
                tracklet,
                record.camera,
                self.identity,
                kind,
                record.confidence,
                record.evidence or Evidence(),
                time=record.end,
                confirmed=record.confirmed,
            )
            self._announce(decision)

    def place(
        self,
        texts: Mapping[str, bytes],
        source: int,
        target: int,
        *,
        said: Constraints | None = None,
        kind: DecisionKind | None = None,
    ) -> None:
        """Puts tracklets into an identity.

        Args:
            texts: their records as they are written, by tracklet.
            source, target: where they are and where they go; the same: only whether they are
                pinned changes.
            said: what will have been said then, which says who is pinned; None: all are.
            kind: what is announced of each, or None for nothing.
        """
        for tracklet, text in texts.items():
            record = unpack_record(text)
            pinned = said is None or said.pinned(tracklet) is not None
            self._move(text, replace(record, identity=target, pinned=pinned), source)
            if kind is not None:
                self._announce(
                    Decision(tracklet, record.camera, target, kind, 1.0, time=record.end)
                )

    def _move(self, before: bytes, after: TrackletRecord, source: int) -> None:
        self._moves.append(
            {
                "tracklet": after.tracklet,
                "from": source,
                "to": after.identity,
                "before": before.decode(),
                "after": pack_record(after).decode(),
                "finish": after.end,
            }
        )

    def says(
        self,
        kept: Iterable[str],
        moved: Iterable[str],
        names: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """What the correction says from now on; see `Statement`."""
        assert self.kind is not None, "the matcher's own plans say nothing for good"
        statement = Statement(
            "", self.kind, self.identity, self.other, tuple(kept), tuple(moved), names
        )
        self._statement = pack_statement(statement).decode()

    def announce(self, kind: DecisionKind) -> None:
        """Announces something about the identity as a whole."""
        self._announce(Decision("", "", self.identity, kind, 1.0))

    def _announce(self, decision: Decision) -> None:
        by = "matcher" if self.kind is None else "person"
        self._events.append(pack_decision(replace(decision, by=by)).decode())

    def pack(self) -> bytes:
        """The plan as JSON, as the script reads it."""
        plan: dict[str, Any] = {
            "version": self.version,
            "lengths": self.lengths,
            "moves": self._moves,
            "gone": self.gone,
            "merged": {n: "" if leads is None else str(leads) for n, leads in self.merged.items()},
            "names": {n: name or "" for n, name in self.names.items()},
            "events": self._events,
        }
        if self.kind is not None:
            moved = sum(move["from"] != move["to"] for move in self._moves)
            plan["entry"] = entry_fields(
                self.kind, self.by, self.identity, self.other, moved, self.undoes
            )
        if self.token is not None:
            plan["token"] = str(self.token)
        if self._statement is not None:
            plan["statement"] = self._statement
        return json.dumps(plan).encode()


def entry_fields(
    kind: CorrectionKind, by: str, identity: int, other: int, moved: int, undoes: str = ""
) -> list[str]:
    """An entry of the stream of corrections: fields and values in turn. It names nobody."""
    return [
        "kind", kind.value, "by", by, "identity", str(identity), "other", str(other),
        "moved", str(moved), "undoes", undoes,
    ]  # fmt: skip
