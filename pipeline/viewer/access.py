"""Who may see the page: token, cookie, Host and Origin; and the headers every answer carries."""

from __future__ import annotations

import base64
import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.viewer_settings import ViewerSettings

_LOCAL = ("127.0.0.1", "localhost", "::1")
_COOKIE_SECONDS = 30 * 86400
_PROBES = ("/healthz", "/readyz")  # whoever watches over processes knows no token
_READING = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",  # pictures of people stay out of the browser's cache
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """Lets through what may pass, and adds the security headers to every answer.

    On this machine only, the Host header must name this machine: no other site's name can be
    made to point here (DNS rebinding). With a token, every request needs it: as `?token=…`, as
    `Authorization: Bearer …`, or as the cookie that opening the page with `?token=…` leaves. What
    a browser sends to change something, and a WebSocket it opens, must come from our own page.
    `/healthz` and `/readyz` need no token: they tell nothing.

    Args:
        app: what is guarded.
        settings: section `viewer` of cams.yaml.
    """

    def __init__(self, app: ASGIApp, settings: ViewerSettings) -> None:
        self._app = app
        self._local = settings.host in _LOCAL
        self._token = settings.token
        self._cookie_value = _derived(settings.token or "")
        # Named after the token: two viewers on one machine keep their cookies apart.
        self._cookie_name = f"handoff-{_derived(self._cookie_value)[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = self._refusal(scope) or self._welcome(scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._local and _host_name(headers.get("host", "")) not in _LOCAL:
            return PlainTextResponse("expected a Host header naming this machine\n", 421)
        if scope.get("method") not in _READING and not _same_origin(headers):
            return PlainTextResponse("expected a request from the viewer's own page\n", 403)
        if self._token is None or scope["path"] in _PROBES or self._knows_token(scope, headers):
            return None
        return _sign_in(scope) if scope["path"] == "/" else PlainTextResponse("token needed\n", 401)

    def _welcome(self, scope: Scope) -> Response | None:
        """Puts a token from the page's address into a cookie and out of the address."""
        if self._token is None or scope["path"] != "/" or not _query_token(scope):
            return None
        # A page that moves on by itself, not a redirect: after a link from another site, browsers
        # withhold SameSite=Strict cookies from the target of a redirect.
        response = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0; url=/">')
        response.set_cookie(
            self._cookie_name,
            self._cookie_value,
            max_age=_COOKIE_SECONDS,
            secure=scope["scheme"] in ("https", "wss"),
            httponly=True,
            samesite="strict",
        )
        return response

    def _knows_token(self, scope: Scope, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        shown = bearer if scheme.lower() == "bearer" else _query_token(scope)
        if _same(_derived(shown), self._cookie_value):
            return True
        return _same(_cookie(headers, self._cookie_name), self._cookie_value)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _derived(secret: str) -> str:
    return hashlib.sha256(f"handoff viewer: {secret}".encode()).hexdigest()


def _same(found: str, expected: str) -> bool:
    return hmac.compare_digest(found.encode(), expected.encode())


def _host_name(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _same_origin(headers: Headers) -> bool:
    """True also without Origin: only browsers can be misused, and they always send it."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _query_token(scope: Scope) -> str:
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]


def _cookie(headers: Headers, name: str) -> str:
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[name].value if name in cookies else ""


def _sign_in(scope: Scope) -> Response:
    """The page that asks for the token; it brings its style along, since it may load nothing."""
    static = files(__package__).joinpath("static")
    style = static.joinpath("sign_in.css").read_text(encoding="utf-8")
    page = static.joinpath("sign_in.html").read_text(encoding="utf-8")
    problem = "That is not the token of this viewer." if _query_token(scope) else ""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'"
    return HTMLResponse(
        page.replace("{style}", style).replace("{problem}", problem),
        status_code=401,
        headers={"Content-Security-Policy": f"{policy}; base-uri 'none'; frame-ancestors 'none'"},
    )
