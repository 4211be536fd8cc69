"""Who is who: what each kind of evidence is worth, on recordings and on a synthetic site.

    python -m benchmarks.matching recorded --data FOLDER --detector truth --detector ssdlite
    python -m benchmarks.matching synthetic
    python -m benchmarks.matching robust
    python -m benchmarks.matching small
    python -m benchmarks.matching long

IDF1 across cameras. FOLDER holds mot16_09.mp4 and .gt.txt, and pets09_s2l1.gt.txt. PETS09-S2L1 is
the demo site; nothing was chosen by it. `truth` as detector gives perfect boxes.
"""

from __future__ import annotations

import pickle
import resource
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from scipy.optimize import linear_sum_assignment

from benchmarks.machine import describe_machine, markdown
from benchmarks.recorded import Recording, Where, record, sites
from benchmarks.replay import Outcome, one_by_one, replay
from pipeline.config import DEFAULT_NETWORK
from pipeline.data import Sighting
from pipeline.embed import find_weights, read_calibration
from pipeline.errors import HandoffError
from pipeline.evidence import Calibration
from pipeline.query import moments
from pipeline.second_pass import second_pass
from pipeline.weigh import Stretch, Weigher
from tests.world import Faults, Looks, SiteSpec, World, confusing

app = typer.Typer(add_completion=False, help=__doc__)
_TICK = 0.2  # seconds
Variant = tuple[str, dict[str, int], Outcome | None]
Judged = tuple[Outcome, Mapping[str, int]]
_HINDSIGHT = 60.0  # seconds, as by default

VARIANTS = (
    "looks alone", "+ nobody is in two places", "+ all of a moment at once", "+ time and place",
    "+ transit times learned", "+ revised as it grows", "+ hindsight each minute (live)",
    "+ second pass (offline)",
)  # fmt: skip


class LooksAlone(Weigher):
    """Time and place say nothing."""

    def way(self, earlier: Stretch, later: Stretch, *, now: float | None = None) -> float:
        """Nothing."""
        return 0.0

    def absence(self, last: Stretch, until: float, *, now: float | None = None) -> float:
        """Nothing."""
        return 0.0


class Anywhere(LooksAlone):
    """Nor does anything keep a person from being in two places at once."""

    def exclude(self, one: Stretch, other: Stretch) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class Watched:
    """What a site's nodes sent, tick by tick, and who is who."""

    batches: list[list[Sighting]]
    person: Mapping[str, int]

    @property
    def last(self) -> dict[str, Sighting]:
        """The last sighting of each tracklet."""
        return {sighting.tracklet: sighting for batch in self.batches for sighting in batch}


def variants(
    batches: Sequence[Sequence[Sighting]], last: Mapping[str, Sighting], calibration: Calibration
) -> Iterator[Variant]:
    """Each variant's identities, and its outcome if it was a replay."""
    for name, weigher, options in (
        (VARIANTS[0], Anywhere(calibration), {"together": one_by_one}),
        (VARIANTS[1], LooksAlone(calibration), {"together": one_by_one}),
        (VARIANTS[2], LooksAlone(calibration), {"together": moments}),
        (VARIANTS[3], Weigher(calibration), {"learn": False}),
        (VARIANTS[4], Weigher(calibration), {}),
    ):
        outcome = replay(batches, weigher, revise=False, **options)
        yield name, outcome.identities, outcome
    yield from live_and_offline(batches, last, calibration)


def live_and_offline(
    batches: Sequence[Sequence[Sighting]], last: Mapping[str, Sighting], calibration: Calibration
) -> Iterator[Variant]:
    """The last three variants: without looking back, the whole of it live, and offline."""
    outcome = replay(batches, Weigher(calibration))
    yield VARIANTS[5], outcome.identities, outcome
    live = replay(batches, Weigher(calibration), hindsight=_HINDSIGHT)
    yield VARIANTS[6], live.identities, None
    found = second_pass(list(last.values()), outcome.identities, Weigher(calibration))
    yield VARIANTS[7], {name: to.identity for name, to in found.items()}, None


def duration_idf1(
    identities: Mapping[str, int], person: Mapping[str, int], last: Mapping[str, Sighting]
) -> float:
    """IDF1 of perfect boxes: share of the time seen under the one number that suits each best."""
    people, rows = np.unique([person[name] for name in identities], return_inverse=True)
    numbers, columns = np.unique(list(identities.values()), return_inverse=True)
    seconds = np.array([last[name].end - last[name].begin for name in identities])
    shared = np.zeros((len(people), len(numbers)))
    np.add.at(shared, (rows, columns), seconds)
    best = linear_sum_assignment(shared, maximize=True)
    return float(shared[best].sum() / seconds.sum())


def watch(spec: SiteSpec, *, looks: Looks | None = None, faults: Faults | None = None) -> Watched:
    """A synthetic site's sightings in ticks."""
    observed = World(spec).observed(looks=looks, faults=faults)
    ticks: dict[int, list[Sighting]] = {}
    for report in observed.reports:
        ticks.setdefault(int(report.sent / _TICK), []).append(report.sighting)
    return Watched(list(ticks.values()), observed.truth.person)


