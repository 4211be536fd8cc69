"""A picture of each camera's view, for drawings; a camera of which there is none is left out."""

from __future__ import annotations

from itertools import islice

import numpy as np
import numpy.typing as npt

from pipeline.config import CameraSettings, Site
from pipeline.errors import HandoffError
from pipeline.ingest import read_recordings
from pipeline.ingest.framing import Framing
from pipeline.ingest.source import Connection, VideoSource

Image = npt.NDArray[np.uint8]

_SKIPPED = 25
"""Pictures of a recording that are passed over: the first ones are often black or blurred."""


def camera_pictures(site: Site) -> dict[str, Image]:
    """One picture (BGR, cut to the region) of each enabled camera that can be read now."""
    pictures = {name: _picture(name, camera) for name, camera in site.enabled_cameras.items()}
    return {name: picture for name, picture in pictures.items() if picture is not None}


def _picture(name: str, camera: CameraSettings) -> Image | None:
    try:
        return _live(name, camera) if camera.live else _recorded(name, camera)
    except HandoffError:
        return None


def _recorded(name: str, camera: CameraSettings) -> Image | None:
    moments = islice(read_recordings({name: camera}), _SKIPPED)
    pictures = [frame.image for (frame,) in moments]
    return pictures[-1] if pictures else None


def _live(name: str, camera: CameraSettings) -> Image | None:
    framing = Framing(name, camera)
    connection = Connection(camera.transport, camera.connect_timeout, camera.read_timeout)
    with VideoSource(camera.source, connection) as source:
        picture = next(source.pictures(), None)
        if picture is None or framing.misfit(picture.size) is not None:
            return None
        return framing.cut(picture.size).image(picture)
