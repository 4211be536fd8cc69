"""What several tests share: the smallest real things, started once."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import settings

from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store

settings.register_profile("shared machine", deadline=None, max_examples=50)
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
