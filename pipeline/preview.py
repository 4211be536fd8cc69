"""A preview: one picture with the boxes that belong to it, as the bytes a browser is sent.

Layout: header length (uint32, big-endian), header (JSON, UTF-8), picture (JPEG). Picture and boxes
travel together, so they cannot drift apart. Without a picture the message ends with its header.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.data import Frame
from pipeline.veil import Veil

_QUALITIES = ((480, 80), (960, 75), (math.inf, 70))  # up to this width, this quality


def encode_preview(
    frame: Frame,
    tracks: sv.Detections,
    tracklets: Sequence[str],
    *,
    width: int = 640,
    quality: int | None = None,
    veil: Veil | None = None,
    people: NDArray[np.float32] | None = None,
    filmed: bool = False,
) -> bytes:
    """Packs a frame and its tracks.

    Args:
        frame: the picture the tracks were found in.
        tracks: boxes in pixels of the frame.
        tracklets: the tracklet id of each box.
        width: larger pictures are scaled down to this many pixels; 0: no picture, only its boxes.
        quality: JPEG quality, 0 to 100; None: what the width needs.
        veil: hides people; None: nothing is to be hidden.
        people: float32[n, 4], everybody who may be in the picture, in pixels of the frame; None:
            not known, so that with a veil nothing at all is to be made out.
        filmed: True if the same picture is sent as video as well (`pipeline.film`): whoever takes
            that has no use for this one.

    Returns:
        the message; its header has `camera`, `index`, `time`, `arrival` (seconds since the epoch)
        and `boxes`, each with `tracklet` and `xywh` as fractions of the picture; `filmed` if so.
    """
    header = header_of(frame, tracks, tracklets)
    text = json.dumps(header | {"filmed": True} if filmed else header, separators=(",", ":"))
    packed = struct.pack(">I", len(text)) + text.encode()
    if width <= 0:
        return packed
    image = _scaled(frame.image, width)
    if veil is not None and veil.active:
        image = _veiled(image, veil, people, image.shape[1] / frame.size[0])
    return packed + _encode(image, quality)


def header_of(frame: Frame, tracks: sv.Detections, tracklets: Sequence[str]) -> dict[str, Any]:
    """What is said of a picture: `camera`, `index`, `time`, `arrival`, `boxes`."""
    columns, rows = frame.size
    return {
        "camera": frame.camera,
        "index": frame.index,
        "time": frame.time,
        "arrival": frame.arrival,
        "boxes": [
            {
                "tracklet": tracklet,
                "xywh": [
                    round(float(left) / columns, 5),
                    round(float(top) / rows, 5),
                    round(float(right - left) / columns, 5),
                    round(float(bottom - top) / rows, 5),
                ],
            }
            for tracklet, (left, top, right, bottom) in zip(tracklets, tracks.xyxy, strict=True)
        ],
    }


def _encode(image: NDArray[np.uint8], quality: int | None) -> bytes:
    chosen = _quality(image.shape[1]) if quality is None else quality
    _, picture = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, chosen])
    return picture.tobytes()


def _quality(width: int) -> int:
    """Errors are small in large pictures, and large pictures are what costs bandwidth."""
    return next(quality for widest, quality in _QUALITIES if width <= widest)


def boxes_only(message: bytes) -> bytes:
    """A preview without its picture."""
    (length,) = struct.unpack_from(">I", message)
    return message[: 4 + length]


def _scaled(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    rows, columns = image.shape[:2]
    if columns <= width:
        return image
    size = (width, max(1, round(rows * width / columns)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _veiled(
    image: NDArray[np.uint8], veil: Veil, people: NDArray[np.float32] | None, scale: float
) -> NDArray[np.uint8]:
    hidden = image.copy()  # the frame itself is still looked at by others
    if people is None:
        veil.cover_all(hidden)
    else:
        veil.cover(hidden, people * np.float32(scale))
    return hidden


def decode_header(message: bytes) -> dict[str, object]:
    """The header of a preview."""
    (length,) = struct.unpack_from(">I", message)
    header: dict[str, object] = json.loads(message[4 : 4 + length])
    return header


def decode_preview(message: bytes) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    """The header of a preview and its picture uint8[H, W, 3] BGR, or None if it has none."""
    (length,) = struct.unpack_from(">I", message)
    picture = np.frombuffer(message, np.uint8, offset=4 + length)
    image = cv2.imdecode(picture, cv2.IMREAD_COLOR) if len(picture) else None
    return dict(decode_header(message)), None if image is None else np.asarray(image, np.uint8)
