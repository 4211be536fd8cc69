"""Log lines of a real process: their form, and that no password gets into them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORMS = ["console", "json"]
BEGIN = """
import logging, sys, threading, structlog
from pipeline.logs import configure_logging
configure_logging("info", role="node", form=sys.argv[1])
log = structlog.get_logger()
library = logging.getLogger("some.library")
URL = "rtsp://admin:canary@10.0.0.7/stream?key=canary"
"""
LEAKS = {
    "field": 'log.warning("camera fails", url=URL)',
    "event": 'log.warning(f"camera fails at {URL}")',
    "nested field": 'log.warning("camera fails", cameras={"west": [URL, (URL,)], URL: 1})',
    "object": "class Camera:\n    def __repr__(self): return URL\n"
    'log.warning("camera fails", camera=Camera(), cameras=[Camera()])',
    "bytes": 'log.warning("camera fails", url=URL.encode())',
    "named field": 'log.warning("signed in", password="canary", api_token="canary")',
    "arguments": 'library.warning("cannot open %s (%r)", URL, {"url": URL})',
    "extra": 'library.warning("cannot open", extra={"url": URL, "password": "canary"})',
    "error": 'log.warning("camera fails", error=ValueError(URL))',
    "exception": 'try:\n    raise ValueError(URL)\nexcept ValueError:\n    log.exception("fails")',
    "traceback": 'try:\n    open("rtsp://admin:canary@10.0.0.7/stream")\n'
    'except OSError:\n    library.exception("fails")',
    "cause": "try:\n    try:\n        raise ValueError(URL)\n    except ValueError as error:\n"
    '        raise RuntimeError("later") from error\n'
    'except RuntimeError:\n    library.error("fails", exc_info=True)',
    "variables": 'def open_it(password):\n    raise ValueError("no")\n'
    'try:\n    open_it("can" + "ary")\nexcept ValueError:\n    log.exception("fails")',
    "uncaught": "raise ValueError(URL)",
    "uncaught in a thread": "def work():\n    raise ValueError(URL)\n"
    "thread = threading.Thread(target=work); thread.start(); thread.join()",
    "uncaught while cleaning up": "class Camera:\n    def __del__(self): raise ValueError(URL)\n"
    "camera = Camera(); del camera",
}


def run(script: str, form: str = "json") -> str:
    """What a process says on standard error."""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(BEGIN + script)  # from a file: tracebacks show the lines of the source only then
        file.flush()
        process = subprocess.run(
            [sys.executable, file.name, form],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert process.stdout == ""
    return process.stderr


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("script", LEAKS.values(), ids=LEAKS.keys())
def test_no_password_gets_into_the_log(script, form):
    written = run(script, form)
    assert written.strip()
    assert "canary" not in written


def test_a_json_line_has_time_level_role_event_and_fields():
    (line,) = run('log.warning("camera fails", camera="west", tries=3)').splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "warning",
        "role": "node",
        "event": "camera fails",
        "camera": "west",
        "tries": 3,
    }


def test_a_librarys_line_has_the_same_form():
    (line,) = run('library.info("opened %s", "west", extra={"tries": 3})').splitlines()
    found = json.loads(line)
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "info",
        "role": "node",
        "event": "opened west",
        "logger": "some.library",
        "tries": 3,
    }


def test_a_thread_names_its_role_too():
    script = 'thread = threading.Thread(target=lambda: log.info("hello")); thread.start()'
    assert json.loads(run(script))["role"] == "node"


def test_an_exception_is_one_json_line_with_its_traceback():
    script = 'try:\n    1 / 0\nexcept ZeroDivisionError:\n    log.exception("fails", camera="west")'
    (line,) = run(script).splitlines()
    found = json.loads(line)
    assert (found["event"], found["level"], found["camera"]) == ("fails", "error", "west")
    assert "ZeroDivisionError: division by zero" in found["exception"]
    assert "\n" in found["exception"]


@pytest.mark.parametrize("form", FORMS)
def test_lines_below_the_level_are_not_written(form):
    assert run('log.debug("hidden"); library.debug("hidden")', form) == ""


def test_the_console_form_can_be_read():
    line = run('log.warning("camera fails", camera="west")', "console")
    assert "warning" in line
    assert "camera fails" in line
    assert "camera=west" in line
    assert "role=node" in line


def test_a_name_cannot_command_the_terminal():
    written = run(r'log.warning("camera \x1b[2Jfails", name="\x9b2J\rwest")', "console")
    assert not {"\x1b", "\x9b", "\r"} & set(written)


def test_what_is_interrupted_by_the_keyboard_is_not_reported_as_an_error():
    assert "error nobody caught" not in run("raise KeyboardInterrupt")
