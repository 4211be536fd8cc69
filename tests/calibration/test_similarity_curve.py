"""The curve from similarity to likelihood ratio, from a site's own people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from people import sighting

from calibration.alike import LEAST_PAIRS, site_pairs
from calibration.similarity import main, write_curve
from engines.card import LikelihoodRatio
from engines.reliability import Pairs, fit
from pipeline.config import load_site
from pipeline.constraints import Pair
from pipeline.curve import read_curve
from pipeline.data import Decision, DecisionKind, IdentityRecord, TrackletRecord
from pipeline.errors import ConfigError
from pipeline.evidence import WITHIN
from pipeline.store import Settled, Store

SIZE = 32
Looks = dict[str, np.ndarray]


def seen(
    name: str,
    camera: str,
    begin: float,
    *,
    person: int = 1,
    x: float = 0.5,
    confidence: float = 0.95,
) -> TrackletRecord:
    """Somebody stands in a view for five seconds."""
    foot = (x, 0.8)
    return TrackletRecord(
        name, camera, begin, begin + 5, person, confidence, True, entered=foot, left=foot
    )


def look(person: int, number: int, *, noise: float = 0.6) -> np.ndarray:
    base = np.random.default_rng(person).normal(size=SIZE)
    vector = base + noise * np.random.default_rng((person, number)).normal(size=SIZE)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def site(people: int = 60) -> tuple[list[IdentityRecord], Looks]:
    """Two people at a time are in each of two cameras, one after the other."""
    identities, looks = [], {}
    for person in range(people):
        begin = 100.0 * (person // 2)
        tracklets = [
            seen(
                f"{camera}-{person}",
                camera,
                begin + later,
                person=person,
                x=0.2 + 0.6 * (person % 2),
            )
            for camera, later in (("west", 0.0), ("east", 30.0))
        ]
        identities.append(IdentityRecord(person, tuple(tracklets)))
        looks |= {t.tracklet: look(person, number) for number, t in enumerate(tracklets)}
    return identities, looks


def pairs_of(*records: TrackletRecord, **options: object) -> Callable[[], Pairs]:
    """The pairs that come on top of a site's."""
    identities, looks = site()
    by_person: dict[int, list[TrackletRecord]] = {}
    for record in records:
        by_person.setdefault(1000 + record.identity, []).append(record)
    more = [IdentityRecord(person, tuple(r)) for person, r in by_person.items()]
    looks |= {record.tracklet: look(1000, 0) for record in records}
    return lambda: site_pairs([*identities, *more], looks, **options)  # type: ignore[arg-type]


def added(pairs: Pairs, *, same: bool) -> int:
    """How many pairs look exactly alike, which those of the site do not."""
    alike = np.isclose(pairs.similarity[:, None], (1.0, 1.0 - WITHIN), atol=1e-4).any(axis=1)
    return int((alike & (pairs.same == same)).sum())


def test_a_site_teaches_its_own_curve() -> None:
    pairs = site_pairs(*site())
    assert (pairs.same.sum(), (~pairs.same).sum()) == (60, 60)
    ratio = fit(pairs)
    assert ratio.slope > 5
    assert ratio(0.9) > 2
    assert ratio(0.1) < -2
    assert pairs.weight[pairs.same].sum() == pytest.approx(0.5)


def test_people_who_are_told_apart_without_a_mistake_do_not_make_it_steep() -> None:
    apart = Pairs(np.array([0.3, 0.7]), np.array([False, True]), np.array([0.5, 0.5]))
    ratio = fit(apart, doubt=0.02)
    assert ratio.probability([0.3, 0.7]) == pytest.approx([0.02, 0.98], abs=0.005)


