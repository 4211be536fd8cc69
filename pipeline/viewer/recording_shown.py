"""What of a recording's pictures may be shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.annotate import veiled
from pipeline.data import Frame
from pipeline.errors import HandoffError
from pipeline.run_record import read_veiled
from pipeline.veil import Veil
from pipeline.viewer.recording import Recording


class ShownPictures:
    """Pictures as they may be shown: those the results are of, with what is to be hidden hidden.

    Args:
        recording: the folder of results.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._veil = Veil(recording.run.privacy)
        self._people: dict[str, dict[int, NDArray[np.float32]]] = {}

    def image(self, frame: Frame) -> NDArray[np.uint8]:
        """The picture of a frame, uint8[H, W, 3] BGR.

        Raises:
            HandoffError: the file was changed meanwhile: it would show people where they are not.
        """
        camera = frame.camera
        frames = len(self._recording.times[camera])
        if frame.size != self._recording.run.cameras[camera].size or frame.index >= frames:
            raise HandoffError(
                f"camera {camera}: expected the recording that the results are of, found "
                "another one in its place"
            )
        if not self._veil.active:
            return frame.image
        if camera not in self._people:
            self._people[camera] = read_veiled(self._recording.folder, camera, frames)
        rows = self._recording.results["hindsight"].tables[camera].at(frame.index + 1)
        return veiled(frame, rows, self._veil, self._people[camera].get(frame.index))