def before_hindsight(found: Iterable[Variant], person: Mapping[str, int]) -> list[Judged]:
    """What was decided while the site ran, before anybody looked back, and who is who."""
    return [(outcome, person) for name, _, outcome in found if outcome and name == VARIANTS[5]]


def _print_reliability(judged: Sequence[Judged]) -> None:
    print("\nConfidence of the last live decision on each tracklet, and how many were right:\n")
    print(markdown(["confidence", "tracklets", "mean", "right"], reliability(judged)))


def reliability(outcomes: Iterable[Judged]) -> list[list[str]]:
    """How often decisions of each confidence were right: who had the number before, mostly."""
    rows = []
    confidence, right = map(np.array, zip(*_judged(outcomes), strict=True))
    for low in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
        high = {0.0: 0.5, 0.5: 0.7, 0.7: 0.8, 0.8: 0.9, 0.9: 0.95, 0.95: 0.99, 0.99: 1.01}[low]
        chosen = (confidence >= low) & (confidence < high)
        if chosen.any():
            figures = f"{confidence[chosen].mean():.3f}", f"{right[chosen].mean():.3f}"
            rows.append([f"{low:.2f} to {min(high, 1):.2f}", str(chosen.sum()), *figures])
    return rows


def _judged(outcomes: Iterable[Judged]) -> Iterator[tuple[float, bool]]:
    for outcome, person in outcomes:
        owners = _owners(outcome, person)
        for name, decision in outcome.decisions.items():
            yield decision.confidence, owners[decision.identity] == person[name]


def _owners(outcome: Outcome, person: Mapping[str, int]) -> dict[int, int]:
    """Identity → the person who has most of its tracklets."""
    found: dict[int, list[int]] = {}
    for name, identity in outcome.identities.items():
        found.setdefault(identity, []).append(person[name])
    return {identity: max(set(people), key=people.count) for identity, people in found.items()}


@app.command()
def recorded(
    data: Annotated[Path, typer.Option(help="Folder of clips with ground truth.")],
    detector: Annotated[list[str], typer.Option(help="Name or path of a model, or `truth`.")],
    site: Annotated[list[str] | None, typer.Option(help="mot16_09 or pets09; both.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Keeps recordings from run to run.")] = None,
) -> None:
    """IDF1 across cameras on recordings, by detector and evidence, and within each view."""
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    rows: list[list[str]] = []
    views: list[list[str]] = []
    live: list[Judged] = []
    try:
        for where in sites(data, site or ["mot16_09", "pets09"]):
            for model in detector:
                recording = _recorded(where, model, cache)
                found = list(variants(recording.batches, recording.last, calibration))
                live += before_hindsight(found, recording.perfect())
                rows.append(_across(where.name, Path(model).stem, recording, found))
                views += _within(where.name, Path(model).stem, recording, found)
    except HandoffError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    print(markdown(["site", "boxes", "tracklets", *VARIANTS, "perfect linking"], rows))
    print("\nIDF1 and HOTA within each view:\n")
    print(markdown(["site", "boxes", "view", "tracker alone", "live", "offline"], views))
    _print_reliability(live)
    print(f"\nMachine: {describe_machine()}")


def _across(name: str, boxes: str, recording: Recording, found: Sequence[Variant]) -> list[str]:
    scores = [recording.evaluate(identities).across.idf1 for _, identities, _ in found]
    scores.append(recording.evaluate(recording.perfect()).across.idf1)
    return [name, boxes, str(len(recording.last)), *(f"{score:.3f}" for score in scores)]


def _within(
    name: str, boxes: str, recording: Recording, found: Sequence[Variant]
) -> Iterator[list[str]]:
    """Each view as if it were alone: the tracker's own tracks, and what becomes of them."""
    alone = {tracklet: number for number, tracklet in enumerate(sorted(recording.last))}
    answers = [alone, *(identities for _, identities, _ in found[-2:])]
    scores = [recording.evaluate(identities).cameras for identities in answers]
    for view in scores[0]:
        figures = [f"{s[view].idf1:.3f}, {s[view].hota:.3f}" for s in scores]
        yield [name, boxes, view, *figures]


def _recorded(where: Where, model: str, cache: Path | None) -> Recording:
    path = None if cache is None else cache / f"{where.name}-{Path(model).stem}.pickle"
    if path is not None and path.is_file():
        found: Any = pickle.loads(path.read_bytes())
        return found
    recording = record(where, model)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(recording))
    return recording


