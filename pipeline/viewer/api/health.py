"""/health and /reload: how the site's parts are doing, and settings that are read anew."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException

from pipeline.errors import ConfigError
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.api.problems import FORBIDDEN
from pipeline.viewer.messages import Health, Reloaded


def router(parts: Parts) -> APIRouter:
    """The routes about operating a site."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/health")
    def get_health() -> Health:
        """How the site's processes and cameras are doing."""
        return parts.watch.look(parts.cameras)

    @routes.post("/reload", responses=FORBIDDEN)
    def reload_settings() -> Reloaded:
        """Reads cams.yaml anew: cameras that were added, changed or removed there follow."""
        try:
            return Reloaded(changes=parts.reload())
        except ConfigError as error:
            raise HTTPException(422, str(error)) from None

    return routes
