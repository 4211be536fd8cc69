"""People correct who is who: at once, for good, and so that it can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from correction_parts import (
    announced,
    decide,
    identities,
    nothing_is_open,
    send,
)
from people import looks, sighting

from pipeline.constraints import CorrectionKind, Pair
from pipeline.corrections import Correction
from pipeline.errors import CorrectionError
from pipeline.matcher import MatchingService
from pipeline.store import Store

# ── merge ───────────────────────────────────────────────────────────────────────────────────


def test_two_people_become_one(two: Store) -> None:
    before = two.last_decision()
    made = two.corrections.merge(1, 2, by="Ann")
    assert identities(two) == {"a1": 1, "a2": 1, "b1": 1}
    assert (made.kind, made.identity, made.other, made.moved) == (CorrectionKind.MERGE, 1, 2, 1)
    assert (made.by, made.stands) == ("Ann", True)
    assert announced(two, before) == [("b1", 1, "merged", "person")]
    assert [i.identity for i in two.identities()] == [1]


def test_the_number_that_went_leads_to_the_one_that_was_kept(two: Store) -> None:
    decide(two, "c1", 3, person=3)
    two.corrections.merge(1, 2)
    two.corrections.merge(3, 1)
    person = two.identity(2)
    assert person is not None
    assert (person.identity, len(person.tracklets)) == (3, 4)


def test_a_merge_can_be_named_by_numbers_that_went_before(two: Store) -> None:
    decide(two, "c1", 3, person=3)
    two.corrections.merge(1, 2)
    two.corrections.merge(2, 3)
    assert set(identities(two).values()) == {1}


def test_what_was_merged_is_pinned_and_found_in_the_gallery(two: Store) -> None:
    two.corrections.merge(1, 2)
    records = [two.tracklet(name) for name in ("a1", "a2", "b1")]
    assert [r.pinned for r in records if r] == [True, True, True]
    stranger = sighting("x", "east", 8.0, 9.0, embedding=looks(2))
    (found,) = two.gallery.candidates([stranger], memory=100.0, exact=True)
    assert {c.record.identity for c in found} == {1}


def test_merging_twice_is_merging_once(two: Store) -> None:
    first = two.corrections.merge(1, 2)
    newest = two.last_decision()
    assert two.corrections.merge(1, 2) == first
    assert two.corrections.merge(2, 1) == first
    assert two.last_decision() == newest


@pytest.mark.parametrize(
    ("keep", "other", "words"),
    [
        pytest.param(1, 99, "expected the number of a known person, found 99", id="unknown"),
        pytest.param(99, 1, "expected the number of a known person, found 99", id="keep unknown"),
        pytest.param(1, 1, "expected two people, found person 1 twice", id="the same"),
    ],
)
def test_a_merge_of_nobody_is_one_sentence(two: Store, keep: int, other: int, words: str) -> None:
    with pytest.raises(CorrectionError, match=words):
        two.corrections.merge(keep, other)


# ── split ───────────────────────────────────────────────────────────────────────────────────


def test_tracklets_that_are_split_off_get_a_number_of_their_own(two: Store) -> None:
    before = two.last_decision()
    made = two.corrections.split(1, ["a2"])
    assert identities(two) == {"a1": 1, "a2": 3, "b1": 2}
    assert (made.identity, made.other, made.moved) == (1, 3, 1)
    assert announced(two, before) == [("a2", 3, "revised", "person")]
    assert two.new_identity() == 4


def test_what_was_split_is_apart(two: Store) -> None:
    two.corrections.split(1, ["a2"])
    said = two.corrections.constraints()
    assert said.apart(1, 3)
    assert said.forbidden("a1", 3)
    assert said.forbidden("a2", 1)
    assert list(said.labelled_pairs()) == [Pair("a1", "a2", same=False)]


def test_splitting_twice_is_splitting_once(two: Store) -> None:
    first = two.corrections.split(1, ["a2"])
    assert two.corrections.split(1, ["a2"]) == first
    assert identities(two) == {"a1": 1, "a2": 3, "b1": 2}


@pytest.mark.parametrize(
    ("identity", "tracklets", "words"),
    [
        pytest.param(1, ["b1"], "expected tracklets of person 1, found 'b1'", id="another's"),
        pytest.param(1, ["a1", "a2"], "expected a tracklet of person 1 to stay", id="all of them"),
        pytest.param(1, [], "expected at least one tracklet", id="none"),
        pytest.param(99, ["a1"], "expected the number of a known person, found 99", id="unknown"),
    ],
)
def test_a_split_that_cannot_be_is_one_sentence(
    two: Store, identity: int, tracklets: list[str], words: str
) -> None:
    with pytest.raises(CorrectionError, match=words):
        two.corrections.split(identity, tracklets)
    assert two.new_identity() == 3  # and costs no number


# ── rename ──────────────────────────────────────────────────────────────────────────────────


def test_a_name_is_shown_until_it_is_taken_away(two: Store) -> None:
    before = two.last_decision()
    two.corrections.rename(1, "  Ann ")
    assert [(i.identity, i.name) for i in two.identities()] == [(2, None), (1, "Ann")]
    two.corrections.rename(1, None)
    assert two.identity(1).name is None  # type: ignore[union-attr]
    assert announced(two, before) == [("", 1, "renamed", "person")] * 2


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "\x1b[31m"])
def test_a_name_is_short_and_printable(two: Store, name: str) -> None:
    with pytest.raises(CorrectionError, match="expected a name of 1 to 80 printable characters"):
        two.corrections.rename(1, name)


@pytest.mark.parametrize(
    ("one", "other", "then"),
    [
        pytest.param("Ann", "Bob", "Ann", id="the one that is kept"),
        pytest.param(None, "Bob", "Bob", id="or else the other"),
    ],
)
def test_after_a_merge_there_is_one_name(
    two: Store, one: str | None, other: str, then: str
) -> None:
    two.corrections.rename(1, one)
    two.corrections.rename(2, other)
    merged = two.corrections.merge(1, 2)
    assert two.identity(1).name == then  # type: ignore[union-attr]
    two.corrections.undo(merged.id)
    assert [two.identity(n).name for n in (1, 2)] == [one, other]  # type: ignore[union-attr]


# ── undo ────────────────────────────────────────────────────────────────────────────────────


def correct(store: Store, what: str) -> Correction:
    """One correction of each kind."""
    corrections = store.corrections
    return {
        "merge": lambda: corrections.merge(1, 2),
        "split": lambda: corrections.split(1, ["a2"]),
        "rename": lambda: corrections.rename(1, "Ann"),
    }[what]()


def everything(store: Store) -> tuple[object, ...]:
    """All that people see or that matching rests on, but for the streams."""
    said = store.corrections.constraints()
    return store.identities(), said.statements, dict(said.merged), identities(store)


@pytest.mark.parametrize("what", ["merge", "split", "rename"])
def test_what_is_undone_is_as_it_was(two: Store, what: str) -> None:
    before = everything(two)
    made = correct(two, what)
    assert everything(two) != before
    undone = two.corrections.undo(made.id, by="Bob")
    assert [i for i in two.identities() if i.identity != 3] == before[0]
    assert everything(two)[1] == before[1]
    assert (undone.kind, undone.undoes, undone.by) == (CorrectionKind.UNDO, made.id, "Bob")
    assert two.corrections.undo(made.id) == undone
    assert [c.stands for c in two.corrections.history()] == [False, False]


def test_who_was_pinned_before_stays_pinned(two: Store) -> None:
    decide(two, "c1", 3, person=3)
    two.corrections.merge(1, 2)
    later = two.corrections.merge(1, 3)
    two.corrections.undo(later.id)
    pinned = {name: two.tracklet(name).pinned for name in identities(two)}  # type: ignore[union-attr]
    assert pinned == {"a1": True, "a2": True, "b1": True, "c1": False}


def test_the_number_of_somebody_who_was_put_back_leads_there(two: Store) -> None:
    made = two.corrections.split(1, ["a2"])
    two.corrections.undo(made.id)
    assert two.identity(3) == two.identity(1)


def test_of_several_corrections_of_the_same_people_the_last_is_undone_first(two: Store) -> None:
    first = two.corrections.merge(1, 2)
    second = two.corrections.split(1, ["b1"])
    with pytest.raises(CorrectionError, match=f"undo {second.id} first"):
        two.corrections.undo(first.id)
    two.corrections.undo(second.id)
    two.corrections.undo(first.id)
    assert identities(two) == {"a1": 1, "a2": 1, "b1": 2}


def test_an_undo_and_what_is_unknown_cannot_be_undone(two: Store) -> None:
    undone = two.corrections.undo(two.corrections.merge(1, 2).id)
    with pytest.raises(CorrectionError, match="it took another one back"):
        two.corrections.undo(undone.id)
    with pytest.raises(CorrectionError, match="expected the id of a correction, found 'x'"):
        two.corrections.undo("x")


# ── the matcher ─────────────────────────────────────────────────────────────────────────────


def test_the_matcher_does_not_undo_a_merge(store: Store, service: MatchingService) -> None:
    send(store, service, sighting("a1", person=1), sighting("b1", "east", 8.0, 9.0, person=2))
    assert identities(store) == {"a1": 1, "b1": 2}
    store.corrections.merge(1, 2)
    send(store, service, sighting("b1", "east", 8.0, 12.0, person=2))
    assert identities(store) == {"a1": 1, "b1": 1}
    record = store.tracklet("b1")
    assert record is not None
    assert (record.pinned, record.end) == (True, 12.0)


def test_the_matcher_does_not_undo_a_split(store: Store, service: MatchingService) -> None:
    alike = [sighting("a1", end=5.0), sighting("a2", "east", 8.0, 9.0)]
    send(store, service, *alike)
    assert set(identities(store).values()) == {1}
    store.corrections.split(1, ["a2"])
    send(store, service, sighting("a1", end=6.0), sighting("a2", "east", 8.0, 12.0))
    assert identities(store) == {"a1": 1, "a2": 2}


def test_what_is_undone_is_the_matchers_again(store: Store, service: MatchingService) -> None:
    send(store, service, sighting("a1", end=5.0), sighting("a2", "east", 8.0, 9.0))
    store.corrections.undo(store.corrections.split(1, ["a2"]).id)
    send(store, service, sighting("a2", "east", 8.0, 12.0, person=9))
    assert identities(store)["a2"] == 3


@pytest.fixture
def interrupted(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a person correct something just before the next decision is written."""

    def interrupt(correct: Callable[..., Correction], *what: object) -> None:
        record = store.record

        def corrected(*args: Any, **options: Any) -> bool:
            monkeypatch.undo()
            correct(*what)
            return record(*args, **options)

        monkeypatch.setattr(store, "record", corrected)

    return interrupt


