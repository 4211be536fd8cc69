"""Veil: makes people unrecognisable in a picture that is about to leave the server.

No face detector has a say in this: what it misses would be seen. Whatever may be a person is taken
for one, and the upper part of its box for a head.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.privacy_settings import PrivacySettings
from pipeline.thumbnail import people_in, with_people

_BLOCKS_PER_HEAD = 6
"""Over the height of a head's part, which is three times as high as a head: that gets two."""
_BLOCKS_PER_PERSON = 16
"""Over the height of a whole person: a head gets two or three."""
_SMALLEST_BLOCK = 4.0  # pixels

_STANDING = 0.45
"""Width by height up to which a box shows a whole person. In a wider one the person sits, bends, or
is cut off, and the head takes up more of it."""
_HEAD_OF_STANDING = 1 / 3
_HEAD_GROWTH = 1.5
_MARGIN = 0.12
"""What is added above and beside a box, by its height: boxes are rarely right to a head's width.
(Chosen on MOT16-09 and the two TUD clips: a quarter of the height and half the margin leave three
times as many heads in sight.)"""
_QUALITY = 85  # of JPEG

Picture = NDArray[np.uint8]


def head_parts(people: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of each person's box in which the head is.

    Args:
        people: float32[n, 4], boxes x1, y1, x2, y2.

    Returns:
        float32[n, 4]: the full width and a third of the height of somebody who stands, and more
        of wider boxes, up to all of it, with a margin.
    """
    width, height = people[:, 2] - people[:, 0], people[:, 3] - people[:, 1]
    wider = width / np.maximum(height, 1e-6) - _STANDING
    share = np.clip(_HEAD_OF_STANDING + _HEAD_GROWTH * wider, _HEAD_OF_STANDING, 1.0)
    margin = _MARGIN * height
    parts = people.copy()
    parts[:, 0] -= margin
    parts[:, 1] -= margin
    parts[:, 2] += margin
    parts[:, 3] = people[:, 1] + share * height
    return parts


class Veil:
    """Pixelates what the settings say nobody is to make out.

    The larger the head, the larger the blocks: none is ever shown in more than six by six of them.

    Args:
        settings: `privacy` of cams.yaml.
    """

    def __init__(self, settings: PrivacySettings) -> None:
        self._people = settings.people

    @property
    def active(self) -> bool:
        """False if pictures are shown as they are."""
        return self._people != "none"

    def cover(self, image: Picture, people: NDArray[np.float32]) -> None:
        """Pixelates people in a picture, in place.

        Args:
            image: uint8[H, W, 3], a picture of the caller's own.
            people: float32[n, 4] in its pixels: everybody who may be in it.
        """
        if not self.active or not len(people):
            return
        heads = self._people == "faces"
        parts = head_parts(people) if heads else people
        blocks = (parts[:, 3] - parts[:, 1]) / (_BLOCKS_PER_HEAD if heads else _BLOCKS_PER_PERSON)
        for i in np.argsort(blocks, kind="stable"):  # what two boxes share gets the larger blocks
            _pixelate(image, parts[i], max(float(blocks[i]), _SMALLEST_BLOCK))

    def cover_all(self, image: Picture) -> None:
        """Pixelates a whole picture, in place: nobody knows who is in it."""
        if self.active:
            height, width = image.shape[:2]
            _pixelate(image, np.array([0, 0, width, height], np.float32), height / 8)

    def thumbnail(self, picture: bytes) -> bytes | None:
        """The kept picture of a tracklet as it may be shown.

        Args:
            picture: JPEG that `pipeline.thumbnail` has made. One that does not say who is in it
                is pixelated as a whole.

        Returns:
            JPEG, or None if it is none.
        """
        if not self.active:
            return picture
        if not picture:  # to OpenCV, a mistake of the caller
            return None
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            return None
        shown, people = np.asarray(image, np.uint8), people_in(picture)
        height, width = shown.shape[:2]
        if people is None:
            self.cover_all(shown)
        else:
            self.cover(shown, people * np.array([width, height] * 2, np.float32))
        _, hidden = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return hidden.tobytes() if people is None else with_people(hidden.tobytes(), people)


def _pixelate(image: Picture, box: NDArray[np.float32], block: float) -> None:
    """Replaces a part of a picture by the means of its blocks, of `block` pixels or more."""
    height, width = image.shape[:2]
    left, top = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    right, bottom = min(width, math.ceil(box[2])), min(height, math.ceil(box[3]))
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    columns, rows = (max(1, int(length / block)) for length in (right - left, bottom - top))
    means = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    size = (right - left, bottom - top)
    part[:] = cv2.resize(means, size, interpolation=cv2.INTER_NEAREST)
