"""Runs the roles of a site as processes of their own, and leaves none behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

from pipeline.embedded import die_with_parent
from pipeline.ingest.timing import Backoff

_GRACE_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_HEALTHY_SECONDS = 60.0  # a process that lived for so long had begun well
_BAD_SETTINGS = 2  # exit code

_ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
"""glibc gives every thread that allocates its own arena, up to eight per core, and keeps what is
freed there: with decoder threads that come and go with their cameras, memory creeps up."""

log = structlog.get_logger()


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


@dataclass(slots=True)
class _Member:
    """One process of the crew, and how to start it again."""

    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    started: float
    backoff: Backoff
    may_leave: bool = False
    again_at: float | None = None


class Crew:
    """The processes of one run.

    Each is this same program in another role. They are in sessions of their own, so that Ctrl-C
    reaches this process alone, which then stops them, and Redis last. One that dies is started
    again, after waiting times that grow; one that says that its settings are wrong (exit code 2)
    would say so again, and ends the run.
    """

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}

    def start(
        self,
        role: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        may_leave: bool = False,
    ) -> None:
        """Starts `run_pipeline.py` with `arguments` and with `environment` added to ours.

        Unless ours says otherwise, memory comes from two arenas (`MALLOC_ARENA_MAX`).

        Args:
            role: what it is called here.
            arguments: of the command.
            environment: what is added to ours.
            may_leave: that it ends in order (exit code 0) is meant, and ends the run: somebody has
                closed a window.
        """
        command = [sys.executable, sys.argv[0], *arguments]
        variables = {**_ALLOCATOR, **os.environ, **environment}
        process, backoff = _launch(command, variables), Backoff(random=random.random)
        self._members[role] = _Member(
            command, variables, process, time.monotonic(), backoff, may_leave
        )

    def watch(
        self, stopping: Callable[[], bool], *, also: Callable[[], None] = lambda: None
    ) -> str | None:
        """Keeps all processes alive until it is time to stop.

        Args:
            stopping: says when it is.
            also: is called ten times a second.

        Returns:
            None, or the role of a process whose settings are wrong.
        """
        while not stopping() and not self._left():
            for role, member in self._members.items():
                if self._look_after(role, member):
                    return role
            also()
            time.sleep(_LOOK_SECONDS)
        return None

    def signal(self, number: int) -> None:
        """Passes a signal on to all processes that are alive."""
        for member in self._members.values():
            if member.process.poll() is None:
                member.process.send_signal(number)

    def stop(self) -> None:
        """Asks all processes to stop, and kills those that have not after a while."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        for member in self._members.values():
            try:
                member.process.wait(timeout=max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def _left(self) -> bool:
        members = self._members.values()
        return any(member.may_leave and member.process.poll() == 0 for member in members)

    def _look_after(self, role: str, member: _Member) -> bool:
        """Starts a process again when it is time; True if that would be of no use."""
        if member.process.poll() is None:
            return False
        code, now = member.process.returncode, time.monotonic()
        if code == _BAD_SETTINGS:
            return True
        if member.again_at is None:
            if now - member.started > _HEALTHY_SECONDS:
                member.backoff.reset()
            seconds = member.backoff.next_seconds()
            member.again_at = now + seconds
            log.error("a part has died, it is started again", part=role, code=code, after=seconds)
        elif now >= member.again_at:
            member.process = _launch(member.command, member.environment)
            member.started, member.again_at = now, None
        return False


def _launch(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
