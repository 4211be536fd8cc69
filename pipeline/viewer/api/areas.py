"""/areas: the parts of cameras' pictures that have a meaning: zones, and what is blackened."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import Field

from pipeline.config import Site
from pipeline.errors import ConfigError
from pipeline.topology import Topology, load_topology
from pipeline.viewer.api.parts import Parts
from pipeline.viewer.messages import Message
from pipeline.zones import Ellipse, Polygon, Zone

Point = tuple[float, float]
_CORNERS = 32  # of an ellipse


class ZoneView(Message):
    """A part of the picture where people come in or leave, or are lost from sight."""

    name: str
    corners: list[Point] = Field(description="fractions of the picture")
    lost: bool = Field(description="people are lost here and found again: no way in or out")


class CameraAreas(Message):
    """What has a meaning in one camera's picture."""

    camera: str
    zones: list[ZoneView]
    masks: list[list[Point]] = Field(description="corners of what is blackened, fractions")


def router(parts: Parts) -> APIRouter:
    """The route about areas."""
    routes = APIRouter(tags=["cameras"])

    @routes.get("/areas")
    def list_areas() -> list[CameraAreas]:
        """Zones and masks of every camera, as far as cams.yaml or its topology file knows any."""
        return list(_areas(parts.site.site))

    return routes


def _areas(site: Site) -> Iterator[CameraAreas]:
    try:
        topology = load_topology(site)
    except ConfigError:  # the viewer may run where the file is not; the matcher has said so
        topology = Topology()
    for name, camera in site.enabled_cameras.items():
        zones = [_zone(zone) for zone in topology.zones.by_camera.get(name, ())]
        yield CameraAreas(camera=name, zones=zones, masks=[list(mask) for mask in camera.masks])


def _zone(zone: Zone) -> ZoneView:
    return ZoneView(name=zone.name, corners=list(_outline(zone.shape)), lost=zone.lost)


def _outline(shape: Ellipse | Polygon) -> Iterator[Point]:
    if isinstance(shape, Polygon):
        yield from shape.points
        return
    (x, y), (first, second) = shape.centre, shape.axes
    cosine, sine = math.cos(shape.angle), math.sin(shape.angle)
    for i in range(_CORNERS):
        along = first * math.cos(2 * math.pi * i / _CORNERS)
        across = second * math.sin(2 * math.pi * i / _CORNERS)
        yield (
            round(x + along * cosine - across * sine, 4),
            round(y + along * sine + across * cosine, 4),
        )
