"""/identities: people across cameras."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from pipeline.viewer.api.paging import Count, Cursor, Page, decode, encode
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.people import LiveFilter, NameFilter, Wanted, find_people
from pipeline.viewer.api.problems import NOT_FOUND, not_found
from pipeline.viewer.api.selection import Selection
from pipeline.viewer.messages import IdentityView, Message
from pipeline.viewer.statistics import Step, steps

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="number of an identity")]


class Transit(Message):
    """A person's way from one tracklet to the next."""

    from_tracklet: str
    from_camera: str
    left: float = Field(description="when they were seen last in the one, seconds since the epoch")
    to_tracklet: str
    to_camera: str
    entered: float = Field(description="when they were seen first in the other")
    seconds: float = Field(description="between the two, below zero if they overlap")

    @classmethod
    def of(cls, step: Step) -> Transit:
        """The view of a step."""
        return cls(
            from_tracklet=step.before.tracklet,
            from_camera=step.before.camera,
            left=step.before.end,
            to_tracklet=step.after.tracklet,
            to_camera=step.after.camera,
            entered=step.after.begin,
            seconds=step.seconds,
        )


def router(parts: Parts) -> APIRouter:
    """The routes about identities."""
    routes = APIRouter(tags=["identities"])

    @routes.get("/identities")
    def list_identities(
        selection: Annotated[Selection, Depends()],
        live: LiveFilter = None,
        name: NameFilter = None,
        count: Count = 100,
        cursor: Cursor = None,
    ) -> Page[IdentityView]:
        """People, most recently seen first."""
        wanted = Wanted(selection, live=live, name=name)
        people, mark = find_people(parts, wanted, below=decode(cursor), count=count)
        return Page(items=[IdentityView.of(person) for person in people], next=encode(mark))

    @routes.get("/identities/{number}", responses=NOT_FOUND)
    def get_identity(number: Number) -> IdentityView:
        """One person, with every tracklet that is theirs.

        A number that was merged with another leads to the one that has it now.
        """
        record = parts.store.identity(number)
        if record is None:
            raise not_found("the number of a known person", number)
        return IdentityView.of(record)

    @routes.get("/identities/{number}/transits", responses=NOT_FOUND)
    def list_transits(number: Number) -> Page[Transit]:
        """The person's ways from one tracklet to the next, in order of time."""
        record = parts.store.identity(number)
        if record is None:
            raise not_found("the number of a known person", number)
        return Page(items=[Transit.of(step) for step in steps(record.tracklets)], next=None)

    return routes
