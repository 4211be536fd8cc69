"""Quality and speed of the offline mode on the demo site, by detector.

    python -m benchmarks.offline --ground-truth FILE --detector ssdlite --detector yolox_nano.onnx

Runs the command a user runs, once per detector, and evaluates what it wrote.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from benchmarks.machine import describe_machine, markdown
from pipeline.check import make_plan
from pipeline.config import DetectorSettings, Site, load_site
from pipeline.errors import HandoffError
from pipeline.evaluate import Evaluation, evaluate, load_results, save
from pipeline.truth import load_truth

COMMAND = Path(__file__).parents[1] / "run_pipeline.py"
HEADER = (
    "detector", "camera", "IDF1", "HOTA", "MOTA", "switches", "frames/s", "without start-up",
)  # fmt: skip
_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one run took, in seconds.

    Attributes:
        whole: from starting the command to its end.
        processing: from the moment its folder of results appears, which is when all models are
            loaded, to its end.
    """

    whole: float
    processing: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one detector led to; `frames` counts those of all cameras together."""

    detector: str
    evaluation: Evaluation
    frames: int
    timing: Timing

    def rows(self) -> Iterator[list[str]]:
        """One row per camera and one across cameras, which bears the speed."""
        for camera, scores in self.evaluation.rows.items():
            figures = [f"{v:.3f}" for v in (scores.idf1, scores.hota, scores.mota)]
            across = scores is self.evaluation.across
            speeds = (self.frames / self.timing.whole, self.frames / self.timing.processing)
            speed = [f"{fps:.1f}" if across else "" for fps in speeds]
            yield [self.detector, camera, *figures, str(scores.switches), *speed]


def measure(
    site: Site, detector: str, ground_truth: list[str], folder: Path, *, people: Path | None = None
) -> Outcome:
    """Runs the site with one detector and evaluates it.

    Args:
        site: the settings; its detector is replaced.
        detector: name or path of a model.
        ground_truth, people: as `pipeline.evaluate` takes them.
        folder: gets the settings, a log and the results.
    """
    settings = DetectorSettings(**{**site.detector.model_dump(), "model": detector})
    cameras = write_settings(site.model_copy(update={"detector": settings}), folder)
    frames = make_plan(cameras).frames
    if not frames:
        raise HandoffError("benchmark: expected recordings that say how long they are, found none")
    results = folder / "results"
    timing = _time(
        [sys.executable, str(COMMAND), f"--cameras={cameras}", "--offline", f"--output={results}"],
        results,
        folder / "log.txt",
    )
    truth = load_truth(site, ground_truth, people=people)
    evaluation = evaluate(load_results(results, truth), truth)
    save(evaluation, results)
    return Outcome(Path(detector).stem, evaluation, frames, timing)


def write_settings(site: Site, folder: Path) -> Path:
    """Writes a site's settings as a cams.yaml of their own; paths in them are absolute already."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "cams.yaml"
    text = yaml.safe_dump(site.model_dump(mode="json"), sort_keys=False)  # cameras keep their order
    path.write_text(text, encoding="utf-8")
    return path


def _time(command: list[str], results: Path, log: Path) -> Timing:
    begin = time.perf_counter()
    loaded: float | None = None
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            if loaded is None and results.is_dir():
                loaded = time.perf_counter()
            time.sleep(_POLL_SECONDS)
    end = time.perf_counter()
    if process.returncode != 0 or loaded is None:
        raise HandoffError(f"benchmark: the command failed:\n{log.read_text(encoding='utf-8')}")
    return Timing(whole=end - begin, processing=end - loaded)


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    if output is None:
        with tempfile.TemporaryDirectory(prefix="handoff-benchmark-") as name:
            yield Path(name)
    elif output.is_dir() and any(output.iterdir()):
        raise HandoffError(f"--output {output}: expected an empty or a new folder, found files")
    else:
        yield output.resolve()


def main(
    ground_truth: Annotated[
        list[str], typer.Option(help="MOTChallenge ground truth, CAMERA=FILE or FILE for all.")
    ],
    detector: Annotated[
        list[str] | None, typer.Option(help="Name or path of a model; may be repeated.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Which numbers of the ground truth are one person.")
    ] = None,
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
    output: Annotated[Path | None, typer.Option(help="Keep all results in this folder.")] = None,
) -> None:
    """Measures quality and speed of the offline mode and prints them as one table."""
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    rows: list[list[str]] = []
    try:
        site = load_site(cameras)
        with _folder(output) as folder:
            for number, model in enumerate(detector or [site.detector.model], start=1):
                console.print(f"running {model} …")
                name = f"{number}-{Path(model).stem}"
                place = folder / name
                outcome = measure(site, _located(model), ground_truth, place, people=people)
                rows += outcome.rows()
    except HandoffError as error:
        console.print(str(error))
        raise typer.Exit(2) from None
    print(markdown(HEADER, rows))
    print(f"\nMachine: {describe_machine()}")


def _located(model: str) -> str:
    """A path from the current folder as an absolute one; names of models stay as they are."""
    return str(Path(model).resolve()) if Path(model).is_file() else model


if __name__ == "__main__":
    typer.run(main)
