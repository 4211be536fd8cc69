"""A camera whose video can be handed on: the walking person, really encoded, picture by picture."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from viewer_parts import SIZE, preview_of, report, seen_of

from pipeline.film import Coding, FilmMessage, Group, Stretch
from pipeline.ingest.h264 import coding_of
from pipeline.onlookers import Look
from pipeline.passing import Passing
from pipeline.perceive import Observation
from pipeline.preview import header_of
from pipeline.store import Store

KEY_EVERY = 20
Harm = Callable[[bytes], bytes]


class FilmedCamera:
    """Encodes what a camera sees as H.264, a key frame every two seconds.

    Args:
        name: of the camera.
        harm: changes the access units on their way, as a broken camera would.
    """

    def __init__(self, name: str, *, harm: Harm = lambda unit: unit) -> None:
        self._name = name
        self._harm = harm
        self._group: Group | None = None
        self._encoder: VideoCodecContext = av.CodecContext.create("libx264", "w")  # type: ignore[assignment]
        self._encoder.width, self._encoder.height = SIZE
        self._encoder.pix_fmt, self._encoder.time_base = "yuv420p", Fraction(1, 10)
        # The pictures are converted by BT.601; if it were not said, browsers would take it for 709.
        colours = "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m"
        parameters = f"keyint={KEY_EVERY}:scenecut=0:bframes=0:repeat-headers=1:{colours}"
        self._encoder.options = {
            "preset": "ultrafast", "tune": "zerolatency", "crf": "12", "x264-params": parameters
        }  # fmt: skip

    def see(self, index: int) -> Observation:
        """Picture `index` with its box, and what it takes to decode it."""
        seen = seen_of(self._name, index)
        picture = av.VideoFrame.from_ndarray(seen.frame.image, format="bgr24")
        picture.pts = index
        (packet,) = self._encoder.encode(picture)
        unit = bytes(packet)
        if packet.is_keyframe:
            coding = coding_of(b"", unit) or Coding("avc1.42C01E")
            self._group = Group(secrets.token_hex(6), coding)
        assert self._group is not None
        self._group.units.append(self._harm(unit))
        self._group.times.append(index)
        film = Stretch(self._group, len(self._group.units))
        return replace(seen, frame=replace(seen.frame, film=film))


class FilmWalk:
    """A node's part: sends video, or pictures to those who want them, ten a second.

    Args:
        store: of the site.
        cameras: those it runs, by name.
        analysed: of so many pictures one is; the others are part of the video only.
        harm: see `FilmedCamera`.
    """

    def __init__(
        self, store: Store, *cameras: str, analysed: int = 1, harm: Harm = lambda unit: unit
    ) -> None:
        self._store = store
        self._cameras = {name: FilmedCamera(name, harm=harm) for name in cameras}
        self._analysed = analysed
        self._passing = Passing(allowed=True)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> FilmWalk:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for index in range(10_000):
            looks = self._store.looked_at(list(self._cameras))
            for name, camera in self._cameras.items():
                seen = camera.see(index)
                if name in looks and index % self._analysed == 0:
                    self._send(seen, looks[name])
                report(self._store, name)
            if self._stop.wait(0.1):
                return

    def _send(self, seen: Observation, look: Look) -> None:
        camera, index = seen.frame.camera, seen.frame.index
        film = self._passing.film(seen, look)
        if film is not None:
            header = header_of(seen.frame, seen.tracks, seen.tracklets)
            self._store.send_film(camera, FilmMessage(header, film).data)
        if film is None or look.width is not None:
            step = (look.without_video if film is None else look).step
            self._store.send_view(camera, preview_of(camera, index, width=step, filmed=bool(film)))
