"""Runs the roles of a site as processes of their own, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from pipeline.embedded import die_with_parent

_GRACE_SECONDS = 3.0
_LOOK_SECONDS = 0.1


class StopSignal:
    """Turns Ctrl-C, SIGTERM and a running-out time into one question: is it time to stop?

    Args:
        duration: seconds after which it is, or None.
    """

    def __init__(self, duration: float | None = None) -> None:
        self._deadline = None if duration is None else time.monotonic() + duration
        self._stopped = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def __call__(self) -> bool:
        """True once it is time to stop."""
        late = self._deadline is not None and time.monotonic() >= self._deadline
        return self._stopped or late

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True


class Crew:
    """The processes of one run.

    Each is this same program in another role. They are in sessions of their own, so that Ctrl-C
    reaches this process alone, which then stops them, and Redis last.
    """

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str, arguments: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """Starts `run_pipeline.py` with `arguments` and with `environment` added to ours."""
        self._processes[role] = subprocess.Popen(
            [sys.executable, sys.argv[0], *arguments],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def wait(self, stopping: Callable[[], bool]) -> tuple[str, int] | None:
        """Waits until it is time to stop, or until a process has ended by itself.

        Returns:
            role and exit code of the process that ended, or None.
        """
        while not stopping():
            for role, process in self._processes.items():
                if process.poll() is not None:
                    return role, process.returncode
            time.sleep(_LOOK_SECONDS)
        return None

    def stop(self) -> None:
        """Asks all processes to stop, and kills those that have not after a while."""
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._processes.values():
            try:
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
