"""Intrinsics: measures a camera's lens by pictures of a board.

    python -m calibration.intrinsics --images 'photos/*.jpg' --output lens/entrance.yaml
    python -m calibration.intrinsics --camera entrance --output lens/entrance.yaml

Hold the board at many places, the corners of the picture above all, near and far, and tilted to all
sides; keep it still. `python -m calibration.boards board.png` makes one. Then name the file in
cams.yaml (`cameras.entrance.lens`): pictures are straightened before anything else happens to them.

A model richer than the standard one (four coefficients) is taken only if it leaves a tenth less
error on views that it was not fitted to, and less on two thirds of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import typer
import yaml
from rich.console import Console
from rich.table import Table

from calibration.boards import Board, Kind, make_board
from calibration.fitting import (
    MOST_LEFT_OUT,
    Fit,
    HeldOut,
    choose,
    compare,
    fit,
    outliers,
)
from calibration.gathering import Gathered, from_camera, from_files
from calibration.lens_picture import save_picture
from calibration.views import View, coverage, uncovered
from pipeline.config import CameraSettings, load_site
from pipeline.errors import ConfigError, HandoffError
from pipeline.lens import Lens, Uncertainty

LEAST_VIEWS = 8
LEAST_PARTS = 5
"""Ninths of the picture that the board must have been seen in."""

UNCERTAIN = 0.01
"""A focal length that is known less well, as a part of it, gets a word of advice."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A lens and what it was measured by.

    Attributes:
        fit: the lens.
        views: what it was fitted to.
        left_out: views whose error was far above the others', and why they were left out.
        tried: all models on views that they were not fitted to.
    """

    fit: Fit
    views: list[View]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    tried: list[HeldOut] = field(default_factory=list)

    def lens(self, date: datetime.date) -> Lens:
        """The lens as its file has it; `date`: when it was measured."""
        (fx, fy), (cx, cy) = self.fit.matrix.diagonal()[:2], self.fit.matrix[:2, 2]
        sigma = [round(float(value), 3) for value in self.fit.deviations]
        return Lens(
            model=self.fit.model.kind,
            size=self.views[0].size,
            focal_length=(round(float(fx), 3), round(float(fy), 3)),
            centre=(round(float(cx), 3), round(float(cy), 3)),
            distortion=tuple(float(f"{value:.8g}") for value in self.fit.distortion),
            rms=round(self.fit.rms, 4),
            uncertainty=Uncertainty(focal_length=(sigma[0], sigma[1]), centre=(sigma[2], sigma[3])),
            date=date,
            views=tuple(view.name for view in self.views),
        )


def measure(views: Sequence[View], *, least: int = LEAST_VIEWS) -> Measured:
    """Measures a lens: chooses the model, leaves out views that do not fit, and fits again.

    Args:
        views: of one board by one camera.
        least: so many are demanded.

    Raises:
        ConfigError: too few views are left, or all at one place.
        NoFit: no lens explains them.
    """
    kept = list(views)
    left_out: list[tuple[str, str]] = []
    spare = int(MOST_LEFT_OUT * len(kept))
    while True:
        _demand(kept, least)
        tried = compare(kept)
        made = fit(choose(tried), kept)
        worst = outliers(made.by_view, spare - len(left_out))
        if not worst:
            return Measured(made, kept, left_out, tried)
        number = worst[0]
        others = sorted(made.by_view)[len(kept) // 2]
        reason = f"error {made.by_view[number]:.2f} pixels, far above the others' {others:.2f}"
        left_out.append((kept.pop(number).name, reason))


def write_lens(lens: Lens, path: Path, *, comment: str) -> None:
    """Writes a lens as YAML with a comment above it; its folder is made."""
    content = yaml.safe_dump(
        lens.model_dump(mode="python"), sort_keys=False, default_flow_style=None, width=100
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {comment}\n{content}", encoding="utf-8")


def advice(measured: Measured) -> list[str]:
    """What would make the lens better known, a sentence each."""
    said = []
    if missing := uncovered(measured.views):
        said.append(f"not covered: {', '.join(missing)}; show the board there, too")
    focal, sigma = measured.fit.matrix[0, 0], measured.fit.deviations[0]
    if sigma > UNCERTAIN * focal:
        said.append(
            f"the focal length is known to {sigma / focal:.1%} only; tilt the board more, and "
            "show it nearer"
        )
    return said


def _demand(views: Sequence[View], least: int) -> None:
    if len(views) < least:
        raise ConfigError(
            f"expected at least {least} usable views of the board, found {len(views)}"
        )
    missing = uncovered(views)
    if 9 - len(missing) < LEAST_PARTS:
        raise ConfigError(
            f"expected the board at {LEAST_PARTS} or more of the picture's nine parts, found it at "
            f"{9 - len(missing)}; not covered: {', '.join(missing)}"
        )


def report(measured: Measured, gathered: Gathered, console: Console) -> None:
    """Prints each view with its error or why it is not used, then the lens."""
    views = Table("view", "corners", "error px", "", box=None)
    for view, error in zip(measured.views, measured.fit.by_view, strict=True):
        views.add_row(view.name, str(len(view.corners.ids)), f"{error:.3f}")
    _add_rejected(views, [*measured.left_out, *gathered.rejected])
    console.print(views)
    models = Table("model", "error on held-out views px", "", box=None)
    for tried in measured.tried:
        chosen = "chosen" if tried.model is measured.fit.model else ""
        held_out = f"{tried.rms:.3f}" if tried.errors else "cannot be fitted"
        models.add_row(tried.model.name, held_out, chosen)
    console.print(models)
    (fx, fy), (cx, cy) = measured.fit.matrix.diagonal()[:2], measured.fit.matrix[:2, 2]
    sigma = measured.fit.deviations
    console.print(
        f"RMS {measured.fit.rms:.3f} pixels over {len(measured.views)} views; "
        f"focal length {fx:.1f} ± {sigma[0]:.1f}, {fy:.1f} ± {sigma[1]:.1f}; "
        f"centre {cx:.1f} ± {sigma[2]:.1f}, {cy:.1f} ± {sigma[3]:.1f}; "
        f"corners in {coverage(measured.views):.0%} of the picture's fields"
    )
    for sentence in advice(measured):
        console.print(sentence, style="yellow")


def _add_rejected(table: Table, rejected: Sequence[tuple[str, str]]) -> None:
    """The reason of each picture; of a camera's many only how often, by reason."""
    if len(rejected) <= 40:
        for name, reason in rejected:
            table.add_row(name, "", "", reason)
        return
    reasons = [reason.split(" (")[0] for _, reason in rejected]
    for reason in dict.fromkeys(r.split(" as ")[0] for r in reasons):
        count = sum(r.startswith(reason) for r in reasons)
        table.add_row(f"{count} pictures", "", "", reason)


