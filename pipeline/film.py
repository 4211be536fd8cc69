"""Film: a camera's own video on its way to a browser, with the boxes of its last picture.

A browser that can decode the video is spared a picture made for it. A message is laid out like a
preview (`pipeline.preview`), with access units in place of the JPEG; what its header has besides
stands in `film`: the group of pictures, the number of the first unit in it, the length of each
unit, and what a decoder has to know. The boxes are those of the last unit's picture; the pictures
before it are decoded because it builds upon them, and not shown. So boxes cannot drift here either.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True, slots=True)
class Coding:
    """What a decoder has to know.

    Attributes:
        codec: as browsers name it, such as `avc1.64001F`.
        description: AVCDecoderConfigurationRecord if the units are in AVC format; b"" if they are
            in Annex B format and bring their parameters along.
    """

    codec: str
    description: bytes = b""


@dataclass(frozen=True, slots=True)
class Film:
    """Access units of one group of pictures, in the order of decoding, without a gap.

    Attributes:
        group: name of the group, which no other has.
        first: number of the first unit in its group; unit 0 is the key frame.
        units: at least one.
        coding: the same for the whole group.
    """

    group: str
    first: int
    units: tuple[bytes, ...]
    coding: Coding

    @property
    def end(self) -> int:
        """Number of the unit that comes next."""
        return self.first + len(self.units)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.units))

    def since(self, place: Place | None) -> Film | None:
        """What of it is new to whoever has got everything up to a place.

        Returns:
            the rest of it; all of it if it begins a group that they have nothing of; None if there
            is nothing new, or if something is missing in between.
        """
        if place is None or place.group != self.group:
            return self if self.first == 0 else None
        if not self.first <= place.end < self.end:
            return None
        return replace(self, first=place.end, units=self.units[place.end - self.first :])

    @property
    def place(self) -> Place:
        """How far whoever has it has got."""
        return Place(self.group, self.end)


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has got in a group: up to, and without, unit number `end`."""

    group: str
    end: int


@dataclass(slots=True, eq=False)
class Group:
    """A group of pictures while it comes in; it only ever grows.

    Attributes:
        name: nobody else's.
        times: presentation time of each unit, in the stream's own units.
    """

    name: str
    coding: Coding
    units: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A group up to one picture: what it takes to decode that picture.

    Attributes:
        count: units of the group, the picture's own the last.
    """

    group: Group
    count: int

    @property
    def film(self) -> Film:
        """All of it."""
        units = tuple(self.group.units[: self.count])
        return Film(self.group.name, 0, units, self.group.coding)


@dataclass(frozen=True)
class FilmMessage:
    """A film, and the header of a preview for its last picture.

    Attributes:
        header: see `pipeline.preview`.
        film: the video.
    """

    header: Mapping[str, Any]
    film: Film

    @cached_property
    def data(self) -> bytes:
        """The message as a browser is sent it."""
        film = self.film
        text = json.dumps(
            dict(self.header)
            | {
                "film": {
                    "group": film.group,
                    "first": film.first,
                    "sizes": [len(unit) for unit in film.units],
                    "codec": film.coding.codec,
                    "description": base64.b64encode(film.coding.description).decode(),
                }
            },
            separators=(",", ":"),
        ).encode()
        return b"".join((struct.pack(">I", len(text)), text, *film.units))

    @classmethod
    def parse(cls, data: bytes) -> FilmMessage:
        """The reverse of `data`.

        Raises:
            ValueError, KeyError, struct.error: it is none.
        """
        (length,) = struct.unpack_from(">I", data)
        header: dict[str, Any] = json.loads(data[4 : 4 + length])
        said = header.pop("film")
        units, place = [], 4 + length
        for size in said["sizes"]:
            units.append(data[place : place + size])
            place += size
        if not units or place != len(data):
            raise ValueError(f"expected {place} bytes of film, found {len(data)}")
        coding = Coding(said["codec"], base64.b64decode(said["description"]))
        message = cls(header, Film(said["group"], said["first"], tuple(units), coding))
        message.__dict__["data"] = data  # it need not be written again
        return message

    def since(self, place: Place | None) -> FilmMessage | None:
        """See `Film.since`."""
        film = self.film.since(place)
        if film is None:
            return None
        return self if film is self.film else FilmMessage(self.header, film)

    def then(self, later: FilmMessage) -> FilmMessage:
        """Both as one: what shows the later picture to whoever has neither.

        The later one may begin a group, and then the earlier one is not needed; else it has to go
        on where the earlier one ends.
        """
        before, after = self.film, later.film
        if after.first == 0:
            return later
        return FilmMessage(later.header, replace(before, units=before.units + after.units))
