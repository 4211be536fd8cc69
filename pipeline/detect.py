"""Detect: a batch of frames → the people in each, whatever the detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv

from engines.detector_graph import INPUT, DetectorGraph
from engines.heads import Head
from engines.runtime import Device, Engine, Pending, open_detector
from pipeline.config import DetectorSettings
from pipeline.data import Frame
from pipeline.letterbox import Letterbox
from pipeline.tiles import Found, Tile, auto_columns, cut_grid, merge, suppress

LARGEST_REDUCTION = 5.0
"""Pictures that would be shrunk more than this are cut into tiles by `auto`: a person 100 pixels
high would be left with 20, less than any detector here can find."""


@dataclass(frozen=True, slots=True)
class _PendingTile:
    """One tile on its way through the network."""

    tile: Tile
    letterbox: Letterbox
    request: Pending


class PendingDetections:
    """People being looked for; `wait` gives them."""

    def __init__(
        self,
        detector: Detector,
        frames: Sequence[Frame],
        tiles: Sequence[Sequence[_PendingTile]],
    ) -> None:
        self._detector = detector
        self._frames = frames
        self._tiles = tiles

    def wait(self) -> list[sv.Detections]:
        """Blocks until all is done; see `Detector.detect`."""
        return [
            self._detector._collect(frame.size, tiles)
            for frame, tiles in zip(self._frames, self._tiles, strict=True)
        ]


class Detector:
    """Finds people in the frames of any number of cameras, of any size.

    Every tile of every frame is a request of its own, and the CPU works on several of them at the
    same time: on a CPU that is faster than one large batch, and nobody waits for a batch to fill.
    On a GPU they follow each other in one stream while the CPU prepares the next.

    Args:
        model: file of a detector; its kind is recognised by its outputs.
        settings: thresholds, tiles and precision.
        device: what it runs on; see `engines.runtime.choose_backend`.
        threads: number of CPU threads; 0 leaves the choice to OpenVINO.

    Raises:
        ModelError: the file is missing, unreadable, or not a detector.
    """

    def __init__(
        self,
        model: Path,
        *,
        settings: DetectorSettings,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        self._graph = DetectorGraph(model)
        self._settings = settings
        self._device: Device = device
        self._threads = threads
        self._engines: dict[tuple[int, int], Engine] = {}  # one per input size: a handful
        self._plans: dict[tuple[int, int], tuple[Tile, ...]] = {}

    @property
    def head(self) -> Head:
        """What the detector's outputs mean."""
        return self._graph.head

    def detect(self, frames: Sequence[Frame]) -> list[sv.Detections]:
        """Finds the people in each frame.

        Returns:
            for every frame its people, the most certain first: xyxy float32 in pixels of the
            frame and inside it, confidence float32, class_id 0.
        """
        return self.submit(frames).wait()

    def submit(self, frames: Sequence[Frame]) -> PendingDetections:
        """Starts to look for people and returns at once; the frames must not be changed."""
        return PendingDetections(self, frames, [self._start(frame) for frame in frames])

    def tiles_of(self, size: tuple[int, int]) -> tuple[Tile, ...]:
        """How pictures of this width and height are cut; a single tile is all of it."""
        if size not in self._plans:
            columns, rows = self._grid(size)
            self._plans[size] = cut_grid(size, columns, rows)
        return self._plans[size]

    def _grid(self, size: tuple[int, int]) -> tuple[int, int]:
        if self._settings.tiles == "auto":
            return (auto_columns(size), 1) if self._gains_from_tiles(size) else (1, 1)
        return (1, 1) if self._settings.tiles == "off" else self._settings.tiles

    def _gains_from_tiles(self, size: tuple[int, int]) -> bool:
        """True if people would come out distorted or tiny in the network's input."""
        if self.head.fit == "stretch":
            return True
        reduction = max(
            length / own for length, own in zip(size, self._graph.native_size, strict=True)
        )
        return reduction > LARGEST_REDUCTION

    def _start(self, frame: Frame) -> list[_PendingTile]:
        return [self._start_tile(frame, tile) for tile in self.tiles_of(frame.size)]

    def _start_tile(self, frame: Frame, tile: Tile) -> _PendingTile:
        size = self._graph.size_for(tile.size)
        letterbox = Letterbox.fit(tile.size, size, self.head.fit)
        picture = letterbox.apply(tile.cut(frame.image))
        return _PendingTile(tile, letterbox, self._engine(size).submit({INPUT: picture[None]}))

    def _engine(self, size: tuple[int, int]) -> Engine:
        if size not in self._engines:
            self._engines[size] = open_detector(
                self._graph,
                size,
                device=self._device,
                precision=self._settings.precision,
                threads=self._threads,
            )
        return self._engines[size]

    def _collect(self, size: tuple[int, int], tiles: Sequence[_PendingTile]) -> sv.Detections:
        found = [self._decode(tile, size) for tile in tiles]
        people = merge(Found.join(found)) if len(found) > 1 else found[0]
        return self._select(people, size)

    def _decode(self, pending: _PendingTile, size: tuple[int, int]) -> Found:
        boxes, scores = self.head.decode(
            pending.request.wait(),
            size=pending.letterbox.target,
            confidence=self._settings.confidence,
        )
        in_tile = pending.letterbox.to_source(boxes)
        found = Found.in_tile(in_tile, scores, pending.tile, size)
        return found if self.head.suppresses else suppress(found)

    def _select(self, found: Found, size: tuple[int, int]) -> sv.Detections:
        """Clips to the picture, drops what is too small, sorts by confidence."""
        width, height = size
        boxes = np.clip(found.boxes, 0, np.array([width, height, width, height], np.float32))
        sizes = boxes[:, 2:] - boxes[:, :2]
        large = (sizes[:, 0] > 0) & (sizes[:, 1] >= max(self._settings.min_height, 1))
        order = np.argsort(-found.scores[large], kind="stable")
        return sv.Detections(
            xyxy=boxes[large][order].astype(np.float32),
            confidence=found.scores[large][order].astype(np.float32),
            class_id=np.zeros(len(order), dtype=int),
        )
