"""Passing on: whose own video is sent to those who look, and how far it has been sent."""

from __future__ import annotations

from pipeline.config import Site
from pipeline.film import Film, Place
from pipeline.onlookers import Look
from pipeline.perceive import Observation


def may_pass_on(site: Site) -> bool:
    """False if no camera's own video may leave its node: people in it could be made out."""
    return site.viewer.passthrough == "auto" and site.privacy.people == "none"


class Passing:
    """Finds out what is still to be sent of the cameras' own video.

    Args:
        allowed: False if no video may leave the node: people are to be hidden in it, or nobody
            wants it handed on.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed
        self._sent: dict[str, tuple[float, Place]] = {}

    def film(self, seen: Observation, look: Look) -> Film | None:
        """What is to be sent so that this picture can be decoded by all who want video.

        It counts as sent from then on. When somebody has begun to look, it goes back to the last
        key frame, for all of them: whoever has the beginning leaves it out.

        Returns:
            None if the picture is to be sent as a picture.
        """
        camera, stretch = seen.frame.camera, seen.frame.film
        if not self._allowed or look.video is None or stretch is None:
            self._sent.pop(camera, None)
            return None
        since, place = self._sent.get(camera, (None, None))
        film = stretch.film.since(place if since == look.since else None)
        if film is not None:
            self._sent[camera] = look.since, film.place
        return film