def main(
    output: Annotated[Path, typer.Option(help="YAML file of the lens to write.")],
    images: Annotated[
        str | None, typer.Option(help="Pictures of the board, such as 'photos/*.jpg'.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="In place of --images: take them from this camera.")
    ] = None,
    cameras: Annotated[Path, typer.Option(help="With --camera: the site's cams.yaml.")] = Path(
        "cams.yaml"
    ),
    picture: Annotated[
        Path | None, typer.Option(help="Picture of the result to write, such as lens.png.")
    ] = None,
    board: Annotated[Kind, typer.Option(help="What is printed on the board.")] = Kind.CHESSBOARD,
    corners: Annotated[
        str, typer.Option(help="Inner corners, columns x rows: one less than squares, each way.")
    ] = "9x6",
    square: Annotated[
        float, typer.Option(help="Side of a square, metres; the lens does not depend on it.")
    ] = 0.025,
    dictionary: Annotated[str, typer.Option(help="ChArUco: the markers' dictionary.")] = "5X5_100",
    marker: Annotated[
        float | None, typer.Option(help="ChArUco: side of a marker, metres; else 0.75 of a square.")
    ] = None,
    views: Annotated[
        int, typer.Option(min=LEAST_VIEWS, help="With --camera: stop after so many views.")
    ] = 30,
    seconds: Annotated[
        float, typer.Option(min=1, help="With --camera: stop after so many seconds.")
    ] = 180,
) -> None:
    """Measures a camera's lens by pictures of a board."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    cv2.setNumThreads(1)  # see calibration/__init__.py: threads that wait for each other
    gathered = Gathered()
    try:
        made = make_board(board, corners, square=square, dictionary=dictionary, marker=marker)
        if (images is None) == (camera is None):
            raise ConfigError("expected either --images or --camera")
        if images is not None:
            gathered = from_files(images, made)
        else:
            gathered = _watch(str(camera), cameras, made, views, seconds, console)
        measured = measure(gathered.views)
        lens = measured.lens(datetime.datetime.now(datetime.UTC).date())
        comment = (
            "Measured by python -m calibration.intrinsics; for `lens` of a camera in cams.yaml."
        )
        write_lens(lens, output, comment=comment)
        if picture is not None:
            save_picture(measured.fit, measured.views, lens, picture)
    except (HandoffError, OSError) as error:
        _explain(gathered, error)
        raise typer.Exit(2) from None
    report(measured, gathered, console)
    console.print(f"wrote {output}" + (f" and {picture}" if picture else ""))


def _watch(
    name: str, path: Path, board: Board, views: int, seconds: float, console: Console
) -> Gathered:
    settings = _camera(name, path)
    console.print(f"watching {name}: {views} views, {seconds:g} s at most, Ctrl-C to go on")
    return from_camera(name, settings, board, wanted=views, seconds=seconds, say=console.print)


def _camera(name: str, path: Path) -> CameraSettings:
    site = load_site(path)
    if name not in site.cameras:
        known = ", ".join(site.cameras)
        raise ConfigError(f"--camera: expected one of {known} in {path}, found {name}")
    return site.cameras[name]


def _explain(gathered: Gathered, error: Exception) -> None:
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if gathered.rejected:
        table = Table("view", "corners", "error px", "", box=None)
        _add_rejected(table, gathered.rejected)
        errors.print(table)
    errors.print(str(error), style="red")


if __name__ == "__main__":
    typer.run(main)
