"""A secret in cams.yaml: itself, or where it is: an environment variable or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

_ENVIRONMENT = "env:"
_FILE = "file:"


def _read(value: str, info: ValidationInfo) -> str:
    """What the environment variable or the file holds, else the value itself."""
    if value.startswith(_ENVIRONMENT):
        found = os.environ.get(value.removeprefix(_ENVIRONMENT), "")
    elif value.startswith(_FILE):
        folder: Path = (info.context or {}).get("folder", Path())
        found = _read_file(folder / Path(value.removeprefix(_FILE)).expanduser())
    else:
        return value
    if not found:
        raise ValueError("expected env:VARIABLE or file:PATH to hold the secret, found none there")
    return found


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")  # editors end files with a line
    except (OSError, UnicodeDecodeError):
        raise ValueError(
            f"expected a file that can be read and holds the secret, found none at {path}"
        ) from None


Secret = Annotated[str, AfterValidator(_read)]
"""The secret as such, once cams.yaml is read. Relative paths count from the file's folder."""
