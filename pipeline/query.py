"""What the matcher is asked: a sighting, who looks like it, and what was decided before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from pipeline.data import Candidate, Sighting, TrackletRecord

_MOST = 24  # identities that are weighed: whom so many resemble more it is not

Looks = Callable[[Sequence[float]], float]


@dataclass(frozen=True, slots=True)
class Query:
    """A sighting to be decided on, and what is known about it.

    Attributes:
        sighting: the sighting.
        candidates: tracklets that look like it; none if it `stands`.
        current: its tracklet's record if it has been decided on before.
        stands: True if that decision is not asked again; see `pipeline.match.Matcher.stands`.
    """

    sighting: Sighting
    candidates: tuple[Candidate, ...]
    current: TrackletRecord | None = None
    stands: bool = False

    def alike(self, without: Collection[str] = ()) -> dict[int, list[float]]:
        """Identity → similarities to its tracklets.

        Args:
            without: tracklets that do not count, since nobody knows yet whose they are.
        """
        alike: dict[int, list[float]] = {}
        for candidate in self.candidates:
            if candidate.record.tracklet not in without:
                alike.setdefault(candidate.record.identity, []).append(candidate.similarity)
        return alike

    def closest(self, identity: int, similarity: float) -> TrackletRecord | None:
        """The tracklet of an identity that is so similar, or None if none was compared."""
        for candidate in self.candidates:
            if candidate.record.identity == identity and candidate.similarity == similarity:
                return candidate.record
        return None


def shortlist(queries: Sequence[Query], looks: Looks) -> list[Query]:
    """The queries of a moment with those candidates alone that are worth weighing.

    These are the tracklets of the identities that a sighting resembles most, and of its own.

    Args:
        queries: all that are decided on together: whose they are is open.
        looks: what similarities to some tracklets of one person say, in nats.
    """
    undecided = {query.sighting.tracklet for query in queries}
    return [_shortlisted(query, undecided, looks) for query in queries]


def _shortlisted(query: Query, undecided: Collection[str], looks: Looks) -> Query:
    alike = query.alike(undecided)
    if len(alike) <= _MOST:
        return query
    own = None if query.current is None else query.current.identity
    ranked = sorted(alike, key=lambda n: (n != own, -looks(alike[n])))
    chosen = set(ranked[:_MOST])
    kept = tuple(c for c in query.candidates if c.record.identity in chosen)
    return replace(query, candidates=kept)
