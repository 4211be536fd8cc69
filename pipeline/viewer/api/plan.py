"""/plan: where the cameras stand, what they see of the floor, and how to put people on it."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from pydantic import Field

from calibration.field_of_view import field_of_view, standpoint
from calibration.plane import Ground, read_ground
from pipeline.errors import ConfigError
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.messages import Message

Point = tuple[float, float]
Row = tuple[float, float, float]
_COLUMNS = 25


class PlanCamera(Message):
    """A camera's place on the floor plan. Metres; plans are seen from above."""

    camera: str
    placed: bool = Field(
        description="true: on the site's plan; false: on a plan of its own, whose origin is below "
        "the camera, y the way it looks"
    )
    place: Point | None = Field(description="where it stands, as far as that is known")
    field_of_view: list[Point] = Field(description="outline of what it sees to within 2 m")
    homography: tuple[Row, Row, Row] = Field(
        description="from fractions of the picture (x, y, 1) to the plan (x, y, w): divide by w; "
        "where w is below zero there is no ground"
    )


class PlanView(Message):
    """The floor plan, as far as cameras are calibrated."""

    cameras: list[PlanCamera]
    missing: list[str] = Field(description="cameras without a ground that can be read")


def router(parts: Parts) -> APIRouter:
    """The routes about the floor plan."""
    routes = APIRouter(tags=["site"])

    @routes.get("/plan")
    def get_plan() -> PlanView:
        """Cameras with a `ground` in cams.yaml: their places, fields of view and homographies."""
        cameras = parts.site.site.enabled_cameras
        found = {name: _ground(camera.ground) for name, camera in cameras.items()}
        views = [_view(name, ground) for name, ground in found.items() if ground is not None]
        missing = [name for name, ground in found.items() if ground is None]
        return PlanView(cameras=views, missing=missing)

    return routes


def _ground(path: Path | None) -> Ground | None:
    try:
        return None if path is None else read_ground(path)
    except ConfigError:  # the viewer may run where the file is not; nodes have said so
        return None


def _view(camera: str, ground: Ground) -> PlanCamera:
    first, second, third = (tuple(row) for row in ground.homography)
    outline = field_of_view(ground, columns=_COLUMNS)
    return PlanCamera(
        camera=camera,
        placed=ground.placed,
        place=standpoint(ground),
        field_of_view=[(round(float(x), 3), round(float(y), 3)) for x, y in outline],
        homography=(first, second, third),  # type: ignore[arg-type]
    )
