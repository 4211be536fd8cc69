"""/corrections: people say who is who, and the matcher keeps to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from pydantic import Field

from pipeline.corrections import Correction, Corrections
from pipeline.viewer.api.decisions import ENTRY, EntryCursor
from pipeline.viewer.api.paging import Count, Page
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import FORBIDDEN, Problem
from pipeline.viewer.audit import note
from pipeline.viewer.messages import Message

Number = Annotated[int, Field(ge=1, le=2**63 - 1, description="number of an identity")]
Tracklet = Annotated[str, Field(min_length=1, max_length=200)]

_CONFLICT: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "a body that is no text"},
    409: {"model": Problem, "description": "it cannot be done: somebody unknown, or out of order"},
}


class Merge(Message):
    """Two identities are one person; the number `other` leads to `keep` from now on."""

    kind: Literal["merge"]
    keep: Number
    other: Number

    def make(self, corrections: Corrections, *, by: str) -> Correction:
        """Does it."""
        return corrections.merge(self.keep, self.other, by=by)


class Split(Message):
    """Some tracklets of an identity are somebody else, who gets a new number."""

    kind: Literal["split"]
    identity: Number
    tracklets: list[Tracklet] = Field(min_length=1, max_length=10_000)

    def make(self, corrections: Corrections, *, by: str) -> Correction:
        """Does it."""
        return corrections.split(self.identity, self.tracklets, by=by)


class Rename(Message):
    """An identity is called so from now on."""

    kind: Literal["rename"]
    identity: Number
    name: str | None = Field(max_length=80, description="printable; null takes it away")

    def make(self, corrections: Corrections, *, by: str) -> Correction:
        """Does it."""
        return corrections.rename(self.identity, self.name, by=by)


class Forget(Message):
    """An identity is erased with all that hangs on it. This cannot be undone."""

    kind: Literal["forget"]
    identity: Number

    def make(self, corrections: Corrections, *, by: str) -> Correction:
        """Does it."""
        return corrections.forget(self.identity, by=by)


class Undo(Message):
    """A merge, split or renaming is taken back."""

    kind: Literal["undo"]
    correction: str = Field(pattern=ENTRY, description="`id` of the correction")

    def make(self, corrections: Corrections, *, by: str) -> Correction:
        """Does it."""
        return corrections.undo(self.correction, by=by)


Wanted = Annotated[Merge | Split | Rename | Forget | Undo, Body(discriminator="kind")]

IdentityFilter = Annotated[
    int | None, Query(ge=1, le=2**63 - 1, description="only corrections of this identity")
]


def router(parts: Parts) -> APIRouter:
    """The routes about corrections."""
    routes = APIRouter(tags=["corrections"])

    @routes.get("/corrections")
    def list_corrections(
        identity: IdentityFilter = None, count: Count = 100, cursor: EntryCursor = None
    ) -> Page[Correction]:
        """What people corrected, newest first, and what of it still `stands` and can be undone."""
        history = parts.store.corrections.history(before=cursor or "", count=count)
        items = [each for each in history if identity in (None, each.identity, each.other)]
        return Page(items=items, next=history[-1].id if len(history) == count else None)

    @routes.post("/corrections", responses=_CONFLICT | FORBIDDEN)
    def make_correction(request: Request, wanted: Wanted) -> Correction:
        """Corrects who is who; the matcher never undoes it. Doing it again changes nothing."""
        numbers = ("identity", "keep", "other", "correction")
        note(request, kind=wanted.kind, **wanted.model_dump(include=set(numbers)))
        made = wanted.make(parts.store.corrections, by=request.scope["user_name"])
        note(request, correction=made.id)
        return made

    return routes
