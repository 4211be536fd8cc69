"""A folder of results, as `--offline` has written it, opened to be looked at.

Nothing is taken from a request to a path: whatever is shown is named by the folder's own files, and
lies within it.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from pipeline.data import Evidence, IdentityRecord, TrackletRecord
from pipeline.errors import ConfigError, HandoffError
from pipeline.mot import Table, read_table
from pipeline.run_record import read_run, read_times
from pipeline.truth import load_truth

View = Literal["hindsight", "online"]
"""Which results: those of the second pass, or those decided while the recordings ran."""

Boxes = Literal["hindsight", "online", "truth"]
"""Whose boxes: of one of the results, or of the ground truth."""

_FOLDERS: dict[View, str] = {"hindsight": ".", "online": "online"}


class _Listed(BaseModel):
    """A tracklet in identities.json."""

    tracklet: str
    camera: str
    begin: datetime
    end: datetime
    entered: tuple[float, float] = (0.0, 0.0)
    left: tuple[float, float] = (0.0, 0.0)
    confidence: float
    evidence: Evidence | None = None
    thumbnail: str | None = None

    def record(self, identity: int) -> TrackletRecord:
        """The same as the rest of the project knows it; nothing of it is left to be revised."""
        return TrackletRecord(
            tracklet=self.tracklet,
            camera=self.camera,
            begin=self.begin.timestamp(),
            end=self.end.timestamp(),
            identity=identity,
            confidence=self.confidence,
            closed=True,
            entered=self.entered,
            left=self.left,
            confirmed=True,
            evidence=self.evidence,
        )


class _Person(BaseModel):
    identity: int
    tracklets: list[_Listed]


class _People(BaseModel):
    identities: list[_Person]


class Results:
    """One of the two results in a folder.

    Attributes:
        identities: everybody, by number.
        tables: who was where, by camera.
        evaluation: what `pipeline.evaluate` has found, or None.
    """

    def __init__(self, folder: Path, cameras: list[str]) -> None:
        people = _read_people(folder / "identities.json")
        self.identities = {
            p.identity: IdentityRecord(p.identity, tuple(t.record(p.identity) for t in p.tracklets))
            for p in people.identities
            if p.tracklets
        }
        self.tables = {name: read_table(folder / f"{name}.txt") for name in cameras}
        self.evaluation = _read_evaluation(folder / "evaluation.json")
        self.thumbnails = {
            t.tracklet: folder / t.thumbnail
            for p in people.identities
            for t in p.tracklets
            if t.thumbnail is not None
        }


class Recording:
    """A folder of results.

    Args:
        folder: what `--offline --output` was given.

    Attributes:
        run: what the run says of itself.
        times: when each picture was taken, by camera, seconds since the epoch.
        results: those that are there; with hindsight in any case.

    Raises:
        ConfigError: the folder holds no results, or a file in it is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.run = read_run(folder)
        self.times = {n: np.array(t) for n, t in read_times(folder, self.run).items()}
        views = [view for view, name in _FOLDERS.items() if (folder / name).is_dir()]
        cameras = list(self.run.cameras)
        self.results = {view: Results(self.folder / _FOLDERS[view], cameras) for view in views}

    @property
    def begin(self) -> float:
        """Time of the first picture, seconds since the epoch."""
        return min((float(t[0]) for t in self.times.values() if len(t)), default=0.0)

    @property
    def end(self) -> float:
        """When the last picture gives way, seconds since the epoch."""
        ends = (
            float(self.times[name][-1]) + 1 / camera.rate
            for name, camera in self.run.cameras.items()
            if len(self.times[name])
        )
        return max(ends, default=0.0)

    @cached_property
    def truth(self) -> dict[str, Table]:
        """Ground truth by camera, of those whose file is still there."""
        try:
            return load_truth(self.run.as_site)
        except HandoffError:
            return {}

    def boxes(self, whose: Boxes, camera: str) -> Table | None:
        """A camera's boxes, or None if there are none of that kind."""
        if whose == "truth":
            return self.truth.get(camera)
        results = self.results.get(whose)
        return results.tables.get(camera) if results else None

    def thumbnail(self, tracklet: str) -> Path | None:
        """The picture of a tracklet, if there is one within the folder."""
        for results in self.results.values():
            path = results.thumbnails.get(tracklet)
            if path and path.resolve().is_relative_to(self.folder) and path.is_file():
                return path
        return None


def _read_people(path: Path) -> _People:
    try:
        return TypeAdapter(_People).validate_json(path.read_bytes())
    except OSError:
        raise ConfigError(f"{path}: expected a file, found none") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
        raise ConfigError(
            f"{path}: {where}: expected what --offline writes, found something else"
        ) from None


def _read_evaluation(path: Path) -> dict[str, Any] | None:
    """Figures by camera, and across them; a file that is not of ours counts as none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(found, dict) and {"cameras", "across"} <= found.keys()
    return found if known else None
