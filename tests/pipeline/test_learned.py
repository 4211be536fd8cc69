"""What a matcher has learned is there for the next one."""

from __future__ import annotations

from pathlib import Path

from people import sighting

from pipeline.config import Site, load_site
from pipeline.evidence import Calibration
from pipeline.lease import Lease
from pipeline.matcher import MatchingService
from pipeline.presence import MATCHER
from pipeline.store import Store
from pipeline.strangers import KEY as STRANGERS
from pipeline.transit import TransitModel

CALIBRATION = Calibration(slope=20.0, offset=-12.0, trust=1.0)


def demo() -> Site:
    return load_site(Path(__file__).parents[2] / "cams.yaml")


def walked() -> TransitModel:
    model = TransitModel()
    for start in range(0, 2000, 100):
        model.observe("west", "", "east", "door", 9.0, start)
        model.observe_exit("west", "", start)
    return model


def fields(model: TransitModel) -> dict[str, dict[str, bytes]]:
    return {key: model.to_fields(key) for key in model.take_changed()}


def test_what_was_learned_is_read_back_as_it_was(store: Store) -> None:
    model, again = walked(), TransitModel()
    assert store.learned.put(fields(model))
    for key, values in store.learned.get().items():
        again.load(key, values)
    asked = "west", "", "east", "door", 9.0, 2100.0
    assert again.llr(*asked) == model.llr(*asked)


def test_nothing_was_learned_before_anybody_walked(store: Store) -> None:
    assert store.learned.get() == {}


def test_what_is_gone_from_a_pair_is_gone(store: Store) -> None:
    store.learned.put({"west>east": {"a>b": b"1", "c>d": b"2"}})
    store.learned.put({"west>east": {"a>b": b"3"}})
    assert store.learned.get() == {"west>east": {"a>b": b"3"}}
    store.learned.put({"west>east": {}})
    assert store.learned.get() == {}


def test_a_matcher_that_is_not_in_charge_any_more_writes_nothing(store: Store) -> None:
    late = store.presence.hold(MATCHER, "late", seconds=0.05)
    store.presence.release(MATCHER, "late")
    store.presence.hold(MATCHER, "now", seconds=10.0)
    assert late is not None
    assert not store.learned.put(fields(walked()), token=late.token)
    assert store.learned.get() == {}


def matcher(store: Store, owner: str) -> MatchingService:
    lease = Lease(store.presence, MATCHER, owner, seconds=5.0)
    return MatchingService(store, demo(), CALIBRATION, exact=True, lease=lease)


def test_whoever_takes_over_goes_on_with_what_the_one_before_has_learned(store: Store) -> None:
    first, second = matcher(store, "first"), matcher(store, "second")
    store.send_sighting(sighting("w1", "west", 0.0, 5.0, closed=True))
    store.send_sighting(sighting("e1", "east", 14.0, 20.0, closed=True))
    first.run(lambda: first.weigher.transit.transits() != {}, tick_seconds=0.01)
    second.run(lambda: second.in_charge, tick_seconds=0.01)
    assert second.weigher.transit.transits().keys() == first.weigher.transit.transits().keys()
    assert ("west", "", "east", "") in second.weigher.transit.transits()


def test_how_alike_strangers_are_is_remembered_too(store: Store) -> None:
    first, second = matcher(store, "first"), matcher(store, "second")
    for name in "abc":  # all look alike, and are there at once
        store.send_sighting(sighting(name, "west", 0.0, 5.0, closed=True))
    usual = first.weigher.strangers.trust("west", "west")
    first.run(lambda: first.weigher.strangers.trust("west", "west") < usual, tick_seconds=0.01)
    second.run(lambda: second.in_charge, tick_seconds=0.01)
    learned = first.weigher.strangers.trust("west", "west")
    assert second.weigher.strangers.trust("west", "west") == learned < usual


def test_what_strangers_look_like_is_kept_bit_by_bit(store: Store) -> None:
    for fields in ({"west>west": b"2 0.5"}, {"east>west": b"1 0.25"}, {"west>west": b"3 0.75"}):
        store.learned.put({STRANGERS: fields})
    found = store.learned.get()[STRANGERS]
    assert found == {"west>west": b"3 0.75", "east>west": b"1 0.25"}


def test_what_cannot_be_read_is_dropped_and_learned_anew(store: Store) -> None:
    store.learned.put({STRANGERS: {"west>west": b"nonsense"}})
    service = matcher(store, "first")
    service.run(lambda: service.in_charge, tick_seconds=0.01)
    assert store.learned.get() == {}
