"""Whose tracklets are when: what a decision must know of the identities it weighs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pipeline.data import TrackletRecord
from pipeline.redis_link import in_our_words
from pipeline.scripts import Scripts
from pipeline.wire import unpack_record

_AROUND = 4  # tracklets before and after a moment
_AT_ONCE = 256  # identities per script: Redis does nothing else meanwhile


class Members:
    """Reads the tracklets of identities. A part of the gallery.

    Args:
        scripts: its scripts.
        tag: what the site's keys begin with.
    """

    def __init__(self, scripts: Scripts, *, tag: str) -> None:
        self._scripts = scripts
        self._tag = tag

    @in_our_words
    def around(
        self, moments: Mapping[int, Collection[float]], *, count: int = _AROUND
    ) -> dict[int, tuple[TrackletRecord, ...]]:
        """An identity's tracklets around some moments, however many it has by now.

        Args:
            moments: identity → times, seconds since the epoch, such as the begins of sightings
                that may be this person.
            count: of each identity and moment, so many that ended last before it and so many that
                ended first at it or after: whoever is there at the moment is among these.

        Returns:
            identity → its tracklets in order of time; identities that are gone are left out.
        """
        numbers = list(moments)
        found: dict[int, tuple[TrackletRecord, ...]] = {}
        for first in range(0, len(numbers), _AT_ONCE):
            found |= self._some(numbers[first : first + _AT_ONCE], moments, count)
        return found

    def _some(
        self, numbers: Sequence[int], moments: Mapping[int, Collection[float]], count: int
    ) -> dict[int, tuple[TrackletRecord, ...]]:
        keys = [f"{self._tag}:{kind}:{n}" for n in numbers for kind in ("identity", "ends")]
        arguments: list[float] = [count]
        for number in numbers:
            arguments += [len(moments[number]), *moments[number]]
        answers = self._scripts.run("around", keys, arguments)
        records = (sorted(map(unpack_record, texts), key=_in_time) for texts in answers)
        return {n: tuple(r) for n, r in zip(numbers, records, strict=True) if r}


def _in_time(record: TrackletRecord) -> tuple[float, str]:
    return record.begin, record.tracklet