@app.command()
def synthetic(
    cameras: Annotated[int, typer.Option(help="Cameras of the site.")] = 20,
    people: Annotated[int, typer.Option(help="People who walk in it.")] = 200,
    minutes: Annotated[float, typer.Option(help="How long it is watched.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Which site.")] = 7,
) -> None:
    """IDF1 on a synthetic site with perfect boxes, by evidence, and how far to trust confidence."""
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    spec = SiteSpec(cameras=cameras, people=people, seconds=60 * minutes, seed=seed)
    rows: list[list[str]] = []
    live: list[Judged] = []
    for name, looks in (("as measured", Looks()), ("30 % in three outfits", Looks(lookalikes=0.3))):
        site = watch(spec, looks=looks)
        found = list(variants(site.batches, site.last, calibration))
        live += before_hindsight(found, site.person)
        scores = [duration_idf1(named, site.person, site.last) for _, named, _ in found]
        rows.append([name, str(len(site.last)), *(f"{score:.3f}" for score in scores)])
    print(markdown(["looks", "tracklets", *VARIANTS], rows))
    _print_reliability(live)
    print(f"\nMachine: {describe_machine()}")


@app.command()
def robust(
    cameras: Annotated[int, typer.Option(help="Cameras of the site.")] = 12,
    people: Annotated[int, typer.Option(help="People who walk in it.")] = 60,
    minutes: Annotated[float, typer.Option(help="How long it is watched.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Which site.")] = 7,
) -> None:
    """What noise, missing boxes, odd cameras and wrong clocks cost: IDF1, live and offline."""
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    spec = SiteSpec(cameras=cameras, people=people, seconds=60 * minutes, seed=seed)
    infrared = tuple((camera, 0.1) for camera in range(cameras // 3))
    troubles = {
        "none": Faults(),
        "half as much noise again in the embeddings": Faults(noise=1.5),
        "a fifth of the detections missing": Faults(missing=0.2),
        "a camera dead for a third of the time": Faults(dead=((0, 600.0, 1200.0),)),
        "clocks wrong by up to 2 s": Faults(clock=2.0),
        "a third of the cameras see a tenth of what the others see": Faults(estranged=infrared),
    }
    rows = []
    for trouble, faults in troubles.items():
        site = watch(spec, faults=faults)
        found = live_and_offline(site.batches, site.last, calibration)
        scores = (f"{score:.3f}" for score in _idf1_of_both(found, site))
        rows.append([trouble, str(len(site.last)), *scores])
    print(markdown(["trouble", "tracklets", "live", "offline"], rows))
    print(f"\nMachine: {describe_machine()}")


def _idf1_of_both(found: Iterable[Variant], site: Watched) -> list[float]:
    """Of what there is live and offline."""
    return [
        duration_idf1(identities, site.person, site.last)
        for name, identities, _ in found
        if name in VARIANTS[6:]
    ]


_BROKEN = Faults(breaks=0.3, missing=0.15)
_YARD = SiteSpec(cameras=2, people=10, seconds=150, returns=0.9, absence=20)
_SHOP = SiteSpec(cameras=4, people=40, seconds=600, returns=0.1, absence=120)
SMALL = (
    ("2 cameras, 10 people who come back, 2.5 minutes", _YARD, Looks()),
    ("the same in dark coats", _YARD, confusing()),
    ("4 cameras, 40 people who pass by, 10 minutes", _SHOP, Looks()),
    ("the same in dark coats", _SHOP, confusing()),
)


@app.command()
def small(
    sites: Annotated[int, typer.Option(help="How many sites of each kind.")] = 10,
    seed: Annotated[int, typer.Option(help="The first of them.")] = 100,
) -> None:
    """Small sites whose tracks break: mean IDF1, live and offline."""
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    rows = []
    live: list[Judged] = []
    for name, spec, looks in SMALL:
        scores = []
        for number in range(seed, seed + sites):
            site = watch(replace(spec, seed=number), looks=looks, faults=_BROKEN)
            found = list(live_and_offline(site.batches, site.last, calibration))
            live += before_hindsight(found, site.person)
            scores.append(_idf1_of_both(found, site))
        rows.append([name, *(f"{score:.3f}" for score in np.mean(scores, axis=0))])
    print(markdown(["sites", "live", "offline"], rows))
    _print_reliability(live)
    print(f"\nMachine: {describe_machine()}")


@app.command()
def long(
    cameras: Annotated[int, typer.Option(help="Cameras of the site.")] = 40,
    people: Annotated[int, typer.Option(help="People who walk in it.")] = 600,
    minutes: Annotated[float, typer.Option(help="How long it is watched.")] = 120.0,
    seed: Annotated[int, typer.Option(help="Which site.")] = 3,
) -> None:
    """What the second pass takes over a long recording, with nobody known yet: time and memory."""
    calibration = read_calibration(find_weights(DEFAULT_NETWORK))
    site = watch(SiteSpec(cameras=cameras, people=people, seconds=60 * minutes, seed=seed))
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    nobody_known = {tracklet: number for number, tracklet in enumerate(site.last)}
    found = second_pass(list(site.last.values()), nobody_known, Weigher(calibration))
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    named = {name: to.identity for name, to in found.items()}
    row = [
        str(len(site.last)),
        f"{seconds:.0f}",
        f"{(after.ru_maxrss - before.ru_maxrss) / 1024:.0f}",
        f"{duration_idf1(named, site.person, site.last):.3f}",
    ]
    print(markdown(["tracklets", "seconds", "MiB more at most", "IDF1"], [row]))
    print(f"\nMachine: {describe_machine()}")


if __name__ == "__main__":
    app()
