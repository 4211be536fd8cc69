"""Events: what happens at a site, in one order, for whoever follows it from outside.

Three streams hold it: decisions (`pipeline.store`), corrections (`pipeline.corrections`), and how
cameras have changed, which whoever speaks for the site (see `pipeline.outgoing`) writes down here.
A place in all three is a `Position`: whoever keeps it goes on where they stopped. Nothing is
copied: what is erased from a stream is told to nobody any more.

| key | type | what |
|---|---|---|
| `{site}:changes` | stream, capped | how cameras changed: running, waiting, lost, … |
| `{site}:cameras:known` | hash | camera → the last change told of it |
| `{site}:outgoing` | hash | webhook or `mqtt` → how far it has been told, how it is doing |
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.constraints import CorrectionKind
from pipeline.corrections import Correction, read_correction
from pipeline.data import CameraState, Decision, DecisionKind
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.wire import unpack_decision

SPEAKER = ":outgoing"
"""What is leased by the one process that speaks for the site; no camera can be called so."""

LOST = "lost"
"""The state of a camera that no node reports any more."""

KINDS: tuple[str, ...] = (
    *(f"decision.{kind}" for kind in DecisionKind),
    *(f"correction.{kind}" for kind in CorrectionKind),
    *(f"camera.{state}" for state in (*CameraState, LOST)),
)
"""Every kind of event there is."""

FAMILIES: tuple[str, ...] = ("decision", "correction", "camera")
"""Each stands for all kinds that begin with it; they are the streams, in their order."""

_STREAMS = ("decisions", "corrections", "changes")
_ENTRY = r"[0-9]{1,19}-[0-9]{1,19}"

POSITION = rf"^{_ENTRY}\.{_ENTRY}\.{_ENTRY}$"
"""What a position looks like."""


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera is doing something else than before.

    Attributes:
        camera: its name.
        state: one of `CameraState`'s, or `lost`: no node reports it any more.
        before: the state told last, or None.
        problem: kind of failure, or None.
        error: the same as one sentence, or None.
        node: the node that runs it, "" if none does.
    """

    camera: str
    state: str
    before: str | None = None
    problem: str | None = None
    error: str | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened.

    Attributes:
        id: its place; whoever asks for what came after it gets what follows.
        kind: one of `KINDS`.
        time: when it was written down, by Redis' clock, seconds since the epoch.
        site: name of the site.
        camera: where it happened, or None.
        identity: number of the person it is about, or None.
        name: what people call them, or None.
        decision, correction, change: what has happened; the one that its kind says is there.
        picture: address of the person's picture, or None.
    """

    id: str
    kind: str
    time: float
    site: str
    camera: str | None = None
    identity: int | None = None
    name: str | None = None
    decision: Decision | None = None
    correction: Correction | None = None
    change: CameraChange | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the streams: of each, the last entry that lies behind it."""

    entries: tuple[str, str, str] = ("0-0", "0-0", "0-0")

    @classmethod
    def parse(cls, text: str) -> Position:
        """The reverse of `str`.

        Raises:
            ValueError: it is none.
        """
        if not re.fullmatch(POSITION, text):
            raise ValueError("expected the id of an event")
        decisions, corrections, changes = text.split(".")
        return cls((decisions, corrections, changes))

    def past(self, stream: int, entry: str) -> Position:
        """The same, but behind this entry of one stream."""
        entries = list(self.entries)
        entries[stream] = entry
        return Position((entries[0], entries[1], entries[2]))

    def behind(self, event: Event) -> Position | None:
        """The same, but behind this event as well; None if it is that already."""
        stream = FAMILIES.index(event.kind.partition(".")[0])
        entry = Position.parse(event.id).entries[stream]
        if _order(entry) <= _order(self.entries[stream]):
            return None
        return self.past(stream, entry)

    def __str__(self) -> str:
        return ".".join(self.entries)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants to hear of; what is empty or None does not narrow it down.

    Attributes:
        kinds: kinds or families.
        cameras: only what happened there; what happened nowhere, such as a renaming, is left out.
        identity: only what is about this person.
    """

    kinds: Collection[str] = ()
    cameras: Collection[str] = ()
    identity: int | None = None

    def holds(self, event: Event) -> bool:
        """True if somebody wants to hear of this."""
        family = event.kind.partition(".")[0]
        if self.kinds and event.kind not in self.kinds and family not in self.kinds:
            return False
        if self.cameras and event.camera not in self.cameras:
            return False
        return self.identity is None or self.identity in _about(event)


def _about(event: Event) -> set[int | None]:
    other = event.correction.other if event.correction else None
    return {event.identity, other or None} - {None}


class Events:
    """What happens at one site. A part of the store.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
        events: entries kept in each stream.
    """

    def __init__(self, client: Any, scripts: Scripts, *, site: str, events: int) -> None:
        self._redis = client
        self._scripts = scripts
        self._site = site
        self._events = events

    def _key(self, *parts: str) -> str:
        return ":".join(["{" + self._site + "}", *parts])

    @in_our_words
    def now(self) -> Position:
        """The place behind all that has happened."""
        with self._redis.pipeline(transaction=True) as pipe:
            for name in _STREAMS:
                pipe.xrevrange(self._key(name), count=1)
            newest = [entries[0][0].decode() if entries else "0-0" for entries in pipe.execute()]
        return Position((newest[0], newest[1], newest[2]))

    @in_our_words
    def after(
        self, position: Position, *, wait_seconds: float = 0.0, count: int = 500
    ) -> list[Event]:
        """What came after a position, oldest first.

        Args:
            position: what lies behind it is known.
            wait_seconds: how long to wait for the first one; 0: not at all.
            count: how many of each stream at most.
        """
        places = {self._key(n): e for n, e in zip(_STREAMS, position.entries, strict=True)}
        block = max(1, round(wait_seconds * 1000)) if wait_seconds else None
        answer = self._redis.xread(places, count=count, block=block) or {}
        found = [
            _Entry(stream, key.decode(), fields)
            for stream, name in enumerate(_STREAMS)
            for key, fields in _entries(answer, self._key(name))
        ]
        events = []
        for entry in _in_order(found, count):
            position = position.past(entry.stream, entry.id)
            events.append(self._event(entry, position))
        return self._named(events)

    def _event(self, entry: _Entry, position: Position) -> Event:
        kind, about = _READ[entry.stream](entry.id, entry.fields)
        milliseconds = int(entry.id.partition("-")[0])
        return Event(str(position), kind, milliseconds / 1000.0, self._site, **about)

    def _named(self, events: Sequence[Event]) -> list[Event]:
        """The events with what the people in them are called now."""
        numbers = sorted({event.identity for event in events if event.identity is not None})
        if not numbers:
            return list(events)
        names = self._redis.hmget(self._key("names"), [str(number) for number in numbers])
        called = {n: name.decode() for n, name in zip(numbers, names, strict=True) if name}
        return [replace(event, name=called.get(event.identity or 0)) for event in events]

    # ── what the one who speaks for the site keeps ──────────────────────────────────────────

    @in_our_words
    def known_cameras(self) -> dict[str, CameraChange]:
        """What was told of each camera last."""
        known: Mapping[bytes, bytes] = self._redis.hgetall(self._key("cameras", "known"))
        return {name.decode(): CameraChange(**json.loads(text)) for name, text in known.items()}

    @in_our_words
    def tell_cameras(self, changes: Iterable[CameraChange], *, token: int | None = None) -> bool:
        """Writes down that cameras have changed.

        Args:
            changes: one per camera.
            token: fencing token of the `SPEAKER`'s lease; None: nobody leases it here.

        Returns:
            False if another process speaks for the site by now: nothing was written.
        """
        fields = {change.camera: json.dumps(asdict(change)) for change in changes}
        return self._note(self._key("cameras", "known"), fields, token, stream="changes")

    @in_our_words
    def forget_cameras(self, cameras: Iterable[str], *, token: int | None = None) -> bool:
        """The site has these cameras no more; the rest as in `tell_cameras`."""
        return self._note(self._key("cameras", "known"), dict.fromkeys(cameras, ""), token)

    @in_our_words
    def outgoing(self) -> dict[str, dict[str, Any]]:
        """How each way out of the site is doing, by its name."""
        noted: Mapping[bytes, bytes] = self._redis.hgetall(self._key("outgoing"))
        return {name.decode(): json.loads(text) for name, text in noted.items()}

    @in_our_words
    def note_outgoing(
        self, notes: Mapping[str, Mapping[str, Any] | None], *, token: int | None = None
    ) -> bool:
        """Keeps how ways out are doing; None takes one away. The rest as in `tell_cameras`."""
        fields = {name: json.dumps(note) if note else "" for name, note in notes.items()}
        return self._note(self._key("outgoing"), fields, token)

    def _note(
        self, key: str, fields: Mapping[str, str], token: int | None, *, stream: str = ""
    ) -> bool:
        if not fields:
            return True
        keys = [self._key("fences"), key, *([self._key(stream)] if stream else [])]
        arguments: list[str | bytes | float] = [SPEAKER, "" if token is None else str(token)]
        arguments.append(self._events)
        for name, text in fields.items():
            arguments += [name, text]
        return bool(self._scripts.run("note", keys, arguments))


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of one of the streams."""

    stream: int
    id: str
    fields: Mapping[bytes, bytes]

    @property
    def rank(self) -> tuple[int, int, int]:
        """Its place among all; what a script writes at once comes in the order of the streams."""
        milliseconds, number = _order(self.id)
        return milliseconds, self.stream, number


