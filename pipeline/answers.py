"""Answers that still hold: who looks as before is compared with those found before.

To search a large gallery takes milliseconds, and a tracklet asks once a second for as long as its
identity is open, although it looks much the same. So what was found is kept: as long as its looks
have moved but little, a tracklet is compared with the same tracklets again, and with those that
have ended since.

Of the ten most similar tracklets of a gallery of 100,000, 128 that were found for looks up to a
cosine distance of 0.06 away still hold all but two in a thousand; see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.data import Sighting
from pipeline.open_looks import LatestEnded

Vectors = NDArray[np.float32]

_MOVED = 0.06  # cosine distance from which a tracklet is searched for anew
_HOLDS_SECONDS = 20.0  # capture time
_ENDED = 512  # tracklets that ended last and are kept for comparison
_LEVELS = 127  # of 8 bits with a sign


@dataclass(frozen=True, slots=True)
class StoredLook:
    """A look as the vector set keeps it.

    Attributes:
        levels: int8[D] as bytes.
        highest: what the highest level stands for.
    """

    levels: bytes
    highest: float


@dataclass(slots=True)
class _Answer:
    """What was found for a tracklet.

    Attributes:
        look: what it looked like.
        time: capture time of that.
        ended: how many tracklets had ended by then.
        names: the ended tracklets most like it.
        levels, scale: their looks, once `complete`: int8[N, D] and float32[N].
    """

    look: Vectors
    time: float
    ended: int
    names: list[str]
    levels: NDArray[np.int8] = field(default_factory=lambda: np.zeros((0, 0), np.int8))
    scale: Vectors = field(default_factory=lambda: np.zeros(0, np.float32))
    complete: bool = False

    def take(self, looks: Mapping[str, StoredLook]) -> None:
        """Takes the looks of those it names; who has none is gone."""
        self.names = [n for n in self.names if len(looks[n].levels) == len(self.look)]
        levels = np.frombuffer(b"".join(looks[n].levels for n in self.names), np.int8)
        self.levels = levels.reshape(len(self.names), len(self.look))
        self.scale = np.array([looks[n].highest / _LEVELS for n in self.names], np.float32)
        self.complete = True

    def similar(self, look: Vectors) -> Vectors:
        """How alike a look and all it names are: float32[N]."""
        return (self.levels.astype(np.float32) @ look) * self.scale


class Answers:
    """What was found for the tracklets in view, as long as it holds.

    Takes some 100 KB for each of them.

    Args:
        read: the stored looks of some tracklets, with nothing in `levels` for one that is gone.
    """

    def __init__(self, read: Callable[[Sequence[str]], Mapping[str, StoredLook]]) -> None:
        self._read = read
        self._answers: dict[str, _Answer] = {}
        self._ended = LatestEnded(_ENDED)

    def clear(self) -> None:
        """Forgets all: somebody else has changed the gallery, and may have taken people out."""
        self._answers.clear()
        self._ended = LatestEnded(_ENDED)

    def ended(self, tracklet: str, look: Vectors) -> None:
        """Hears of a tracklet that has ended, and can be found from now on."""
        self._answers.pop(tracklet, None)
        self._ended.put(tracklet, look)

    def forget(self, tracklets: Sequence[str]) -> None:
        """Names these no more: they have been taken out of the gallery."""
        gone = set(tracklets)
        self._ended.forget(gone)
        naming = [name for name, a in self._answers.items() if not gone.isdisjoint(a.names)]
        for name in gone.union(naming):
            self._answers.pop(name, None)

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def moment(self) -> int:
        """How much has ended so far: for `put`, taken before a search begins."""
        return self._ended.count

    def later(self, moment: int, look: Vectors) -> dict[str, float]:
        """The tracklets that have ended since a moment, and how alike a look they are.

        Args:
            moment: no further back than 512 have ended since.
            look: float32[D], unit length.
        """
        names, places = self._ended.since(moment)
        if not names:
            return {}
        return dict(zip(names, self._ended.similar(look[None])[0, places].tolist(), strict=True))

    def put(self, sighting: Sighting, found: Iterable[str], moment: int) -> None:
        """Keeps what was found for a sighting.

        Args:
            sighting: what was asked.
            found: the ended tracklets most like it.
            moment: what has ended later than this may be missing.
        """
        self._drop_old(sighting.end)
        self._answers.pop(sighting.tracklet, None)
        if not sighting.closed:
            answer = _Answer(sighting.embedding, sighting.end, moment, list(found))
            self._answers[sighting.tracklet] = answer

    def hold(self, sighting: Sighting) -> bool:
        """True if what was found for its tracklet will do."""
        answer = self._answers.get(sighting.tracklet)
        return (
            answer is not None
            and abs(sighting.end - answer.time) <= _HOLDS_SECONDS
            and self._ended.holds(answer.ended)
            and len(answer.look) == len(sighting.embedding)
            and float(1.0 - answer.look @ sighting.embedding) <= _MOVED
        )

    def similar(self, sightings: Sequence[Sighting], count: int) -> list[dict[str, float]]:
        """For each sighting that `hold` holds for, the ended tracklets most like it.

        Args:
            sightings: the sightings.
            count: how many at most of each.
        """
        if not sightings:
            return []
        self._complete([self._answers[s.tracklet] for s in sightings])
        rows = self._ended.similar(np.stack([s.embedding for s in sightings]))
        return [
            self._compare(s, self._answers[s.tracklet], row, count)
            for s, row in zip(sightings, rows, strict=True)
        ]

    def _complete(self, answers: Sequence[_Answer]) -> None:
        """Reads the looks of what was found, when they are asked for first."""
        bare = [answer for answer in answers if not answer.complete]
        names = sorted({name for answer in bare for name in answer.names})
        looks = self._read(names) if names else {}
        for answer in bare:
            answer.take(looks)

    def _compare(
        self, sighting: Sighting, answer: _Answer, latest: Vectors, count: int
    ) -> dict[str, float]:
        later, places = self._ended.since(answer.ended)
        names = answer.names + later
        row = np.concatenate([answer.similar(sighting.embedding), latest[places]])
        best = np.argsort(-row, kind="stable")[:count].tolist()
        return dict(zip([names[i] for i in best], row[best].tolist(), strict=True))

    def _drop_old(self, now: float) -> None:
        """Those of tracklets that ended without a word; the oldest stand first."""
        while self._answers:
            oldest = next(iter(self._answers))
            if now - self._answers[oldest].time <= 2 * _HOLDS_SECONDS:
                return
            del self._answers[oldest]
