"""The gallery's searches: several at once, and ahead of the moment they are needed.

Redis looks for neighbours in threads of its own, one at a time for each connection. So a moment's
searches are shared out among some connections, and those of the next moment run while this one is
being decided on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from pipeline.data import Sighting

_EFFORT = 200  # neighbours looked at; see docs/decisions.md
_LARGE = 100_000  # tracklets from which on more are looked at where it counts
_CONNECTIONS = 4


class Found(NamedTuple):
    """What a search has found.

    Attributes:
        alike: the ended tracklets most like a sighting, and how alike, -1 to 1.
        moment: how much had ended when the search began; later ones may be missing.
    """

    alike: dict[str, float]
    moment: int


class _Begun(NamedTuple):
    """A search under way: of several that share a connection, the one at a place."""

    sighting: Sighting
    answers: Future[list[dict[str, float]]]
    place: int
    moment: int


class Searches:
    """Asks a vector set whom people look like. To be used from one thread.

    Args:
        client: a connected client that returns bytes.
        key: the vector set.
    """

    def __init__(self, client: Any, key: str) -> None:
        self._redis = client
        self._key = key
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="search")
        self._begun: dict[str, _Begun] = {}
        self._before: dict[str, _Begun] = {}
        self._size = 0  # of the vector set, when last searched

    def begin(self, sightings: Sequence[Sighting], count: int, moment: int) -> None:
        """Begins to search for some whose turn comes soon; what was begun before last is dropped.

        Args:
            sightings: one at most of each tracklet.
            count: how many at most of each.
            moment: how much has ended so far.
        """
        self._before, self._begun = self._begun, {}
        for begun in self._submit(sightings, count, moment, exact=False):
            self._begun[begun.sighting.tracklet] = begun

    def drop(self) -> None:
        """Forgets what was begun."""
        self._before, self._begun = {}, {}

    def find(
        self, sightings: Sequence[Sighting], count: int, moment: int, *, exact: bool
    ) -> list[Found]:
        """Whom some look like; what was begun is waited for.

        Args:
            sightings: one at most of each tracklet.
            count: how many at most of each.
            moment: how much has ended so far.
            exact: compare with every tracklet.
        """
        begun = {s.tracklet: self._ahead(s) for s in sightings}
        asked = [sighting for sighting in sightings if begun[sighting.tracklet] is None]
        for search in self._submit(asked, count, moment, exact=exact):
            begun[search.sighting.tracklet] = search
        searches = [search for search in begun.values() if search is not None]
        return [Found(search.answers.result()[search.place], search.moment) for search in searches]

    def _ahead(self, sighting: Sighting) -> _Begun | None:
        for generation in (self._begun, self._before):
            begun = generation.get(sighting.tracklet)
            if begun is not None and begun.sighting is sighting:
                return generation.pop(sighting.tracklet)
        return None

    def _submit(
        self, sightings: Sequence[Sighting], count: int, moment: int, *, exact: bool
    ) -> list[_Begun]:
        size = max(1, math.ceil(len(sightings) / _CONNECTIONS))
        begun: list[_Begun] = []
        for first in range(0, len(sightings), size):
            part = sightings[first : first + size]
            answers = self._threads.submit(self._search, part, count, exact=exact)
            begun += [_Begun(s, answers, place, moment) for place, s in enumerate(part)]
        return begun

    def _search(
        self, sightings: Sequence[Sighting], count: int, *, exact: bool
    ) -> list[dict[str, float]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for sighting in sightings:
                neighbours = _effort(self._size, final=sighting.closed)
                effort = ["TRUTH"] if exact else ["EF", max(neighbours, count)]
                pipe.execute_command(
                    "VSIM", self._key, "FP32", sighting.embedding.tobytes(),
                    "WITHSCORES", "COUNT", count, *effort,
                )  # fmt: skip
            pipe.execute_command("VCARD", self._key)
            *answers, self._size = pipe.execute()
        return [_similarities(answer or {}) for answer in answers]


def _effort(size: int, *, final: bool) -> int:
    """Neighbours to look at among so many tracklets.

    The same number finds ever fewer in a large gallery. While somebody is there they are searched
    for every second, so one search may miss; what is decided when they have gone is for good.
    """
    return round(_EFFORT * math.sqrt(max(1.0, size / _LARGE))) if final else _EFFORT


def _similarities(answer: Mapping[bytes, float]) -> dict[str, float]:
    # Redis gives (1 + cosine) / 2.
    return {name.decode(): 2.0 * float(score) - 1.0 for name, score in answer.items()}
