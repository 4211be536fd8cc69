"""Who is who in PETS09-S2L1: the pictures behind benchmarks/pets09_people.yaml.

    python -m benchmarks.pets09 --ground-truth pets09_s2l1.gt.txt --output docs/pets09_people.jpg

The published ground truth gives everybody who leaves the picture and comes back a new number. Each
row of the picture shows pictures of the numbers that are one person; numbers that are ever there at
the same time are refused. It also prints what perfect identities score against the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.config import CameraSettings, Site, load_site
from pipeline.errors import HandoffError
from pipeline.evaluate import evaluate
from pipeline.ingest import read_recordings
from pipeline.mot import Table
from pipeline.settings_file import read_settings
from pipeline.truth import People, load_truth

DEMO = Path(__file__).parents[1] / "cams.yaml"
PEOPLE = Path(__file__).with_name("pets09_people.yaml")
_CAMERA = "whole"
_COLUMNS = 12
_CELL = (72, 150)  # width and height of a picture, pixels
_MARGIN = 3

Picture = NDArray[np.uint8]


def crops(site: Site, truth: Table) -> dict[int, list[Picture]]:
    """Every whole, uncovered box of every number, cut out: uint8[h, w, 3] each."""
    found: dict[int, list[Picture]] = defaultdict(list)
    for (frame,) in read_recordings(site.enabled_cameras):
        here = truth.at(frame.index + 1)
        for number, box in zip(here.identity, here.xyxy.round().astype(int), strict=True):
            if _is_alone(box, here.xyxy) and _is_inside(box, frame.size):
                left, top, right, bottom = box
                found[int(number)].append(frame.image[top:bottom, left:right].copy())
    return found


def sheet(found: dict[int, list[Picture]], groups: list[list[int]]) -> Picture:
    """One row per person: pictures of each of their numbers, evenly over time."""
    rows = []
    for group in groups:
        cells = [
            _cell(picture, number)
            for number, share in zip(group, _shares(len(group)), strict=True)
            for picture in _spread(found[number], share)
        ]
        empty = np.full_like(cells[0], 255)
        rows.append(np.hstack(cells + [empty] * (_COLUMNS - len(cells))))
    return np.vstack(rows)


def _shares(count: int) -> list[int]:
    """How many of a row's pictures each of so many numbers gets."""
    return [len(part) for part in np.array_split(np.arange(_COLUMNS), count)]


def _is_alone(box: NDArray[np.int64], boxes: NDArray[np.float64]) -> bool:
    shared = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    return int((shared > 0).all(axis=1).sum()) == 1  # itself


def _is_inside(box: NDArray[np.int64], size: tuple[int, int]) -> bool:
    return bool((box[:2] >= 0).all() and (box[2:] <= size).all())


def _spread(pictures: list[Picture], count: int) -> list[Picture]:
    places = np.linspace(0, len(pictures) - 1, count + 2)[1:-1].astype(int)
    return [pictures[i] for i in places] if pictures else []


def _cell(picture: Picture, number: int) -> Picture:
    cell = cv2.resize(picture, _CELL, interpolation=cv2.INTER_CUBIC)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(cell, str(number), (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, width)
    border = (_MARGIN,) * 4
    framed = cv2.copyMakeBorder(cell, *border, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return np.asarray(framed, np.uint8)


def main(
    ground_truth: Annotated[Path, typer.Option(help="The published ground truth.")],
    output: Annotated[Path, typer.Option(help="JPEG to be written.")],
    people: Annotated[Path, typer.Option(help="Which numbers are one person.")] = PEOPLE,
) -> None:
    """Draws the people, a row each, and checks that no two of a row are there at once."""
    site = Site(cameras={_CAMERA: CameraSettings(source="sample:vtest", fps=7)})
    try:
        united = load_truth(site, [str(ground_truth)], people=people)[_CAMERA]
        truth = load_truth(site, [str(ground_truth)])[_CAMERA]
        numbers_seen = load_truth(load_site(DEMO), [str(ground_truth)])
        people_seen = load_truth(load_site(DEMO), [str(ground_truth)], people=people)
        picture = sheet(crops(site, truth), read_settings(people, People).same)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    cv2.imwrite(str(output), picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    numbers = len(np.unique(truth.identity[truth.confidence > 0]))
    print(f"{numbers} numbers are {len(np.unique(united.identity[united.confidence > 0]))} people.")
    idf1 = evaluate(people_seen, numbers_seen).across.idf1
    print(f"Perfect boxes and identities of people have an IDF1 of {idf1:.3f} against the numbers.")


if __name__ == "__main__":
    typer.run(main)
