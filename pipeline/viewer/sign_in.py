"""Signing in and out: the page that asks for it, and what it leads to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import math
import re
import time
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from pipeline.audit import Action
from pipeline.errors import StoreError
from pipeline.store import Store
from pipeline.viewer.accounts import Account, Accounts, Visitor
from pipeline.viewer.audit import address_of, write
from pipeline.viewer.headers import secure
from pipeline.viewer.source import SiteSource

_AT_ONCE = 2  # passwords that are tried: each takes 64 MB and 50 ms of several cores
_WAITING = 20

SCRIPT = "/sign-in.js"
"""Where the script of the page that asks who somebody is can be had, by anybody."""

_WRONG_TOKEN = "That is not the token of this viewer."
_WRONG_PASSWORD = "That is not the name and password of somebody who may see this."


class Refused(Exception):
    """Somebody cannot sign in now.

    Attributes:
        sentence: why, as they may read it.
        status: of the answer.
        wait: seconds after which they may try again, 0: at once.
    """

    def __init__(self, sentence: str, status: int = 401, wait: int = 0) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.wait = wait


class SignIn:
    """Lets people in who say who they are.

    Args:
        site: cams.yaml as it is now.
        accounts: who may.
        store: where sessions and tries are kept.
    """

    def __init__(self, site: SiteSource, accounts: Accounts, store: Store) -> None:
        self._site = site
        self._accounts = accounts
        self._store = store
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._waits: dict[str, float] = {}  # address → until when its tokens are not looked at
        # Named after the site: viewers of two sites on one machine keep their cookies apart.
        self._cookie = f"handoff-{hashlib.sha256(site.site.site.encode()).hexdigest()[:8]}"

    async def by_password(
        self, scope: Scope, name: str, password: str, *, place: str = ""
    ) -> Response:
        """Signs a user in; the answer leads to the page, at a place such as `#/identities/3`.

        Raises:
            Refused: it is not their password, or they have tried too often.
        """
        await self._wait(scope, name)
        if self._waiting >= _WAITING:
            raise Refused("Too many people are signing in at once: try again.", 503, wait=1)
        self._waiting += 1
        try:
            async with self._turn:
                found = await run_in_threadpool(self._accounts.by_password, name, password)
        finally:
            self._waiting -= 1
        if found is None:
            # A password may stand where the name should: only names that are known are written.
            who = name if name in self._accounts.known else "somebody unknown"
            raise await self._failed(scope, who, _WRONG_PASSWORD)
        return await self._enter(scope, found, name, place)

    async def by_token(self, scope: Scope, token: str, *, place: str = "") -> Response:
        """Lets in who brings a token; the answer leads to the page, at a place of it.

        Raises:
            Refused: it is none of ours, or they have tried too often.
        """
        await self._wait(scope, "")
        found = self._accounts.by_token(token)
        if found is None:
            raise await self._failed(scope, "somebody with a token", _WRONG_TOKEN)
        return await self._enter(scope, found, "", place)

    async def by_bearer(self, scope: Scope, token: str) -> Visitor:
        """Who brings a token with their request, as programs do.

        Raises:
            Refused: it is none of ours, or too many from there were not.
        """
        address = address_of(scope)
        self._hold_up(self._waits.get(address, 0.0) - time.monotonic())
        found = self._accounts.by_token(token)
        if found is not None:
            return Visitor(found.name, found.role)
        wait = await run_in_threadpool(self._store.admission.attempt, address, "")
        if wait > 0:
            # Noted here: a right one must not have to ask Redis, and would else end the guessing.
            self._waits = {a: t for a, t in self._waits.items() if t > time.monotonic()}
            self._waits[address] = time.monotonic() + wait
        self._hold_up(wait)
        raise await self._failed(scope, "somebody with a token", _WRONG_TOKEN)

    async def visitor(self, scope: Scope) -> Visitor | None:
        """Who comes with a session's cookie; None: nobody who is signed in.

        Raises:
            StoreError: Redis cannot be asked.
        """
        session = _cookie(scope, self._cookie_name(scope))
        return await self.still(session) if session else None

    async def still(self, session: str) -> Visitor | None:
        """Whose session it is, as long as it lasts and rests on what cams.yaml says now."""
        idle = self._site.site.viewer.session.idle
        found = await run_in_threadpool(self._store.admission.find, session, idle=idle)
        account = self._accounts.known.get(found.name) if found else None
        if found is None or account is None or not found.rests_on(account.credential):
            return None
        return Visitor(account.name, account.role, session)

    async def out(self, scope: Scope) -> Response:
        """Ends the session."""
        visitor: Visitor = scope["visitor"]
        if visitor.session:
            await run_in_threadpool(self._store.admission.end, visitor.session)
            await self._note(scope, visitor.name, Action.SIGN_OUT, done=True)
        response = RedirectResponse("/", 303)
        response.delete_cookie(self._cookie_name(scope), secure=secure(scope), httponly=True)
        return response

    def page(
        self, problem: str = "", *, status: int = 401, wait: int = 0, place: str = ""
    ) -> Response:
        """The page that asks who somebody is, and remembers where on the page they want to be."""
        viewer = self._site.site.viewer
        with_token = viewer.token is not None or viewer.view_token is not None
        return _page(problem, bool(viewer.users), with_token, status, wait, place)

    async def _wait(self, scope: Scope, name: str) -> None:
        address = address_of(scope)
        self._hold_up(await run_in_threadpool(self._store.admission.attempt, address, name))

    @staticmethod
    def _hold_up(wait: float) -> None:
        if wait > 0:
            seconds = math.ceil(wait)
            raise Refused(
                f"Too many tries: wait {_duration(seconds)}, then try again.", 429, seconds
            )

    async def _failed(self, scope: Scope, who: str, sentence: str) -> Refused:
        await self._note(scope, who, Action.SIGN_IN, done=False)
        return Refused(sentence)

    async def _enter(self, scope: Scope, account: Account, tried: str, place: str) -> Response:
        admission, settings = self._store.admission, self._site.site.viewer.session
        await run_in_threadpool(admission.succeeded, address_of(scope), tried)
        session = await run_in_threadpool(
            admission.begin,
            account.name,
            account.credential,
            idle=settings.idle,
            longest=settings.longest,
        )
        await self._note(scope, account.name, Action.SIGN_IN, done=True)
        # A page that moves on by itself, not a redirect: after a link from another site, browsers
        # withhold SameSite=Strict cookies from the target of a redirect.
        goal = f"0; url=/{html.escape(place)}"
        response = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="{goal}">')
        response.set_cookie(
            self._cookie_name(scope),
            session,
            max_age=round(settings.longest),
            secure=secure(scope),
            httponly=True,
            samesite="strict",
        )
        return response

    async def _note(self, scope: Scope, who: str, action: Action, *, done: bool) -> None:
        await write(self._store.audit, scope, who, action, done=done, details={})

    def _cookie_name(self, scope: Scope) -> str:
        # Browsers take a cookie of such a name by TLS only, and from nobody but this very host.
        return f"__Host-{self._cookie}" if secure(scope) else self._cookie


def sign_in_routes(sign_in: SignIn) -> APIRouter:
    """The routes for signing in and out."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-in")
    async def again() -> Response:
        return RedirectResponse("/", 303)

    @routes.post("/sign-in")
    async def enter(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        token, name, password = (form.get(key, [""])[0] for key in ("token", "user", "password"))
        place = _place(form.get("place", [""])[0])
        try:
            if token:
                return await sign_in.by_token(request.scope, token, place=place)
            return await sign_in.by_password(request.scope, name, password, place=place)
        except Refused as refused:
            sentence, status, wait = refused.sentence, refused.status, refused.wait
        except StoreError:
            sentence, status, wait = "Nobody can sign in: Redis cannot be reached.", 503, 0
        return sign_in.page(sentence, status=status, wait=wait, place=place)

    @routes.get(SCRIPT)
    async def script() -> Response:
        return Response(_file("sign_in.js"), media_type="text/javascript")

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        return await sign_in.out(request.scope)

    return routes


def _place(text: str) -> str:
    """Where on the page somebody wants to be, "" for what is no such place."""
    return text if re.fullmatch(r"#/[\w.~%/?=&+-]{0,500}", text, re.ASCII) else ""


def _page(problem: str, users: bool, token: bool, status: int, wait: int, place: str) -> Response:
    style = _file("sign_in.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'sha256-{digest}'; img-src 'self'; "
        "form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    # Without its own policy a browser would hide from us that the form is sent by our own page.
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
    forms = [_file(f"sign_in_{name}.html") for name, w in (("user", users), ("token", token)) if w]
    page = _file("sign_in.html").replace("{forms}", '<p class="or">or</p>'.join(forms))
    page = page.replace("{style}", style).replace("{place}", place)
    page = page.replace("{problem}", html.escape(problem))
    if wait:
        headers["Retry-After"] = str(wait)
    return HTMLResponse(page, status_code=status, headers=headers)


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def _cookie(scope: Scope, name: str) -> str:
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(name, "")


def _duration(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"
