"""Zones and transit times found on the synthetic site, against its truth."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from world import SiteSpec, Visit, World

from calibration.transits import learn_topology
from pipeline.data import IdentityRecord, TrackletRecord
from pipeline.gaps import BroadPrior
from pipeline.topology import Topology
from pipeline.transit import TransitModel


@pytest.fixture(scope="module")
def by_person() -> dict[int, list[Visit]]:
    """Everybody's visits to the cameras in order of time."""
    visits: dict[int, list[Visit]] = defaultdict(list)
    for visit in World(SiteSpec(cameras=6, people=80, seconds=3600, seed=3)).visits():
        visits[visit.person].append(visit)
    return visits


@pytest.fixture(scope="module")
def topology(by_person: dict[int, list[Visit]]) -> Topology:
    """What is learned of them."""
    return learn_topology([identity(person, visits) for person, visits in by_person.items()])


def identity(person: int, visits: list[Visit]) -> IdentityRecord:
    records = tuple(
        TrackletRecord(
            f"{person}-{number}", v.camera, v.begin, v.end, person, 1.0, True, v.entered, v.left
        )
        for number, v in enumerate(visits)
    )
    return IdentityRecord(person, records)


def true_gaps(by_person: dict[int, list[Visit]]) -> dict[tuple[str, str], list[float]]:
    gaps = defaultdict(list)
    for visits in by_person.values():
        for one, other in pairwise(visits):
            gaps[one.camera, other.camera].append(other.begin - one.end)
    return gaps


def test_people_come_in_and_leave_by_the_zones_that_were_found(
    by_person: dict[int, list[Visit]], topology: Topology
) -> None:
    ends = [
        (v.camera, foot) for vs in by_person.values() for v in vs for foot in (v.entered, v.left)
    ]
    inside = [topology.zone(camera, foot) != "" for camera, foot in ends]
    assert np.mean(inside) > 0.9
    assert not any(z.lost for zones in topology.zones.by_camera.values() for z in zones)


def test_the_medians_are_those_of_the_ways_that_were_walked(
    by_person: dict[int, list[Visit]], topology: Topology
) -> None:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for transit in topology.transits:
        found[transit.start[0], transit.to[0]] += [transit.median] * round(transit.count)
    often = {pair: gaps for pair, gaps in true_gaps(by_person).items() if len(gaps) >= 15}
    assert len(often) >= 5
    true = [float(np.median(gaps)) for gaps in often.values()]
    assert [float(np.median(found[pair])) for pair in often] == pytest.approx(true, rel=0.2)


def test_what_was_walked_before_foretells_what_is_walked_next(
    by_person: dict[int, list[Visit]],
) -> None:
    steps = sorted(
        (step for visits in by_person.values() for step in pairwise(visits)),
        key=lambda step: step[1].begin,
    )
    before, after = steps[: len(steps) // 2], steps[len(steps) // 2 :]
    model, prior, now = TransitModel(), BroadPrior(), after[0][1].begin
    for one, other in before:
        model.observe(one.camera, "", other.camera, "", other.begin - one.end, other.begin)
    gaps = [(one.camera, other.camera, other.begin - one.end) for one, other in after]
    learned = [math.log(model.density(one, other, gap, now)) for one, other, gap in gaps]
    broad = [math.log(prior.density(gap)) for _, _, gap in gaps]
    assert np.mean(learned) > np.mean(broad) + 0.3
