"""Setting up: what is installed, by what, and what is said when it cannot be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = sorted(ROOT.glob("requirements*.txt"))
SCRIPTS = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"]
RUNNING = Path(sys.executable)


def requirements(path: Path) -> list[str]:
    """The lines of a requirements file without comments and without references to others."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-r")]


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_direct_dependencies_are_pinned_exactly(path: Path) -> None:
    pin = re.compile(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*")
    assert [line for line in requirements(path) if not pin.fullmatch(line)] == []


def test_a_package_has_one_version_wherever_it_is_required() -> None:
    pins = {line for path in REQUIREMENTS for line in requirements(path)}
    names = [pin.split("==")[0].lower() for pin in pins]
    assert sorted(names) == sorted(set(names))


def test_the_running_system_loads_nothing_of_training() -> None:
    heavy = ("torch", "torchvision", "ultralytics", "onnx", "trackeval")
    script = f"import sys, run_pipeline; print([m for m in {heavy} if m in sys.modules])"
    done = run(sys.executable, "-c", script)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_demo_installs_the_running_system_alone() -> None:
    done = run("make", "--dry-run", "--always-make", "demo")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"requirements[a-z-]*\.txt", done.stdout) == ["requirements-runtime.txt"]
    assert "run_pipeline.py --cameras cams.yaml" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_and_executable(script: Path) -> None:
    assert run("bash", "-n", script).stderr == ""
    assert os.access(script, os.X_OK)


def folder_with(folder: Path, **programs: str) -> str:
    """A PATH of a folder with these shell scripts, and the system's own tools."""
    for name, body in programs.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


TOO_OLD = '[ "$1" = --version ] && echo Python 3.9.2'
"""What the search sees of an old Python: a version, and a failed check."""
FITS = f'exec {RUNNING} "$@"'


def test_the_python_on_the_path_is_taken_if_it_fits(tmp_path: Path) -> None:
    path = folder_with(tmp_path, python3=FITS, python3_13=FITS)
    found = run("scripts/find_python.sh", PATH=path)
    assert (found.stdout, found.stderr) == (f"{tmp_path}/python3\n", "")


def test_the_newest_that_fits_is_taken_if_the_one_on_the_path_is_too_old(tmp_path: Path) -> None:
    path = folder_with(tmp_path, python3=TOO_OLD, python3_13=TOO_OLD, python3_12=FITS)
    found = run("scripts/find_python.sh", PATH=path)
    assert (found.stdout, found.stderr) == (f"{tmp_path}/python3.12\n", "")


def test_no_python_that_fits_is_one_sentence(tmp_path: Path) -> None:
    old = dict.fromkeys(("python3", "python3_13", "python3_12", "python3_11"), TOO_OLD)
    found = run("scripts/find_python.sh", PATH=folder_with(tmp_path, **old))
    assert found.returncode == 1
    assert found.stderr == (
        "expected Python 3.11, 3.12 or 3.13 on the PATH, found none; "
        "if it is elsewhere: make PYTHON=/path/to/python3.12\n"
    )


def test_a_chosen_python_that_does_not_fit_is_named_with_its_version(tmp_path: Path) -> None:
    path = folder_with(tmp_path, old=TOO_OLD)
    found = run("scripts/find_python.sh", "old", PATH=path)
    assert found.stderr == "PYTHON=old: expected Python 3.11, 3.12 or 3.13, found Python 3.9.2\n"


def test_a_python_without_virtual_environments_names_the_package_to_install(
    tmp_path: Path,
) -> None:
    bare = f'case "$2" in *ensurepip*) exit 1;; esac; {FITS}'
    found = run("scripts/find_python.sh", PATH=folder_with(tmp_path, python3=bare))
    assert found.returncode == 1
    assert "apt-get install python3-venv" in found.stderr


def test_opencv_is_left_alone_where_it_works() -> None:
    done = run(sys.executable, "scripts/fix_opencv.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
