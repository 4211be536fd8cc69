"""Cutting: hands the cameras' own video to browsers that want it, each from a key frame on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from pipeline.film import FilmMessage
from pipeline.onlookers import Look
from pipeline.viewer.outbox import Outbox

_FRESH_SECONDS = 5.0  # older pictures are not begun with


class Cutting:
    """Keeps each camera's video since its last key frame while somebody looks at it.

    Whoever joins is given that at once. Used by the event loop alone.

    Args:
        outboxes: of the browsers, as they come and go.
        clock: seconds since the epoch.
    """

    def __init__(
        self, outboxes: Iterable[Outbox], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._outboxes = outboxes
        self._clock = clock
        self._kept: dict[str, tuple[FilmMessage, float]] = {}
        self._since: dict[str, float] = {}

    def looked(self) -> None:
        """What the browsers want may have changed: who has begun is given what there is."""
        for outbox in self._outboxes:
            for camera in outbox.to_begin & self._kept.keys():
                message, at = self._kept[camera]
                if self._clock() - at < _FRESH_SECONDS:
                    outbox.put_film(camera, message)

    def begun(self, looks: Mapping[str, Look]) -> dict[str, Look]:
        """What is wanted, with the moment from which on video is wanted of each camera."""
        wanted = {camera for camera, look in looks.items() if look.video is not None}
        for camera in self._since.keys() - wanted:
            del self._since[camera]
            self._kept.pop(camera, None)
        for camera in wanted - self._since.keys():
            self._since[camera] = self._clock()
        return {
            camera: replace(look, since=self._since.get(camera, 0.0))
            for camera, look in looks.items()
        }

    def forget(self, camera: str) -> None:
        """A picture has come in place of video: what there was of that is over."""
        self._kept.pop(camera, None)

    def show(self, camera: str, message: FilmMessage, arrival: float | None) -> bool:
        """Takes what a node sends, keeps it and gives it to the browsers.

        Returns:
            False if something is missing before it: the node is to begin once more.
        """
        if camera not in self._since:
            return True  # another viewer's browsers want it
        kept = self._kept.get(camera)
        new = message.since(kept[0].film.place if kept else None)
        if new is None:
            return self._known(camera, message)
        whole = kept[0].then(new) if kept else new
        self._kept[camera] = whole, self._clock()
        for outbox in self._outboxes:
            outbox.put_film(camera, whole if camera in outbox.to_begin else new, arrival)
        return True

    def _known(self, camera: str, message: FilmMessage) -> bool:
        """True if there was nothing new in it; else it is forgotten that there was a beginning."""
        kept = self._kept.get(camera)
        place = kept[0].film.place if kept else None
        if place and place.group == message.film.group and message.film.end <= place.end:
            return True
        self._kept.pop(camera, None)
        self._since[camera] = self._clock()
        return False
