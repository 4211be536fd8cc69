"""What an offline run leaves behind about itself, so that its results can be looked at later.

`run.json` says which cameras there were and how their pictures were made, `frames.json` when each
picture was taken, and, where people are to be hidden, `veiled/<camera>.txt` where they are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from pipeline.config import CameraSettings, Site
from pipeline.errors import ConfigError, redact
from pipeline.mot import Table, read_table, write_table
from pipeline.perceive import Observation
from pipeline.privacy_settings import PrivacySettings
from pipeline.setting_types import Name, Settings
from pipeline.settings_file import read_settings

RUN_FILE = "run.json"
FRAMES_FILE = "frames.json"
VEILED_FOLDER = "veiled"
PICTURES_FOLDER = "pictures"
"""Videos without boxes, which `--video` writes: <camera>.mp4."""

_TIMES: TypeAdapter[dict[str, list[float]]] = TypeAdapter(dict[str, list[float]])
_DECIMALS = 6  # of seconds
_LEAST_PIXELS = 0.01  # less cannot be written down

People = Mapping[int, NDArray[np.float32]]
"""Everybody who may be in a picture, float32[n, 4], by the picture's index."""


class CameraRun(Settings):
    """One camera of a run."""

    settings: CameraSettings
    """What cams.yaml said of it."""
    size: tuple[int, int]
    """Width and height of its pictures in pixels, after lens and region; (0, 0): there was none."""
    rate: float = Field(gt=0)
    """Pictures per second in its videos."""


class RunRecord(Settings):
    """An offline run, as `run.json` has it."""

    version: Literal[1] = 1
    """Of this file's form."""
    site: Name
    """Name of the site."""
    network: str
    """What made the embeddings."""
    privacy: PrivacySettings = PrivacySettings()
    """What of people is to be made out in pictures."""
    cameras: dict[Name, CameraRun] = Field(min_length=1)
    """The cameras by name, in the order of cams.yaml."""

    @property
    def as_site(self) -> Site:
        """The settings that the recordings were read with."""
        cameras = {name: camera.settings for name, camera in self.cameras.items()}
        return Site(site=self.site, cameras=cameras, privacy=self.privacy)


class RunLog:
    """Takes down what a run sees, picture by picture.

    Args:
        site: its settings.
        fps: pictures per second of each camera.
    """

    def __init__(self, site: Site, fps: Mapping[str, float]) -> None:
        self._site = site
        self._fps = fps
        self._sizes: dict[str, tuple[int, int]] = {}
        self._times: dict[str, list[float]] = {name: [] for name in site.enabled_cameras}
        self._people: dict[str, dict[int, NDArray[np.float32]]] = defaultdict(dict)

    def observe(self, observation: Observation) -> None:
        """Takes down one picture; a camera's pictures come in their order, none is left out."""
        frame = observation.frame
        self._sizes[frame.camera] = frame.size
        self._times[frame.camera].append(round(frame.time, _DECIMALS))
        if self._site.privacy.people != "none":
            self._people[frame.camera][frame.index] = observation.people

    def people(self, camera: str) -> People:
        """Everybody who may be in the camera's pictures; of none if nobody is to be hidden."""
        return self._people[camera]

    def write(self, output: Path, *, network: str) -> None:
        """Writes all of it to the folder of the results, the same bytes for the same run."""
        record = RunRecord(
            site=self._site.site,
            network=network,
            privacy=self._site.privacy,
            cameras={name: self._camera(name) for name in self._times},
        )
        facts = record.model_dump(mode="json", exclude_defaults=True) | {"version": 1}
        _write(output / RUN_FILE, json.dumps(facts, indent=2))
        _write(output / FRAMES_FILE, json.dumps(self._times, separators=(",", ":")))
        for camera, people in self._people.items():
            write_table(_numbered(people), output / VEILED_FOLDER / f"{camera}.txt")

    def _camera(self, name: str) -> CameraRun:
        settings = self._site.cameras[name]
        shown = settings.model_copy(update={"source": redact(settings.source)})
        return CameraRun(settings=shown, size=self._sizes.get(name, (0, 0)), rate=self._fps[name])


def read_run(folder: Path) -> RunRecord:
    """What `run.json` says in a folder of results.

    Raises:
        ConfigError: the folder holds no results of `--offline`, or a damaged `run.json`.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder}: expected a folder that --offline --output has written, found "
            f"{'no ' + RUN_FILE + ' in it' if folder.is_dir() else 'no such folder'}"
        )
    return read_settings(path, RunRecord)


def read_times(folder: Path, run: RunRecord) -> dict[str, list[float]]:
    """When each picture of each camera was taken, seconds since the epoch.

    Raises:
        ConfigError: the file is missing or damaged.
    """
    path = folder / FRAMES_FILE
    try:
        times = _TIMES.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise ConfigError(f"{path}: expected the times of every picture, found none") from None
    if missing := [name for name in run.cameras if name not in times]:
        raise ConfigError(f"{path}: expected the times of camera {missing[0]}, found none")
    return times


def read_veiled(folder: Path, camera: str, frames: int) -> dict[int, NDArray[np.float32]]:
    """Everybody who is to be hidden in each of a camera's pictures.

    Args:
        folder: of the results.
        camera: whose pictures.
        frames: how many it has.

    Returns:
        float32[n, 4] by picture; nothing at all if it is not known, and nobody can be hidden.
    """
    path = folder / VEILED_FOLDER / f"{camera}.txt"
    if not path.is_file():
        return {}
    table = read_table(path)
    return {index: table.at(index + 1).xyxy.astype(np.float32) for index in range(frames)}


def _numbered(people: People) -> Table:
    """Boxes as rows; the numbers of people mean nothing."""
    rows = [(i + 1, n + 1, box) for i, boxes in people.items() for n, box in enumerate(boxes)]
    return Table.build(
        frame=[frame for frame, _, _ in rows],
        identity=[number for _, number, _ in rows],
        xyxy=[_at_least(box) for _, _, box in rows],
    )


def _at_least(box: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = box.astype(np.float64)
    wide[2:] = np.maximum(wide[2:], wide[:2] + _LEAST_PIXELS)
    return wide


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
