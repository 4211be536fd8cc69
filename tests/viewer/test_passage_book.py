"""Passages are kept in step with what Redis holds, whatever happens to people."""

from __future__ import annotations

import numpy as np
import pytest
import redis
from api_parts import walk_by
from crowds import write_crowd
from viewer_parts import NOON

from pipeline.embedded import EmbeddedRedis
from pipeline.store import Store
from pipeline.viewer.passage_book import PassageBook
from pipeline.viewer.passages import Passages

ALWAYS = -np.inf


@pytest.fixture
def site(store: Store) -> Store:
    """Three people: one seen twice, one still in view, one seen once."""
    walk_by(store, "west-1", 1)
    walk_by(store, "east-1", 1, begin=30)
    walk_by(store, "west-2", 2, begin=10, closed=False)
    walk_by(store, "east-3", 3, begin=50)
    store.new_identity(above=3)
    return store


@pytest.fixture
def book(site: Store) -> PassageBook:
    """It has been read once."""
    book = PassageBook(site)
    book.since(ALWAYS)
    return book


def rows(passages: Passages | None) -> list[tuple[str, int, float, float]]:
    """Camera, person, and seconds after noon, in order of time."""
    assert passages is not None
    cameras = [passages.cameras[place] for place in passages.camera.tolist()]
    begins, ends = ((times - NOON).tolist() for times in (passages.begin, passages.end))
    listed = zip(cameras, passages.identity.tolist(), begins, ends, strict=True)
    return sorted(listed, key=lambda row: (row[2], row))


def test_everybody_is_there(book: PassageBook) -> None:
    assert rows(book.since(ALWAYS)) == [
        ("west", 1, 0, 8), ("west", 2, 10, 18), ("east", 1, 30, 38), ("east", 3, 50, 58),
    ]  # fmt: skip


def test_who_comes_and_who_stays_on_is_followed(site: Store, book: PassageBook) -> None:
    walk_by(site, "west-2", 2, begin=10, seconds=25, closed=False)
    walk_by(site, "west-4", 4, begin=70)
    found = rows(book.since(ALWAYS))
    assert ("west", 2, 10, 35) in found
    assert ("west", 4, 70, 78) in found
    assert len(found) == 5


@pytest.mark.parametrize("number", [1, 3])
def test_who_is_forgotten_goes(site: Store, book: PassageBook, number: int) -> None:
    site.corrections.forget(number)
    walk_by(site, "west-5", 5, begin=90)
    people = {person for _, person, *_ in rows(book.since(ALWAYS))}
    assert people == {1, 2, 3, 5} - {number}


def test_corrections_are_followed_and_taken_back(site: Store, book: PassageBook) -> None:
    made = site.corrections.merge(1, 3)
    assert [person for _, person, *_ in rows(book.since(ALWAYS))] == [1, 2, 1, 1]
    site.corrections.undo(made.id)
    assert [person for _, person, *_ in rows(book.since(ALWAYS))] == [1, 2, 1, 3]
    site.corrections.split(1, ["east-1"])
    assert rows(book.since(ALWAYS))[2][1] not in (1, 2, 3)


def test_whoever_it_follows_it_is_as_if_read_anew(site: Store, book: PassageBook) -> None:
    for number in range(6, 60):
        walk_by(site, f"west-{number}", number % 7 + 1, begin=2.0 * number, closed=number % 3 > 0)
        book.since(ALWAYS)
    site.corrections.forget(4)
    site.corrections.merge(5, 6)
    assert rows(book.since(ALWAYS)) == rows(PassageBook(site).since(ALWAYS))


def erase(url: str, store: Store) -> None:
    """All of a site is gone, as after a start without its file."""
    client = redis.Redis.from_url(url)
    client.delete(*client.keys(f"{{{name_of(store)}}}*"))
    client.close()


def name_of(store: Store) -> str:
    return str(store._site)


def test_a_redis_that_was_emptied_is_read_anew(
    site: Store, book: PassageBook, redis_server: EmbeddedRedis
) -> None:
    erase(redis_server.url, site)
    assert rows(book.since(ALWAYS)) == []
    walk_by(site, "west-1", 1)
    assert rows(book.since(ALWAYS)) == [("west", 1, 0, 8)]


def test_more_than_it_may_keep_is_left_to_redis(store: Store, redis_server: EmbeddedRedis) -> None:
    write_crowd(redis_server.url, name_of(store), people=3000, each=1)
    book = PassageBook(store, most=1000)
    assert book.since(ALWAYS) is None
    kept = book.since(NOON + 8 * 2900)
    assert kept is not None
    assert 100 <= len(kept) <= 1001
    for number in range(3001, 3201):
        walk_by(store, f"west-{number}", number, begin=8.0 * number)
    kept = book.since(NOON + 8 * 3100)
    assert kept is not None
    assert kept.people() <= 1000
    assert kept.within(NOON + 8 * 3100 + 1, None).people() == 101
