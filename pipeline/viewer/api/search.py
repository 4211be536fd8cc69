"""/search: who is the person in a photo, or in a tracklet's picture."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from pipeline.viewer.api.paging import Count
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import NOT_FOUND, Problem, not_found
from pipeline.viewer.api.selection import Selection, few_of
from pipeline.viewer.audit import note
from pipeline.viewer.messages import Message
from pipeline.viewer.photo import MOST_BYTES
from pipeline.viewer.search import Hit, PersonInPhoto, Photo

_MOST_BODY = MOST_BYTES + 64 * 1024  # a form's own lines come on top of the picture

PersonFilter = Annotated[
    int | None,
    Query(ge=0, le=15, description="which of `people`, from 0; none: the most certain one"),
]


class Wanted(Message):
    """Somebody who is there already."""

    tracklet: str = Field(min_length=1, max_length=200, description="id of a tracklet")


class Found(Message):
    """People who look like the one who is looked for."""

    people: tuple[PersonInPhoto, ...] = Field(description="everybody in the photo")
    person: int | None = Field(description="who of them was looked for; null: the whole picture")
    items: list[Hit] = Field(description="the likeliest identity's tracklets first")
    next: None = Field(description="there is no other page: ask for a larger `count`")


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["picture"],
                    "properties": {
                        "picture": {
                            "type": "string",
                            "format": "binary",
                            "description": "JPEG, PNG, WebP; 10 MB, 40 million pixels at most",
                        }
                    },
                }
            },
            "application/json": {"schema": Wanted.model_json_schema()},
        },
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = NOT_FOUND | {
    400: {"model": Problem, "description": "a form that cannot be read"},
    409: {"model": Problem, "description": "the gallery is one of another network"},
    413: {"model": Problem, "description": "more than 10 MB"},
    415: {"model": Problem, "description": "neither a form nor JSON"},
}


def router(parts: Parts) -> APIRouter:
    """The routes about searching."""
    routes = APIRouter(tags=["search"])

    @routes.post("/search", openapi_extra=_BODY, responses=_ANSWERS)
    async def search(
        request: Request,
        selection: Annotated[Selection, Depends()],
        count: Count = 50,
        person: PersonFilter = None,
    ) -> Found:
        """Looks for a person by a photo (a form's `picture`) or by a tracklet that is there.

        The photo is looked at and forgotten: it is written nowhere. `probability` says how likely
        the tracklet's identity is the person, by looks alone, if the person is as likely to be any
        of the identities found as none of them.
        """
        question = await _question(request)
        note(request, by="tracklet" if isinstance(question, Wanted) else "picture")
        return await run_in_threadpool(_answer, parts, question, selection, count, person)

    return routes


def _answer(
    parts: Parts, question: bytes | Wanted, selection: Selection, count: int, person: int | None
) -> Found:
    without = ""
    if isinstance(question, Wanted):
        without = question.tracklet
        look = parts.search.of_tracklet(without)
        if look is None:
            raise not_found("a tracklet whose looks or picture are kept", without)
        photo = Photo((), None, look)
    else:
        photo = parts.search.in_photo(question, person)
    items = parts.search.rank(
        photo.look,
        holds=selection.holds,
        among=few_of(parts.store, selection),
        count=count,
        without=without,
    )
    return Found(people=photo.people, person=photo.person, items=items, next=None)


async def _question(request: Request) -> bytes | Wanted:
    """The picture that was sent, or the tracklet that was named."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        body = b"".join([part async for part in _limited(request)])
        try:
            return Wanted.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(422, f"body: expected a tracklet, found: {_why(error)}") from None
    if kind == "multipart/form-data":
        return await _picture(request)
    raise HTTPException(415, f"expected multipart/form-data or application/json, found {kind!r}")


class _InMemory(MultiPartParser):
    """Keeps what is sent in memory: no picture of anybody is written to a disk."""

    spool_max_size = _MOST_BODY + 1


async def _picture(request: Request) -> bytes:
    parser = _InMemory(request.headers, _limited(request), max_files=1, max_fields=8)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(400, f"expected a form, found: {error.message}") from None
    except (KeyError, UnicodeDecodeError):
        raise HTTPException(400, "expected a form with a boundary, found none") from None
    picture = form.get("picture")
    if not isinstance(picture, UploadFile):
        raise HTTPException(422, "picture: expected a file, found none")
    return await picture.read()


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    """The body, as long as it does not become too long."""
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > _MOST_BODY:
            raise HTTPException(413, "picture: expected 10 MB at most, found more")
        yield part


def _why(error: ValidationError) -> str:
    return str(error.errors()[0]["msg"])
