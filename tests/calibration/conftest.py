"""What the tests of calibration share: OpenCV's photographs of a chessboard."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from engines.catalogue import cache_folder
from engines.places import DebianFile, Unavailable

_FOLDER = Path("usr/share/doc/opencv-doc/examples/data")
_NAMES = [f"left{number:02}.jpg" for number in (*range(1, 10), *range(11, 15))]


@pytest.fixture(scope="session")
def chessboard_photos() -> Path:
    """Folder with left01.jpg to left14.jpg (there is no left10), fetched once."""
    folder = cache_folder() / "chessboard"
    if not all((folder / name).is_file() for name in _NAMES):
        try:
            _fetch(folder)
        except (Unavailable, OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"OpenCV's photographs (Debian's opencv-doc) cannot be had: {error}")
    return folder


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        arriving = Path(temporary)
        first = DebianFile("opencv-doc", str(_FOLDER / _NAMES[0]))
        first.download(arriving / _NAMES[0], seconds=200.0)  # leaves the package beside it
        package = next(arriving.glob("*.deb"))
        command = ["dpkg-deb", "--extract", str(package), str(arriving / "all")]
        subprocess.run(command, check=True, capture_output=True)
        for name in _NAMES:
            shutil.move(arriving / "all" / _FOLDER / name, folder / name)
