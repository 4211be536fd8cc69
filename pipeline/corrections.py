"""Corrections: people say who is who, and what they say the matcher never undoes.

| key | type | what |
|---|---|---|
| `{site}:corrections` | stream, capped | who corrected what, and when; nothing about people |
| `{site}:constraints` | hash | correction → what it says, for as long as it stands |
| `{site}:constraints:version` | string | newest correction; decisions taken before it are void |
| `{site}:names` | hash | identity → the name a person gave it |
| `{site}:merged` | hash | identity number that people merged with another → that other |
| `{site}:forgotten` | hash, fields expire | digests of tracklets that were erased |

A correction is planned on what Redis holds, and made by a script only if that still holds: else it
is planned anew. So it happens at once or not at all, whatever the matcher and other people do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.browse import is_beginning
from pipeline.constraints import Constraints, CorrectionKind, remaining
from pipeline.correction_plan import Plan, entry_fields
from pipeline.erasure import Erasure
from pipeline.errors import CorrectionError, StoreError
from pipeline.planner import Planner, clean_name, unknown
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.wire import pack_statement, unpack_statement

_NOTHING_YET = "0-0"
_ATTEMPTS = 100  # tracklets of open tracks change once a second, so a second plan mostly holds
_BUSY = "expected a site that pauses for a moment, to correct it, found none: try again"


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person did.

    Attributes:
        id: what `undo` wants.
        kind: see `CorrectionKind`.
        time: when, by Redis' clock, seconds since the epoch.
        by: who, as the caller said.
        identity: the identity that was corrected; of a merge, the number that was kept.
        other: of a merge the number that went, of a split the new one, else 0.
        moved: how many tracklets came to another identity, or were erased.
        undoes: of an undo, the correction it took back.
        stands: True if it can still be undone, as far as nothing was corrected after it.
    """

    id: str
    kind: CorrectionKind
    time: float
    by: str
    identity: int
    other: int = 0
    moved: int = 0
    undoes: str = ""
    stands: bool = False


