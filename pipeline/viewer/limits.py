"""How much may be sent to the viewer: more is refused before it is read."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.viewer.photo import MOST_BYTES

_MOST = 64 * 1024
_MORE = {
    "/api/v1/search": MOST_BYTES + 128 * 1024,  # it says itself what a picture may have
    "/api/v1/corrections": 1024 * 1024,  # a split may name thousands of tracklets
}


class Limits:
    """Refuses bodies that are too long, by what they say they have and by what comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = _MORE.get(scope["path"], _MOST)
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > most:
            answer = JSONResponse({"detail": _sentence(most)}, 413)
            await answer(scope, receive, send)
            return
        await self._app(scope, _counting(receive, most), send)


def _counting(receive: Receive, most: int) -> Receive:
    length = 0

    async def receive_some() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > most:
            raise HTTPException(413, _sentence(most))
        return message

    return receive_some


def _sentence(most: int) -> str:
    size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} KB"
    return f"body: expected {size} at most, found more"
