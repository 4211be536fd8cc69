"""Onlookers: who wants to see which cameras, how large and how often: nodes do no more than that.

| key | type | what |
|---|---|---|
| `{site}:onlookers` | hash, fields expire | who looks → camera → what they want, see `Look` |

Whoever shows pictures says what of them is needed, and says so again while it is; nodes send of
each camera what the most demanding one asks for. As long as nobody says anything, whoever listens
to a camera (`Store.views`) is sent pictures of a usual size.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.redis_link import in_our_words

STEPS = (160, 320, 480, 640, 960, 1280, 1920)
"""Widths of previews, pixels: few, so that a page that is being resized changes it seldom."""

SECONDS = 5.0
"""A look that is not renewed for so long is over."""


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody wants to see of a camera.

    Attributes:
        width: of the picture in pixels; 0: the boxes without the picture; None: nobody wants a
            picture, but for those who want video where there is none.
        fps: pictures per second, at most.
        video: width in pixels at which somebody shows it who can decode the camera's own video
            and would rather have that; None: nobody.
        since: when the last of them began, seconds since the epoch: from then on they have
            nothing that video could build upon.
    """

    width: int | None = 640
    fps: float = 30.0
    video: int | None = None
    since: float = 0.0

    def __or__(self, other: Look) -> Look:
        """What serves both."""
        return Look(
            _wider(self.width, other.width),
            max(self.fps, other.fps),
            _wider(self.video, other.video),
            max(self.since, other.since),
        )

    @property
    def without_video(self) -> Look:
        """What serves it where the camera's own video cannot be had."""
        return Look(_wider(self.width, self.video) or 0, self.fps)

    @property
    def step(self) -> int:
        """The width of picture that serves it: the next of `STEPS`, or 0."""
        return _step(self.width or 0)


def _wider(one: int | None, other: int | None) -> int | None:
    return max((width for width in (one, other) if width is not None), default=None)


def _step(width: int) -> int:
    if width <= 0:
        return 0
    return next((step for step in STEPS if step >= width), STEPS[-1])


def together(looks: Iterable[Mapping[str, Look]]) -> dict[str, Look]:
    """What serves everybody: of each camera the widest and the most frequent."""
    wanted: dict[str, Look] = {}
    for cameras in looks:
        for camera, look in cameras.items():
            wanted[camera] = wanted[camera] | look if camera in wanted else look
    return wanted


class Onlookers:
    """Those who look at one site's cameras.

    Args:
        client: a connected client that returns bytes.
        site: name of the site.
    """

    def __init__(self, client: Any, *, site: str) -> None:
        self._redis = client
        self._key = "{" + site + "}:onlookers"

    @in_our_words
    def put(self, who: str, cameras: Mapping[str, Look]) -> None:
        """Says what is needed from now on, for `SECONDS`; of other cameras nothing is.

        Args:
            who: a name nobody else has.
            cameras: what is wanted of each.
        """
        text = json.dumps({camera: _packed(look) for camera, look in cameras.items()})
        self._redis.hsetex(self._key, who, text, ex=round(SECONDS))

    @in_our_words
    def remove(self, who: str) -> None:
        """Nobody looks there any more."""
        self._redis.hdel(self._key, who)

    @in_our_words
    def wanted(self) -> dict[str, Look] | None:
        """What serves everybody who has said something; None: nobody has."""
        texts = self._redis.hvals(self._key)
        return together(map(_unpacked, texts)) if texts else None


def _packed(look: Look) -> list[float | None]:
    video = [] if look.video is None else [_step(look.video), look.since]
    return [None if look.width is None else look.step, look.fps, *video]


def _unpacked(text: bytes) -> dict[str, Look]:
    return {camera: Look(*said) for camera, said in json.loads(text).items()}
