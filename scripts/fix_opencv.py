"""Makes `import cv2` work on a server without a screen.

opencv-python, which supervision and trackers ask for, needs libGL.so.1 though nothing here opens a
window. Where that is missing, opencv-python-headless of the same version takes its place: the same
module without the windows. Run by `make` after every installation.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

WITH_WINDOWS, WITHOUT_WINDOWS = "opencv-python", "opencv-python-headless"


def main() -> int:
    """Exchanges the package if it must be; returns the exit status."""
    problem = import_problem()
    if problem is None:
        return 0
    wanted = installed_version()
    print(f"{problem}: putting {WITHOUT_WINDOWS} {wanted} in the place of {WITH_WINDOWS}")
    pip("uninstall", "--yes", WITH_WINDOWS, WITHOUT_WINDOWS)
    # By force: the two packages share their files, so what is left of one may hide the other.
    pip("install", "--no-deps", "--force-reinstall", f"{WITHOUT_WINDOWS}=={wanted}")
    problem = import_problem()
    if problem is not None:
        print(f"cv2: expected to be importable, found: {problem}", file=sys.stderr)
    return 0 if problem is None else 1


def import_problem() -> str | None:
    """Why cv2 cannot be imported, or None; in a process of its own, so it can be tried again."""
    done = subprocess.run(
        [sys.executable, "-c", "import cv2"], capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def installed_version() -> str:
    """Version of OpenCV that is installed, of whichever of the two packages."""
    try:
        return version(WITH_WINDOWS)
    except PackageNotFoundError:
        return version(WITHOUT_WINDOWS)


def pip(*arguments: str) -> None:
    """Runs pip of this environment; its warnings about the exchange are expected."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", *arguments]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
