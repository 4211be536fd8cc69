"""A photo that somebody sends to look for a person: checked before it is decoded."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipeline.errors import HandoffError

MOST_BYTES = 10 * 2**20
MOST_PIXELS = 40_000_000
_LONGEST_SIDE = 2560  # pixels; people in a larger picture are large enough after it is shrunk
_FORMATS = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF"}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error)


class UnusablePhoto(HandoffError):
    """What was sent is no picture that can be searched with."""


def decode_photo(data: bytes) -> NDArray[np.uint8]:
    """Decodes a photo the way up it is to be looked at.

    What it is, its first bytes say: neither a name nor a declared type counts. How many pixels it
    has is read from its header, before memory is taken for them.

    Args:
        data: a JPEG, PNG or WebP file.

    Returns:
        uint8[H, W, 3] BGR, made smaller if a side is longer than 2560 pixels.

    Raises:
        UnusablePhoto: one sentence that says why not.
    """
    if len(data) > MOST_BYTES:
        raise UnusablePhoto(f"picture: expected 10 MB at most, found {len(data) / 2**20:.1f} MB")
    kind = _sniff(data)
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            _check_size(picture)
            picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))  # a JPEG is decoded smaller
            picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8)[:, :, ::-1])
    except Image.DecompressionBombError:  # so many that Pillow refuses by itself
        raise _too_large("many more") from None
    except _BROKEN:
        raise UnusablePhoto(
            f"picture: expected a whole {kind} file, found one that cannot be decoded"
        ) from None


def _sniff(data: bytes) -> str:
    for kind, beginning in _FORMATS.items():
        if data.startswith(beginning) and (kind != "WEBP" or data[8:12] == b"WEBP"):
            return kind
    found = "another kind of file" if data else "nothing"
    raise UnusablePhoto(f"picture: expected a JPEG, PNG or WebP file, found {found}")


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise _too_large(f"{width}×{height}")


def _too_large(found: str) -> UnusablePhoto:
    return UnusablePhoto(
        f"picture: expected {MOST_PIXELS // 10**6} million pixels at most, found {found}"
    )
