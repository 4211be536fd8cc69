"""/me: who I am, and what I may do."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from pipeline.viewer.accounts import Visitor
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.messages import Message
from pipeline.viewer_settings import Role


class Me(Message):
    """Whoever asks."""

    name: str = Field(description="the user or token; empty where nobody is asked who they are")
    role: Role = Field(description="a viewer sees and searches; an operator corrects as well")
    signed_in: bool = Field(description="true with a session that can be ended (POST /sign-out)")


def router(parts: Parts) -> APIRouter:
    """The route about whoever asks."""
    routes = APIRouter(tags=["access"])

    @routes.get("/me")
    def get_me(request: Request) -> Me:
        """Who I am, and what I may do."""
        visitor: Visitor = request.scope["visitor"]
        return Me(name=visitor.name, role=visitor.role, signed_in=bool(visitor.session))

    return routes
