"""How thoroughly the gallery is searched: among more tracklets more neighbours are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import redis
from people import sighting

from pipeline.embedded import EmbeddedRedis
from pipeline.searches import Searches

TRACKLETS, QUERIES, NEAREST = 4000, 40, 10


@pytest.fixture(scope="module")
def looks() -> np.ndarray:
    """Looks of people of whom no two are alike: the hardest to find one's way among."""
    looks = np.random.default_rng(0).normal(size=(TRACKLETS + QUERIES, 64)).astype(np.float32)
    return looks / np.linalg.norm(looks, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def client(redis_server: EmbeddedRedis, looks: np.ndarray) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_server.url, protocol=3)
    with client.pipeline(transaction=False) as pipe:
        for number, look in enumerate(looks[:TRACKLETS]):
            pipe.execute_command("VADD", "{searches}", "FP32", look.tobytes(), number)
        pipe.execute()
    yield client
    client.delete("{searches}")


def found(client: redis.Redis, looks: np.ndarray) -> float:
    """Share of the nearest that are found."""
    searches = Searches(client, "{searches}")
    asked = [sighting(str(n), embedding=look) for n, look in enumerate(looks[TRACKLETS:])]
    searches.find(asked[:1], NEAREST, 0, exact=False)  # learns how many there are
    near, exact = (searches.find(asked, NEAREST, 0, exact=exact) for exact in (False, True))
    hits = sum(len(a.alike.keys() & b.alike.keys()) for a, b in zip(near, exact, strict=True))
    return hits / (NEAREST * QUERIES)


def test_the_more_tracklets_there_are_the_more_are_looked_at(
    client: redis.Redis, looks: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.searches._EFFORT", NEAREST)
    usual = found(client, looks)
    monkeypatch.setattr("pipeline.searches._LARGE", 10)
    assert found(client, looks) > usual + 0.1
