"""How well people were followed: HOTA, IDF1 and MOTA per camera and across cameras.

    python -m pipeline.evaluate --cameras cams.yaml --results DIR --ground-truth FILE

The figures are computed by the metric classes of TrackEval (PyPI `trackeval` 1.3.0, the
implementation by the authors of HOTA). What is done here is what MOTChallenge does before it
computes them: ground truth is cut to the camera's region, and results on rows that do not count
are taken out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Screen
from scipy.optimize import linear_sum_assignment

from pipeline.config import load_site
from pipeline.errors import ConfigError, HandoffError
from pipeline.mot import UNCATEGORISED, Table, read_table
from pipeline.truth import load_truth

PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOT16 classes on which results count neither way: person on vehicle, static person, distractor,
reflection."""

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""IoU thresholds HOTA is averaged over: 0.05, 0.10, … 0.95."""

_MATCH = 0.5 - np.finfo(float).eps  # IoU from which two boxes are the same person


@dataclass(frozen=True, slots=True)
class Scores:
    """How well the people of one camera, or of all cameras as one, were followed.

    With TP, FP, FN the boxes found, invented and missed at one IoU threshold:

    Attributes:
        hota: √(DetA · AssA), mean over `THRESHOLDS`, 0 to 1.
        deta: TP / (TP + FP + FN), mean over `THRESHOLDS`, 0 to 1: were the boxes found?
        assa: mean over all TP of the overlap in time of the true and the found track,
            mean over `THRESHOLDS`, 0 to 1: did identities hold?
        idf1: 2·IDTP / (2·IDTP + IDFP + IDFN) at IoU 0.5 under the best one-to-one assignment of
            found identities to true people, 0 to 1.
        mota: 1 − (FP + FN + switches) / true boxes at IoU 0.5; at most 1, below 0 if most is wrong.
        switches: how often a person's identity changed from one box to their next. Across
            cameras the cameras follow each other in the order of cams.yaml.
        people: people in the ground truth.
        identities: identities in the results.
        boxes: boxes in the ground truth.
        hota_by_threshold: HOTA at each of `THRESHOLDS`.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    switches: int
    people: int
    identities: int
    boxes: int
    hota_by_threshold: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores per camera, and across cameras: one identity space over all of them."""

    cameras: dict[str, Scores]
    across: Scores

    @property
    def rows(self) -> dict[str, Scores]:
        """All scores by the name under which they are shown."""
        return {**self.cameras, "across cameras": self.across}


@dataclass(frozen=True, slots=True)
class _Step:
    """What counts in one picture: true[T], found[F] identities and their IoU[T, F]."""

    true: NDArray[np.int64]
    found: NDArray[np.int64]
    iou: NDArray[np.float64]


def evaluate(results: Mapping[str, Table], truth: Mapping[str, Table]) -> Evaluation:
    """Compares results with ground truth that is cut to each camera's region already.

    Identities mean the same person in every camera, on both sides. Across cameras, the pictures of
    the cameras are put one after the other, as if one camera had taken them all: an identity
    that changes from one camera to the next costs what it would cost within a camera.

    Args:
        results: what was found, by camera.
        truth: what is true, by camera; cameras without ground truth are left out.

    Raises:
        ConfigError: there is no ground truth, a camera has nobody in it, or lacks results.
    """
    if not truth:
        raise ConfigError("evaluation: expected ground truth for at least one camera, found none")
    steps = {camera: _steps(camera, results, true) for camera, true in truth.items()}
    return Evaluation(
        cameras={camera: _scores(pictures) for camera, pictures in steps.items()},
        across=_scores([step for pictures in steps.values() for step in pictures]),
    )


def counted(truth: Table) -> NDArray[np.bool_]:
    """Which rows of ground truth are people to be found: bool[N]."""
    person = np.isin(truth.category, (PEDESTRIAN, UNCATEGORISED))
    return person & (truth.confidence != 0)


def ignored(truth: Table) -> NDArray[np.bool_]:
    """Which rows of ground truth excuse a result on them: bool[N].

    These are the distractor classes of MOT16 and later, and rows with confidence 0 where there
    are no classes. (A MOT16 pedestrian with confidence 0 is neither counted nor an excuse, as in
    MOTChallenge.)
    """
    unclassed = truth.category == UNCATEGORISED
    return np.isin(truth.category, DISTRACTORS) | (unclassed & (truth.confidence == 0))


def _steps(camera: str, results: Mapping[str, Table], truth: Table) -> list[_Step]:
    if camera not in results:
        raise ConfigError(f"camera {camera}: expected results, found none")
    if not counted(truth).any():
        raise ConfigError(
            f"camera {camera}: expected ground truth with people inside its region, "
            f"found none in {len(truth)} rows"
        )
    last = max(truth.last_frame, results[camera].last_frame)
    return [_step(results[camera].at(n), truth.at(n)) for n in range(1, last + 1)]


def _step(found: Table, truth: Table) -> _Step:
    iou = box_iou(truth.xyxy, found.xyxy)
    rows, columns = match_boxes(iou)
    excused = columns[ignored(truth)[rows]]
    kept = np.setdiff1d(np.arange(len(found)), excused)
    counts = counted(truth)
    return _Step(truth.identity[counts], found.identity[kept], iou[counts][:, kept])


def box_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes [A, 4] and [B, 4]: float64[A, B].

    (supervision's gives float32, in which an IoU of 0.7 falls below the threshold 0.7.)
    """
    corner = np.maximum(a[:, None, :2], b[None, :, :2])
    opposite = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(opposite - corner, 0, None).prod(axis=2)
    area_a, area_b = (np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b))
    union = area_a[:, None] + area_b[None, :] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def match_boxes(iou: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the one-to-one matching with the greatest sum of IoU ≥ 0.5."""
    close = np.where(iou >= _MATCH, iou, 0.0)
    rows, columns = linear_sum_assignment(close, maximize=True)
    matched = close[rows, columns] > 0
    return rows[matched], columns[matched]


def _scores(steps: Sequence[_Step]) -> Scores:
    data = _trackeval_data(steps)
    hota_metric, clear_metric, identity_metric = _trackeval_metrics()
    hota = hota_metric.eval_sequence(data)
    clear = clear_metric.eval_sequence(data)
    return Scores(
        hota=float(np.mean(hota["HOTA"])),
        deta=float(np.mean(hota["DetA"])),
        assa=float(np.mean(hota["AssA"])),
        idf1=float(identity_metric.eval_sequence(data)["IDF1"]),
        mota=float(clear["MOTA"]),
        switches=int(clear["IDSW"]),
        people=data["num_gt_ids"],
        identities=data["num_tracker_ids"],
        boxes=data["num_gt_dets"],
        hota_by_threshold=tuple(float(value) for value in hota["HOTA"]),
    )


def _trackeval_metrics() -> tuple[Any, Any, Any]:
    """HOTA, CLEAR and Identity; imported here, since the running system does without them."""
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"evaluation: expected the package trackeval, found no module {error.name}; "
            "`pip install -r requirements.txt` brings it"
        ) from None
    quiet = {"PRINT_CONFIG": False}
    return HOTA(), CLEAR(quiet), Identity(quiet)


def _trackeval_data(steps: Sequence[_Step]) -> dict[str, Any]:
    """The form TrackEval's metrics take: identities counted from 0 without gaps, per time step."""
    true, people = _renumber([step.true for step in steps])
    found, identities = _renumber([step.found for step in steps])
    return {
        "num_timesteps": len(steps),
        "num_gt_ids": people,
        "num_tracker_ids": identities,
        "num_gt_dets": sum(map(len, true)),
        "num_tracker_dets": sum(map(len, found)),
        "gt_ids": true,
        "tracker_ids": found,
        "similarity_scores": [step.iou for step in steps],
    }


def _renumber(identities: list[NDArray[np.int64]]) -> tuple[list[NDArray[np.intp]], int]:
    """The same identities as 0, 1, … in order of size, and how many there are."""
    known, numbers = np.unique(np.concatenate(identities), return_inverse=True)
    ends = np.cumsum([len(step) for step in identities])
    return np.split(numbers, ends[:-1]), len(known)


def load_results(directory: Path, cameras: Iterable[str]) -> dict[str, Table]:
    """The results `directory`/<camera>.txt of the cameras named."""
    return {camera: read_table(directory / f"{camera}.txt") for camera in cameras}


def save(evaluation: Evaluation, directory: Path) -> None:
    """Writes evaluation.json, all figures, and evaluation.png, the same as a plot."""
    text = json.dumps(asdict(evaluation), indent=2) + "\n"
    (directory / "evaluation.json").write_text(text, encoding="utf-8")
    plot(evaluation, directory / "evaluation.png")


def plot(evaluation: Evaluation, path: Path) -> None:
    """Draws every measure per camera, and HOTA over the IoU threshold it is computed at."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to load, used only here
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    bars, curves = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_bars(bars, evaluation.rows)
    _draw_curves(curves, evaluation.rows)
    FigureCanvasAgg(figure).print_png(str(path))


def _draw_bars(axes: Any, rows: Mapping[str, Scores]) -> None:
    names = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")
    width = 0.8 / len(rows)
    for i, (label, scores) in enumerate(rows.items()):
        values = [getattr(scores, name.lower()) for name in names]
        places = np.arange(len(names)) + (i - (len(rows) - 1) / 2) * width
        axes.bar_label(axes.bar(places, values, width, label=label), fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(top=1.05)
    axes.figure.legend(loc="outside upper left", ncols=min(len(rows), 8))


def _draw_curves(axes: Any, rows: Mapping[str, Scores]) -> None:
    for label, scores in rows.items():
        axes.plot(THRESHOLDS, scores.hota_by_threshold, marker=".", label=label)
    axes.set(xlabel="IoU threshold", ylabel="HOTA", xlim=(0, 1), ylim=(0, 1.05))
    axes.grid(alpha=0.3)


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the figures as one table."""
    screen = Screen(box=SIMPLE_HEAD, padding=0)
    screen.add_column("camera", no_wrap=True)
    for column in ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches", "people", "identities"):
        screen.add_column(column, justify="right", no_wrap=True)
    for name, scores in evaluation.rows.items():
        shares = (scores.hota, scores.deta, scores.assa, scores.idf1, scores.mota)
        counts = (scores.switches, scores.people, scores.identities)
        screen.add_row(name, *(f"{share:.3f}" for share in shares), *map(str, counts))
    console.print(screen)


def main(
    cameras: Annotated[Path, typer.Option(help="The site's cams.yaml.")],
    results: Annotated[Path, typer.Option(help="Folder with <camera>.txt of each camera.")],
    ground_truth: Annotated[
        list[str] | None,
        typer.Option(
            help="MOTChallenge ground truth, CAMERA=FILE or FILE for all; may be repeated. "
            "Comes before what cams.yaml names."
        ),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(help="YAML file `same: [[3, 17], …]`: numbers that are one person."),
    ] = None,
) -> None:
    """Prints HOTA, DetA, AssA, IDF1, MOTA and identity switches per camera and across cameras.

    Saves them as evaluation.json and evaluation.png in the folder of the results.
    """
    try:
        truth = load_truth(load_site(cameras), ground_truth or (), people=people)
        evaluation = evaluate(load_results(results, truth), truth)
        save(evaluation, results)
    except HandoffError as error:
        Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(str(error))
        raise typer.Exit(2) from None
    show(evaluation, Console())


if __name__ == "__main__":
    typer.run(main)
