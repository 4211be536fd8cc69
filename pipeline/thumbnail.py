"""A tracklet's picture as it is kept: a small JPEG that says itself who is in it.

Who else got into somebody's picture is known only when it is cut out, and must be known when it is
shown (see `pipeline.veil`). So it stands in the file, in a comment, which all decoders pass over.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data import Crop

_HEIGHT = 256
_QUALITY = 85
_COMMENT, _PICTURE = 0xFE, 0xDA  # JPEG's markers (ITU-T T.81, table B.1)
_MOST = 60_000  # bytes of a comment; JPEG allows 65,533


def encode_thumbnail(crop: Crop) -> bytes:
    """A crop as JPEG, 256 pixels high at most, with the people in it.

    Args:
        crop: what to encode.
    """
    image = shrink(crop.image)
    _, picture = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return with_people(picture.tobytes(), crop.people)


def shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture in the size in which it is kept."""
    height, width = image.shape[:2]
    if height <= _HEIGHT:
        return image
    size = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def people_in(picture: bytes) -> NDArray[np.float32] | None:
    """Boxes of the people in a kept picture, float32[n, 4] in fractions of it; None: unknown."""
    for marker, content in _segments(picture):
        if marker == _COMMENT:
            try:
                boxes = np.array(json.loads(content)["people"], np.float32)
            except (ValueError, TypeError, KeyError):
                return None
            return boxes if boxes.ndim == 2 and boxes.shape[1] == 4 else None
    return None


def with_people(picture: bytes, people: NDArray[np.float32]) -> bytes:
    """A JPEG with a comment that tells who is in it; without one if nobody, or too many, are.

    Args:
        picture: JPEG whose first segment is JFIF's own, after which the comment goes.
        people: float32[n, 4] in fractions of the picture.
    """
    boxes = [[round(float(edge), 3) for edge in box] for box in people]
    text = json.dumps({"people": boxes}, separators=(",", ":")).encode()
    if not len(people) or len(text) > _MOST:
        return picture
    after = 4 + struct.unpack_from(">H", picture, 4)[0]
    comment = struct.pack(">BBH", 0xFF, _COMMENT, len(text) + 2) + text
    return picture[:after] + comment + picture[after:]


def _segments(picture: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and contents of a JPEG's segments, up to the picture itself."""
    at = 2
    while at + 4 <= len(picture):
        mark, marker, length = struct.unpack_from(">BBH", picture, at)
        if mark != 0xFF or marker == _PICTURE or length < 2:
            return
        yield marker, picture[at + 4 : at + 2 + length]
        at += 2 + length
