"""Cache files: there as a whole or not at all, also when the disk is full."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file; it appears whole or not at all, and a failure leaves nothing behind.

    Raises:
        OSError: the disk is full or read-only, or its folder is nobody's to write to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".arriving-", dir=path.parent)
    arriving = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # some disks say only now that they are full
        arriving.chmod(0o644)
        arriving.replace(path)
    except BaseException:
        arriving.unlink(missing_ok=True)
        raise


def read_kept(path: Path) -> bytes:
    """What is in a cache file, nothing if it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
