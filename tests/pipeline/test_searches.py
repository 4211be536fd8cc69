"""How thoroughly the gallery is searched: in a large one more, for those who have gone."""

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


def found(client: redis.Redis, looks: np.ndarray, *, closed: bool) -> float:
    """Share of the nearest that are found."""
    searches = Searches(client, "{searches}")
    asked = [
        sighting(str(number), embedding=look, closed=closed)
        for number, look in enumerate(looks[TRACKLETS:])
    ]
    searches.find(asked[:1], NEAREST, 0, exact=False)  # learns how many there are
    near, exact = (searches.find(asked, NEAREST, 0, exact=exact) for exact in (False, True))
    hits = sum(len(a.alike.keys() & b.alike.keys()) for a, b in zip(near, exact, strict=True))
    return hits / (NEAREST * QUERIES)


def test_in_a_large_gallery_those_who_have_gone_are_searched_for_thoroughly(
    client: redis.Redis, looks: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.searches._EFFORT", NEAREST)
    small = found(client, looks, closed=True)
    monkeypatch.setattr("pipeline.searches._LARGE", 40)
    assert found(client, looks, closed=False) == small
    assert found(client, looks, closed=True) > small + 0.1
