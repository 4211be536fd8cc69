"""Pictures of a recording one at a time, decoded when somebody wants to see them.

A video takes a while to be made; a picture at any place of a recording is there at once.
"""

from __future__ import annotations

import threading
from types import TracebackType

import cv2

from pipeline.data import Frame
from pipeline.ingest.framing import Framing
from pipeline.ingest.seeking import PictureFinder
from pipeline.viewer.recording import Recording
from pipeline.viewer.recording_shown import ShownPictures

_QUALITY = 85


class Stills:
    """Single pictures of a recording as JPEG. Any thread may ask; those of a camera take turns.

    Args:
        recording: the folder of results.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._shown = ShownPictures(recording)
        self._cameras = {name: _Camera(recording, name) for name in recording.run.cameras}

    def __enter__(self) -> Stills:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for camera in self._cameras.values():
            camera.close()

    def jpeg(self, camera: str, index: int) -> bytes | None:
        """A camera's picture of this number, from 0, or None: there is no such picture.

        Raises:
            HandoffError: the recording is gone, or another one is in its place.
        """
        if camera not in self._cameras or index >= len(self._recording.times[camera]):
            return None
        frame = self._cameras[camera].frame(index)
        if frame is None:
            return None
        options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
        return cv2.imencode(".jpg", self._shown.image(frame), options)[1].tobytes()


class _Camera:
    """Cuts one camera's pictures out of its recording, which is opened when it is needed."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._name = name
        self._settings = recording.run.cameras[name].settings
        self._count = len(recording.times[name])
        self._lock = threading.Lock()
        self._finder: PictureFinder | None = None
        self._framing: Framing | None = None

    def frame(self, index: int) -> Frame | None:
        """The picture of a number."""
        with self._lock:
            self._framing = self._framing or Framing(self._name, self._settings)
            self._finder = self._finder or PictureFinder(self._settings.source, count=self._count)
            picture = self._finder.find(index)
            if picture is None or self._framing.misfit(picture.size):
                return None
            image = self._framing.cut(picture.size).image(picture)
        return Frame(self._name, index, 0.0, image)

    def close(self) -> None:
        """Closes the recording."""
        with self._lock:
            if self._finder is not None:
                self._finder.close()
                self._finder = None
