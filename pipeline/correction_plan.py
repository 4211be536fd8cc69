"""What a correction changes in Redis, planned before it is made. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.constraints import Constraints, CorrectionKind, Statement
from pipeline.data import Decision, DecisionKind
from pipeline.wire import pack_decision, pack_record, pack_statement, unpack_record


@dataclass(slots=True)
class Plan:
    """Everything that `pipeline/lua/correct.lua` is to do at once, and what it relies on.

    Attributes:
        version: of the constraints it was planned on.
        kind, by, identity, other: see `Correction`.
        undoes: the correction that it takes back, or "".
        lengths: identity → how many tracklets it must still have.
        gone: statements that do not stand any more.
        merged: identity → the one it leads to, or None if it stands for itself again.
        names: identity → its name, or None.
    """

    version: str
    kind: CorrectionKind
    by: str
    identity: int
    other: int = 0
    undoes: str = ""
    lengths: Mapping[int, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    merged: Mapping[int, int | None] = field(default_factory=dict)
    names: Mapping[int, str | None] = field(default_factory=dict)
    _moves: list[dict[str, Any]] = field(default_factory=list)
    _events: list[str] = field(default_factory=list)
    _statement: str | None = None

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
            after = replace(record, identity=target, pinned=pinned)
            self._moves.append(
                {
                    "tracklet": tracklet,
                    "from": source,
                    "to": target,
                    "before": text.decode(),
                    "after": pack_record(after).decode(),
                    "finish": record.end,
                }
            )
            if kind is not None:
                self._announce(
                    Decision(tracklet, record.camera, target, kind, 1.0, time=record.end)
                )

    def says(
        self,
        kept: Iterable[str],
        moved: Iterable[str],
        names: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """What the correction says from now on; see `Statement`."""
        statement = Statement(
            "", self.kind, self.identity, self.other, tuple(kept), tuple(moved), names
        )
        self._statement = pack_statement(statement).decode()

    def announce(self, kind: DecisionKind) -> None:
        """Announces something about the identity as a whole."""
        self._announce(Decision("", "", self.identity, kind, 1.0))

    def _announce(self, decision: Decision) -> None:
        self._events.append(pack_decision(replace(decision, by="person")).decode())

    def pack(self) -> bytes:
        """The plan as JSON, as the script reads it."""
        moved = sum(move["from"] != move["to"] for move in self._moves)
        entry = entry_fields(self.kind, self.by, self.identity, self.other, moved, self.undoes)
        plan: dict[str, Any] = {
            "version": self.version,
            "lengths": self.lengths,
            "moves": self._moves,
            "gone": self.gone,
            "merged": {n: "" if leads is None else str(leads) for n, leads in self.merged.items()},
            "names": {n: name or "" for n, name in self.names.items()},
            "events": self._events,
            "entry": entry,
        }
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
