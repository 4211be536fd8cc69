"""Server-sent events as a client reads them, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two empty lines.

    Attributes:
        event: what it is called, "" if it is not.
        id: after which one can go on later, "" if it does not say.
        data: what it says, "" if nothing.
    """

    event: str = ""
    id: str = ""
    data: str = ""


def read_blocks(lines: Iterable[str]) -> Iterator[Block]:
    """Reads a stream; comments, which only keep the connection alive, are left out.

    >>> list(read_blocks([": hello", "", "event: camera.lost", "id: 5", "data: {}", ""]))
    [Block(event='camera.lost', id='5', data='{}')]
    """
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name:
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if not line and fields:
            yield Block(
                event=fields.get("event", [""])[-1],
                id=fields.get("id", [""])[-1],
                data="\n".join(fields.get("data", [])),
            )
            fields = {}
