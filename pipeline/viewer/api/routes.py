"""Puts the routes of all resources together."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from pipeline.viewer.api import (
    areas,
    audit,
    cameras,
    corrections,
    crops,
    decisions,
    events,
    export,
    graph,
    health,
    identities,
    me,
    plan,
    search,
    statistics,
    tracklets,
)
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import Problem, add_handlers
from pipeline.viewer.permits import PREFIX

_RESOURCES = (
    cameras,
    areas,
    identities,
    tracklets,
    crops,
    decisions,
    events,
    search,
    corrections,
    statistics,
    graph,
    plan,
    export,
    health,
    me,
    audit,
)

_ANSWERS: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "a parameter or body that cannot be used"},
    503: {"model": Problem, "description": "Redis cannot be reached, or too much is asked at once"},
}


def add_api(app: FastAPI, parts: Parts) -> None:
    """Adds the whole interface to an application."""
    add_handlers(app)
    for resource in _RESOURCES:
        app.include_router(resource.router(parts), prefix=PREFIX, responses=_ANSWERS)
