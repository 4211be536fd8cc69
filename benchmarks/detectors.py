"""What detectors find and what they cost, on a recording with ground truth.

    python -m benchmarks.detectors VIDEO TRUTH --detector ssdlite --tiles auto --tiles 2x1

AP50 is the area under precision over recall, boxes ordered by confidence, a person counting as
found at an IoU of 0.5; time is the processor's own, over all threads, which other load on the
machine leaves alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import supervision as sv
import typer
from numpy.typing import NDArray

from benchmarks.machine import describe_machine, markdown
from engines.zoo import resolve_detector
from pipeline.config import DetectorSettings, Tiles
from pipeline.data import Frame
from pipeline.detect import Detector
from pipeline.errors import HandoffError
from pipeline.evaluate import box_iou, counted, ignored
from pipeline.mot import Table, read_table
from pipeline.truth import cut_to_region

HEADER = (
    "detector", "tiles", "ms", "AP50", "recall .1", "precision .1", "recall .3", "precision .3",
)  # fmt: skip
SAME_PERSON_IOU = 0.5
_WEAKEST = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of all boxes of one run, the most certain first.

    Attributes:
        confidence: float64[n], of each box.
        right: bool[n], whether it is on a person no better box was on.
        people: how many there were to be found.
        milliseconds: processor time per picture.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    people: int
    milliseconds: float

    def recall_and_precision(self, confidence: float) -> tuple[float, float]:
        """Of the boxes that are at least this certain."""
        taken = self.right[self.confidence >= confidence]
        return taken.sum() / self.people, taken.mean() if len(taken) else 1.0

    @property
    def average_precision(self) -> float:
        """Area under precision (made monotonic) over recall."""
        found = np.cumsum(self.right)
        precision = found / np.arange(1, len(found) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float((best * self.right).sum() / self.people)

    def row(self) -> list[str]:
        """Its figures as text, in the order of `HEADER`."""
        rates = [*self.recall_and_precision(0.1), *self.recall_and_precision(0.3)]
        figures = [self.average_precision, *rates]
        return [f"{self.milliseconds:.1f}", *(f"{figure:.3f}" for figure in figures)]


def measure(detector: Detector, pictures: list[tuple[Frame, Table]]) -> Outcome:
    """Runs a detector over pictures with the ground truth of each."""
    detector.detect([pictures[0][0]])  # compiles the network
    begin = time.process_time()
    found = [detector.detect([frame])[0] for frame, _ in pictures]
    spent = time.process_time() - begin
    judged = [judge(boxes, truth) for boxes, (_, truth) in zip(found, pictures, strict=True)]
    confidence, right = (np.concatenate(column) for column in zip(*judged, strict=True))
    order = np.argsort(-confidence, kind="stable")
    people = sum(int(counted(truth).sum()) for _, truth in pictures)
    return Outcome(confidence[order], right[order], people, 1000 * spent / len(pictures))


def judge(found: sv.Detections, truth: Table) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence of each box, and whether it found somebody; boxes on ignored rows are left out."""
    assert found.confidence is not None
    overlaps = box_iou(found.xyxy.astype(np.float64), truth.xyxy)
    overlaps[:, ~(counted(truth) | ignored(truth))] = 0
    taken = np.zeros(len(truth), bool)
    right, kept = np.zeros(len(found), bool), np.ones(len(found), bool)
    for box in range(len(found)):
        free = np.where(taken | ignored(truth), 0, overlaps[box])
        if len(truth) and free.max() >= SAME_PERSON_IOU:
            taken[free.argmax()] = right[box] = True
        else:
            kept[box] = not (overlaps[box, ignored(truth)] >= SAME_PERSON_IOU).any()
    return found.confidence[kept].astype(np.float64), right[kept]


def read_pictures(
    video: Path, truth: Table, region: tuple[int, int, int, int] | None, every: int
) -> Iterator[tuple[Frame, Table]]:
    """Every so many pictures of a recording with their ground truth, cut to `region`."""
    cut = cut_to_region(truth, region) if region else truth
    capture, number = cv2.VideoCapture(str(video)), 0
    while capture.grab():
        number += 1
        if (number - 1) % every == 0:
            picture = capture.retrieve()[1].astype(np.uint8)
            x, y, width, height = region or (0, 0, picture.shape[1], picture.shape[0])
            image = picture[y : y + height, x : x + width].copy()
            yield Frame(video.stem, number - 1, 0.0, image), cut.at(number)


def read_tiles(text: str) -> Tiles:
    """`off`, `auto`, or columns and rows such as `2x1`."""
    if text in ("off", "auto"):
        return "off" if text == "off" else "auto"
    columns, _, rows = text.partition("x")
    return int(columns), int(rows)


def main(
    video: Annotated[Path, typer.Argument(help="A recording.")],
    truth: Annotated[Path, typer.Argument(help="Its MOTChallenge ground truth.")],
    detector: Annotated[list[str] | None, typer.Option(help="Name or path; repeatable.")] = None,
    tiles: Annotated[list[str] | None, typer.Option(help="off, auto or 2x1; repeatable.")] = None,
    region: Annotated[str | None, typer.Option(help="x,y,width,height of the view.")] = None,
    every: Annotated[int, typer.Option(help="Look at every so many pictures.")] = 10,
) -> None:
    """Measures detectors and prints one table."""
    x_y_w_h = tuple(int(part) for part in region.split(",")) if region else None
    try:
        pictures = list(read_pictures(video, read_table(truth), x_y_w_h, every))  # type: ignore[arg-type]
        rows = list(_rows(detector or ["auto"], tiles or ["auto"], pictures))
    except HandoffError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{describe_machine()}; {video.name}, {len(pictures)} pictures\n")
    typer.echo(markdown(HEADER, rows))


def _rows(
    detectors: list[str], tiles: list[str], pictures: list[tuple[Frame, Table]]
) -> Iterator[list[str]]:
    for name in detectors:
        path, _ = resolve_detector(name)
        for how in tiles:
            settings = DetectorSettings(confidence=_WEAKEST, tiles=read_tiles(how), min_height=16)
            outcome = measure(Detector(path, settings=settings), pictures)
            yield [Path(name).stem, how, *outcome.row()]


if __name__ == "__main__":
    typer.run(main)
