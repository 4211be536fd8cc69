"""Lists, a page at a time.

`next` of a page is the `cursor` of the one after it; null: that was the last one. A page may hold
less than `count`, or nothing, and still lead on: where filters leave little, the viewer looks
through so much for one answer and no more.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from pipeline.browse import Mark
from pipeline.viewer.api.problems import unusable

Item = TypeVar("Item")

Count = Annotated[int, Query(ge=1, le=1000, description="entries of a page")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; none: the first page")
]


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(description="the `cursor` of the next page; null: this is the last")


def encode(mark: Mark | None) -> str | None:
    """A place in a list as a cursor."""
    if mark is None:
        return None
    text = json.dumps([mark.score, mark.name], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str | None) -> Mark | None:
    """The reverse of `encode`.

    Raises:
        HTTPException: 422, it is no cursor of ours.
    """
    if cursor is None:
        return None
    try:
        score, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        mark = Mark(float(score), str(name))
    except (ValueError, TypeError):
        raise unusable("cursor", "`next` of a page", cursor) from None
    if not math.isfinite(mark.score):
        raise unusable("cursor", "`next` of a page", cursor)
    return mark