def _entries(answer: Mapping[bytes, Any], key: str) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
    found = answer.get(key.encode())
    return found[0] if found else []


def _in_order(entries: Iterable[_Entry], count: int) -> list[_Entry]:
    """Entries of several streams in order of time, as far as all that came before is there."""
    ordered = sorted(entries, key=lambda entry: entry.rank)
    ends = []
    for stream in range(len(_STREAMS)):
        own = [entry for entry in ordered if entry.stream == stream]
        if len(own) >= count:  # there may be more of it, older than what other streams have
            ends.append(own[-1].rank)
    return [entry for entry in ordered if not ends or entry.rank <= min(ends)]


def _order(entry: str) -> tuple[int, int]:
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)


def _read_decision(entry: str, fields: Mapping[bytes, bytes]) -> tuple[str, dict[str, Any]]:
    decision = unpack_decision(fields[b"decision"])
    where = {"camera": decision.camera or None, "identity": decision.identity}
    picture = f"/api/v1/crops/{decision.tracklet}.jpg" if decision.tracklet else None
    return f"decision.{decision.kind}", {**where, "decision": decision, "picture": picture}


def _read_correction(entry: str, fields: Mapping[bytes, bytes]) -> tuple[str, dict[str, Any]]:
    correction = read_correction(entry, fields)
    undoable = correction.kind not in (CorrectionKind.FORGET, CorrectionKind.UNDO)
    correction = replace(correction, stands=undoable)  # as it was when it was made
    about = {"identity": correction.identity or None, "correction": correction}
    return f"correction.{correction.kind}", about


def _read_change(entry: str, fields: Mapping[bytes, bytes]) -> tuple[str, dict[str, Any]]:
    change = CameraChange(**json.loads(fields[b"change"]))
    return f"camera.{change.state}", {"camera": change.camera, "change": change}


_READ = (_read_decision, _read_correction, _read_change)
