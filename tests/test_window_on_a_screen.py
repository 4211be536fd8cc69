"""--window as people use it: the command, on a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, str(ROOT / "run_pipeline.py")]
SITE = """
cameras: {{west: {{source: {clip}, region: [0, 0, 330, 576], fps: 7, loop: true}}}}
detector: {{model: ssdlite}}
"""

needs_windows = pytest.mark.skipif(
    "GUI:                           NONE" in cv2.getBuildInformation(),
    reason="opencv-python-headless has no windows",
)


@pytest.fixture
def cams(tmp_path: Path, vtest_path: Path) -> Path:
    path = tmp_path / "cams.yaml"
    path.write_text(SITE.format(clip=vtest_path))
    return path


@pytest.fixture
def screen() -> Iterator[str]:
    """A screen nobody sees; gives its name."""
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb: scripts/install_system_packages.sh brings it")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x900x24"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        try:
            os.close(writing)
            with os.fdopen(reading) as numbers:
                name = f":{numbers.readline().strip()}"
            yield name
        finally:
            server.terminate()


def run(cams: Path, *options: str, screen: str | None) -> subprocess.CompletedProcess[str]:
    desktop = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment = desktop if screen is None else desktop | {"DISPLAY": screen}
    return subprocess.run(
        [*COMMAND, "--cameras", str(cams), "--window", *options],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@needs_windows
def test_the_window_runs_until_it_is_to_stop(cams: Path, screen: str) -> None:
    done = run(cams, "--duration", "12", screen=screen)
    assert (done.returncode, "died" in done.stdout + done.stderr) == (0, False)


@needs_windows
def test_without_a_screen_a_sentence_says_what_to_do(cams: Path) -> None:
    done = run(cams, screen=None)
    assert done.returncode == 2
    assert "--window: expected a screen, found neither DISPLAY nor WAYLAND_DISPLAY" in done.stderr


@needs_windows
def test_a_screen_that_is_not_there_is_told_of_in_a_sentence(cams: Path) -> None:
    done = run(cams, screen=":4711")
    assert done.returncode == 2
    assert "--window: expected a screen that can be used, found:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [["--role", "node"], ["--offline", "--output", "out"]])
def test_a_window_goes_with_a_live_run_alone(cams: Path, options: list[str]) -> None:
    done = run(cams, *options, screen=None)
    assert done.returncode == 2
    assert "command line: expected --window for a live run" in done.stderr
