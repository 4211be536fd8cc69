"""The crew: what its processes are started with."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from pipeline.supervisor import Crew

_TELLS = "import os, sys; open(sys.argv[1], 'w').write(os.environ['MALLOC_ARENA_MAX'])"


@pytest.mark.parametrize(
    ("environment", "arenas"),
    [
        pytest.param({}, "2", id="by itself"),
        pytest.param({"MALLOC_ARENA_MAX": "4"}, "4", id="unless somebody has said otherwise"),
    ],
)
def test_a_process_of_the_crew_allocates_from_few_arenas(
    environment: dict[str, str], arenas: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, told = tmp_path / "program.py", tmp_path / "told"
    program.write_text(_TELLS, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    crew = Crew()
    crew.start("part", [str(told)], environment=environment)
    crew.watch(lambda: told.exists() and told.read_text(encoding="utf-8") != "")
    crew.stop()
    assert told.read_text(encoding="utf-8") == arenas


def test_the_run_ends_when_the_one_that_may_leave_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys, time; time.sleep(float(sys.argv[1]))", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(program)])
    crew, deadline = Crew(), time.monotonic() + 20
    crew.start("works", ["60"], environment={})
    crew.start("window", ["0.2"], environment={}, may_leave=True)
    ended = crew.watch(lambda: time.monotonic() > deadline)
    crew.stop()
    assert ended is None
    assert time.monotonic() < deadline
