"""The pictures of a recording, as videos that a browser can jump about in.

`--video` leaves them in the folder. Otherwise they are made from the recordings themselves, if
these are still there, in a temporary folder that goes when the viewer ends; until they are complete
there are single pictures (`pipeline.viewer.recording_stills`).
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

from pipeline.annotate import plain_video
from pipeline.config import CameraSettings
from pipeline.errors import HandoffError
from pipeline.ingest import read_recordings
from pipeline.run_record import PICTURES_FOLDER
from pipeline.viewer.recording import Recording
from pipeline.viewer.recording_shown import ShownPictures

State = Literal["ready", "preparing", "missing"]


class Pictures:
    """Knows, for every camera, where its video is, or why there is none.

    Args:
        recording: the folder of results.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._shown = ShownPictures(recording)
        self._videos: dict[str, Path] = {}
        self._done: dict[str, int] = {}
        self._problem: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._prepare, name="pictures", daemon=True)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Pictures:
        for name in self._recording.run.cameras:
            path = self._recording.folder / PICTURES_FOLDER / f"{name}.mp4"
            if path.is_file() and path.resolve().is_relative_to(self._recording.folder):
                self._videos[name] = path
        if self._missing:
            self._scratch = tempfile.TemporaryDirectory(prefix="handoff-view-")
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        if self._scratch is not None:
            self._thread.join()
            self._scratch.cleanup()

    def video(self, camera: str) -> Path | None:
        """The camera's video, once it is complete."""
        return self._videos.get(camera)

    def state(self, camera: str) -> State:
        """Whether there is a video."""
        if camera in self._videos:
            return "ready"
        return "missing" if self._problem else "preparing"

    def progress(self, camera: str) -> float:
        """How much of it is made, 0 to 1."""
        frames = len(self._recording.times[camera])
        return 1.0 if camera in self._videos else self._done.get(camera, 0) / max(1, frames)

    @property
    def problem(self) -> str | None:
        """Why there will be no video of those that have none."""
        return self._problem

    @property
    def _missing(self) -> dict[str, CameraSettings]:
        cameras = self._recording.run.cameras
        return {n: c.settings for n, c in cameras.items() if n not in self._videos}

    def _prepare(self) -> None:
        try:
            self._make(self._missing)
        except HandoffError as error:
            self._problem = str(error)
        except OSError as error:
            self._problem = f"the pictures could not be made ({error})"

    def _make(self, cameras: dict[str, CameraSettings]) -> None:
        assert self._scratch is not None
        made = {name: Path(self._scratch.name) / f"{name}.mp4" for name in cameras}
        with ExitStack() as stack:
            rates = {name: self._recording.run.cameras[name].rate for name in cameras}
            videos = {n: stack.enter_context(plain_video(made[n], fps=rates[n])) for n in made}
            for frames in read_recordings(cameras):
                if self._stopping.is_set():
                    return
                for frame in frames:
                    videos[frame.camera].write(self._shown.image(frame))
                    self._done[frame.camera] = frame.index + 1
        self._videos |= {name: path for name, path in made.items() if path.is_file()}
