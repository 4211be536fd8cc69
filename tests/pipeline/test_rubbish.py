"""Cyclic garbage: what is settled is not looked at again, and nothing is lost for ever."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pipeline.rubbish import Rubbish


class Loop:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself: Loop | None = self


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_has_come_since_is_collected_and_the_rest_is_left_alone() -> None:
    rubbish = Rubbish()
    rubbish.settle(now=0.0)
    loop = weakref.ref(Loop())
    rubbish.settle(now=1.0)
    assert loop() is None
    assert gc.get_freeze_count() > 1000


def test_a_cycle_that_dies_later_is_found_when_all_is_searched() -> None:
    rubbish, loop = Rubbish(), Loop()
    rubbish.settle(now=0.0)
    gone = weakref.ref(loop)
    del loop
    rubbish.settle(now=1.0)
    assert gone() is not None
    rubbish.settle(now=700.0)
    assert gone() is None
