"""TensorRT's own messages: errors are kept for ours, the rest goes to the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from engines.gpu import Edition

logger = logging.getLogger(__name__)


def trt_log(edition: Edition) -> Any:
    """A logger for an edition of TensorRT; its `errors` are what it has complained of."""
    base: Any = edition.module.ILogger

    class Log(base):  # the class is only known at run time
        def __init__(self) -> None:
            base.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (base.ERROR, base.INTERNAL_ERROR):
                self.errors.append(message)
            logger.debug("%s: %s", edition.name, message)

    return Log()


def first_line(reasons: Sequence[str]) -> str:
    """The first thing TensorRT complained of: what follows comes of it."""
    lines = [line.strip() for reason in reasons for line in reason.splitlines() if line.strip()]
    return lines[0] if lines else "it does not say why"
