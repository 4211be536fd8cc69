"""What the matcher is asked: a sighting, who looks like it, and what was decided before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from heapq import merge

from pipeline.data import Candidate, Sighting, TrackletRecord
from pipeline.evidence import over_views

_MOST = 16  # identities that are weighed: whom so many resemble more it is not


@dataclass(frozen=True, slots=True)
class Query:
    """A sighting to be decided on, and what is known about it.

    Attributes:
        sighting: the sighting.
        candidates: tracklets that look like it, most alike first; none if it `stands`.
        current: its tracklet's record if it has been decided on before.
        stands: True if that decision is not asked again; see `pipeline.match.Matcher.stands`.
    """

    sighting: Sighting
    candidates: tuple[Candidate, ...]
    current: TrackletRecord | None = None
    stands: bool = False

    def alike(self, without: Collection[str] = ()) -> dict[int, list[Candidate]]:
        """Identity → those of its tracklets that look like it.

        Args:
            without: tracklets that do not count, since nobody knows yet whose they are.
        """
        alike: dict[int, list[Candidate]] = {}
        for candidate in self.candidates:
            if candidate.record.tracklet not in without:
                alike.setdefault(candidate.record.identity, []).append(candidate)
        return alike


def shortlist(queries: Sequence[Query]) -> list[Query]:
    """The queries of a moment with those candidates alone that are worth weighing.

    These are the tracklets of the identities that a sighting resembles most, and of its own.

    Args:
        queries: all that are decided on together: whose they are is open.
    """
    undecided = {query.sighting.tracklet for query in queries}
    return [_shortlisted(query, undecided) for query in queries]


def _shortlisted(query: Query, undecided: Collection[str]) -> Query:
    if len({candidate.record.identity for candidate in query.candidates}) <= _MOST:
        return query
    camera = query.sighting.camera
    chosen = set() if query.current is None else {query.current.identity}
    alike = [c for c in query.candidates if c.record.tracklet not in undecided]

    def worth(candidate: Candidate) -> float:
        return -over_views(candidate.similarity, camera, candidate.record.camera)

    # Most alike first, and within a view the same amount is taken off all of them.
    here = (c for c in alike if c.record.camera == camera)
    elsewhere = (c for c in alike if c.record.camera != camera)
    for candidate in merge(here, elsewhere, key=worth):
        chosen.add(candidate.record.identity)
        if len(chosen) == _MOST:
            break
    kept = tuple(c for c in query.candidates if c.record.identity in chosen)
    return replace(query, candidates=kept)


def moments(sightings: Sequence[Sighting]) -> list[list[int]]:
    """Groups sightings so that all of a group are there at one moment, in as few groups as can be.

    Those of a group are different people; of two groups some may be the same person.

    Returns:
        indices into `sightings`, group after group in order of time.
    """
    order = sorted(range(len(sightings)), key=lambda i: (sightings[i].end, sightings[i].tracklet))
    groups: list[list[int]] = []
    while order:
        moment = sightings[order[0]].end  # the first to leave: whoever is there now
        groups.append([i for i in order if sightings[i].begin <= moment])
        order = [i for i in order if sightings[i].begin > moment]
    return groups
