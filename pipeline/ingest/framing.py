"""Framing: which part of a source's picture is a camera's, and how it is made straight."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
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
        masks: what is made black in the result, int32[n, 2] pixels each.
    """

    region: Region | None = None
    maps: Maps | None = None
    masks: tuple[NDArray[np.int32], ...] = ()

    @property
    def whole(self) -> bool:
        """True if the camera takes the pictures as they are."""
        return self.region is None and self.maps is None and not self.masks

    def image(self, picture: Picture) -> NDArray[np.uint8]:
        """The camera's part as uint8[H, W, 3] BGR; the pixels are converted here."""
        image = self._part(picture)
        if not self.masks:
            return image
        if self.maps is None and self.region is None:
            image = image.copy()  # it is shared with the other cameras of this source
        for mask in self.masks:  # one by one: together, OpenCV would leave out where they overlap
            cv2.fillPoly(image, [mask], (0, 0, 0))
        return image

    def _part(self, picture: Picture) -> NDArray[np.uint8]:
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
        self._masks = settings.masks
        self._lens_path = settings.lens
        self._lens = settings.read_lens()
        self._size: tuple[int, int] | None = None
        self._cut = Cut()

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
        """How pictures of this width and height are cut; worked out once per size."""
        if size != self._size:
            maps = None
            if self._lens is not None:
                maps = Straightening(self._lens, size).maps(self._region)
            masks = mask_pixels(self._masks, self._region[2:] if self._region else size)
            self._cut, self._size = Cut(self._region, maps, masks), size
        return self._cut


def mask_pixels(
    masks: Sequence[Sequence[tuple[float, float]]], size: tuple[int, int]
) -> tuple[NDArray[np.int32], ...]:
    """Polygons in fractions of a picture as pixels of one of this width and height.

    Pixel 0 covers the place from 0 to 1. OpenCV fills every pixel the outline runs through, so a
    mask is up to half a pixel larger than it was drawn, and never smaller.
    """
    corners = [np.array(mask, np.float64) * size - 0.5 for mask in masks]
    return tuple(np.rint(each).astype(np.int32) for each in corners)


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
