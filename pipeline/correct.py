"""Corrects who is who, for people without a page.

python -m pipeline.correct --cameras cams.yaml merge 3 7          person 7 is person 3
python -m pipeline.correct --cameras cams.yaml show 3             the tracklets of person 3
python -m pipeline.correct --cameras cams.yaml split 3 TRACKLET   that one is somebody else
python -m pipeline.correct --cameras cams.yaml rename 3 "Ann"     without a name: takes it away
python -m pipeline.correct --cameras cams.yaml forget 3           for good
python -m pipeline.correct --cameras cams.yaml list               and the ids that undo wants
python -m pipeline.correct --cameras cams.yaml undo ID
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.check import connect
from pipeline.config import load_site
from pipeline.constraints import CorrectionKind
from pipeline.corrections import Correction
from pipeline.errors import HandoffError
from pipeline.planner import unknown
from pipeline.store import Store

_BAD_INPUT = 2

app = typer.Typer(no_args_is_help=True, add_completion=False)
console = Console(soft_wrap=True, highlight=False, markup=False)

Person = Annotated[int, typer.Argument(help="Number of a person.", min=1)]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where corrections go, and who makes them.

    Attributes:
        cameras: path of cams.yaml.
        redis_url: address in place of the one in cams.yaml, or None.
        by: for the list of corrections.
    """

    cameras: Path
    redis_url: str | None
    by: str

    @contextmanager
    def open(self) -> Iterator[Store]:
        """The site's store; what goes wrong is one sentence and exit code 2."""
        try:
            store = connect(self.cameras, load_site(self.cameras), self.redis_url)
            try:
                yield store
            finally:
                store.close()
        except HandoffError as error:
            Console(stderr=True, soft_wrap=True, markup=False).print(str(error), style="red")
            raise typer.Exit(_BAD_INPUT) from None


@app.callback()
def begin(
    context: typer.Context,
    cameras: Annotated[Path, typer.Option(help="Settings of the site.")] = Path("cams.yaml"),
    redis: Annotated[
        str | None,
        typer.Option(envvar="HANDOFF_REDIS_URL", help="Redis to use in place of redis.url."),
    ] = None,
    by: Annotated[str, typer.Option(help="Who corrects, for the list.")] = "",
) -> None:
    """Corrects who is who. The matcher never undoes it."""
    context.obj = Desk(cameras, redis, by or os.environ.get("USER", ""))


@app.command()
def merge(context: typer.Context, keep: Person, other: Person) -> None:
    """Two people are one: all of the second one becomes the first one's."""
    desk: Desk = context.obj
    with desk.open() as store:
        _tell(store.corrections.merge(keep, other, by=desk.by))


@app.command()
def split(context: typer.Context, person: Person, tracklets: list[str]) -> None:
    """Some tracklets of a person are somebody else."""
    desk: Desk = context.obj
    with desk.open() as store:
        _tell(store.corrections.split(person, tracklets, by=desk.by))


@app.command()
def rename(
    context: typer.Context, person: Person, name: Annotated[str | None, typer.Argument()] = None
) -> None:
    """Gives a person a name; without one it is taken away."""
    desk: Desk = context.obj
    with desk.open() as store:
        _tell(store.corrections.rename(person, name, by=desk.by))


@app.command()
def forget(context: typer.Context, person: Person) -> None:
    """Erases a person and all that hangs on them, for good."""
    desk: Desk = context.obj
    with desk.open() as store:
        _tell(store.corrections.forget(person, by=desk.by))


@app.command()
def undo(context: typer.Context, correction: str) -> None:
    """Takes a correction back; `list` shows the ids."""
    desk: Desk = context.obj
    with desk.open() as store:
        _tell(store.corrections.undo(correction, by=desk.by))


@app.command()
def show(context: typer.Context, person: Person) -> None:
    """The tracklets of a person, for `split`."""
    desk: Desk = context.obj
    with desk.open() as store:
        found = store.identity(person)
        if found is None:
            raise unknown(person)
        console.print(f"person {found.identity}" + (f", {found.name}" if found.name else ""))
        rows = [
            (t.tracklet, t.camera, _utc(t.begin), _utc(t.end), "by a person" if t.pinned else "")
            for t in found.tracklets
        ]
        _print_table(["tracklet", "camera", "begin", "end", "placed"], rows)


@app.command(name="list")
def history(
    context: typer.Context, count: Annotated[int, typer.Option(min=1, help="How many.")] = 20
) -> None:
    """The last corrections, newest first."""
    desk: Desk = context.obj
    with desk.open() as store:
        rows = [
            (c.id, _utc(c.time), c.by, _sentence(c), "yes" if c.stands else "")
            for c in store.corrections.history(count)
        ]
    _print_table(["id", "when (UTC)", "by", "what", "can be undone"], rows)


def _tell(correction: Correction) -> None:
    console.print(_sentence(correction))
    if correction.stands:
        console.print(f"to take it back: undo {correction.id}")


def _sentence(correction: Correction) -> str:
    one, other, moved = correction.identity, correction.other, _tracklets(correction.moved)
    return {
        CorrectionKind.MERGE: f"person {other} is person {one}: {moved}",
        CorrectionKind.SPLIT: f"person {other} was split off person {one}: {moved}",
        CorrectionKind.RENAME: f"person {one} was given a name, or had it taken away",
        CorrectionKind.FORGET: f"person {one} is forgotten: {moved}",
        CorrectionKind.UNDO: f"correction {correction.undoes} is taken back: {moved}",
    }[correction.kind]


def _tracklets(count: int) -> str:
    return "1 tracklet" if count == 1 else f"{count} tracklets"


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _print_table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    lines = [tuple(columns), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        console.print("  ".join(cells).rstrip())


if __name__ == "__main__":
    app()
