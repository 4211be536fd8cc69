"""The crew: what its processes are started with."""

from __future__ import annotations

import sys
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
