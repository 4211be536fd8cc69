"""/cameras: what they are called and how they are doing."""

from __future__ import annotations

from fastapi import APIRouter

from pipeline.viewer.api.parts import Parts
from pipeline.viewer.hub import camera_views
from pipeline.viewer.messages import CameraView


def router(parts: Parts) -> APIRouter:
    """The routes about cameras."""
    routes = APIRouter(tags=["cameras"])

    @routes.get("/cameras")
    def list_cameras() -> list[CameraView]:
        """The site's cameras in the order of cams.yaml, and how they are doing."""
        return camera_views(parts.store, parts.cameras)

    return routes
