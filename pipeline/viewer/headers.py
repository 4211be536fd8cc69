"""The headers every answer carries: what a browser may make of it."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

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
_ALWAYS_TLS = {"Strict-Transport-Security": "max-age=31536000"}


def secure(scope: Scope) -> bool:
    """True if the browser has come by TLS."""
    return scope["scheme"] in ("https", "wss")


def with_headers(scope: Scope, send: Send) -> Send:
    """Sends the headers along, unless an answer has its own."""
    wanted = _HEADERS | (_ALWAYS_TLS if secure(scope) else {})

    async def send_with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in wanted.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