@pytest.mark.parametrize(
    ("one", "other", "same", "number"),
    [
        pytest.param(seen("a", "w", 9e5), seen("b", "e", 9e5 + 60), True, 1, id="another camera"),
        pytest.param(seen("a", "w", 9e5), seen("b", "w", 9e5 + 7), True, 0, id="broken"),
        pytest.param(seen("a", "w", 9e5), seen("b", "w", 9e5 + 900), True, 1, id="came back"),
        pytest.param(
            seen("a", "w", 9e5), seen("b", "e", 9e5 + 60, confidence=0.6), True, 0, id="not sure"
        ),
        pytest.param(
            seen("a", "w", 9e5, x=0.2), seen("b", "w", 9e5 + 2, person=2, x=0.8), False, 1,
            id="together in one view",
        ),
        pytest.param(
            seen("a", "w", 9e5, x=0.5), seen("b", "w", 9e5 + 2, person=2, x=0.55), False, 0,
            id="perhaps one person twice",
        ),
        pytest.param(
            seen("a", "w", 9e5), seen("b", "w", 9e5 + 4.5, person=2, x=0.9), False, 0,
            id="together for too short",
        ),
        pytest.param(
            seen("a", "w", 9e5), seen("b", "e", 9e5 + 2, person=2), False, 1, id="in two views"
        ),
    ],
)  # fmt: skip
def test_only_what_is_known_counts(
    one: TrackletRecord, other: TrackletRecord, same: bool, number: int
) -> None:
    assert added(pairs_of(one, other)(), same=same) == number


def test_what_people_said_goes_before_what_was_decided() -> None:
    one, other = seen("a", "w", 9e5), seen("b", "e", 9e5 + 60)
    pairs = pairs_of(one, other, said=[Pair("a", "b", same=False)])()
    assert (added(pairs, same=True), added(pairs, same=False)) == (0, 1)


def test_too_few_people_are_a_sentence() -> None:
    with pytest.raises(ConfigError, match=f"at least {LEAST_PAIRS} pairs .* found 2 and 2"):
        site_pairs(*site(people=2))


# ── the file and the command ────────────────────────────────────────────────────────────────────


def curve(folder: Path, network: str = "net@1") -> Path:
    write_curve(
        LikelihoodRatio(14.0, -7.5), site_pairs(*site()), folder / "curve.yaml", network=network
    )
    return folder / "curve.yaml"


def test_a_curve_is_written_and_read_back(tmp_path: Path) -> None:
    calibration = read_curve(curve(tmp_path), network="net@1")
    assert (calibration.slope, calibration.offset) == (14.0, -7.5)


def test_the_curve_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="network: expected net@2, which is in use, found net@1"):
        read_curve(curve(tmp_path), network="net@2")


def test_cams_yaml_names_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "cams.yaml"
    path.write_text("cameras: {w: {source: 'device:0'}}\nmatching: {similarity: curve.yaml}")
    curve(tmp_path)
    assert load_site(path).matching.similarity == tmp_path / "curve.yaml"


def utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def results(folder: Path) -> Path:
    """What --offline writes, as far as it is read."""
    identities, looks = site()
    listed = [
        {
            "identity": i.identity,
            "tracklets": [
                {
                    "tracklet": t.tracklet, "camera": t.camera, "begin": utc(t.begin),
                    "end": utc(t.end), "entered": t.entered, "left": t.left,
                    "confidence": t.confidence, "thumbnail": None,
                }
                for t in i.tracklets
            ],
        }
        for i in identities
    ]  # fmt: skip
    text = json.dumps({"site": "shop", "network": "net@1", "identities": listed})
    (folder / "identities.json").write_text(text, encoding="utf-8")
    np.save(
        folder / "embeddings.npy",
        np.stack([looks[t.tracklet] for i in identities for t in i.tracklets]),
    )
    return folder


def test_the_command_fits_tells_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras, output, picture = (
        tmp_path / name for name in ("cams.yaml", "curve.yaml", "curve.png")
    )
    cameras.write_text("cameras: {w: {source: 'device:0'}}")
    arguments = "running", "--cameras", cameras, "--results", results(tmp_path), "--output", output
    monkeypatch.setattr("sys.argv", ["similarity", *map(str, arguments), "--picture", str(picture)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert read_curve(output, network="net@1").slope > 5
    assert "expected calibration error" in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_gallery_gives_embeddings_back(store: Store) -> None:
    one = sighting("w-1", closed=True)
    decision = Decision("w-1", "west", 1, DecisionKind.NEW, 0.9)
    store.open_sightings()
    store.gallery.begin("net@1")
    store.record([Settled(one, decision)])
    looks = store.looks(["w-1", "gone"])
    assert set(looks) == {"w-1"}
    assert float(looks["w-1"] @ one.embedding) == pytest.approx(1.0, abs=0.01)
    assert store.gallery_network() == "net@1"