class Corrections:
    """What people say about one site.

    Every method that corrects takes `by`, the name of whoever does it, for the list; and raises
    CorrectionError with one sentence if it cannot be done. Doing the same again changes nothing.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
        events: entries kept in each stream.
        lifetime: seconds for which identities are kept.
    """

    def __init__(
        self, client: Any, scripts: Scripts, *, site: str, events: int, lifetime: float
    ) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"
        self._events = events
        self._erasure = Erasure(client, scripts, site=site, events=events, lifetime=lifetime)
        self._planner = Planner(client, site=site)
        self._constraints = Constraints()
        self._looked_at = 0

    def _key(self, *parts: object) -> str:
        return ":".join([self._tag, *map(str, parts)])

    # ── what was said ───────────────────────────────────────────────────────────────────────

    @in_our_words
    def constraints(self) -> Constraints:
        """All that people said and that still stands; read anew only if it has changed."""
        version = self._redis.get(self._key("constraints", "version"))
        if _version(version) != self._constraints.version:
            self._constraints = self._read()
        return self._constraints

    @in_our_words
    def history(self, count: int = 100, *, before: str = "") -> list[Correction]:
        """Corrections, newest first.

        Args:
            count: how many at most.
            before: only those that came before this one; "": all.
        """
        if is_beginning(before):
            return []
        said = {statement.id for statement in self.constraints().statements}
        top = f"({before}" if before else "+"
        entries = self._redis.xrevrange(self._key("corrections"), top, "-", count=count)
        return [read_correction(key.decode(), fields, said) for key, fields in entries]

    def _read(self) -> Constraints:
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._key("constraints", "version"))
            pipe.hgetall(self._key("constraints"))
            pipe.hgetall(self._key("merged"))
            pipe.hkeys(self._key("forgotten"))
            version, statements, merged, erased = pipe.execute()
        return Constraints(
            version=_version(version),
            statements=[unpack_statement(key, text) for key, text in statements.items()],
            merged={int(number): int(leads) for number, leads in merged.items()},
            erased=frozenset(digest.decode() for digest in erased),
        )

    # ── to correct ──────────────────────────────────────────────────────────────────────────

    @in_our_words
    def merge(self, keep: int, other: int, *, by: str = "") -> Correction:
        """Two identities are one person: from now on all is `keep`'s.

        The number `other` is never used again and leads to `keep`. A name that only `other` has
        is kept.
        """
        return self._make(lambda said: self._planner.merge(said, keep, other, by=by))

    @in_our_words
    def split(self, identity: int, tracklets: Iterable[str], *, by: str = "") -> Correction:
        """Some tracklets of an identity are another person: they get a number of their own."""
        wanted, new = list(dict.fromkeys(tracklets)), cache(self._new_identity)
        return self._make(lambda said: self._planner.split(said, identity, wanted, new, by=by))

    @in_our_words
    def rename(self, identity: int, name: str | None, *, by: str = "") -> Correction:
        """Gives an identity a name of 1 to 80 printable characters; None takes it away."""
        wanted = clean_name(name)
        return self._make(lambda said: self._planner.rename(said, identity, wanted, by=by))

    @in_our_words
    def undo(self, correction: str, *, by: str = "") -> Correction:
        """Takes a merge, a split or a renaming back, and the constraints that came of it.

        Tracklets that have gone meanwhile stay away. Of several corrections of the same people the
        last comes first.
        """

        def planned(said: Constraints) -> Plan | str:
            statement = next((s for s in said.statements if s.id == correction), None)
            if statement is None:
                return self._undone_before(correction)
            return self._planner.undo(said, statement, by=by)

        return self._make(planned)

    @in_our_words
    def forget(self, identity: int, *, by: str = "") -> Correction:
        """Erases an identity and all that hangs on it; what still comes of it is dropped.

        Records, looks, pictures, name, events, and what people said about it. It cannot be undone.
        """
        for _ in range(_ATTEMPTS):
            said = self.constraints()
            number = said.resolve(identity)
            tracklets = self._redis.hkeys(self._key("identity", number))
            if not tracklets:
                return self._entry(self._forgotten_before(identity))
            names = [name.decode() for name in tracklets]
            if (made := self._erasure.erase(said, number, names, by=by)) is not None:
                return self._entry(made)
        raise StoreError(_BUSY)

    def _make(self, planned: Callable[[Constraints], Plan | str]) -> Correction:
        """Plans and makes a correction, anew until nothing has changed in between."""
        names = (
            "constraints:version", "constraints", "corrections", "decisions", "merged", "names",
            "identities",
        )  # fmt: skip
        keys = [self._key(name) for name in names]
        for _ in range(_ATTEMPTS):
            plan = planned(self.constraints())
            if isinstance(plan, str):
                return self._entry(plan)  # it was made before
            arguments: list[str | bytes | float] = [plan.pack(), self._key(""), self._events]
            if made := self._scripts.run("correct", keys, arguments):
                return self._entry(made.decode())
        raise StoreError(_BUSY)

    def _new_identity(self, above: int) -> int:
        return int(self._scripts.run("new_identity", [self._key("identity")], [above]))

    # ── made before ─────────────────────────────────────────────────────────────────────────

    def _undone_before(self, correction: str) -> str:
        """The id of the correction that has taken this one back."""
        entries = self.history(self._events)
        undone = next((entry.id for entry in entries if entry.undoes == correction), None)
        if undone is not None:
            return undone
        found = next((entry for entry in entries if entry.id == correction), None)
        if found is None:
            raise CorrectionError(f"expected the id of a correction, found {correction!r}")
        raise CorrectionError(f"expected a correction that can be undone, found {_why(found)}")

    def _forgotten_before(self, identity: int) -> str:
        """The id of the correction that has erased this identity."""
        for entry in self.history(self._events):
            if entry.kind is CorrectionKind.FORGET and entry.identity == identity:
                return entry.id
        raise unknown(identity)

    def _entry(self, correction: str) -> Correction:
        statements = {s.id: s for s in self.constraints().statements}
        found = self._redis.xrange(self._key("corrections"), correction, correction)
        if found:
            return read_correction(correction, found[0][1], statements)
        said = statements[correction]  # the stream is capped; what was said may stand for longer
        fields = entry_fields(said.kind, "", said.identity, said.other, len(said.moved))
        encoded = [text.encode() for text in fields]
        return read_correction(
            correction, dict(zip(encoded[::2], encoded[1::2], strict=True)), statements
        )

    # ── what speaks of nobody any more ──────────────────────────────────────────────────────

    @in_our_words
    def prune(self, *, count: int = 20) -> None:
        """Takes out what speaks of people who have gone; the matcher calls it now and then.

        Args:
            count: statements to look at in one call; the next call looks at the next ones.
        """
        said = self.constraints()
        first = self._looked_at if self._looked_at < len(said.statements) else 0
        self._looked_at = first + count
        some = said.ordered[first : first + count]
        numbers = {n for s in some for n in (s.identity, s.other)} | set(said.merged)
        there = self._there("identity", {said.resolve(n) for n in numbers if n})
        tracklets = self._there("tracklet", {t for s in some for t in (*s.kept, *s.moved)})
        standing = [n for n in numbers if said.resolve(n) in there]
        changes: list[str | bytes] = []
        for statement in some:
            left = remaining(statement, tracklets, standing)
            if left != statement:
                changes += ["constraints", statement.id, pack_statement(left) if left else b""]
        for number in said.merged.keys() - set(standing):
            changes += ["merged", str(number), b""]
        named = [int(n) for n in self._redis.hkeys(self._key("names"))]
        for number in set(named) - self._there("identity", named):
            changes += ["names", str(number), b""]
        if changes:
            names = ("constraints:version", "constraints", "merged", "names")
            self._scripts.run("tidy", list(map(self._key, names)), [said.version, *changes])
            self._constraints = self._read()

    def _there(self, kind: str, names: Collection[Any]) -> set[Any]:
        """Those of some identities or tracklets of which there is still something."""
        ordered = list(names)
        with self._redis.pipeline(transaction=False) as pipe:
            for name in ordered:
                pipe.exists(self._key(kind, name))
            found = pipe.execute()
        return {name for name, there in zip(ordered, found, strict=True) if there}


def _version(text: bytes | None) -> str:
    return text.decode() if text else _NOTHING_YET


def read_correction(
    key: str, fields: Mapping[bytes, bytes], standing: Collection[str] = ()
) -> Correction:
    """An entry of the stream of corrections; `standing` are those that can still be undone."""

    def number(name: bytes) -> int:
        return int(fields.get(name, b"0"))

    return Correction(
        id=key,
        kind=CorrectionKind(fields[b"kind"].decode()),
        time=int(key.partition("-")[0]) / 1000.0,
        by=fields.get(b"by", b"").decode(),
        identity=number(b"identity"),
        other=number(b"other"),
        moved=number(b"moved"),
        undoes=fields.get(b"undoes", b"").decode(),
        stands=key in standing,
    )


def _why(correction: Correction) -> str:
    reasons = {
        CorrectionKind.FORGET: "whoever was forgotten is gone for good",
        CorrectionKind.UNDO: "it took another one back; correct that anew",
    }
    gone = "its people have gone, or another name was given since"
    return f"{correction.id}: {reasons.get(correction.kind, gone)}"
