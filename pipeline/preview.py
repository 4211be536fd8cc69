"""A preview: one picture with the boxes that belong to it, as the bytes a browser is sent.

Layout: header length (uint32, big-endian), header (JSON, UTF-8), picture (JPEG). Picture and boxes
travel together, so they cannot drift apart.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from pipeline.data import Frame
from pipeline.veil import Veil


def encode_preview(
    frame: Frame,
    tracks: sv.Detections,
    tracklets: Sequence[str],
    *,
    width: int = 640,
    quality: int = 75,
    veil: Veil | None = None,
    people: NDArray[np.float32] | None = None,
) -> bytes:
    """Packs a frame and its tracks.

    Args:
        frame: the picture the tracks were found in.
        tracks: boxes in pixels of the frame.
        tracklets: the tracklet id of each box.
        width: larger pictures are scaled down to this many pixels.
        quality: JPEG quality, 0 to 100.
        veil: hides people; None: nothing is to be hidden.
        people: float32[n, 4], everybody who may be in the picture, in pixels of the frame; None:
            not known, so that with a veil nothing at all is to be made out.

    Returns:
        the message; its header has `camera`, `index`, `time`, `arrival` (seconds since the epoch)
        and `boxes`, each with `tracklet` and `xywh` as fractions of the picture.
    """
    columns, rows = frame.size
    header = {
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
    image = _scaled(frame.image, width)
    if veil is not None and veil.active:
        image = _veiled(image, veil, people, image.shape[1] / columns)
    _, picture = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack(">I", len(text)) + text + picture.tobytes()


def _scaled(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    rows, columns = image.shape[:2]
    if columns <= width:
        return image
    size = (width, round(rows * width / columns))
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
