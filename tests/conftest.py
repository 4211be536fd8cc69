"""What several tests share: the smallest real things, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from engines.zoo import fetch
from pipeline.embedded import EmbeddedRedis
from pipeline.errors import ModelError
from pipeline.store import Store

# However busy the machine: drawing an example may take seconds there.
_slow = [HealthCheck.too_slow]
settings.register_profile(
    "shared machine", deadline=None, max_examples=50, suppress_health_check=_slow
)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """A real Redis server for the whole session."""
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def store(redis_server: EmbeddedRedis) -> Iterator[Store]:
    """The store of a site that no other test uses."""
    store = Store.connect(redis_server.url, site=f"test-{uuid4().hex[:12]}")
    yield store
    store.close()


def _fetched(name: str) -> Path:
    try:
        return fetch(name)
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def vtest_path() -> Path:
    """OpenCV's sample of people in a street, fetched once into the user's cache."""
    return _fetched("vtest")


@pytest.fixture(scope="session")
def ssdlite_path() -> Path:
    """A small real detector of people, fetched once into the user's cache."""
    return _fetched("ssdlite")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder of models by others, where this machine has it: see its README for what they are."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "weights"
    if not folder.is_dir():
        pytest.skip(f"no models by others at {folder}")
    return folder
