"""Every error a user can meet; its message says where, what was expected and what was found."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s]*@", re.IGNORECASE)


class HandoffError(Exception):
    """Root of all errors this project raises on purpose; the command prints its message alone."""

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


class ConfigError(HandoffError):
    """cams.yaml, or a value on the command line, cannot be used as it is."""


class SourceError(HandoffError):
    """A camera's stream or file cannot be opened or read."""


class ModelError(HandoffError):
    """A model or sample cannot be found, fetched, read or run."""


class StoreError(HandoffError):
    """Redis cannot be reached, refuses, or is too old."""


class InvalidArray(HandoffError):
    """An array has the wrong shape, type or values."""


def redact(text: str) -> str:
    """Replaces user name and password in every URL of `text` by ***.

    >>> redact("cannot open rtsp://admin:secret@10.0.0.7/stream1")
    'cannot open rtsp://***@10.0.0.7/stream1'
    """
    return _CREDENTIALS.sub(r"\g<scheme>***@", text)
