"""/audit: who signed in, looked for somebody, or changed something."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from pipeline.audit import Action, AuditEntry
from pipeline.store import Store
from pipeline.viewer.api.decisions import EntryCursor
from pipeline.viewer.api.paging import Count, Page
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import FORBIDDEN

UserFilter = Annotated[str | None, Query(max_length=64, description="only what this user did")]
ActionFilter = Annotated[Action | None, Query(description="only what was done of this kind")]

_AT_ONCE = 1_000
_LOOKED_THROUGH = 10_000  # entries for one answer


def router(parts: Parts) -> APIRouter:
    """The route about the audit log."""
    routes = APIRouter(tags=["access"])

    @routes.get("/audit", responses=FORBIDDEN)
    def list_audit(
        user: UserFilter = None,
        action: ActionFilter = None,
        count: Count = 100,
        cursor: EntryCursor = None,
    ) -> Page[AuditEntry]:
        """Who did what, newest first; for operators."""
        return _find(parts.store, user, action, count, cursor or "")

    return routes


def _find(
    store: Store, user: str | None, action: Action | None, count: int, place: str
) -> Page[AuditEntry]:
    found: list[AuditEntry] = []
    for _ in range(0, _LOOKED_THROUGH, _AT_ONCE):
        entries = store.audit.history(_AT_ONCE, before=place)
        for entry in entries:
            place = entry.id
            if user in (None, entry.user) and action in (None, entry.action):
                found.append(entry)
            if len(found) == count:
                return Page(items=found, next=place)
        if len(entries) < _AT_ONCE:
            return Page(items=found, next=None)
    return Page(items=found, next=place)
