"""The command with which people correct who is who."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from people import sighting
from typer.testing import CliRunner, Result

from pipeline.correct import app
from pipeline.data import Decision, DecisionKind
from pipeline.embedded import EmbeddedRedis
from pipeline.store import Settled, Store

Command = Callable[..., Result]


@pytest.fixture
def command(store: Store, redis_server: EmbeddedRedis, tmp_path: Path) -> Command:
    """The command on a site of two people: 1, seen as a1 and a2, and 2, seen as b1."""
    for name, identity in (("a1", 1), ("a2", 1), ("b1", 2)):
        decision = Decision(name, "west", identity, DecisionKind.NEW, 0.9)
        store.record([Settled(sighting(name, person=identity), decision)])
    store.new_identity(above=1)
    cams = tmp_path / "cams.yaml"
    cams.write_text(f"site: {store._site}\ncameras: {{door: {{source: 'device:0'}}}}\n")
    options = ["--cameras", str(cams), "--redis", redis_server.url, "--by", "Ann"]
    return lambda *words: CliRunner().invoke(app, [*options, *words])


def test_what_was_done_is_told_with_how_to_take_it_back(command: Command, store: Store) -> None:
    done = command("merge", "1", "2")
    made = store.corrections.history(1)[0]
    assert done.exit_code == 0
    assert done.stdout == f"person 2 is person 1: 1 tracklet\nto take it back: undo {made.id}\n"
    assert made.by == "Ann"
    assert command("undo", made.id).exit_code == 0
    assert len(store.identities()) == 2


def test_every_correction_has_its_word(command: Command, store: Store) -> None:
    words = (["split", "1", "a2"], ["rename", "3", "Bob"], ["forget", "1"], ["rename", "3"])
    assert [command(*each).exit_code for each in words] == [0, 0, 0, 0]
    assert [(i.identity, i.name) for i in store.identities()] == [(3, None), (2, None)]
    listed = command("list").stdout
    assert "person 3 was split off person 1: 1 tracklet" in listed
    assert "person 1 is forgotten: 1 tracklet" in listed


def test_the_tracklets_of_a_person_are_shown(command: Command) -> None:
    command("rename", "1", "Bob")
    shown = command("show", "1").stdout
    assert shown.startswith("person 1, Bob\n")
    assert "a2" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["merge", "1", "99"], "expected the number of a known person, found 99"),
        (["show", "99"], "expected the number of a known person, found 99"),
        (["split", "1", "b1"], "expected tracklets of person 1, found 'b1'"),
        (["undo", "nothing"], "expected the id of a correction, found 'nothing'"),
    ],
)
def test_what_cannot_be_is_one_sentence(command: Command, words: list[str], sentence: str) -> None:
    done = command(*words)
    assert (done.exit_code, done.stderr) == (2, f"{sentence}\n")
