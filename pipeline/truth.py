"""Ground truth: whom a camera saw, cut to its region, one number per person."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from pipeline.config import Settings, Site
from pipeline.errors import ConfigError
from pipeline.ingest import probe
from pipeline.ingest.straighten import Straightening
from pipeline.lens import Lens
from pipeline.mot import Table, read_table
from pipeline.settings_file import read_settings


class People(Settings):
    """Numbers of a ground truth that are one person.

    Many ground truths give somebody who comes back a new number. Against them, whoever recognises
    him is wrong, and whoever forgets him is right.
    """

    same: list[Annotated[list[int], Field(min_length=2)]]
    """Each a list of numbers of one person."""

    @property
    def numbers(self) -> dict[int, int]:
        """Number in the ground truth → the number all of that person's boxes get."""
        return {number: group[0] for group in self.same for number in group}


def cut_to_region(truth: Table, region: tuple[int, int, int, int]) -> Table:
    """The part of a wide view's ground truth that one camera's region [x, y, w, h] sees.

    A box belongs to the region that holds its centre; it is clipped to the region and moved, so
    that the region's corner is (0, 0).
    """
    x, y, width, height = region
    corner, size = np.array([x, y]), np.array([width, height])
    moved = truth.xyxy - np.tile(corner, 2)
    centre = (moved[:, :2] + moved[:, 2:]) / 2
    inside = ((centre >= 0) & (centre < size)).all(axis=1)
    clipped = np.clip(moved, 0, np.tile(size, 2))
    return Table(truth.frame, truth.identity, clipped, truth.confidence, truth.category)[inside]


def straighten(truth: Table, lens: Lens, size: tuple[int, int]) -> Table:
    """The same boxes in straightened pictures; each is drawn around where its outline goes.

    Args:
        truth: boxes in the pictures as they were filmed.
        lens: what bent them.
        size: width and height of the pictures.
    """
    if not len(truth):
        return truth
    halves = np.array([(x, y) for x in (0, 0.5, 1) for y in (0, 0.5, 1) if (x, y) != (0.5, 0.5)])
    boxes = np.clip(truth.xyxy, 0, np.tile(size, 2))[:, None]
    outline = boxes[..., :2] + (boxes[..., 2:] - boxes[..., :2]) * halves
    there = Straightening(lens, size).points(outline.reshape(-1, 2)).reshape(outline.shape)
    seen = np.asarray(np.isfinite(there).all(axis=(1, 2)))  # a fisheye's rim goes nowhere
    moved = np.concatenate([there.min(axis=1), there.max(axis=1)], axis=1)[seen]
    rest = truth[seen]
    return Table(rest.frame, rest.identity, moved, rest.confidence, rest.category)


def load_truth(
    site: Site, ground_truth: Iterable[str] = (), *, people: Path | None = None
) -> dict[str, Table]:
    """The ground truth of every enabled camera that has one, cut to its region.

    Args:
        site: the cameras, with the ground truth that cams.yaml names.
        ground_truth: `CAMERA=FILE` or, for all cameras, `FILE`; these come before cams.yaml.
        people: which numbers are one person (`People`), or None: each is one.

    Raises:
        ConfigError: an unknown camera, a file that cannot be read, or `people` says that two who
            are seen at once are one.
    """
    cameras = site.enabled_cameras
    files = {name: camera.ground_truth for name, camera in cameras.items()}
    files |= _given_files(list(cameras), ground_truth)
    truth = {name: _truth(path, site, name) for name, path in files.items() if path is not None}
    return truth if people is None else {n: _unite(t, people) for n, t in truth.items()}


def _given_files(cameras: list[str], given: Iterable[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if equals and name not in cameras:
            raise ConfigError(
                f"--ground-truth {text}: expected one of the cameras {', '.join(cameras)} "
                f"before =, found {name!r}"
            )
        files |= {name: Path(path)} if equals else {camera: Path(text) for camera in cameras}
    return files


def _truth(path: Path, site: Site, camera: str) -> Table:
    table, settings = read_table(path), site.cameras[camera]
    region = settings.region
    if lens := settings.read_lens():  # the truth is of the pictures as they were filmed
        info = probe(settings.source)
        table = straighten(table, lens, (info.width, info.height))
        region = region or (0, 0, info.width, info.height)
    return table if region is None else cut_to_region(table, region)


def _unite(truth: Table, people: Path) -> Table:
    numbers = read_settings(people, People).numbers
    identity = np.array([numbers.get(int(n), int(n)) for n in truth.identity], np.int64)
    pairs, count = np.unique(np.column_stack([truth.frame, identity]), axis=0, return_counts=True)
    if (count > 1).any():
        twice = pairs[count > 1][0]
        raise ConfigError(
            f"{people}: same: expected numbers of one person, found two that are both there in "
            f"frame {twice[0]} and would both be {twice[1]}"
        )
    return Table.build(
        frame=truth.frame,
        identity=identity,
        xyxy=truth.xyxy,
        confidence=truth.confidence,
        category=truth.category,
    )