def test_a_merge_while_a_decision_is_under_way_stands(
    store: Store, service: MatchingService, interrupted: Callable[..., None]
) -> None:
    send(store, service, sighting("a1", person=1), sighting("b1", "east", 8.0, 9.0, person=2))
    interrupted(store.corrections.merge, 1, 2)
    send(store, service, sighting("c1", "north", 20.0, 24.0, person=2))  # would be 2's
    assert (identities(store)["a1"], identities(store)["b1"]) == (1, 1)
    assert identities(store)["c1"] != 2
    assert store.identity(2) == store.identity(1)


def test_a_split_while_a_decision_is_under_way_stands(
    store: Store, service: MatchingService, interrupted: Callable[..., None]
) -> None:
    send(store, service, sighting("a1", end=5.0), sighting("a2", "east", 8.0, 9.0))
    interrupted(store.corrections.split, 1, ["a2"])
    send(store, service, sighting("a2", "east", 8.0, 12.0))
    assert identities(store) == {"a1": 1, "a2": 2}


def test_somebody_forgotten_while_a_decision_is_under_way_stays_forgotten(
    store: Store, service: MatchingService, interrupted: Callable[..., None]
) -> None:
    send(store, service, sighting("a1"))
    interrupted(store.corrections.forget, 1)
    send(store, service, sighting("a1", end=9.0), sighting("b1", "east", 6.0, 9.0, person=2))
    assert list(identities(store)) == ["b1"]
    assert nothing_is_open(store)


def test_people_who_correct_at_once_do_not_get_into_each_others_way(store: Store) -> None:
    for number in range(1, 9):
        decide(store, f"t{number}", number, person=number)
    with ThreadPoolExecutor(4) as people:
        list(people.map(lambda n: store.corrections.merge(1, n), range(2, 9)))
    assert set(identities(store).values()) == {1}
    assert len(store.corrections.history()) == 7
