"""Why a source cannot be opened or read: what went wrong, in words that hold no password."""

from __future__ import annotations

import socket
import ssl
from enum import Enum
from urllib.parse import urlsplit

import av.error

from pipeline.errors import SourceError, redact

_LOOK_SECONDS = 3.0
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


class Failure(Enum):
    """Kinds of failure: a word for machines and a sentence for people, {source} filled in."""

    AUTHENTICATION = ("authentication", "authentication failed at {source}")
    NOT_FOUND = ("not_found", "nothing is served at {source} (not found)")
    NO_FILE = ("not_found", "expected a file or device at {source}, found none")
    REFUSED = ("refused", "nobody listens at {source} (connection refused)")
    ADDRESS = ("address", "{source} cannot be reached (unknown host, or no way to it)")
    CONNECTION = ("connection", "the connection to {source} broke")
    TIMEOUT = ("timeout", "no answer from {source} in time")
    TLS = ("tls", "no encrypted connection with {source} comes about (TLS)")
    SERVER = ("server", "the server of {source} reports an error of its own")
    CODEC = ("codec", "no decoder for the video of {source}")
    NOT_VIDEO = ("not_video", "expected video at {source}, found something else")
    PERMISSION = ("permission", "no permission to read {source}")
    ENDED = ("ended", "the stream of {source} ended")
    CORRUPT = ("corrupt", "{source} sends nothing that can be decoded")
    REGION = ("region", "the region lies outside the picture")
    LENS = ("lens", "the lens was measured in pictures of other proportions")
    CLOCK = ("clock", "the clock is wrong")
    UNEXPECTED = ("unexpected", "reading failed unexpectedly")

    def __init__(self, word: str, sentence: str) -> None:
        self.word = word
        self.sentence = sentence

    def error(self, source: str) -> SourceFailure:
        """The failure as an exception whose message names the source, credentials left out."""
        return SourceFailure(self, self.sentence.format(source=redact(source)))


class SourceFailure(SourceError):
    """A source failed, and we know in which way.

    Attributes:
        failure: see `Failure`.
    """

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


# The first type that fits decides, so special ones stand before general ones.
_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Failure], ...] = (
    ((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), Failure.AUTHENTICATION),
    (av.error.HTTPNotFoundError, Failure.NOT_FOUND),
    (av.error.HTTPError, Failure.SERVER),
    ((FileNotFoundError, IsADirectoryError), Failure.NO_FILE),
    (ConnectionRefusedError, Failure.REFUSED),
    ((TimeoutError, av.error.ExitError), Failure.TIMEOUT),
    (PermissionError, Failure.PERMISSION),
    ((av.error.DecoderNotFoundError, av.error.PatchWelcomeError), Failure.CODEC),
    (av.error.EOFError, Failure.ENDED),
    (OSError, Failure.CONNECTION),
)


def explain(error: av.error.FFmpegError, source: str, *, timed_out: bool = False) -> SourceFailure:
    """Turns an error of FFmpeg, whose own message holds the whole URL, into ours.

    Args:
        error: what PyAV raised.
        source: the source as in cams.yaml.
        timed_out: True if it came after the time allowed was up. FFmpeg's RTSP client then says
            "invalid data", which would be misleading.
    """
    if timed_out:
        return Failure.TIMEOUT.error(source)
    for types, failure in _BY_TYPE:
        if isinstance(error, types):
            return failure.error(source)
    return Failure.NOT_VIDEO.error(source)


def explain_opening(
    error: av.error.FFmpegError, source: str, *, timed_out: bool = False
) -> SourceFailure:
    """As `explain`, for a source that could not be opened.

    FFmpeg calls an unknown host, a TLS handshake that fails and a broken connection all three an
    "input/output error", so this goes and looks which it is; it takes 3 s at most for TLS.
    """
    explained = explain(error, source, timed_out=timed_out)
    if explained.failure is not Failure.CONNECTION:
        return explained
    return _look_closer(source).error(source)


def _look_closer(source: str) -> Failure:
    try:
        url = urlsplit(source)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        return Failure.ADDRESS
    if host is None:
        return Failure.CONNECTION
    try:
        with socket.create_connection((host, port), timeout=_LOOK_SECONDS) as connection:
            return _look_at_tls(connection) if url.scheme.endswith("s") else Failure.CONNECTION
    except OSError:
        return Failure.ADDRESS


def _look_at_tls(connection: socket.socket) -> Failure:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As FFmpeg does by default: cameras vouch for themselves.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(connection).close()
    except (ssl.SSLError, OSError):
        return Failure.TLS
    return Failure.CONNECTION
