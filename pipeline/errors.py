"""Every error a user can meet; its message says where, what was expected and what was found."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)"
    r"(?P<user>\S*@)?"
    r"(?P<address>[^\s?'\"]*)"
    r"(?P<query>\?[^\s'\"]*)?",
    re.IGNORECASE,
)


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


class BrokerError(HandoffError):
    """An MQTT broker cannot be reached, refuses, or has gone."""


class CorrectionError(HandoffError):
    """What a person wants corrected cannot be: somebody unknown, or not in this order."""


class Stopped(HandoffError):
    """The user asked to stop before the work was done."""


class InvalidArray(HandoffError):
    """An array has the wrong shape, type or values."""


def redact(text: str) -> str:
    """Leaves user, password and query out of every URL in `text`.

    Passwords may hold any character but a space, so everything up to the last @ goes.

    >>> redact("cannot open rtsp://admin:p@ss/word@10.0.0.7/stream1?token=5")
    'cannot open rtsp://***@10.0.0.7/stream1?***'
    >>> redact("clips/west.mp4")
    'clips/west.mp4'
    """
    return _URL.sub(_redacted, text)


def _redacted(url: re.Match[str]) -> str:
    user, query = "***@" if url["user"] else "", "?***" if url["query"] else ""
    return f"{url['scheme']}{user}{url['address']}{query}"
