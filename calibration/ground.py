"""The ground plane of a camera: from its picture to metres on a floor plan.

python -m calibration.ground points --camera hall --points points.yaml --output ground/hall.yaml
python -m calibration.ground people --camera hall --output ground/hall.yaml
python -m calibration.ground show --results results --output plan.png

Then name it in cams.yaml: `ground: ground/hall.yaml`.
"""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console

from calibration.ground_picture import draw_ground
from calibration.making import ground_of_people, ground_of_points, read_points
from calibration.people import Priors, estimate
from calibration.plan import draw_plan, placed_paths
from calibration.plane import Ground, read_ground, write_ground
from calibration.walking import gather
from calibration.watch import Watched, first_picture, known_focal, lens_centre, watch, whole_size
from pipeline.config import CameraSettings, Site, load_site
from pipeline.errors import ConfigError, HandoffError
from pipeline.ingest import probe
from pipeline.mot import read_table

__all__ = ["Ground", "read_ground", "write_ground"]

app = typer.Typer(add_completion=False, help=__doc__.split("\n")[0])
console = Console(highlight=False, soft_wrap=True)

Cameras = Annotated[Path, typer.Option(help="Settings of the site.")]
Camera = Annotated[str, typer.Option(help="Name of the camera.")]
Output = Annotated[Path, typer.Option(help="File to write.")]
PictureFile = Annotated[Path | None, typer.Option(help="Picture of the result to write (PNG).")]


@app.command()
def points(
    camera: Camera,
    points: Annotated[Path, typer.Option(help="Clicked points (YAML): pixel and plan of each.")],
    output: Output,
    cameras: Cameras = Path("cams.yaml"),
    picture: PictureFile = None,
    click_error: Annotated[
        float, typer.Option(min=0.1, help="Pixels by which a click is off, one sigma.")
    ] = 2.0,
) -> None:
    """From four or more points: pixel in the picture after the region, metres on the plan."""
    _, settings = _camera(cameras, camera)
    image = first_picture(camera, settings)
    ground = ground_of_points(
        camera,
        settings,
        read_points(points),
        size=(image.shape[1], image.shape[0]),
        centre=lens_centre(settings, whole_size(settings)),
        today=_today(),
        click_error=click_error,
    )
    _finish(ground, output, picture, image)


@app.command()
def people(
    camera: Camera,
    output: Output,
    cameras: Cameras = Path("cams.yaml"),
    picture: PictureFile = None,
    seconds: Annotated[float, typer.Option(min=1, help="How long to watch.")] = 120.0,
    height: Annotated[
        float, typer.Option(min=0.5, max=3, help="Mean height of the people, metres, in shoes.")
    ] = 1.7,
    mount_height: Annotated[
        float | None, typer.Option(min=0.3, help="Height of the camera, metres, if measured.")
    ] = None,
    focal: Annotated[
        float | None, typer.Option(min=1, help="Focal length in pixels, if known.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="MOTChallenge file to use in place of the detector.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(help="Place on the plan: x,y in metres, heading in degrees as a compass."),
    ] = None,
) -> None:
    """From people who walk by: nobody clicks anything."""
    place = _place(at)
    site, settings = _camera(cameras, camera)
    seen = _read_boxes(boxes, camera, settings, seconds) if boxes else watch(
        site, camera, seconds=seconds
    )  # fmt: skip
    size = (seen.image.shape[1], seen.image.shape[0])
    whole = whole_size(settings)
    priors = Priors.usual(
        max(whole),
        people_height=height,
        mount_height=mount_height,
        focal=focal or known_focal(settings, whole),
    )
    found = estimate(gather(seen.table, seen.seconds, size), priors, lens_centre(settings, whole))
    ground = ground_of_people(camera, settings, found, size=size, today=_today())
    _finish(ground.placed_at(*place) if place else ground, output, picture, seen.image)


@app.command()
def show(
    output: Output,
    cameras: Cameras = Path("cams.yaml"),
    results: Annotated[
        Path | None, typer.Option(help="Folder of an offline run, for everybody's paths.")
    ] = None,
) -> None:
    """Draws the plan: what each camera sees of it, and where everybody went."""
    site = load_site(cameras)
    grounds = {
        name: read_ground(camera.ground)
        for name, camera in site.enabled_cameras.items()
        if camera.ground is not None
    }
    if not grounds:
        raise ConfigError(f"{cameras}: expected cameras with a `ground`, found none")
    draw_plan(grounds, placed_paths(grounds, results) if results else {}, output)
    console.print(f"{len(grounds)} cameras, written to {output}")


def _camera(cameras: Path, name: str) -> tuple[Site, CameraSettings]:
    site = load_site(cameras)
    if name not in site.enabled_cameras:
        raise ConfigError(
            f"command line: --camera: expected one of {', '.join(site.enabled_cameras)}, "
            f"found {name!r}"
        )
    return site, site.cameras[name]


def _place(at: str | None) -> tuple[float, float, float] | None:
    if at is None:
        return None
    try:
        x, y, heading = (float(part) for part in at.split(","))
    except ValueError:
        raise ConfigError(
            f"command line: --at: expected x,y,heading, such as 3.5,12,90, found {at!r}"
        ) from None
    return x, y, heading


def _read_boxes(path: Path, name: str, camera: CameraSettings, seconds: float) -> Watched:
    table = read_table(path)
    table = table[(table.confidence > 0) & np.isin(table.category, (-1, 1))]
    fps = camera.fps or probe(camera.source).fps
    table = table[table.frame <= seconds * fps]
    return Watched(first_picture(name, camera), table, table.frame / fps)


def _finish(ground: Ground, output: Path, picture: Path | None, image: np.ndarray) -> None:
    write_ground(ground, output)
    for what, figure in ground.figures.items():
        text = f"{figure:.3g}" if isinstance(figure, float) else figure
        console.print(f"{what.replace('_', ' ')}: {text}", markup=False)
    if "error_left_out_m" not in ground.figures and ground.method == "points":
        console.print(
            "four points fit whatever they are: a fifth would tell whether they are right"
        )
    console.print(f"written to {output}; name it in cams.yaml: cameras.{ground.camera}.ground")
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(picture), draw_ground(image, ground))
        console.print(f"picture: {picture}")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def main() -> None:
    """Runs the command; a mistake of the user's is one sentence and exit code 2."""
    try:
        app()
    except HandoffError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
