"""Why a source cannot be opened or read: what went wrong, in words that hold no password."""

from __future__ import annotations

from enum import StrEnum

import av.error

from pipeline.errors import SourceError, redact


class Failure(StrEnum):
    """Kinds of failure, as the camera's status shows them; {source} is filled in."""

    AUTHENTICATION = "authentication failed at {source}"
    NOT_FOUND = "nothing is served at {source} (not found)"
    NO_FILE = "expected a file or device at {source}, found none"
    REFUSED = "nobody listens at {source} (connection refused)"
    UNREACHABLE = "{source} cannot be reached (unknown host, or the connection broke)"
    TIMEOUT = "no answer from {source} in time"
    SERVER = "the server of {source} reports an error of its own"
    CODEC = "no decoder for the video of {source}"
    NOT_VIDEO = "expected video at {source}, found something that cannot be read as such"
    PERMISSION = "no permission to read {source}"
    ENDED = "the stream of {source} ended"
    BROKEN = "{source} sends nothing that can be decoded"

    def error(self, source: str) -> SourceError:
        """The failure as an exception whose message names the source, credentials left out."""
        return SourceError(self.value.format(source=redact(source)))


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
    (OSError, Failure.UNREACHABLE),
)


def explain(error: av.error.FFmpegError, source: str, *, timed_out: bool = False) -> SourceError:
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
