"""Writes into the audit log what people do, as `permits` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.audit import Action, Audit
from pipeline.errors import StoreError
from pipeline.viewer.permits import permit_of, route_of

log = structlog.get_logger()

_DETAILS = "audit_details"
_TOLD = ("camera", "from", "to", "person")  # of a question; never a name or a tracklet


def note(connection: HTTPConnection, **details: object) -> None:
    """Says more about what is being done. Nothing here may be a secret, a name or a picture."""
    connection.scope.setdefault(_DETAILS, {}).update(details)


def address_of(scope: Scope) -> str:
    """Where a request comes from."""
    return str((scope.get("client") or ("",))[0])


async def write(
    audit: Audit,
    scope: Scope,
    user: str,
    action: Action,
    *,
    done: bool,
    details: Mapping[str, object],
) -> None:
    """Writes an entry; without Redis it goes into the process's own log instead."""
    address = address_of(scope)
    try:
        await run_in_threadpool(audit.add, user, address, action, done=done, details=details)
    except StoreError as error:
        log.error(
            "the audit log cannot be written",
            error=str(error),
            user=user,
            address=address,
            action=action.value,
            done=done,
        )


class Audited:
    """Writes down who used a route that goes into the audit log, and how it ended.

    Args:
        app: what answers.
        audit: the log.
    """

    def __init__(self, app: ASGIApp, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def watching(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watching)
        finally:
            await self._write(scope, done=status < 400)

    async def _write(self, scope: Scope, *, done: bool) -> None:
        path = route_of(scope)
        action = permit_of(scope["method"], path).action
        if action is None:
            return
        details = _question(scope) | scope.get(_DETAILS, {})
        if action is Action.EXPORT:
            details["file"] = path.rpartition("/")[2]
        if details.get("kind") == "forget":
            action = Action.FORGET
        user = scope.get("user_name", "")
        await write(self._audit, scope, user, action, done=done, details=details)


def _question(scope: Scope) -> dict[str, Any]:
    """What of the address's question may be told."""
    given = parse_qsl(scope["query_string"].decode("latin-1"))
    return {key: value for key, value in given if key in _TOLD}
