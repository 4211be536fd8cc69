"""/events: what happens, as it happens, by server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator, TypeAdapter

from pipeline.errors import StoreError
from pipeline.events import FAMILIES, KINDS, POSITION, Event, Position, Wanted
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.feed import TooSlow
from pipeline.viewer.messages import Trouble

_TOO_SLOW = "expected events to be taken as quickly as they come, found that a thousand wait"
_FULL = "expected a free place to follow events, found that all are taken: try again later"
_RETRY_MILLISECONDS = 2000
_EVENT = TypeAdapter(Event)


def _kind(value: str) -> str:
    if value not in (*FAMILIES, *KINDS):
        raise ValueError(f"expected one of {', '.join((*FAMILIES, *KINDS))}")
    return value


Kind = Annotated[str, AfterValidator(_kind)]
Kinds = Annotated[
    list[Kind],
    Query(alias="kind", description="only these kinds, or families such as `decision`"),
]
Cameras = Annotated[
    list[str],
    Query(alias="camera", description="only what happened at these cameras", max_length=1024),
]
Identity = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="only about this person")]
After = Annotated[
    str | None,
    Query(pattern=POSITION, description="`id` of an event: begin with what came after it"),
]
LastEventId = Annotated[
    str | None, Header(pattern=POSITION, description="the same, as browsers say it")
]


_PROBLEM = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {  # else FastAPI says that they, too, are streams
    422: {"content": _PROBLEM, "description": "a parameter that cannot be used"},
    503: {"content": _PROBLEM, "description": "Redis cannot be reached, or too many follow"},
}


def router(parts: Parts) -> APIRouter:
    """The route by which programs follow what happens."""
    routes = APIRouter(tags=["events"])

    def free_place() -> None:
        """Before the answer begins: then its status can still say no."""
        if parts.feed.full:
            raise HTTPException(503, _FULL)

    @routes.get(
        "/events",
        response_class=EventSourceResponse,
        responses=_ANSWERS,
        dependencies=[Depends(free_place)],
    )
    async def follow_events(
        kind: Kinds = [],  # noqa: B006  FastAPI copies it
        camera: Cameras = [],  # noqa: B006
        identity: Identity = None,
        after: After = None,
        last_event_id: LastEventId = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Decisions, corrections and changes of cameras as they happen (`text/event-stream`).

        Each has its kind as `event`, an `Event` as `data`, and an `id` after which one can go on
        later, as far back as `retention.events` reaches. `trouble` says why nothing comes at the
        moment. Whoever is a thousand events behind is told so by `cut-off` and let go, and after
        an hour anybody is: ask again with the last `id`, as browsers do by themselves.
        """
        place = last_event_id or after
        events = parts.feed.follow(
            Position.parse(place) if place else None, Wanted(kind, camera, identity)
        )
        try:
            async for event in events:
                yield _sent(event)
        except TooSlow:
            yield ServerSentEvent(event="cut-off", data=Trouble(sentence=_TOO_SLOW))
        except StoreError as error:
            yield _sent(str(error))

    return routes


def _sent(event: Event | str | Position) -> ServerSentEvent:
    if isinstance(event, Position):  # whoever is cut off before the first event goes on there
        retry = _RETRY_MILLISECONDS
        return ServerSentEvent(id=str(event), retry=retry, comment="events follow")
    if isinstance(event, str):
        return ServerSentEvent(event="trouble", data=Trouble(sentence=event))
    return ServerSentEvent(event=event.kind, id=event.id, raw_data=_EVENT.dump_json(event).decode())
