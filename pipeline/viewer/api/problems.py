"""Everything that can go wrong, as `{"detail": "a sentence"}`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from pipeline.errors import CorrectionError, ModelError, StoreError, redact
from pipeline.viewer.photo import UnusablePhoto
from pipeline.viewer.search import Busy, OtherNetwork

_LONGEST = 80  # of what was found, shown


class Problem(BaseModel):
    """Why there is no other answer."""

    detail: str = Field(description="one sentence: what was expected and what was found")


_STATUSES: dict[type[Exception], int] = {
    StoreError: 503,
    ModelError: 503,
    Busy: 503,
    CorrectionError: 409,
    OtherNetwork: 409,
    UnusablePhoto: 422,
}

NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "nothing of that name or number is known"}
}
"""For `responses=` of a route that asks for one thing."""


FORBIDDEN: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "only an operator may do this"}
}
"""For `responses=` of a route that not everybody may use."""


def not_found(expected: str, found: object) -> HTTPException:
    """The answer to a question about something that is not there."""
    return HTTPException(404, f"expected {expected}, found {_shown(found)}")


def unusable(where: str, expected: str, found: object) -> HTTPException:
    """The answer to a parameter that cannot be used."""
    return HTTPException(422, f"{where}: expected {expected}, found {_shown(found)}")


def add_handlers(app: FastAPI) -> None:
    """Makes sentences of the errors that FastAPI and the store raise."""
    app.add_exception_handler(RequestValidationError, _not_understood)
    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, _answer_with(status))


async def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentences = [_sentence(each) for each in error.errors()]
    return JSONResponse({"detail": "; ".join(dict.fromkeys(sentences))}, status_code=422)


def _answer_with(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, status_code=status)

    return answer


def _sentence(error: Any) -> str:
    """One error of pydantic in our words: where, what was expected, what was found."""
    where = ".".join(str(part) for part in error["loc"][1:]) or "body"
    kind, message = error["type"], str(error["msg"])
    if kind == "missing":
        return f"{where}: expected a value, found none"
    if kind == "json_invalid":
        return "body: expected JSON, found something else"
    if kind == "extra_forbidden":
        return f"{where}: expected nothing of that name, found it"
    if kind.startswith("union_tag"):
        tags = error["ctx"].get("expected_tags", "a word that says what is wanted")
        return f"kind: expected {tags}, found {_shown(error['input'])}"
    message = message.removeprefix("Value error, ")
    before, should, wanted = message.partition(" should ")
    expected = wanted if should else before[:1].lower() + before[1:]
    return f"{where}: expected {'to ' if should else ''}{expected}, found {_shown(error['input'])}"


def _shown(value: object) -> str:
    text = redact(repr(value)).encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
