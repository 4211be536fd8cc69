"""Log lines: structured, on standard error, and never with a password in them."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

from pipeline.errors import redact

LogLevel = Literal["debug", "info", "warning", "error"]


def configure_logging(level: LogLevel, *, role: str) -> None:
    """Sends log lines of `level` and above to standard error, each naming its role."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(role=role)


def _redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {key: redact(v) if isinstance(v, str) else v for key, v in event.items()}
