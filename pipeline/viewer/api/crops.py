"""/crops: the picture that is kept of a tracklet."""

from __future__ import annotations

from fastapi import APIRouter, Response

from pipeline.veil import Veil
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import NOT_FOUND, not_found


def router(parts: Parts) -> APIRouter:
    """The routes about pictures."""
    routes = APIRouter(tags=["tracklets"])

    @routes.get(
        "/crops/{tracklet}.jpg",
        response_class=Response,
        responses=NOT_FOUND | {200: {"content": {"image/jpeg": {}}}},
    )
    def get_crop(tracklet: str) -> Response:
        """A tracklet's best picture."""
        kept = parts.store.crop(tracklet)
        picture = None if kept is None else Veil(parts.site.site.privacy).thumbnail(kept)
        if picture is None:
            raise not_found("a tracklet whose picture is kept", tracklet)
        return Response(picture, media_type="image/jpeg")

    return routes
