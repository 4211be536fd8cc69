"""Log lines: structured, on standard error, for people or machines, never with a password in them.

Everything goes one way: our own events (structlog), those of libraries (`logging`) and errors that
nobody caught. Whatever is written has been redacted, tracebacks included.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.errors import redact

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]

_SECRET = re.compile(r"passw|secret|token|authorization|credential", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a terminal would obey them


def configure_logging(level: LogLevel, *, role: str, form: LogFormat = "console") -> None:
    """Sends log lines of `level` and above to standard error, each naming its role.

    Args:
        level: the least serious lines that are written.
        role: what the process is there for.
        form: lines for people, or one JSON object a line with `time` (ISO 8601, UTC), `level`,
            `role`, `event` and the event's own fields.
    """
    number = logging.getLevelName(level.upper())
    common = _common(role)
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(common, form))
    logging.basicConfig(level=number, handlers=[handler], force=True)
    _report_uncaught()


def _common(role: str) -> list[Processor]:
    """What every line gets, ours and those of libraries."""

    def add_role(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        # Not a context variable of structlog: threads would begin without it.
        return {"role": role, **event}

    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_role,
    ]


def _formatter(common: list[Processor], form: LogFormat) -> logging.Formatter:
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="time")
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_logger_name,
            *common,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # As text and without variables' values, which may hold a password on its own.
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _clean,
            renderer,
        ],
    )


def _clean(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Leaves plain values without secrets; anything else could hide one in its `repr`."""
    cleaned: EventDict = _plain(event)
    return cleaned


def _plain(value: object) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {_text(key): _field(key, inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return _text(value)


def _field(key: object, value: object) -> Any:
    return "***" if isinstance(key, str) and _SECRET.search(key) else _plain(value)


def _text(value: object) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", redact(str(value)))


def _report_uncaught() -> None:
    """Lets errors that nobody caught be log lines like all others.

    Python's own printing of them would not redact, and Typer's would show variables' values.
    """
    log = structlog.get_logger()

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("error nobody caught", exc_info=(kind, error, trace))

    def thread(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None and not issubclass(hook.exc_type, SystemExit):
            main(hook.exc_type, hook.exc_value, hook.exc_traceback)

    def unraisable(hook: Any) -> None:
        if hook.exc_value is not None:
            main(hook.exc_type, hook.exc_value, hook.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable
