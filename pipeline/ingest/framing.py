"""Framing: which part of a source's picture is a camera's, and how it is made straight."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.config import CameraSettings, Site
from pipeline.errors import ConfigError, HandoffError
from pipeline.ingest.failures import Failure
from pipeline.ingest.source import Picture, Region, SourceInfo, probe
from pipeline.ingest.straighten import Maps, Straightening


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What a camera takes of pictures of one size.

    Attributes:
        region: [x, y, width, height] in pixels, of the straightened picture if there are maps;
            None: all of it.
        maps: how the region is straightened, or None.
    """

    region: Region | None = None
    maps: Maps | None = None

    def image(self, picture: Picture) -> NDArray[np.uint8]:
        """The camera's part as uint8[H, W, 3] BGR; the pixels are converted here."""
        if self.maps is None:
            return picture.image(self.region)
        return self.maps.apply(picture.image())


class Framing:
    """Cuts one camera's pictures out of its source's, whatever size they have.

    Used by the one thread that reads the source; what it hands out may be used by any.

    Args:
        camera: its name.
        settings: from cams.yaml.

    Raises:
        ConfigError: its lens cannot be read.
    """

    def __init__(self, camera: str, settings: CameraSettings) -> None:
        self._camera = camera
        self._region = settings.region
        self._lens_path = settings.lens
        self._lens = settings.read_lens()
        self._size: tuple[int, int] | None = None
        self._cut = Cut(self._region)

    def misfit(self, size: tuple[int, int]) -> tuple[Failure, str] | None:
        """What keeps the camera from using pictures of this width and height, or None."""
        if problem := region_problem(self._camera, self._region, size):
            return Failure.REGION, problem
        if self._lens is not None and not self._lens.fits(size):
            (width, height), shown = self._lens.size, f"{size[0]}×{size[1]}"
            return Failure.LENS, (
                f"cameras.{self._camera}.lens: expected pictures of the proportions "
                f"{width}×{height}, in which {self._lens_path} was measured, found {shown}"
            )
        return None

    def cut(self, size: tuple[int, int]) -> Cut:
        """How pictures of this width and height are cut; maps are made once per size."""
        if self._lens is not None and size != self._size:
            self._cut = Cut(self._region, Straightening(self._lens, size).maps(self._region))
            self._size = size
        return self._cut


def check_regions(site: Site, *, where: str = "cams.yaml") -> dict[str, SourceInfo]:
    """Opens every recording of a site and sees that regions and lenses fit its pictures.

    Streams are checked when their first picture comes.

    Args:
        site: the settings.
        where: name of the file they come from, for the message.

    Returns:
        What the recordings say, by camera.

    Raises:
        ConfigError: one sentence per mistake.
    """
    recordings: dict[str, SourceInfo] = {}
    problems: list[str] = []
    look = functools.cache(probe)  # cameras often share a source
    for name, camera in site.enabled_cameras.items():
        if camera.live:
            continue
        try:
            info = recordings[name] = look(camera.source)
        except HandoffError as error:
            problems.append(f"{where}: cameras.{name}.source: {error}")
            continue
        if misfit := Framing(name, camera).misfit((info.width, info.height)):
            problems.append(f"{where}: {misfit[1]}")
    if problems:
        raise ConfigError("\n".join(problems))
    return recordings


def region_problem(camera: str, region: Region | None, size: tuple[int, int]) -> str | None:
    """A sentence if the region does not lie inside a picture of this size, else None.

    >>> region_problem("west", (700, 0, 500, 576), (768, 576))
    'cameras.west.region: expected four whole numbers [x, y, width, height] inside the 768×576 \
picture, found [700, 0, 500, 576]'
    """
    if region is None:
        return None
    x, y, width, height = region
    if x + width <= size[0] and y + height <= size[1]:
        return None
    return (
        f"cameras.{camera}.region: expected four whole numbers [x, y, width, height] inside the "
        f"{size[0]}×{size[1]} picture, found {list(region)}"
    )
