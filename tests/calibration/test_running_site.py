"""Topology and curve are learned from the Redis of a site whose matcher works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
import yaml
from dying_matcher import service
from people import looks, sighting
from site_life import nothing_is_open

from calibration import similarity, topology
from pipeline.curve import read_curve
from pipeline.data import Sighting
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store
from pipeline.topology import read_topology

NETWORK = ""  # what a matcher without one says
SECONDS_BETWEEN = 12.0


def walks(pairs: int = 15) -> Iterator[Sighting]:
    """Two people at a time, one in each camera; both then go to the other camera."""
    for pair in range(pairs):
        for order, cameras in enumerate((("hall", "till"), ("till", "hall"))):
            begin = 60.0 * pair + order * (6.0 + SECONDS_BETWEEN)
            for person, camera in zip((2 * pair, 2 * pair + 1), cameras, strict=True):
                yield sighting(
                    f"{camera}-{person}",
                    camera,
                    begin,
                    begin + 6.0,
                    closed=True,
                    embedding=looks(person, noise=0.2, seed=order),
                )


@pytest.fixture
def cameras(redis_server: EmbeddedRedis, tmp_path: Path) -> Path:
    """The cams.yaml of a site that thirty people have walked through."""
    site = f"test-{uuid4().hex[:12]}"
    store = Store.connect(redis_server.url, site=site)
    store.open_sightings()
    for seen in walks():
        store.send_sighting(seen)
    works = service(store, "a")
    works.run(lambda: works.in_charge and nothing_is_open(store), tick_seconds=0.01)
    store.close()
    path = tmp_path / "cams.yaml"
    settings = {
        "site": site,
        "cameras": {name: {"source": "device:77"} for name in ("hall", "till")},
        "redis": {"url": redis_server.url},
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def run(command: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", [command.__name__, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)


def test_ways_and_curve_are_learned(
    cameras: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways, curve = tmp_path / "topology.yaml", tmp_path / "curve.yaml"
    site = "--cameras", cameras, "--output"
    assert run(topology, monkeypatch, "learn", *site, ways) == 0
    assert run(similarity, monkeypatch, "running", *site, curve) == 0
    medians = {
        (transit.start[0], transit.to[0]): transit.median
        for transit in read_topology(ways).transits
    }
    assert medians["hall", "till"] == pytest.approx(SECONDS_BETWEEN, rel=0.1)
    assert medians["till", "hall"] == pytest.approx(SECONDS_BETWEEN, rel=0.1)
    assert read_curve(curve, network=NETWORK).slope > 5
