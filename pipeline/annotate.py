"""Annotated recordings: every person with a box, a number and a colour, as H.264 in MP4.

Offline, who somebody is can still be revised after a picture was analysed. So videos are made in
a second pass, from the pictures and the final table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
import supervision as sv
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.data import Frame
from pipeline.errors import InvalidArray
from pipeline.mot import Table
from pipeline.veil import Veil

PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#D55E00", "#CC79A7", "#0072B2")
"""Okabe and Ito's colours, told apart with every kind of colour vision, in the viewer's order:
identity n has the n-th, and so again every seven. Their black does not show on dark clothes."""

_ON_PALETTE = ("#000000", "#000000", "#000000", "#000000", "#000000", "#000000", "#FFFFFF")
"""Black or white, whichever contrasts more with the colour of `PALETTE`."""

_SAME_BYTES = {"preset": "veryfast", "threads": "1", "x264-params": "cpu-independent=1"}
"""By default x264 lets threads, the processor and even memory beyond the picture's edge decide."""


class VideoWriter:
    """Writes pictures of one size as an H.264 MP4 that browsers play while it loads.

    The same pictures give the same bytes. The file appears under its name when it is complete;
    if writing fails there is none.

    Args:
        path: the file; its folder is made.
        fps: pictures per second.
        crf: x264's constant rate factor, 0 (lossless) to 51; 23 is its default.
        keyframe_seconds: the longest way from a picture back to one that needs no other: short
            for videos that people jump about in. None: x264 decides.
    """

    def __init__(
        self, path: Path, *, fps: float, crf: int = 23, keyframe_seconds: float | None = None
    ) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.part")
        self._rate = Fraction(fps).limit_denominator(1001)
        self._crf = crf
        self._keyframes = (
            None if keyframe_seconds is None else max(1, round(fps * keyframe_seconds))
        )
        self._size: tuple[int, int] | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container: OutputContainer = av.open(
            str(self._partial),
            mode="w",
            format="mp4",
            options={"movflags": "+faststart", "fflags": "+bitexact"},
        )
        self._stream: VideoStream | None = None

    def write(self, image: NDArray[np.uint8]) -> None:
        """Adds a picture uint8[H, W, 3] BGR; an odd width or height grows by one pixel.

        Raises:
            InvalidArray: it has another size than the first.
        """
        height, width = image.shape[:2]
        if self._stream is None:
            self._size = (width, height)
            self._stream = self._add_stream(width + width % 2, height + height % 2)
        elif self._size != (width, height):
            raise InvalidArray(
                f"{self._path}: expected pictures of {self._size}, found {(width, height)}"
            )
        picture = av.VideoFrame.from_ndarray(_even(image), format="bgr24")
        self._container.mux(self._stream.encode(picture))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        complete = error is None and self._stream is not None
        if complete and self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if complete:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def _add_stream(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"  # the only one that every browser plays
        stream.options = {"crf": str(self._crf), **_SAME_BYTES}
        if self._keyframes is not None:
            stream.options |= {"g": str(self._keyframes)}
        return stream


class Annotator:
    """Draws boxes and names into pictures of one size.

    Args:
        size: width and height of the pictures in pixels, to which lines and letters are fitted.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        colours = sv.ColorPalette.from_hex(list(PALETTE))
        thickness = sv.calculate_optimal_line_thickness(size)
        self._boxes = sv.BoxAnnotator(colours, thickness)
        self._labels = sv.LabelAnnotator(
            colours,
            text_color=sv.ColorPalette.from_hex(list(_ON_PALETTE)),
            text_scale=max(0.4, sv.calculate_optimal_text_scale(size)),
            text_padding=2 * thickness,
            smart_position=True,  # keeps names inside the picture and off each other
        )

    def draw(self, image: NDArray[np.uint8], people: Table) -> NDArray[np.uint8]:
        """A copy of the picture with its people, the rows of one frame."""
        detections = sv.Detections(xyxy=people.xyxy, tracker_id=people.identity)
        colours = (people.identity - 1) % len(PALETTE)
        names = [f"Person {identity}" for identity in people.identity]
        scene = self._boxes.annotate(image.copy(), detections, custom_color_lookup=colours)
        return self._labels.annotate(scene, detections, names, custom_color_lookup=colours)


def annotate(
    frames: Iterable[Frame],
    table: Table,
    path: Path,
    *,
    fps: float,
    veil: Veil | None = None,
    people: Mapping[int, NDArray[np.float32]] | None = None,
    pictures: Path | None = None,
) -> int:
    """Writes one camera's pictures with everybody in them as a video.

    Args:
        frames: the camera's pictures; picture `index` has the rows `index` + 1 of the table.
        table: who was where.
        path: the MP4 file; it is not made if there are no pictures.
        fps: pictures per second.
        veil: hides people; None: nothing is to be hidden.
        people: everybody who may be in a picture, float32[n, 4] by its index, besides the rows of
            the table; with a veil nothing is to be made out in a picture that has none.
        pictures: another MP4 file, for the same pictures without boxes and names; None: none.

    Returns:
        The number of pictures written.
    """
    written = 0
    annotator: Annotator | None = None
    with ExitStack() as stack:
        video = stack.enter_context(VideoWriter(path, fps=fps))
        plain = stack.enter_context(plain_video(pictures, fps=fps)) if pictures else None
        for frame in frames:
            annotator = annotator or Annotator(frame.size)
            rows = table.at(frame.index + 1)
            image = veiled(frame, rows, veil, (people or {}).get(frame.index))
            if plain:
                plain.write(image)
            video.write(annotator.draw(image, rows))
            written += 1
    return written


def plain_video(path: Path, *, fps: float) -> VideoWriter:
    """Writes pictures for the page, which draws over them and jumps about in them."""
    return VideoWriter(path, fps=fps, keyframe_seconds=1.0)


def veiled(
    frame: Frame, rows: Table, veil: Veil | None, people: NDArray[np.float32] | None
) -> NDArray[np.uint8]:
    """A picture as it may be shown; arguments as in `annotate`, for one picture."""
    if veil is None or not veil.active:
        return frame.image
    image = frame.image.copy()
    if people is None:
        veil.cover_all(image)
    else:
        veil.cover(image, np.concatenate([people, rows.xyxy.astype(np.float32)]))
    return image


def _even(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with its last row and column repeated where H.264 needs even sizes."""
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return np.ascontiguousarray(image)
    padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return padded.astype(np.uint8, copy=False)
