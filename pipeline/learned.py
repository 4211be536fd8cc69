"""Learned: what a site's matcher has learned as people walked, kept for the next one.

| key | type | what |
|---|---|---|
| `{site}:transit:<a>><b>` | hash | zones left and entered → histogram of the transit times |
| `{site}:transit:<a>` | hash | who comes into a camera, and how many leave it |
| `{site}:transit::strangers` | hash | pair of cameras → how many strangers, what their looks say |
| `{site}:transits` | set | which of these there are |

They hold counts, nobody's looks and nobody's number, and stay when people are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.strangers import KEY as STRANGERS

Fields = Mapping[str, bytes]


class Learned:
    """What the matcher of one site has learned.

    Args:
        client: a connected client that returns bytes.
        scripts: its scripts.
        site: name of the site.
    """

    def __init__(self, client: Any, scripts: Scripts, *, site: str) -> None:
        self._redis = client
        self._scripts = scripts
        self._tag = "{" + site + "}"

    @in_our_words
    def put(self, transits: Mapping[str, Fields], *, token: int | None = None) -> bool:
        """Keeps what has changed, in place of what was there.

        Args:
            transits: by key; see `TransitModel.to_fields`. Of what strangers look like the changed
                fields are enough: those of all pairs of cameras are many.
            token: fencing token of the matcher's lease; None: nobody leases it here.

        Returns:
            False if another matcher is in charge by now: nothing was written.
        """
        arguments: list[str | bytes | float] = ["" if token is None else str(token)]
        for name, fields in transits.items():
            arguments += [name, int(name == STRANGERS), len(fields)]
            for field, value in fields.items():
                arguments += [field, value]
        keys = [f"{self._tag}:fences", f"{self._tag}:transits", *map(self._key, transits)]
        return bool(self._scripts.run("learn", keys, arguments))

    @in_our_words
    def get(self, names: Iterable[str] | None = None) -> dict[str, dict[str, bytes]]:
        """What was kept, by key: all of it, or what is there of these."""
        if names is None:
            kept = self._redis.smembers(f"{self._tag}:transits")
            names = sorted(name.decode() for name in kept)
        else:
            names = list(names)
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hgetall(self._key(name))
            answers = pipe.execute()
        return {
            name: {field.decode(): value for field, value in fields.items()}
            for name, fields in zip(names, answers, strict=True)
        }

    def _key(self, name: str) -> str:
        return f"{self._tag}:transit:{name}"
