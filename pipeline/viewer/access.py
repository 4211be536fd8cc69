"""Who gets in: Host, Origin, sessions and tokens are looked at before anything answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import StoreError
from pipeline.viewer.accounts import Accounts, Visitor
from pipeline.viewer.headers import secure, with_headers
from pipeline.viewer.permits import PREFIX
from pipeline.viewer.sign_in import SCRIPT, Refused, SignIn
from pipeline.viewer.source import SiteSource
from pipeline.viewer_settings import LOCAL

# Whoever watches over processes is signed in nowhere; whoever signs in is not yet.
_OPEN = ("/healthz", "/readyz", "/sign-in", SCRIPT)
_READING = ("GET", "HEAD", "OPTIONS")
_LOOK_AGAIN_SECONDS = 5.0
_GOOD_BYE: dict[str, Message] = {
    "websocket": {"type": "websocket.close", "code": 1008},  # the protocol's: a violated policy
    "http": {"type": "http.response.body", "body": b"", "more_body": False},
}


def refusal(scope: Scope, *, local: bool) -> Response | None:
    """The answer to what cannot come from a person at our own page; None: it may.

    Args:
        scope: the request.
        local: True if only this machine is listened to.
    """
    headers = Headers(scope=scope)
    if local and _host_name(headers.get("host", "")) not in LOCAL:
        return PlainTextResponse("expected a Host header naming this machine\n", 421)
    if scope.get("method") not in _READING and not _same_origin(scope, headers):
        return PlainTextResponse("expected a request from the viewer's own page\n", 403)
    return None


class Guard:
    """Lets through who may pass, and adds the security headers to every answer.

    On this machine only, the Host header must name this machine: no other site's name can be
    made to point here (DNS rebinding). Where cams.yaml names users or tokens, every request needs
    a session (a cookie, by signing in) or a token (`Authorization: Bearer …`); the page's address
    with `?token=…` signs in. What a browser sends to change something, and a WebSocket it opens,
    must come from our own page. WebSockets and streams of events end with their
    session.

    What passes finds in its scope who it is: `visitor`, and `user_name`.

    Args:
        app: what is guarded.
        site: cams.yaml as it is now.
        accounts: who may get in.
        sign_in: how they do.
    """

    def __init__(self, app: ASGIApp, site: SiteSource, accounts: Accounts, sign_in: SignIn) -> None:
        self._app = app
        self._local = site.site.viewer.local
        self._accounts = accounts
        self._sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        send = with_headers(scope, send)
        try:
            answer = refusal(scope, local=self._local) or await self._admit(scope)
        except StoreError as error:
            answer = JSONResponse({"detail": str(error)}, 503)
        if answer is not None:
            await answer(scope, receive, send)
        elif _lasts(scope) and scope["visitor"].session:
            await self._while_signed_in(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _admit(self, scope: Scope) -> Response | None:
        """None for who may pass, else the answer that asks who they are or leads to the page."""
        if not self._accounts.needed:
            _pass(scope, Visitor("", "operator"))
            return None
        if scope["path"] == "/" and (token := _query_token(scope)):
            return await self._by_link(scope, token)
        if scope["path"] in _OPEN:  # also without Redis
            _pass(scope, None)
            return None
        try:
            visitor = await self._visitor(scope)
        except Refused as refused:
            headers = {"Retry-After": str(refused.wait)} if refused.wait else None
            return JSONResponse({"detail": refused.sentence}, refused.status, headers)
        if visitor is not None:
            _pass(scope, visitor)
            return None
        if scope["path"] == "/":
            return self._sign_in.page()
        return JSONResponse({"detail": "expected somebody who has signed in, found nobody"}, 401)

    async def _by_link(self, scope: Scope, token: str) -> Response:
        """Puts a token out of the page's address into a session."""
        try:
            return await self._sign_in.by_token(scope, token)
        except Refused as refused:
            page = self._sign_in.page
            return page(refused.sentence, status=refused.status, wait=refused.wait)

    async def _visitor(self, scope: Scope) -> Visitor | None:
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._sign_in.by_bearer(scope, token)
        return await self._sign_in.visitor(scope)

    async def _while_signed_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves what has no end of its own until it ends all the same, or its session does."""
        serving = asyncio.create_task(_run(self._app, scope, receive, send))
        try:
            while not (await asyncio.wait([serving], timeout=_LOOK_AGAIN_SECONDS))[0]:
                if not await self._goes_on(scope["visitor"]):
                    break
        finally:
            ended = serving.done()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        if not ended:
            with suppress(RuntimeError, OSError):  # it may have gone in this very moment
                await send(_GOOD_BYE[scope["type"]])

    async def _goes_on(self, visitor: Visitor) -> bool:
        """False if they have been signed out; without Redis nobody can say, and it goes on."""
        try:
            return await self._sign_in.still(visitor.session) is not None
        except StoreError:
            return True


def _lasts(scope: Scope) -> bool:
    """True of what goes on for as long as somebody listens."""
    return bool(scope["type"] == "websocket" or scope["path"] == f"{PREFIX}/events")


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Any:
    await app(scope, receive, send)


def _pass(scope: Scope, visitor: Visitor | None) -> None:
    scope["visitor"] = visitor
    scope["user_name"] = visitor.name if visitor else ""


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(scope: Scope, headers: Headers) -> bool:
    """True also without Origin: only browsers can be misused, and they always send it."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    return found.netloc == headers.get("host") and not (secure(scope) and found.scheme == "http")


def _query_token(scope: Scope) -> str:
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
