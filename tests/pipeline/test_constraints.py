"""What people said about who is who: the later word counts."""

from __future__ import annotations

import pytest
from people import record

from pipeline.constraints import Constraints, CorrectionKind, Pair, Statement
from pipeline.data import IdentityRecord
from pipeline.wire import pack_statement, unpack_statement


def merge(number: int, keep: int, other: int, kept: str, moved: str) -> Statement:
    sides = {"kept": tuple(kept.split()), "moved": tuple(moved.split())}
    return Statement(f"{number}-0", CorrectionKind.MERGE, keep, other, **sides)


def split(number: int, identity: int, new: int, kept: str, moved: str) -> Statement:
    sides = {"kept": tuple(kept.split()), "moved": tuple(moved.split())}
    return Statement(f"{number}-0", CorrectionKind.SPLIT, identity, new, **sides)


def person(identity: int, *tracklets: str) -> IdentityRecord:
    records = [record(name, "west", 0.0, 5.0, identity=identity) for name in tracklets]
    return IdentityRecord(identity, tuple(records))


MERGED = Constraints(statements=[merge(1, 3, 7, "a b", "c")], merged={7: 3})
SPLIT = Constraints(statements=[split(1, 3, 8, "a b", "c d")])


def test_nobody_has_said_anything_at_first() -> None:
    nothing = Constraints()
    assert nothing.pinned("a") is None
    assert not nothing.forbidden("a", 3)
    assert not nothing.apart(3, 7)
    assert not nothing.forgotten("a")
    assert list(nothing.labelled_pairs()) == []


@pytest.mark.parametrize("tracklet", ["a", "b", "c"])
def test_a_merge_pins_both_sides(tracklet: str) -> None:
    assert MERGED.pinned(tracklet) == 3
    assert MERGED.forbidden(tracklet, 7)
    assert not MERGED.forbidden(tracklet, 3)


def test_a_split_pins_what_went_and_keeps_the_rest_away_from_it() -> None:
    assert [SPLIT.pinned(name) for name in "abcd"] == [None, None, 8, 8]
    assert SPLIT.forbidden("c", 3)
    assert SPLIT.forbidden("a", 8)
    assert not SPLIT.forbidden("a", 5)
    assert SPLIT.apart(3, 8)
    assert SPLIT.apart(8, 3)
    assert not SPLIT.apart(3, 3)


def test_what_was_split_stays_apart_when_one_side_is_merged_with_a_third() -> None:
    statements = [split(1, 3, 8, "a", "c"), merge(2, 5, 8, "e", "c")]
    said = Constraints(statements=statements, merged={8: 5})
    assert said.apart(3, 5)
    assert said.forbidden("a", 5)
    assert said.pinned("c") == 5


def test_of_two_words_about_the_same_people_the_later_counts() -> None:
    statements = [merge(10, 3, 8, "a", "c"), split(9, 3, 8, "a", "c")]  # in any order
    said = Constraints(statements=statements, merged={8: 3})
    assert (said.pinned("a"), said.pinned("c")) == (3, 3)
    assert not said.apart(3, 8)
    assert list(said.labelled_pairs()) == [Pair("a", "c", same=True)]


def test_a_number_leads_through_all_merges_to_the_one_that_is_left() -> None:
    said = Constraints(merged={7: 3, 3: 2, 9: 7})
    assert [said.resolve(n) for n in (9, 7, 3, 2, 1)] == [2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("keep", "other", "may"),
    [
        pytest.param(person(5, "e"), person(6, "f"), True, id="nobody spoke of them"),
        pytest.param(person(3, "a"), person(8, "c"), False, id="told apart"),
        pytest.param(person(5, "e"), person(8, "c"), False, id="would move what is pinned"),
        pytest.param(person(8, "c"), person(5, "e"), True, id="joins what is pinned"),
        pytest.param(person(8, "c"), person(5, "a"), False, id="told apart, moved since"),
        pytest.param(person(5, "a"), person(8, "x"), False, id="and the other way round"),
    ],
)
def test_identities_are_merged_by_rule_only_where_nobody_objects(
    keep: IdentityRecord, other: IdentityRecord, may: bool
) -> None:
    assert SPLIT.may_merge(keep, other) is may


def test_pairs_for_learning_are_labelled_and_not_too_many() -> None:
    assert list(SPLIT.labelled_pairs(most=3)) == [
        Pair("a", "c", same=False),
        Pair("a", "d", same=False),
        Pair("b", "c", same=False),
    ]


def test_a_statement_is_written_down_and_read_back() -> None:
    said = split(1, 3, 8, "a b", "c")
    assert unpack_statement(said.id.encode(), pack_statement(said)) == said
