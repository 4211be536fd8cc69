"""The synthetic site: its truth is that of geometry and speed, and its faults do what they say."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, islice, pairwise

import cv2
import numpy as np
import pytest
from world import Faults, Observed, Report, SiteSpec, Visit, World, build_plan
from world.sight import LOST_AFTER

from pipeline.data import Sighting

SPEC = SiteSpec(cameras=12, people=60, seconds=1200, seed=3)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SPEC)


@pytest.fixture(scope="module")
def visits(world: World) -> list[Visit]:
    return world.visits()


@pytest.fixture(scope="module")
def closed(world: World) -> Observed:
    """What is sent of ended tracklets when nothing goes wrong."""
    return world.observed(growing=False)


@pytest.fixture(scope="module")
def growing(world: World) -> Observed:
    """All that is sent when nothing goes wrong."""
    return world.observed()


def by_person(visits: list[Visit]) -> list[list[Visit]]:
    people: dict[int, list[Visit]] = defaultdict(list)
    for visit in visits:
        people[visit.person].append(visit)
    return list(people.values())


def by_tracklet(observed: Observed) -> dict[str, list[Report]]:
    """What is sent of each tracklet, in order."""
    tracklets: dict[str, list[Report]] = defaultdict(list)
    for report in observed.reports:
        tracklets[report.sighting.tracklet].append(report)
    return tracklets


def seconds(observed: Observed) -> float:
    """Of all tracklets together."""
    return sum(sighting.end - sighting.begin for sighting in observed.sightings)


def position(world: World, person: int, time: float) -> np.ndarray:
    place = world.position(person, time)
    assert place is not None
    return np.array(place)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_two_cameras_see_the_same_floor(seed: int) -> None:
    plan = build_plan(60, np.random.default_rng(seed), spacing=17)
    views = [camera.footprint.astype(np.float32) for camera in plan.cameras]
    shared = [cv2.intersectConvexConvex(one, other)[0] for one, other in combinations(views, 2)]
    assert max(shared) == 0


def test_a_point_of_the_floor_and_its_image_belong_together(world: World) -> None:
    camera = world.plan.cameras[0]
    inside = camera.footprint.mean(axis=0)
    again = np.append(camera.see(inside), 1) @ np.linalg.inv(camera.homography).T
    np.testing.assert_allclose(again[:2] / again[2], inside)


def test_the_feet_of_who_is_in_view_are_in_the_picture(visits: list[Visit]) -> None:
    feet = np.array([point for visit in visits for point in (visit.entered, visit.left)])
    assert feet.min() >= -1e-6
    assert feet.max() <= 1 + 1e-6


def test_somebody_enters_and_leaves_where_the_homography_says(
    world: World, visits: list[Visit]
) -> None:
    cameras = {camera.name: camera for camera in world.plan.cameras}
    entered = [
        cameras[visit.camera].see(position(world, visit.person, visit.begin)) for visit in visits
    ]
    np.testing.assert_allclose(entered, [visit.entered for visit in visits], atol=1e-4)


def test_velocity_is_the_way_the_foot_point_goes(world: World, visits: list[Visit]) -> None:
    walkers = [visit for visit in visits if visit.end - visit.begin > 2]
    cameras = {camera.name: camera for camera in world.plan.cameras}
    moved = [
        (
            cameras[visit.camera].see(position(world, visit.person, visit.begin + 0.5))
            - np.array(visit.entered)
        )
        / 0.5
        for visit in walkers
    ]
    np.testing.assert_allclose(moved, [visit.entering for visit in walkers], atol=1e-3)


def test_nobody_is_in_two_cameras_at_once(visits: list[Visit]) -> None:
    times = [
        (one.end, other.begin) for person in by_person(visits) for one, other in pairwise(person)
    ]
    assert len(times) > 300
    assert all(end <= begin for end, begin in times)


def test_transit_times_are_those_of_the_way_at_walking_speed(
    world: World, visits: list[Visit]
) -> None:
    transits = [
        (one, other)
        for person in by_person(visits)
        for one, other in pairwise(person)
        if other.begin - one.end < 30 and one.camera != other.camera
    ]
    way = [
        np.linalg.norm(
            position(world, one.person, one.end) - position(world, one.person, other.begin)
        )
        for one, other in transits
    ]
    speed = np.array(way) / [other.begin - one.end for one, other in transits]
    assert len(transits) > 100
    assert speed.max() < 2.3
    assert 1.0 < np.median(speed) < 1.5


def test_nobody_walks_faster_than_people_walk(world: World) -> None:
    moments = SPEC.start + np.arange(0, SPEC.seconds, 0.5)
    places = [world.position(person, moment) for person in range(5) for moment in moments]
    steps = [
        np.linalg.norm(np.subtract(one, other))
        for one, other in pairwise(places)
        if one is not None and other is not None
    ]
    assert len(steps) > 1000
    assert np.quantile(steps, 0.99) < 1.2


def test_people_come_alone_and_in_groups_stop_leave_and_come_back(visits: list[Visit]) -> None:
    absences = [
        other.begin - one.end for person in by_person(visits) for one, other in pairwise(person)
    ]
    together = sum(
        one.camera == other.camera and abs(one.begin - other.begin) < 1.0
        for one, other in pairwise(visits)
    )
    assert max(visit.end - visit.begin for visit in visits) > 30
    assert max(absences) > 300
    assert 0.05 < together / len(visits) < 0.5


def test_the_same_seed_makes_the_same_world(closed: Observed) -> None:
    again = World(SPEC).observed(growing=False)
    assert again.truth == closed.truth
    pairs = zip(again.sightings, closed.sightings, strict=True)
    assert all((one.embedding == other.embedding).all() for one, other in pairs)


def test_another_seed_makes_another_world(closed: Observed) -> None:
    other = World(SiteSpec(cameras=12, people=60, seconds=1200, seed=4)).observed(growing=False)
    assert other.truth.person.keys().isdisjoint(closed.truth.person)


def test_without_faults_every_visit_is_a_tracklet(closed: Observed) -> None:
    told = sorted((r.person, r.sighting.camera, round(r.sighting.begin, 3)) for r in closed.reports)
    true = sorted((v.person, v.camera, round(v.begin, 3)) for v in closed.truth.visits)
    assert len(true) * 0.98 < len(told) <= len(true)
    assert set(told) <= set(true)


def test_sightings_come_in_the_order_they_are_sent(growing: Observed) -> None:
    sent = [report.sent for report in growing.reports]
    assert sent == sorted(sent)


def test_a_growing_tracklet_is_reported_at_once_then_every_second_then_when_it_has_ended(
    growing: Observed,
) -> None:
    long = max(by_tracklet(growing).values(), key=len)
    steps = np.diff([report.sighting.end for report in long])
    assert long[0].sighting.end - long[0].sighting.begin == pytest.approx(0.3, abs=1e-3)
    np.testing.assert_allclose(steps[1:-1], 1.0, atol=1e-3)
    assert [report.sighting.closed for report in long[-2:]] == [False, True]
    assert long[-1].sent - long[-1].sighting.end == pytest.approx(LOST_AFTER, abs=1e-3)
    assert [report.sighting.crops for report in long][:2] == [1, min(6, long[1].sighting.crops)]


def test_an_embedding_moves_while_its_tracklet_grows_but_does_not_jump(growing: Observed) -> None:
    steps = [
        one.sighting.embedding @ other.sighting.embedding
        for reports in by_tracklet(growing).values()
        for one, other in pairwise(reports)
    ]
    assert np.mean(steps) > 0.85
    assert min(steps) < 0.999


def test_a_stream_of_what_is_sent_is_what_is_sent(world: World, closed: Observed) -> None:
    streamed = [report.sighting.tracklet for report in world.stream(growing=False)]
    assert streamed == [sighting.tracklet for sighting in closed.sightings]


def test_a_hundred_thousand_people_in_five_hundred_cameras_come_as_a_stream() -> None:
    spec = SiteSpec(cameras=500, people=100_000, seconds=86_400)
    reports = list(islice(World(spec).stream(growing=False), 2000))
    assert len({report.sighting.camera for report in reports}) > 300
    assert len({report.person for report in reports}) > 300
    assert reports[-1].sent - spec.start < 3600


def test_missing_detections_shorten_break_and_lose_tracklets(
    world: World, closed: Observed
) -> None:
    faulty = world.observed(faults=Faults(missing=0.4, missing_seconds=3), growing=False)
    assert 0.5 < seconds(faulty) / seconds(closed) < 0.9
    assert len({t.rsplit("-", 1)[0] for t in faulty.truth.person}) == SPEC.cameras
    assert len(faulty.truth.person) > len(closed.truth.person)


def test_a_dead_camera_sees_nothing(world: World) -> None:
    faulty = world.observed(faults=Faults(dead=((2, 0.0, 600.0),)), growing=False)
    dead = [s for s in faulty.sightings if s.camera == world.plan.cameras[2].name]
    assert dead
    assert min(sighting.begin for sighting in dead) >= SPEC.start + 600


def test_a_wrong_clock_moves_all_times_of_a_camera_alike(world: World, closed: Observed) -> None:
    faulty = world.observed(faults=Faults(clock=2.0), growing=False)
    true = {sighting.tracklet: sighting for sighting in closed.sightings}
    offsets = {
        (sighting.camera, round(sighting.begin - true[sighting.tracklet].begin, 3))
        for sighting in faulty.sightings
    }
    assert len(offsets) == len({camera for camera, _ in offsets})
    assert 1.0 < max(abs(offset) for _, offset in offsets) <= 2.0


def test_broken_tracklets_go_on_as_others_of_the_same_person(
    world: World, closed: Observed
) -> None:
    faulty = world.observed(faults=Faults(breaks=0.5), growing=False)
    more = len(faulty.truth.person) / len(closed.truth.person)
    assert 1.4 < more < 1.55
    assert min(s.end - s.begin for s in faulty.sightings) >= 0.3


@pytest.mark.parametrize("growing", [False, True], ids=["closed only", "growing"])
def test_every_tracklet_ends_once(world: World, growing: bool) -> None:
    faulty = world.observed(faults=Faults(missing=0.2, breaks=0.2), growing=growing)
    ends = [sighting.tracklet for sighting in faulty.sightings if sighting.closed]
    assert sorted(ends) == sorted(faulty.truth.person)


def test_more_noise_makes_people_less_like_themselves(world: World, closed: Observed) -> None:
    noisy = world.observed(faults=Faults(noise=4.0), growing=False)
    assert likeness(noisy.sightings, noisy) < likeness(closed.sightings, closed) - 0.15


def test_estranged_cameras_see_people_otherwise(world: World, closed: Observed) -> None:
    some = (0, 2, 5)
    strange = world.observed(faults=Faults(estranged=tuple((n, 0.1) for n in some)), growing=False)
    assert likeness(strange.sightings, strange) < likeness(closed.sightings, closed) - 0.1
    changed = {
        after.camera
        for before, after in zip(closed.sightings, strange.sightings, strict=True)
        if not np.array_equal(before.embedding, after.embedding)
    }
    assert changed == {world.plan.cameras[n].name for n in some}


def likeness(sightings: list[Sighting], observed: Observed) -> float:
    """Mean similarity of the tracklets of one person in different cameras."""
    embeddings = np.stack([sighting.embedding for sighting in sightings])
    people = np.array([observed.truth.person[sighting.tracklet] for sighting in sightings])
    cameras = np.array([sighting.camera for sighting in sightings])
    same = (people[:, None] == people) & (cameras[:, None] != cameras)
    return float((embeddings @ embeddings.T)[same].mean())
