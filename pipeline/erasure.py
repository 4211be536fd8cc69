"""Erasure: somebody is forgotten, with all that hangs on them. A part of the corrections."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.constraints import Constraints, CorrectionKind
from pipeline.correction_plan import entry_fields
from pipeline.data import Decision, DecisionKind, Evidence, TrackletRecord
from pipeline.scripts import Scripts
from pipeline.wire import pack_decision, pack_record, pack_statement, unpack_record

_GROUP = "matcher"
_BATCH = 500
_BEGINNING = "0-0"


class Erasure:
    """Erases identities of one site.

    The streams are searched first, which may take a while; then a script erases everything at
    once, what has come into the streams meanwhile included.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
        events: entries kept in each stream.
        lifetime: seconds for which digests of what was erased are kept.
    """

    def __init__(
        self, client: Any, scripts: Scripts, *, site: str, events: int, lifetime: float
    ) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"
        self._events = events
        self._lifetime = lifetime

    def erase(
        self, said: Constraints, identity: int, tracklets: Sequence[str], *, by: str
    ) -> str | None:
        """Erases an identity.

        Args:
            said: what people have said until now.
            identity: its number.
            tracklets: all that are its own.
            by: who wants it.

        Returns:
            the correction's id, or None if something has changed meanwhile: nothing was erased.
        """
        numbers = {identity, *(n for n in said.merged if said.resolve(n) == identity)}
        decisions, last_decision = self._search("decisions", b"decision", tracklets, numbers)
        sightings, last_sighting = self._search("sightings", b"meta", tracklets, numbers)
        event = Decision("", "", identity, DecisionKind.FORGOTTEN, 1.0, by="person")
        plan = {
            "version": said.version,
            "identity": identity,
            "tracklets": tracklets,
            "merged": sorted(numbers - {identity}),
            "statements": dict(_left(said, numbers, set(tracklets))),
            "decisions": decisions,
            "sightings": sightings,
            "searched": {"decisions": last_decision, "sightings": last_sighting},
            "event": pack_decision(event).decode(),
            "entry": entry_fields(CorrectionKind.FORGET, by, identity, 0, len(tracklets)),
        }
        made = self._run(json.dumps(plan).encode())
        if made is not None:
            self._cut_references(set(tracklets))
        return made

    def _run(self, plan: bytes) -> str | None:
        names = (
            "constraints:version", "constraints", "corrections", "decisions", "merged", "names",
            "identities", "gallery", "gallery:ends", "gallery:open", "gallery:changes",
            "forgotten", "sightings", "tracklets",
        )  # fmt: skip
        keys = [f"{self._tag}:{name}" for name in names]
        arguments: list[str | bytes | float] = [
            plan,
            f"{self._tag}:",
            self._events,
            round(self._lifetime),
            _GROUP,
        ]
        made: bytes | None = self._scripts.run("forget", keys, arguments)
        return None if made is None else made.decode()

    def _search(
        self, stream: str, field: bytes, tracklets: Collection[str], numbers: Collection[int]
    ) -> tuple[list[str], str]:
        """Ids of a stream's entries about these people, and of the last one looked at."""
        wanted, found, last = set(tracklets), [], _BEGINNING
        for key, fields in self._entries(stream):
            last = key.decode()
            about = _meta(fields.get(field, b""))
            of_them = about.get("tracklet") in wanted or about.get("identity") in numbers
            if of_them or wanted.intersection(_named(about)):
                found.append(last)
        return found, last

    def _cut_references(self, tracklets: Collection[str]) -> None:
        """Takes what was erased out of the evidence of others: a tracklet may have been theirs.

        What changes meanwhile has been decided anew, on what is left.
        """
        everybody = self._redis.zscan_iter(f"{self._tag}:tracklets", count=_BATCH)
        names = [f"{self._tag}:tracklet:{name.decode()}" for name, _ in everybody]
        for first in range(0, len(names), _BATCH):
            for text in self._redis.mget(names[first : first + _BATCH]):
                if text and set(tracklets).intersection(_named(_meta(text))):
                    self._cut(unpack_record(text), text, tracklets)

    def _cut(self, record: TrackletRecord, text: bytes, tracklets: Collection[str]) -> None:
        evidence = record.evidence or Evidence()
        left = replace(
            evidence,
            closest=None if evidence.closest in tracklets else evidence.closest,
            came_from=None if evidence.came_from in tracklets else evidence.came_from,
        )
        keys = [
            f"{self._tag}:tracklet:{record.tracklet}",
            f"{self._tag}:identity:{record.identity}",
        ]
        after = pack_record(replace(record, evidence=left))
        self._scripts.run("rewrite", keys, [record.tracklet, text, after])

    def _entries(self, stream: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
        after = b"-"
        while entries := self._redis.xrange(f"{self._tag}:{stream}", after, "+", count=_BATCH):
            yield from entries
            after = b"(" + entries[-1][0]


def _meta(text: bytes) -> dict[str, Any]:
    try:
        meta = json.loads(text)
    except ValueError:
        return {}
    return meta if isinstance(meta, dict) else {}


def _named(about: Mapping[str, Any]) -> set[str]:
    """The other tracklets that a decision or a record names as its reasons."""
    evidence = about.get("evidence")
    if not isinstance(evidence, dict):
        return set()
    return {str(evidence.get(name)) for name in ("closest", "came_from")}


def _left(
    said: Constraints, numbers: Collection[int], tracklets: Collection[str]
) -> Iterator[tuple[str, str]]:
    """What becomes of each statement that speaks of these people; "": nothing is left of it."""
    for statement in said.statements:
        people = {statement.identity, statement.other} & set(numbers)
        left = replace(
            statement,
            kept=tuple(t for t in statement.kept if t not in tracklets),
            moved=tuple(t for t in statement.moved if t not in tracklets),
            names=(None, None) if people else statement.names,
        )
        speaks = people or left != statement
        if speaks and not left.kept and not left.moved:
            yield statement.id, ""
        elif left != statement:
            yield statement.id, pack_statement(left).decode()
